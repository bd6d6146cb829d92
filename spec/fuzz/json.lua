-- JSON: any text there and back, and answers of the json and rest-json protocols, by shape.
local json = require "tidelock.json"

local body, bodies = require "fuzz.bodies" (function() end, "json", "json_1_0", "json_1_0-query-compatible",
  "rest-json")

local function same(a, b)
  if type(a) ~= "table" then return a == b and math.type(a) == math.type(b) end
  if type(b) ~= "table" then return false end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local function target(bytes)
  body(bytes)
  local value = json.decode(bytes:sub(3))
  if value == nil then return end
  local text = json.encode(value, {sort = true})
  local again, err = json.decode(text)
  assert(again ~= nil, err and err.message)
  assert(same(value, again), "a value changes on its way to text and back")
  assert(json.encode(again, {sort = true}) == text, "the same value gives another text")
end

return target, bodies
