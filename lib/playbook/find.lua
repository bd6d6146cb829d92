--- find: what a playbook looks for in the account before it declares, in a plan too. It only reads; a run journals it.
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local seen = require "playbook.seen"

local find = {}

local ITERATORS <const> = {items = true, pages = true}
local QUIET <const> = {can = true, operation = true, wait = true}

--- Raises, from inside a find, that the playbook is wrong at the line that runs.
function find.wrong(engine, message)
  local path, line = fault.here(engine.sources)
  error(fault.error {{file = path, line = line, message = message}}, 0)
end

--- Raises that a call inside a find does not only look: the playbook is wrong. `call` says what, and that it may write.
function find.refuse(engine, call)
  find.wrong(engine, call .. ", and find only looks, in a plan too; put it into a step's run function")
end

local function refuse(engine, service, operation)
  find.refuse(engine, ("aws.%s:%s would change something"):format(service, operation))
end

local function reading(engine, client, service)
  local is_read = require "playbook.recorder".is_read
  return setmetatable({}, {__index = function(_, name)
    if QUIET[name] then return client[name] end
    if ITERATORS[name] or name == "call" then
      return function(_, operation, ...)
        if not is_read(operation) then refuse(engine, service, operation) end
        return client[name](client, operation, ...)
      end
    end
    if not is_read(name) then refuse(engine, service, name) end
    return client[name]
  end})
end

--- The client of `service` for code that may only look.
function find.client(engine, service)
  return reading(engine, engine.recorder:client(engine.in_step)[service], service)
end

-- What a look was ended by, raised: a run stops as it does at a step that failed; in a plan it is AWS's refusal as it
-- is, or a sentence on the function's own error. Neither says that the playbook's text is wrong; a limit's error does.
local function failed(engine, name, err)
  if guard.sentence(err) or fault.is(err) or err == require "tidelock.loop".CANCELLED then error(err, 0) end
  if engine.mode == "apply" and engine.workflow then engine.workflow:failed_look(engine, name, err) end
  if type(err) == "table" and getmetatable(err) then error(err, 0) end
  fault.fail(type(err) == "table" and err.exit or 1, "find %q failed: %s", name,
    type(err) == "table" and (err.message or err.code) or tostring(err))
end

local function look(engine, name, run)
  if not engine.identity.known then require "playbook".identify(engine) end
  engine.in_step = {address = "find " .. name, in_playbook = true, only_looks = true}
  local ok, value = pcall(run)
  engine.in_step = nil
  if not ok then failed(engine, name, value) end
  local why = require "playbook.journal".refusal(value, "what find " .. name .. " returns")
  if why then error(why, 0) end
  return value
end

local function faulty(engine, name, spec)
  local key = tostring(engine.owners[#engine.owners]) .. "/" .. tostring(name)
  engine.found = engine.found or {}
  if type(spec) ~= "table" or type(spec.run) ~= "function" then
    engine:fault("find %q needs run, a function that looks and returns what it found", name)
  elseif engine.in_step then
    engine:fault("find %q stands inside a step; in there, just call aws", name)
  elseif engine.found[key] then
    engine:fault("find %q is there twice; what is found is journalled by its name, so names must differ", name)
  end
  engine.found[key] = true
  return #engine.faults > 0
end

-- What is declared above is there before one looks: so far a find is a barrier, as a step is.
local function settle(engine, name)
  if #engine.pending == 0 then return end
  local owner = #engine.owners > 1 and engine.owners[#engine.owners] .. ": " or ""
  engine:barrier {kind = "find", name = owner .. name}
  if engine.mode == "apply" and engine.workflow then engine.workflow:flush(engine) end
end

--- The word find, for the playbook that `engine` runs: find "buckets" {run = function() return ... end}.
-- Nothing is asked of AWS while the playbook has faults, nor where there is no account to ask (`tidelock graph`).
function find.word(engine)
  return engine:named("find", 'find "name" {run = function() ... end}', function(name, spec)
    if faulty(engine, name, spec) then return {} end
    settle(engine, name)
    if engine.context.offline or #engine.faults > 0 then return {} end
    local key = ("find %s/%s"):format(engine.owners[#engine.owners], name)
    if engine.mode == "apply" and engine.workflow then
      return engine.workflow:remember(key, function()
        local lent, value = seen.found(engine, key)
        if lent then return value end
        return look(engine, name, spec.run)
      end)
    end
    local value = look(engine, name, spec.run)
    seen.note(engine, key, value)
    return value
  end)
end

return find
