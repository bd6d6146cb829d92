--- Tables as the aws CLI draws them: a section a structure or list, nested ones indented, columns scaled to one width.
local boxes = {}

-- ## Widths

local WIDE <const> = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x4dbf}, {0x4e00, 0x9fff}, {0xa000, 0xa4cf},
  {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
  {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}}

local function is_wide(code)
  for _, range in ipairs(WIDE) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

local function width_of(text)
  if not text:find "[\x80-\xff]" then return #text end
  if not utf8.len(text) then return #text end
  local n = 0
  for _, code in utf8.codes(text) do n = n + (code >= 0x1100 and is_wide(code) and 2 or 1) end
  return n
end

-- Half to even, as the aws CLI's own language rounds.
local function round(x)
  local low = math.floor(x)
  if x - low == 0.5 then return low % 2 == 0 and low or low + 1 end
  return math.floor(x + 0.5)
end

-- ## Sections

local function new_section(sheet, title, indent)
  local section = {title = title or "", indent = indent, rows = {}, widths = {}}
  sheet[#sheet + 1] = section
  return section
end

local function widen(section, row)
  for i, cell in ipairs(row) do section.widths[i] = math.max(section.widths[i] or 0, width_of(cell)) end
end

local function add_header(section, names)
  section.headers = names
  widen(section, names)
end

local function add_row(section, row)
  section.rows[#section.rows + 1] = row
  widen(section, row)
end

-- ## From values: `of` is {is_list=, is_null=, word=}, how the printer sees values.

local function is_scalar(of, value) return type(value) ~= "table" or of.is_null(value) end

local function is_empty(of, value)
  if value == nil or of.is_null(value) or value == "" or value == false or value == 0 then return true end
  return type(value) == "table" and next(value) == nil
end

-- Keys of scalars and of the rest, each sorted.
local function split_keys(of, maps)
  local flat, deep, seen = {}, {}, {}
  for _, map in ipairs(maps) do
    for key, value in pairs(map) do
      local list = is_scalar(of, value) and flat or deep
      if not (seen[key] and seen[key][list]) then
        seen[key] = seen[key] or {}
        seen[key][list] = true
        list[#list + 1] = key
      end
    end
  end
  table.sort(flat)
  table.sort(deep)
  return flat, deep
end

local build

local function cells(of, map, names)
  local row = {}
  for i, name in ipairs(names) do row[i] = map[name] == nil and "" or of.word(map[name]) end
  return row
end

local function from_map(of, sheet, map, indent)
  local names, deep = split_keys(of, {map})
  local section = sheet[#sheet]
  if #names == 1 then
    add_row(section, {names[1], of.word(map[names[1]])})
  elseif #names > 1 then
    add_header(section, names)
    add_row(section, cells(of, map, names))
  end
  for _, name in ipairs(deep) do build(of, sheet, name, map[name], indent + 1) end
end

local function from_maps(of, sheet, list, indent, title)
  local names, deep = split_keys(of, list)
  add_header(sheet[#sheet], names)
  for i, map in ipairs(list) do
    if i > 1 and #deep > 0 then add_header(new_section(sheet, title, indent), names) end
    add_row(sheet[#sheet], cells(of, map, names))
    for _, name in ipairs(deep) do
      if map[name] ~= nil then build(of, sheet, name, map[name], indent + 1) end
    end
  end
end

local function from_list(of, sheet, list)
  for _, item in ipairs(list) do
    if is_scalar(of, item) then
      add_row(sheet[#sheet], {of.word(item)})
    else
      local row = {}
      for i, cell in ipairs(of.is_list(item) and item or {}) do
        if not is_scalar(of, cell) then row = nil break end
        row[i] = of.word(cell)
      end
      if row and of.is_list(item) then add_row(sheet[#sheet], row) else build(of, sheet, nil, item, 0) end
    end
  end
end

function build(of, sheet, title, value, indent)
  if is_empty(of, value) then return end
  if title then new_section(sheet, title, indent) end
  if is_scalar(of, value) then return end
  if not of.is_list(value) then return from_map(of, sheet, value, indent) end
  if not is_scalar(of, value[1]) and not of.is_list(value[1]) then return from_maps(of, sheet, value, indent, title) end
  from_list(of, sheet, value)
end

-- ## Drawing

local function total_width(section)
  local total = 2 + 2 * section.indent
  for _, width in ipairs(section.widths) do total = total + width + 4 end
  return math.max(width_of(section.title) + 2 + 2 * section.indent, total)
end

local function widest(sheet)
  local most = 0
  for _, section in ipairs(sheet) do most = math.max(most, total_width(section)) end
  return most
end

-- Too wide for the terminal: what has one row stands on its side.
local function turn(sheet)
  for i, section in ipairs(sheet) do
    if section.headers and #section.headers > 0 and #section.rows == 1 then
      local turned = {title = section.title, indent = section.indent, rows = {}, widths = {}}
      for n, name in ipairs(section.headers) do add_row(turned, {name, section.rows[1][n]}) end
      sheet[i] = turned
    end
  end
end

-- Widths of the columns, which fill `most` exactly.
local function scaled(section, most)
  local sum, out, over = 0, {}, -most
  for _, width in ipairs(section.widths) do sum = sum + width + 4 end
  for i, width in ipairs(section.widths) do
    out[i] = round(most / sum * (width + 4))
    over = over + out[i]
  end
  while over ~= 0 and #out > 0 do
    local step = over > 0 and -1 or 1
    for n = 1, #out do
      local i = step < 0 and n or #out + 1 - n
      out[i], over = out[i] + step, over + step
      if over == 0 then break end
    end
  end
  return out
end

local function blanks(n) return (" "):rep(math.max(n, 0)) end

local function centered(text, length, left)
  local width = width_of(text)
  local before = length // 2 - width // 2 - 1
  return left .. blanks(before) .. text .. blanks(length - #left - 1 - math.max(before, 0) - width) .. "|"
end

local function leftmost(text, length, left)
  local width = width_of(text)
  local pad = length - (width + 2 + #left + 1) >= 0 and 2 or 0
  return left .. blanks(pad) .. text .. blanks(length - #left - pad - width - 1) .. "|"
end

local function rule(widths)
  local parts = {}
  for i, width in ipairs(widths) do
    parts[i] = (i == 1 and "+" or "") .. ("-"):rep(width - (i == 1 and 2 or 1)) .. "+"
  end
  return table.concat(parts)
end

local function line(row, widths, draw)
  local parts = {}
  for i, width in ipairs(widths) do parts[i] = draw(row[i] or "", width, i == 1 and "|" or "") end
  return table.concat(parts)
end

local function draw(out, section, most)
  local edge = ("|"):rep(section.indent)
  local function put(text) out[#out + 1] = edge .. text .. edge end
  most = most - 2 * section.indent
  if section.title ~= "" then
    put(centered(section.title, most, "|"))
    if not (section.headers and #section.headers > 0) and #section.rows == 0 then
      put("+" .. ("-"):rep(most - 2) .. "+")
    end
  end
  if #section.widths == 0 then return end
  local widths = scaled(section, most)
  if section.headers and #section.headers > 0 then
    put(rule(widths))
    put(line(section.headers, widths, centered))
  end
  if #section.rows == 0 then return end
  put(rule(widths))
  for _, row in ipairs(section.rows) do put(line(row, widths, leftmost)) end
  put(rule(widths))
end

--- The lines of the table of `value`; none where there is nothing in it.
-- @param value what is drawn
-- @param title the heading of its box
-- @param of {is_list=, is_null=, word=}: how values are seen and written
-- @param columns width of the terminal; 80 where it is none
function boxes.draw(value, title, of, columns)
  local sheet, out = {}, {}
  build(of, sheet, title, value, 0)
  if #sheet == 0 then return out end
  if widest(sheet) > (columns or 80) then turn(sheet) end
  local most = widest(sheet)
  out[1] = ("-"):rep(most)
  for _, section in ipairs(sheet) do draw(out, section, most) end
  return out
end

return boxes
