--- The order of names in an answer as the service sent it. Decoded maps forget it; the aws CLI prints it. Pure.
local order = {}

-- ## JSON: the names of every object, outermost first

local function end_of_string(text, at)
  repeat
    at = text:find('["\\]', at)
    if not at then return nil end
    local mark = text:byte(at)
    at = at + (mark == 92 and 2 or 1)
  until mark == 34
  return at
end

local function name_of(text)
  if not text:find("\\", 1, true) then return text end
  return require "tidelock.json".decode('"' .. text .. '"')
end

local function scan_json(text, found)
  local open, at = {}, 1
  while true do
    at = text:find('[{}"]', at)
    if not at then return end
    local mark = text:sub(at, at)
    if mark == "{" then
      local names = {exact = true}
      open[#open + 1], found[#found + 1] = names, names
    elseif mark == "}" then
      open[#open] = nil
    else
      local behind = end_of_string(text, at + 1)
      if not behind then return end
      local names = open[#open]
      if names and text:find("^%s*:", behind) then names[#names + 1] = name_of(text:sub(at + 1, behind - 2)) end
      at = behind - 1
    end
    at = at + 1
  end
end

-- ## XML: an entry of a map is an element whose first child has text alone, which is its name

local ENTITIES <const> = {amp = "&", lt = "<", gt = ">", quot = '"', apos = "'"}

local function plain(text) return (text:gsub("&(%a+);", ENTITIES)) end

local function scan_xml(text, found)
  local open = {}
  for slash, empty, after in text:gmatch "<(/?)[%a_][^>]-(/?)>([^<]*)" do
    if slash == "" then
      local above = open[#open]
      local first = above and not above.child
      if above then above.child = true end
      open[#open + 1] = {names = {}, text = after, first = first}
    end
    if slash == "/" or empty == "/" then
      local element = table.remove(open)
      local above, outer = open[#open], open[#open - 1]
      if element and element.first and not element.child and outer then
        outer.names[#outer.names + 1] = plain(element.text)
      end
      if above and element and #element.names > 1 then found[#found + 1] = element.names end
    end
  end
end

-- IAM's policies are JSON in percent signs.
local function scan_quoted(text, found)
  for document in text:gmatch "%%7B[^<\"%s]*" do
    scan_json((document:gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end)), found)
  end
end

-- ## Which of them is which

local function holds_all(names, map)
  local left = 0
  for _ in pairs(map) do left = left + 1 end
  if names.exact and left ~= #names then return false end
  for _, name in ipairs(names) do
    if map[name] ~= nil then left = left - 1 end
  end
  return left == 0
end

local function signature(names)
  local sorted = table.move(names, 1, #names, 1, {})
  table.sort(sorted)
  return table.concat(sorted, "\0")
end

-- By the names they have: the lists in the order in which they came.
local function index(found)
  local by = {}
  for _, names in ipairs(found) do
    local key = signature(names)
    by[key] = by[key] or {next = 1}
    table.insert(by[key], names)
  end
  return by
end

-- Of several alike the first that no other map took; where the answer is read twice, the last again.
local function take(by, found, map)
  local names = {}
  for name in pairs(map) do
    if type(name) ~= "string" then return nil end
    names[#names + 1] = name
  end
  local alike = by[signature(names)]
  if alike then
    local taken = alike[math.min(alike.next, #alike)]
    alike.next = alike.next + 1
    return taken
  end
  for _, candidate in ipairs(found) do
    if holds_all(candidate, map) then return candidate end
  end
end

--- Notes in `orders` the order that the names of these maps have in `bodies`, the answers' own texts.
function order.note(orders, maps, bodies)
  local found = {}
  for _, body in ipairs(bodies) do
    local scan = body:find "^%s*<" and scan_xml or scan_json
    scan(body, found)
    scan_quoted(body, found)
  end
  local by = index(found)
  for _, map in ipairs(maps) do orders[map] = take(by, found, map) or orders[map] end
end

return order
