--- Properties of a resource type, from the model's shapes and the type's own rows; and what is wrong with given ones.
local suggest = require "suggest"

local schema = {}

local DEPTH <const> = 64

local function article(value)
  local t = type(value)
  if t == "table" then return #value > 0 and "a list" or "a table" end
  if t == "number" then return math.type(value) == "integer" and "the number " .. value or "the number " .. value end
  if t == "string" then return ("the text %q"):format(#value > 40 and value:sub(1, 37) .. "..." or value) end
  if t == "boolean" then return tostring(value) end
  return "a " .. t
end

local function join(path, name) return path == "" and name or path .. "." .. name end

local function add(state, path, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  state.faults[#state.faults + 1] = path .. " " .. message
end

local function expect(state, path, value, what) add(state, path, "must be %s, not %s", what, article(value)) end

local walk

local check = {}

local function listed(list, value)
  for _, word in ipairs(list) do
    if word == value then return true end
  end
  return false
end

function check.string(state, row, value, path)
  if type(value) ~= "string" then
    if state.secret(value) then return end
    return expect(state, path, value, "text")
  end
  if row.enum and not listed(row.enum, value) then   -- nearness is dear: only for what is not in the list
    local near = suggest.nearest(value, row.enum)
    if near then add(state, path, 'is %q, which AWS does not know; did you mean "%s"?', value, near) end
  end
  local size = utf8.len(value) or #value
  if row.min and size < row.min then add(state, path, "is too short: at least %d characters", row.min) end
  if row.max and size > row.max then add(state, path, "is too long: %d characters, at most %d", size, row.max) end
end

function check.integer(state, row, value, path)
  if math.type(value) ~= "integer" and not (math.type(value) == "float" and math.tointeger(value)) then
    return expect(state, path, value, "a whole number")
  end
  if row.min and value < row.min then add(state, path, "is %d, and the least is %d", value, row.min) end
  if row.max and value > row.max then add(state, path, "is %d, and the most is %d", value, row.max) end
end
check.long = check.integer

function check.double(state, _, value, path)
  if type(value) ~= "number" then expect(state, path, value, "a number") end
end
check.float, check.bigdecimal, check.number = check.double, check.double, check.double

function check.boolean(state, _, value, path)
  if type(value) ~= "boolean" then expect(state, path, value, "true or false") end
end

function check.blob(state, _, value, path)
  if type(value) ~= "string" and not state.secret(value) then expect(state, path, value, "bytes (text)") end
end

function check.timestamp(state, _, value, path)
  if type(value) ~= "number" and type(value) ~= "string" then
    expect(state, path, value, 'a time ("2026-01-02T03:04:05Z", or seconds since 1970)')
  end
end

function check.document(state, _, value, path)
  if type(value) ~= "table" then expect(state, path, value, "a document, written as a table") end
end

function check.list(state, row, value, path, depth)
  if type(value) ~= "table" then return expect(state, path, value, "a list") end
  local n = #value
  for key in next, value do
    if math.type(key) ~= "integer" or key < 1 or key > n then
      return add(state, path, "must be a list {a, b, ...}, but has the key %s", tostring(key))
    end
  end
  for i = 1, n do walk(state, row.item, value[i], ("%s[%d]"):format(path, i), depth + 1) end
end

function check.map(state, row, value, path, depth)
  if type(value) ~= "table" then return expect(state, path, value, "a table of names and values") end
  for key, v in next, value do
    if type(key) ~= "string" then
      add(state, path, "must have names as keys, but has %s", tostring(key))
    else
      walk(state, row.value, v, join(path, key), depth + 1)
    end
  end
end

-- What stands in a structure without being a member of it.
local function strangers(state, members, value, path)
  local names, known = {}, {}
  for i, member in ipairs(members) do names[i], known[member.name] = member.name, true end
  for key in next, value do
    if not known[key] then
      add(state, join(path, tostring(key)), "is not known here%s", suggest.phrase(key, names))
    end
  end
end

function check.structure(state, row, value, path, depth)
  if type(value) ~= "table" or #value > 0 then return expect(state, path, value, "a table of members") end
  local members = row.members()
  local n = 0
  for _, member in ipairs(members) do
    local name = member.name
    if value[name] ~= nil then
      n = n + 1
      walk(state, member.row, value[name], join(path, name), depth + 1)
    elseif member.required then
      add(state, join(path, name), "is missing")
    end
  end
  for _ in next, value do n = n - 1 end
  if n < 0 then strangers(state, members, value, path) end
end

-- A row is {type=, enum=, min=, max=, item=, value=, members=}; nil means anything.
function walk(state, row, value, path, depth)
  if row == nil or state.unknown(value) then return end
  if state.handle(value) then
    return add(state, path, "is a whole resource: name one of its fields, such as .arn")
  end
  if depth > DEPTH then return add(state, path, "is nested too deep") end
  local test = check[row.type]
  if test then test(state, row, value, path, depth) end
end

-- ## Rows out of the model

local row_of

local function members_of(service, shape)
  local made
  return function()
    if not made then
      made = {}
      for i, member in ipairs(shape.members) do
        made[i] = {name = member.name, required = member.required, row = row_of(service, member.shape)}
      end
    end
    return made
  end
end

function row_of(service, name)
  service.rows = service.rows or {}
  local row = service.rows[name]
  if row then return row end
  local shape = service.model:shape(name)
  row = {type = shape.document and "any" or shape.type, enum = shape.enum, min = shape.min, max = shape.max,
    sensitive = shape.sensitive}
  service.rows[name] = row
  if shape.type == "structure" then row.members = members_of(service, shape) end
  if shape.type == "list" then row.item = row_of(service, shape.member) end
  if shape.type == "map" then row.value = row_of(service, shape.value) end
  return row
end

--- Adds the members of an operation's input to `properties`, but for those in `without`.
-- `only` (a set) takes just these; `inside` names the structure among them whose members are meant.
function schema.from(service, properties, operation, without, only, inside)
  local op = service.model:operation(operation)
  if not op then error(("there is no operation %s in the model"):format(operation)) end
  local shape = op:input_shape()
  for _, member in ipairs(inside and shape.members or {}) do
    if member.name == inside then shape = service.model:shape(member.shape) end
  end
  for _, member in ipairs(shape.members) do
    if not without[member.name] and (not only or only[member.name]) then
      properties[member.name] = {row = row_of(service, member.shape), required = member.required or nil}
    end
  end
end

--- A row from a type's own word: "integer", "document", {"list", "string"} or {type = "integer", min = 1}.
function schema.row(spec)
  if type(spec) == "string" then return {type = spec} end
  if spec[1] == "list" then return {type = "list", item = spec[2] and schema.row(spec[2])} end
  if spec[1] == "map" then return {type = "map", value = spec[2] and schema.row(spec[2])} end
  return spec
end

local named <const> = setmetatable({}, {__mode = "k"})     -- properties -> their names, sorted

local function names_of(properties)
  local names = named[properties]
  if names then return names end
  names = {}
  for name in pairs(properties) do names[#names + 1] = name end
  table.sort(names)
  named[properties] = names
  return names
end

--- Sentences on what is wrong with `given`. `is` has unknown(v), handle(v) and secret(v).
function schema.faults(properties, given, is)
  local state = {faults = {}, unknown = is.unknown, handle = is.handle, secret = is.secret}
  local names = names_of(properties)
  local keys = {}
  for key in next, given do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do
    local property = properties[key]
    if property then
      walk(state, property.row, given[key], key, 1)
    elseif type(key) == "number" then
      add(state, ("[%d]"):format(key), "has no name; write property = value")
    else
      add(state, tostring(key), "is not a property of it%s", suggest.phrase(key, names))
    end
  end
  for _, name in ipairs(names) do
    if properties[name].required and given[name] == nil then add(state, name, "is missing") end
  end
  return state.faults
end

return schema
