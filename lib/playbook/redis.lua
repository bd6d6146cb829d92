--- redis: a connection to a Redis, for steps and checks; a find may only look. What fails is raised, as with aws.
local fault = require "playbook.fault"
local redis = require "redis"

local words = {}

-- What a server doesn't flag as readonly, and is a look all the same.
local LOOKS <const> = {PING = true, INFO = true, ROLE = true, TIME = true, LASTSAVE = true, ["CONFIG GET"] = true,
  ["CLIENT GETNAME"] = true, ["CLIENT INFO"] = true, ["COMMAND INFO"] = true, ["SLOWLOG GET"] = true}
local OWN <const> = {call = true, batch = true, transaction = true, subscribe = true, psubscribe = true,
  ssubscribe = true, authenticate = true, close = true}

local function words_of(command, ...)
  local first, second = tostring(command):upper(), tostring((...) or ""):upper()
  return first, first .. " " .. second
end

-- The server itself says which of its commands only read.
local function reads(client, known, command, ...)
  local name, both = words_of(command, ...)
  if LOOKS[name] or LOOKS[both] then return true, name end
  if known[name] == nil then
    local told = client:call("COMMAND", "INFO", name)
    local flags = type(told) == "table" and type(told[1]) == "table" and told[1][3] or {}
    known[name] = false
    for _, flag in ipairs(flags) do known[name] = known[name] or flag == "readonly" end
  end
  return known[name], name
end

local function raised(value, err)
  if value == nil and err then error({code = err.code, message = err.message}, 0) end
  return value
end

-- Everything goes through `call`, so that one place can refuse what changes something.
local function call_of(client, refuse)
  local known = {}
  return function(_, ...)
    if refuse then
      local may, name = reads(client, known, ...)
      if not may then refuse(("redis: %s may change something"):format(name)) end
    end
    return raised(client:call(...))
  end
end

local function each_raises(client, name)
  return function(_, ...) return raised(client[name](client, ...)) end
end

-- The client's own methods for commands (`r:set("k", "v", {ex = 10})`) call through what is put in front of it.
-- `refuse(call)`: raises, where the client may only look.
local function front(client, refuse)
  local call = call_of(client, refuse)
  local out = {call = call, close = function() client:close() end}
  local function method(_, name)
    if OWN[name] then
      if refuse then refuse(("redis: %s is for steps"):format(name)) end
      return each_raises(client, name)
    end
    local made = client[name]
    return made and function(_, ...) return made(out, ...) end
  end
  return setmetatable(out, {__index = method, __close = out.close, __metatable = "redis client",
    __tostring = function() return tostring(client) end})
end

-- A script asks by its hash first and looks at the refusal, so its client must give that back.
local function script(source)
  local made = redis.script(source)
  return {run = function(_, client, keys, args)
    local quiet = {call = function(_, ...)
      local ok, value = pcall(client.call, client, ...)
      if ok then return value end
      if type(value) == "table" and not fault.is(value) then return nil, value end
      error(value, 0)
    end}
    return raised(made:run(quiet, keys, args))
  end}
end

--- The word redis for the playbook that `engine` runs: redis.connect {url = ...}, as `require "redis"` takes it, inside
-- a step, a check or a find; redis.script(text); redis.null.
function words.word(engine)
  local function connect(options)
    if not engine.in_step then
      error("redis.connect cannot be called here, where a plan would call it too; put it into a step's run function", 2)
    end
    if type(options) == "string" then options = {url = options} end
    if type(options) ~= "table" then error("redis.connect takes an address, or a table with url", 2) end
    local refuse = function(call) require "playbook.find".refuse(engine, call) end
    return front(raised(redis.connect(options)), engine.in_step.only_looks and refuse)
  end
  return {connect = connect, script = script, null = redis.null}
end

return words
