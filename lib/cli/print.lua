--- Prints an operation's output as the aws CLI does: JSON in the model's order, text, or a table.
local print_of = {}

local function iso(seconds)
  local whole = math.floor(seconds)
  local micro = math.floor((seconds - whole) * 1000000 + 0.5)
  local text = os.date("!%Y-%m-%dT%H:%M:%S", whole)
  if micro > 0 then text = text .. (".%06d"):format(micro) end
  return text .. "+00:00"
end

-- Maps and documents whose names have an order of their own: who prints may ask for it.
local function note_map(orders, map)
  local maps = orders.maps
  if next(map) ~= nil then maps[#maps + 1] = map end
end

local function note_document(orders, value)
  if type(value) ~= "table" then return end
  if #value == 0 then note_map(orders, value) end
  for _, inner in pairs(value) do note_document(orders, inner) end
end

-- Notes for each table of an output which shape it has: the order of its members, and list or not. In passing,
-- timestamps become ISO 8601 and blobs base64, as they are printed.
local function prepare(model, shape, value, orders, depth)
  if value == nil or depth > 64 then return value end
  if shape.document then
    note_document(orders, value)
    return value
  end
  local kind = shape.type
  if kind == "timestamp" then return type(value) == "number" and iso(value) or value end
  if kind == "blob" then
    return type(value) == "string" and require "tidelock.digest".base64(value) or value
  end
  if type(value) ~= "table" then
    if type(value) == "userdata" then
      local secret = require "tidelock.secret"
      return secret.is(value) and secret.reveal(value) or value
    end
    return value
  end
  local out = setmetatable({}, getmetatable(value))
  if kind == "structure" then
    local names = {}
    for i, member in ipairs(shape.members) do
      names[i] = member.name
      if value[member.name] ~= nil then
        out[member.name] = prepare(model, model:shape(member.shape), value[member.name], orders, depth + 1)
      end
    end
    orders[out] = names
  elseif kind == "list" then
    local item = model:shape(shape.member)
    for i, v in ipairs(value) do out[i] = prepare(model, item, v, orders, depth + 1) end
    orders[out] = "list"
  elseif kind ~= "map" then
    note_document(orders, value)
    return value                        -- a document that the client has read already, as IAM's policies
  else
    local inner = model:shape(shape.value)
    for k, v in pairs(value) do out[k] = prepare(model, inner, v, orders, depth + 1) end
    orders[out] = "map"
    note_map(orders, out)
  end
  return out
end

--- The output ready to be queried and printed: a copy, and the order of its tables. Of a paged one the members at
-- the top come in `order`.
-- @param op the operation
-- @param output the answer
-- @param order names of the members that come first, or nil
-- @param shape what `output` is of; the operation's output if not given
function print_of.prepare(op, output, order, shape)
  local orders = setmetatable({maps = {}}, {__mode = "k"})
  shape = shape or op:output_shape()
  if not shape then return output or {}, orders end
  local value = prepare(op.service, shape, output, orders, 1)
  if order then
    value.NextToken = output.NextToken
    orders[value] = order
  end
  return value, orders
end

local function is_list(value, orders)
  if orders[value] then return orders[value] == "list" end
  if #value > 0 then return true end
  local json = require "tidelock.json"
  if json.is_array then return json.is_array(value) end
  return next(value) == nil and getmetatable(value) == getmetatable(json.array {})
end

local function keys_of(value, orders)
  local order = orders[value]
  local out = {}
  if type(order) == "table" then
    for _, name in ipairs(order) do
      if value[name] ~= nil then out[#out + 1] = name end
    end
    return out
  end
  for key in pairs(value) do out[#out + 1] = key end
  table.sort(out, function(a, b) return tostring(a) < tostring(b) end)
  return out
end

local function is_null(value)
  return value == nil or value == require "tidelock.json".null
end

-- ## JSON

local function number(value)
  if math.type(value) == "integer" then return tostring(value) end
  if value ~= value then return "NaN" end
  if value == math.huge then return "Infinity" end
  if value == -math.huge then return "-Infinity" end
  for precision = 15, 17 do
    local text = ("%." .. precision .. "g"):format(value)
    if tonumber(text) == value then
      return text:find "[.eE]" and text or text .. ".0"
    end
  end
end

local function encode(out, value, orders, indent)
  if is_null(value) then
    out[#out + 1] = "null"
  elseif type(value) == "number" then
    out[#out + 1] = number(value)
  elseif type(value) ~= "table" then
    out[#out + 1] = require "tidelock.json".encode(value)
  elseif next(value) == nil then
    out[#out + 1] = is_list(value, orders) and "[]" or "{}"
  else
    local list = is_list(value, orders)
    local inner = indent .. "    "
    out[#out + 1] = list and "[\n" or "{\n"
    for i, item in ipairs(list and value or keys_of(value, orders)) do
      out[#out + 1] = (i > 1 and ",\n" or "") .. inner
      if not list then
        out[#out + 1] = require "tidelock.json".encode(tostring(item)) .. ": "
        item = value[item]
      end
      encode(out, item, orders, inner)
    end
    out[#out + 1] = "\n" .. indent .. (list and "]" or "}")
  end
end

--- JSON text with four spaces, as the aws CLI prints.
function print_of.json(value, orders)
  local out = {}
  encode(out, value, orders, "")
  return table.concat(out)
end

-- ## Text

local function word(value)
  if is_null(value) then return "None" end
  if type(value) == "boolean" then return value and "True" or "False" end
  if type(value) == "number" then return number(value) end
  return tostring(value)
end

local function sorted(value, orders)
  local keys = keys_of(value, orders)
  table.sort(keys)
  return keys
end

local text_of

local function text_row(out, label, cells)
  if label then table.insert(cells, 1, label:upper()) end
  out[#out + 1] = table.concat(cells, "\t")
end

local function text_map(out, value, orders, label, columns)
  local cells, deep = {}, {}
  local done = {}
  for _, key in ipairs(columns or {}) do
    cells[#cells + 1] = value[key] == nil and "" or word(value[key])
    done[key] = true
  end
  for _, key in ipairs(sorted(value, orders)) do
    if type(value[key]) == "table" then
      deep[#deep + 1] = key
    elseif not done[key] then
      cells[#cells + 1] = word(value[key])
    end
  end
  if #cells > 0 then text_row(out, label, cells) end
  for _, key in ipairs(deep) do text_of(out, value[key], orders, key) end
end

local function columns_of(list)
  local seen, out = {}, {}
  for _, item in ipairs(list) do
    for key, value in pairs(item) do
      if type(value) ~= "table" and not seen[key] then
        seen[key] = true
        out[#out + 1] = key
      end
    end
  end
  table.sort(out)
  return out
end

local function text_list(out, list, orders, label)
  local flat, maps = {}, {}
  for _, item in ipairs(list) do
    if type(item) ~= "table" then flat[#flat + 1] = word(item) else maps[#maps + 1] = item end
  end
  if label then
    for _, cell in ipairs(flat) do text_row(out, label, {cell}) end
  elseif #flat > 0 then
    text_row(out, nil, flat)
  end
  local columns = #maps > 0 and not is_list(maps[1], orders) and columns_of(maps) or nil
  for _, item in ipairs(maps) do
    if is_list(item, orders) then
      text_list(out, item, orders, label)
    else
      text_map(out, item, orders, label, columns)
    end
  end
end

function text_of(out, value, orders, label)
  if type(value) ~= "table" or is_null(value) then
    text_row(out, label, {word(value)})
  elseif is_list(value, orders) then
    text_list(out, value, orders, label)
  else
    text_map(out, value, orders, label)
  end
end

--- Tab-separated text, as the aws CLI prints.
function print_of.text(value, orders)
  local out = {}
  text_of(out, value, orders, nil)
  return table.concat(out, "\n")
end

-- ## Tables

--- Boxes of rows, for reading: as the aws CLI draws them. Nil where there is nothing to draw.
-- @param value what is printed, prepared
-- @param orders the order of its tables, as prepare gave it
-- @param title the heading of the box
-- @param columns width of the terminal, if there is one
function print_of.table(value, orders, title, columns)
  local out = require "cli.boxes".draw(value, title, {word = word, is_null = is_null,
    is_list = function(t) return is_list(t, orders) end}, columns)
  return #out > 0 and table.concat(out, "\n") or nil
end

return print_of
