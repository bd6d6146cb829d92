--- output: what a playbook hands to who runs or includes it; held to what can be shown and kept.
local bytes = require "playbook.bytes"
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local unknown = require "playbook.unknown"

local output = {}

local DEPTH <const> = 32

local plain

local function plain_table(value, path, depth)
  if depth > DEPTH then return nil, ("%s is nested too deep, or holds itself"):format(path) end
  if not bytes.fits(value) then
    return nil, ("%s is a table whose keys are neither all text nor 1 to n without a gap"):format(path)
  end
  local out = setmetatable({}, guard.metatable(value))
  for k, v in next, value do
    local inner, why = plain(v, ("%s.%s"):format(path, tostring(k)), depth + 1)
    if why then return nil, why end
    out[k] = inner
  end
  return out
end

-- The value, its tables copied without what the playbook's code would do with them; or nil and why it is none.
function plain(value, path, depth)
  local kind = type(value)
  if unknown.is_handle(value) then
    return nil, ("%s is a whole resource: name one of its fields, such as .arn"):format(path)
  end
  if kind == "function" or kind == "thread" then
    return nil, ("%s is a %s, which cannot be put out; give what it returns"):format(path, kind)
  end
  if kind ~= "table" or unknown.is(value) then return value end
  return plain_table(value, path, depth)
end

-- Keeps one value under its name. What stands there already is not written over: nobody could tell which is meant.
local function put(engine, into, places, name, value)
  local kept, why = plain(value, name, 1)
  if why then engine:fault("output: %s", why) return end
  local twin = places[name]
  if twin then
    engine:fault("output %s is put out twice; the other is at %s:%d", name, twin.file, twin.line)
    return
  end
  local file, line = fault.here(engine.sources)
  into[name], places[name] = kept, {file = file, line = line}
end

--- The word output, which puts its values `into` a table.
function output.word(engine, into)
  local places = {}
  return function(values)
    if unknown.is_poison(values) then return end
    if type(values) ~= "table" or unknown.is(values) or unknown.is_handle(values) then
      engine:fault("output takes a table: output {url = queue.url}")
      return
    end
    for name, value in next, values do
      if type(name) == "string" then
        put(engine, into, places, name, value)
      else
        engine:fault("output: %s has no name; write output {name = value}", tostring(value))
      end
    end
  end
end

return output
