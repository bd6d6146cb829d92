--- What JMESPath knows of values: JSON's types over Lua tables, truth, equality.
local json = require "tidelock.json"

local values = {}

local null <const> = json.null
local MARK <const> = getmetatable(json.array {})

values.null = null

--- Marks a fresh table of ours as an array.
function values.array(t) return setmetatable(t, MARK) end

--- Arrays carry json.array's mark, or have a first element; an empty table without it is an object.
function values.is_array(v)
  return type(v) == "table" and (v[1] ~= nil or getmetatable(v) == MARK)
end

function values.is_object(v)
  return type(v) == "table" and v[1] == nil and getmetatable(v) ~= MARK
end

--- JSON's name of the type of a value.
function values.type(v)
  if v == nil or v == null then return "null" end
  local kind = type(v)
  if kind ~= "table" then return kind end
  return values.is_array(v) and "array" or "object"
end

--- False are null, false, and what is empty.
function values.is_true(v)
  if v == nil or v == false or v == "" or v == null then return false end
  return type(v) ~= "table" or next(v) ~= nil
end

--- The order in which an expression wrote the members of an object that it made: by the object.
values.orders = setmetatable({}, {__mode = "k"})

-- The names of an object whose order is known, without those that it does not have.
local function in_order(map, names)
  local keys = {}
  for _, name in ipairs(names) do
    if map[name] ~= nil then keys[#keys + 1] = name end
  end
  return values.array(keys)
end

--- The names of an object's members in the order that is known of it; else sorted, so that results do not depend
-- on chance.
function values.keys(map)
  if values.orders[map] then return in_order(map, values.orders[map]) end
  local keys = {}
  for key in pairs(map) do
    if type(key) == "string" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return values.array(keys)
end

--- The values of an object's members, in the order of their names.
function values.items(map)
  local items = values.keys(map)
  for i, key in ipairs(items) do items[i] = map[key] end
  return items
end

local function same_members(a, b)
  for key, x in pairs(a) do
    if not values.equal(x, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- Whether two values are the same JSON.
function values.equal(a, b)
  if a == null then a = nil end
  if b == null then b = nil end
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" or values.is_array(a) ~= values.is_array(b) then return false end
  return same_members(a, b)
end

return values
