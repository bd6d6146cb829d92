--- A value as a person reads it: Lua with sorted keys, cut where it is long, times beside their numbers.
local value = {}

local STRING <const>, LINES <const>, DEPTH <const> = 400, 40, 24
local RESERVED <const> = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do RESERVED[word] = true end

-- The shapes of tables that came out of answers: table -> {model, shape}. Weak: the tables live as they would.
local shapes = setmetatable({}, {__mode = "k"})

--- Notes which shape an output's tables have, so that its times can be told from other numbers.
function value.note(model, name, table_of, depth)
  if type(table_of) ~= "table" or (depth or 1) > DEPTH then return table_of end
  local shape = model:shape(name)
  if shape.document then return table_of end
  shapes[table_of] = {model = model, shape = shape}
  depth = (depth or 1) + 1
  if shape.type == "structure" then
    for _, member in ipairs(shape.members) do value.note(model, member.shape, table_of[member.name], depth) end
  elseif shape.type == "list" then
    for _, item in ipairs(table_of) do value.note(model, shape.member, item, depth) end
  else
    for _, item in pairs(table_of) do value.note(model, shape.value, item, depth) end
  end
  return table_of
end

local function shape_below(table_of, key)
  local known = shapes[table_of]
  if not known then return nil end
  local shape = known.shape
  if shape.type == "list" then return known.model:shape(shape.member) end
  if shape.type == "map" then return known.model:shape(shape.value) end
  for _, member in ipairs(shape.members) do
    if member.name == key then return known.model:shape(member.shape) end
  end
end

--- A number of seconds since 1970 as ISO 8601.
function value.iso(seconds)
  local whole = math.floor(seconds)
  if whole ~= whole or whole < -62135596800 or whole > 253402300799 then return nil end
  local text = os.date("!%Y-%m-%dT%H:%M:%S", whole)
  local milli = math.floor((seconds - whole) * 1000 + 0.5)
  return (milli > 0 and milli < 1000 and ("%s.%03dZ"):format(text, milli)) or text .. "Z"
end

-- ## Scalars

local ESCAPES <const> = {["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\"}

local function escaped(text)
  if not utf8.len(text) then text = text:gsub("[\128-\255]", function(c) return ("\\x%02x"):format(c:byte()) end) end
  return text
end

local function quoted(text, full)
  local cut = not full and #text > STRING
  local shown = cut and text:sub(1, STRING):gsub("[\192-\255][\128-\191]*$", "") or text
  shown = shown:gsub('[%c"\\]', function(c) return ESCAPES[c] or ("\\x%02x"):format(c:byte()) end)
  return '"' .. escaped(shown) .. '"' .. (cut and (" .. (%d bytes more)"):format(#text - STRING) or ""), cut
end

local function number(n)
  if math.type(n) == "integer" then return tostring(n) end
  if n ~= n then return "0/0" end
  if n == math.huge or n == -math.huge then return (n < 0 and "-" or "") .. "math.huge" end
  for precision = 15, 17 do
    local text = ("%." .. precision .. "g"):format(n)
    if tonumber(text) == n then return text:find "[.eE]" and text or text .. ".0" end
  end
end

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not RESERVED[key] then return key end
  if type(key) == "string" then return "[" .. quoted(key, true) .. "]" end
  return "[" .. (type(key) == "number" and number(key) or tostring(key)) .. "]"
end

local ORDER <const> = {number = 1, string = 2}

local function less(a, b)
  local x, y = ORDER[type(a)] or 3, ORDER[type(b)] or 3
  if x ~= y then return x < y end
  if x == 3 then return tostring(a) < tostring(b) end
  return a < b
end

-- The keys that come after the list part, sorted.
local function other_keys(t)
  local count, out = #t, {}
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then out[#out + 1] = key end
  end
  table.sort(out, less)
  return count, out
end

local function plain(t)
  local meta = getmetatable(t)
  if meta == getmetatable(require "tidelock.json".array {}) then return true end    -- a list that came as one
  return type(meta) ~= "table" or not (meta.__tostring or meta.__name or meta.__index == meta)
end

-- ## Tables

local Page <const> = {}
Page.__index = Page

function Page:cut() return not self.full and #self.lines >= self.limit end

function Page:scalar(v, shape)
  if type(v) == "string" then
    local text, cut = quoted(v, self.full)
    self.shortened = self.shortened or cut
    return text
  end
  if type(v) == "number" then
    return number(v), shape and shape.type == "timestamp" and value.iso(v) or nil
  end
  if v == require "tidelock.json".null then return "json.null" end
  local meta = type(v) == "table" and getmetatable(v)
  if meta and not (meta.__tostring or meta.__name) then return "<object>" end
  return tostring(v)
end

-- The table on one line, or nil where that is too long or a note must stand beside a value.
function Page:short(t, room, depth, open)
  if depth > 4 then return nil end
  local count, keys = other_keys(t)
  if count + #keys > 12 then return nil end
  local out, size = {}, 2
  local function put(key, v)
    local text, note
    if type(v) == "table" and plain(v) then
      text = not open[v] and self:short(v, room - size, depth + 1, open) or nil
    else
      text, note = self:scalar(v, shape_below(t, key))
    end
    if not text or note then return false end
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then text = key_text(key) .. " = " .. text end
    size = size + #text + 2
    out[#out + 1] = text
    return size <= room
  end
  for i = 1, count do if not put(i, t[i]) then return nil end end
  for _, key in ipairs(keys) do if not put(key, rawget(t, key)) then return nil end end
  return "{" .. table.concat(out, ", ") .. "}"
end

function Page:put(line)
  if self:cut() then
    self.shortened = true
    return false
  end
  self.lines[#self.lines + 1] = line
  return true
end

-- Lines of `v`: the first after `before`, the last with `last` at its end.
function Page:any(v, shape, before, last, indent, open)
  if type(v) ~= "table" or not plain(v) then
    local text, note = self:scalar(v, shape)
    return self:put(before .. text .. last .. (note and "  -- " .. note or ""))
  end
  if open[v] then return self:put(before .. "<the table around it>" .. last) end
  if #indent > 2 * DEPTH then return self:put(before .. "{<too deep>}" .. last) end
  local short = self:short(v, self.width - #before - #last, 1, open)
  if short then return self:put(before .. short .. last) end
  if not self:put(before .. "{") then return false end
  open[v] = true
  local count, keys = other_keys(v)
  local deeper = indent .. "  "
  local whole = true
  for i = 1, count do
    whole = whole and self:any(v[i], shape_below(v, i), deeper, ",", deeper, open)
  end
  for _, key in ipairs(keys) do
    local after = key_text(key) .. " = "
    whole = whole and self:any(rawget(v, key), shape_below(v, key), deeper .. after, ",", deeper, open)
  end
  open[v] = nil
  return whole and self:put(indent .. "}" .. last)
end

--- The value as text. `options`: width, limit (lines), full = true for all of it.
function value.text(v, options)
  options = options or {}
  local page = setmetatable({lines = {}, width = options.width or 80, limit = options.limit or LINES,
    full = options.full}, Page)
  page:any(v, nil, "", "", "", {})
  if page.shortened then page.lines[#page.lines + 1] = "-- there is more: show(_) prints all of it" end
  return table.concat(page.lines, "\n")
end

return value
