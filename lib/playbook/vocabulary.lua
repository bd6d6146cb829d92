--- The words of a playbook, bound to an engine: playbook, var, account, ensure, step and the rest.
local resources = require "resources"
local sandbox = require "playbook.sandbox"
local source = require "playbook.source"
local suggest = require "suggest"
local unknown = require "playbook.unknown"
local vars = require "playbook.vars"

local vocabulary = {}

-- ## Data words

local function var_word(engine, values)
  return setmetatable({}, {
    __index = function(_, name)
      local value = values[name]
      if value == nil then
        engine:fault("there is no var %q%s; vars are declared in the playbook's header", tostring(name),
          suggest.phrase(name, vars.names(values)))
        return unknown.poison()
      end
      return value
    end,
    __newindex = function() error("a var cannot be set here; give it with --var, or a default in the header", 2) end,
    __metatable = "var",
  })
end

local function missing_account(engine, name)
  if not engine.account then
    engine:fault("account.%s is asked for, but there is no account file; give one with --account FILE", tostring(name))
    return unknown.poison()
  end
  local names = require "playbook.account".names()
  local known = false
  for _, n in ipairs(names) do known = known or n == name end
  if known then
    engine:fault("account.%s is needed here, and %s does not give it; add it there", name, engine.account_path)
  else
    engine:fault("account.%s is not known%s; what is your own goes under custom = {} in the account file",
      tostring(name), suggest.phrase(name, names))
  end
  return unknown.poison()
end

local function read_only(data)
  if type(data) ~= "table" then return data end
  local out = {}
  for key, value in pairs(data) do out[key] = read_only(value) end
  return out
end

local function account_word(engine)
  local data = read_only(engine.account or {})
  return setmetatable({}, {
    __index = function(_, name)
      if data[name] ~= nil then return data[name] end
      if name == "id" then
        if engine.identity.known then return engine.identity.known.id end
        return unknown.field(engine.identity, {"id"})
      end
      if name == "region" then return engine.region end
      return missing_account(engine, name)
    end,
    __newindex = function() error("the account file cannot be changed from a playbook", 2) end,
    __metatable = "account",
  })
end

-- ## ensure

local function kind_word(engine, service, kind)
  return function(args) return engine:declare(service .. "." .. kind, args) end
end

local function ensure_word(engine)
  local services = {}
  for _, name in ipairs(resources.services()) do services[name] = true end
  return setmetatable({}, {
    __index = function(_, service)
      if not services[service] then
        engine:fault("ensure.%s: there are no resource types of that service%s", tostring(service),
          suggest.phrase(service, resources.services()))
        return unknown.poison()
      end
      return setmetatable({}, {__index = function(_, kind) return kind_word(engine, service, kind) end,
        __metatable = "ensure"})
    end,
    __metatable = "ensure",
  })
end

-- ## Words for units and text

local function span(unit)
  return function(n)
    if type(n) ~= "number" then error(("a number is expected, not a %s"):format(type(n)), 2) end
    return math.tointeger(n * unit) or n * unit
  end
end

local function known(value) return not (unknown.is(value) or unknown.is_handle(value)) end

-- ## Words that are barriers

local STEP <const> = {"run", "undo", "probe", "retry", "timeout", "when", "confirm", "later", "about", "every", "test",
  "severity"}

local function check_spec(engine, kind, name, spec, needed)
  if type(name) ~= "string" or name == "" then
    engine:fault('%s takes a name: %s "cut over" {...}', kind, kind)
    return false
  end
  if type(spec) ~= "table" then
    engine:fault("%s %q takes a table with %s", kind, name, needed)
    return false
  end
  for key in pairs(spec) do
    local ok = false
    for _, word in ipairs(STEP) do ok = ok or word == key end
    if not ok then engine:fault("%s %q: %s is not known%s", kind, name, tostring(key), suggest.phrase(key, STEP)) end
  end
  for _, word in ipairs {"run", "undo", "probe", "test"} do
    if spec[word] ~= nil and type(spec[word]) ~= "function" then
      engine:fault("%s %q: %s must be a function", kind, name, word)
    end
  end
  if spec.later and spec.confirm == nil then
    engine:fault("%s %q: later says that it may wait for a confirmation, but it asks for none; add confirm", kind, name)
  end
  if spec[needed] == nil then
    engine:fault("%s %q has no %s function", kind, name, needed)
    return false
  end
  for _, word in ipairs {"timeout", "every"} do
    if spec[word] ~= nil then
      local seconds, why = vars.seconds(spec[word])
      if not seconds then engine:fault("%s %q: %s %s", kind, name, word, why) end
    end
  end
  return true
end

local function place(entry) return {address = entry.kind .. " " .. ("%q"):format(entry.name)} end

-- In a plan a barrier only takes its place in the sequence; in a run the workflow does it.
local function pass(engine, entry)
  if engine.mode == "apply" and #engine.faults == 0 then return engine.workflow:perform(engine, entry) end
  return unknown.field(place(entry), {})
end

local function curried(engine, kind, needed)
  return function(name)
    return function(spec)
      if not check_spec(engine, kind, name, spec, needed) then return unknown.poison() end
      return pass(engine, engine:barrier {kind = kind, name = name, spec = spec})
    end
  end
end

-- check "name" {test = function} or, of the controls in lib/checks, check "name" {controls = "rds-*"}.
local function check_word(engine)
  local plain = curried(engine, "check", "test")
  return function(name)
    return function(spec)
      local word = type(spec) == "table" and not spec.test and require "checks.word"
      if word and word.names_controls(spec) then
        local ok, made = pcall(word.spec, engine, spec)
        if not ok then
          engine:fault("check %q: %s", tostring(name), type(made) == "table" and made.message or tostring(made))
          return unknown.poison()
        end
        spec = made
      end
      return plain(name)(spec)
    end
  end
end

local function approve_word(engine)
  return function(name)
    if type(name) ~= "string" then
      engine:fault('approve takes a name: approve "cut over"')
      return
    end
    pass(engine, engine:barrier {kind = "approve", name = name})
  end
end

local function park_word(engine)
  return function(spec)
    if type(spec) == "string" then spec = {spec} end
    local seconds, why = vars.seconds(type(spec) == "table" and spec[1] or "")
    if not seconds then
      engine:fault('park %s: park {"24h", why = "soak"}', why)
      return
    end
    local name = spec.name or (spec.why and spec.why or "park " .. tostring(spec[1]))
    pass(engine, engine:barrier {kind = "park", name = name, seconds = seconds, why = spec.why})
  end
end

-- A value of the outside world, the same again when the run is resumed.
local function journalled(engine, kind, make)
  local n = 0
  return function(...)
    n = n + 1
    local name = ("%s #%d"):format(kind, n)
    local args = table.pack(...)
    if engine.mode ~= "apply" or not engine.workflow then return make(table.unpack(args, 1, args.n)) end
    return engine.workflow:remember(name, function() return make(table.unpack(args, 1, args.n)) end)
  end
end

local function aws_word(engine)
  return setmetatable({}, {
    __index = function(_, service)
      if not engine.in_step then
        error(("aws.%s cannot be called here, where a plan would call it too; put the call into a step's run function")
          :format(tostring(service)), 2)
      end
      if engine.in_step.only_looks then return require "playbook.find".client(engine, service) end
      return engine.recorder:client(engine.in_step)[service]
    end,
    __metatable = "aws",
  })
end

local function output_word(engine, into)
  return function(values)
    if type(values) ~= "table" then
      engine:fault("output takes a table: output {url = queue.url}")
      return
    end
    for name, value in pairs(values) do into[name] = value end
  end
end

-- ## Libraries

local JSON <const> = {"encode", "decode", "array", "null"}
local TASK <const> = {"spawn", "all", "map", "timeout", "sleep"}

local function json_word()
  local json, out = require "tidelock.json", {}
  for _, name in ipairs(JSON) do out[name] = json[name] end
  return out
end

-- Concurrency belongs into steps: outside, a plan would run it too.
local function task_word(engine)
  local task, out = require "task", {}
  for _, name in ipairs(TASK) do
    out[name] = function(...)
      if not engine.in_step then
        error(("task.%s cannot be called here; put it into a step's run function"):format(name), 2)
      end
      return task[name](...)
    end
  end
  local sleep = out.sleep
  function out.sleep(seconds)                    -- Ctrl-C ends it
    if not engine.in_step then return sleep(seconds) end
    if type(seconds) ~= "number" then error("task.sleep takes a number of seconds", 2) end
    return engine.recorder:nap(seconds, "task.sleep")
  end
  return out
end

-- Knocking at a database is asking the world; what a URL says of TLS is not.
local function postgres_word(engine)
  local postgres, out = require "postgres", {}
  for name, fn in pairs(postgres) do out[name] = fn end
  for _, name in ipairs {"plain", "tls", "probe"} do
    out[name] = function(...)
      if not engine.in_step then
        error(("postgres.%s cannot be called here; put it into a step's run function"):format(name), 2)
      end
      return postgres[name](...)
    end
  end
  return out
end

-- ## include

local function find_included(engine, name)
  local dir = engine.program.path:match "^(.*)/[^/]*$" or "."
  for _, base in ipairs {dir, dir .. "/..", dir .. "/../..", "playbooks", "."} do
    local path = ("%s/%s.lua"):format(base, name)
    local file = io.open(path)
    if file then
      file:close()
      return path
    end
  end
end

local function include_word(engine)
  local function include(name, given)
    local path = type(name) == "string" and find_included(engine, name)
    if not path then
      engine:fault("include: there is no playbook %s.lua beside this one or in playbooks/", tostring(name))
      return unknown.poison()
    end
    for _, open in ipairs(engine.including or {}) do
      if open == path then
        engine:fault("include: %s includes itself", name)
        return unknown.poison()
      end
    end
    local program = source.parse(path, source.read(path), engine.faults)
    if not program.runs then return unknown.poison() end
    local values, faults = vars.resolve(program.header.vars or {}, given or {})
    for _, message in ipairs(faults) do engine:fault("include %s: %s", name, message) end
    engine.including = engine.including or {engine.program.path}
    table.insert(engine.including, path)
    local out = {}
    engine:run_program(program, vocabulary.environment(engine, values, out), program.header.name)
    table.remove(engine.including)
    return out
  end
  return include
end

-- ## The environment

local function say_word(engine)
  return function(...)
    local parts = table.pack(...)
    for i = 1, parts.n do
      parts[i] = unknown.is(parts[i]) and "(known after apply)" or tostring(parts[i])
    end
    engine.emit {kind = "say", text = table.concat(parts, "\t")}
  end
end

-- What the text alone has shown already is not told again when it is reached.
local function told(engine, name)
  for _, f in ipairs(engine.faults) do
    if f.undefined == name then return true end
  end
end

local function undefined(engine, words)
  return function(name)
    if told(engine, name) then return unknown.poison() end
    engine:fault("%s is not defined%s", tostring(name), suggest.phrase(name, words))
    return unknown.poison()
  end
end

--- The environment of one playbook in `engine`: `values` are its vars, `outputs` takes what it puts out.
function vocabulary.environment(engine, values, outputs)
  local keep, recall = require "playbook.memory".words(engine)
  local words = {
    keep = keep, recall = recall, playbook = function() end,
    var = var_word(engine, values), account = account_word(engine), ensure = ensure_word(engine),
    step = curried(engine, "step", "run"), wait_until = curried(engine, "wait_until", "test"),
    check = check_word(engine), find = require "playbook.find".word(engine),
    approve = approve_word(engine), park = park_word(engine), include = include_word(engine),
    output = output_word(engine, outputs), known = known, aws = aws_word(engine),
    seconds = span(1), minutes = span(60), hours = span(3600), days = span(86400),
    now = journalled(engine, "now", function() return require "tidelock.loop".time() // 1 | 0 end),
    random = journalled(engine, "random", function(...) return math.random(...) end),
    print = say_word(engine), log = say_word(engine), json = json_word(), task = task_word(engine),
    http = require "playbook.web".word(engine), redis = require "playbook.redis".word(engine),
    tokenbucket = require "playbook.bucket".word(engine), postgres = postgres_word(engine),
    secret = function(text) return require "tidelock.secret".new(text) end,
  }
  for name, value in pairs(engine.words or {}) do words[name] = value end
  local names = {}
  for name in pairs(words) do names[#names + 1] = name end
  for name in ("string table math utf8 ipairs pairs tostring tonumber type error"):gmatch "%a+" do
    names[#names + 1] = name
  end
  return sandbox.environment(words, undefined(engine, names), engine.unsafe)
end

return vocabulary
