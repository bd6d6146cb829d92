--- What a playbook sees: copies of the safe libraries and the vocabulary. Guards against accidents, not hostile code.
local guard = require "playbook.guard"

local sandbox = {}

local SAFE <const> = {"assert", "error", "next", "pcall", "rawequal", "rawlen", "select", "tonumber",
  "type", "xpcall", "_VERSION"}

local function copy(t, without)
  local out = {}
  for name, value in pairs(t) do
    if not (without and without[name]) then out[name] = value end
  end
  return out
end

-- What would differ from one run of the chunk to the next: a resumed run must see what the first one saw.
local function impure(name, remedy)
  return function()
    error(("%s would give another value when the run is resumed; %s"):format(name, remedy), 2)
  end
end

local function date(format, time)
  if time == nil then error("os.date without a time would change on resume; write os.date(format, now())", 2) end
  return os.date(format, time)
end

local function time(t)
  if t == nil then error("os.time() would change on resume; use now(), which the journal keeps", 2) end
  return os.time(t)
end

-- What a person's shell or disk holds is not the same where a run is resumed, and not the same for everybody.
local function closed(_, name)
  error(("os.%s is not there: what comes from outside is given by --var NAME=VALUE or the account file (--unsafe lets a"
    .. " playbook use io, os and require)"):format(tostring(name)), 2)
end

local LARGEST <const> = 1024 * 1024       -- no limit reaches the compiler

-- Only text, and only into the playbook's own environment: no bytecode.
local function loader(env)
  return function(chunk, name, mode, own)
    if mode ~= nil and mode ~= "t" then error("load takes text only in a playbook", 2) end
    if type(chunk) == "function" then
      local parts = {}
      for part in chunk do
        if part == "" then break end
        parts[#parts + 1] = part
      end
      chunk = table.concat(parts)
    end
    if type(chunk) == "string" and #chunk > LARGEST then
      error(("load takes a text of at most %d bytes in a playbook, not %d"):format(LARGEST, #chunk), 2)
    end
    return load(chunk, name, "t", own == nil and env or own)
  end
end

-- The host's metatables are no business of a playbook's.
local function get_metatable(value)
  if type(value) ~= "table" then return nil end
  return getmetatable(value)
end

local function before(a, b)
  local x, y = math.type(a), math.type(b)
  if x and y then return a < b end
  if x or y then return x ~= nil end
  return tostring(a) < tostring(b)
end

-- Names and numbers come in order, so that a playbook run again declares and steps in the same order.
local function walk(value)
  local meta = getmetatable(value)
  if type(value) ~= "table" or meta == "unknown" or meta == "handle" or (type(meta) == "table" and meta.__pairs) then
    return pairs(value)
  end
  local keys, plain = {}, true
  for key in next, value do
    keys[#keys + 1] = key
    plain = plain and (type(key) == "string" or type(key) == "number")
  end
  if not plain then return pairs(value) end
  table.sort(keys, before)
  local i = 0
  return function()
    local key
    repeat
      i = i + 1
      key = keys[i]
    until key == nil or value[key] ~= nil
    if key ~= nil then return key, value[key] end
  end
end

-- What is not known has every index there is: ipairs would never end.
local function count_up(value)
  local meta = getmetatable(value)
  if type(value) == "table" and (meta == "unknown" or meta == "handle") then return pairs(value) end
  return ipairs(value)
end

local function lock_strings()
  local meta = getmetatable("")
  if type(meta) == "table" then meta.__metatable = "locked" end
end

--- A new environment over `vocabulary` (name -> value). `undefined(name)` is called for a name that is neither,
-- and gives the value to go on with; `set(name)` hears of one that is given a value without local. `unsafe` adds io, os
-- and require.
function sandbox.environment(vocabulary, undefined, set, unsafe)
  lock_strings()
  local base = {}
  for _, name in ipairs(SAFE) do base[name] = _G[name] end
  base.string = copy(string, {dump = true})
  base.table, base.utf8 = copy(table), copy(utf8)
  base.math = copy(math, {random = true, randomseed = true})
  base.math.random = impure("math.random", "use random(), which the journal keeps")
  base.math.randomseed = impure("math.randomseed", "use random(), which the journal keeps")
  base.os = setmetatable({date = date, time = time, clock = impure("os.clock", "use now(), which the journal keeps")},
    {__index = closed, __metatable = "os"})
  base.getmetatable, base.setmetatable, base.pairs, base.tostring = get_metatable, guard.setmetatable, walk, tostring
  base.ipairs = count_up
  base.rawget = function(t, k) return rawget(t, k) end
  base.rawset = function(t, k, v) return rawset(t, k, v) end
  if unsafe then base.io, base.os, base.require = io, os, require end
  for name, value in pairs(vocabulary) do base[name] = value end
  local own = {}
  local env = setmetatable({}, {
    __index = function(_, name)
      local value = own[name]
      if value == nil then value = base[name] end
      if value == nil then return undefined(name) end
      return value
    end,
    __newindex = function(_, name, value)
      if vocabulary[name] ~= nil then
        error(("%q is a word of the playbook language and cannot be given another meaning; use a local of another name")
          :format(name), 2)
      end
      set(name)
      own[name] = value
    end,
    __metatable = "environment",
  })
  base._G, base.load = env, loader(env)
  return env
end

return sandbox
