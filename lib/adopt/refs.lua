--- What names what: handles in the place of ARNs, an order in which each comes after what it names, and short names.
-- Pure.
local text = require "adopt.text"

local refs = {}

-- Fields of a handle by which others name the resource.
local FIELDS <const> = {"arn", "url", "alias_arn", "stream_arn", "VpcEndpointId", "id"}

-- ## Who is named

--- {text that names it = {item =, field =}} of all items.
function refs.index(items)
  local out = {}
  for _, item in ipairs(items) do
    for _, field in ipairs(FIELDS) do
      local value, given = item.live[field], false
      for _, name in ipairs(item.type.provides or {}) do given = given or name == field end
      if given and type(value) == "string" and #value >= 8 and not out[value] then
        out[value] = {item = item, field = field}
      end
    end
    if item.type.type == "kms.key" then out[item.live.name] = {item = item, field = "name"} end
  end
  return out
end

--- What a text names: {item =, field =} and what stands after it ("/*"); nil where it names nothing that is adopted.
function refs.find(index, value)
  if index[value] then return index[value], "" end
  if not value:find "^arn:" then return nil end
  local head = value
  while true do
    head = head:match "^(.*)[:/][^:/]*$"
    if not head or #head < 20 then return nil end
    if index[head] then return index[head], value:sub(#head + 1) end
  end
end

local function each_text(value, visit)
  if type(value) == "string" then return visit(value) end
  if type(value) ~= "table" then return end
  for _, inner in next, value do each_text(inner, visit) end
end

-- The items that each names, as a set on it.
local function link(items, index)
  for _, item in ipairs(items) do
    item.names = {}
    each_text(item.say.given, function(value)
      local found = refs.find(index, value)
      if found and found.item ~= item then item.names[found.item] = true end
    end)
  end
end

-- ## Order

local function service(item) return (item.type.type:match "^[^.]+") end

-- How often each service names each other: {service = {other = n}}, and their names.
local function weights(items)
  local names, weight = {}, {}
  for _, item in ipairs(items) do
    local mine = service(item)
    if not weight[mine] then
      weight[mine], names[#names + 1] = {}, mine
    end
    for other in pairs(item.names) do
      local theirs = service(other)
      if theirs ~= mine then weight[mine][theirs] = (weight[mine][theirs] or 0) + 1 end
    end
  end
  table.sort(names)
  return names, weight
end

-- Services, each after those that it names; of a circle first the one that names the fewest, and of these the one that
-- is named most.
local function services_in_order(items)
  local left, weight = weights(items)
  local out = {}
  local function rank(name)
    local names, named = 0, 0
    for _, other in ipairs(left) do
      names, named = names + (weight[name][other] or 0), named + (weight[other][name] or 0)
    end
    return names, named
  end
  while #left > 0 do
    local best, fewest, most
    for i, name in ipairs(left) do
      local names, named = rank(name)
      if not best or names < fewest or names == fewest and named > most then best, fewest, most = i, names, named end
    end
    out[#out + 1] = table.remove(left, best)
  end
  return out
end

-- The items of one service, each after those of it that it names; a circle is cut where it is met.
local function ordered(mine)
  local out, state, inside = {}, {}, {}
  for _, item in ipairs(mine) do inside[item] = true end
  local function visit(item)
    if state[item] then return end
    state[item] = true
    local named = {}
    for other in pairs(item.names) do
      if inside[other] then named[#named + 1] = other end
    end
    table.sort(named, function(a, b) return a.address < b.address end)
    for _, other in ipairs(named) do visit(other) end
    out[#out + 1] = item
  end
  for _, item in ipairs(mine) do visit(item) end
  return out
end

--- Links the items and gives them in order, service by service: a list of {service =, items =}; and the index.
function refs.order(items)
  local index, by, out = refs.index(items), {}, {}
  link(items, index)
  for _, item in ipairs(items) do
    by[service(item)] = by[service(item)] or {}
    table.insert(by[service(item)], item)
  end
  for i, name in ipairs(services_in_order(items)) do out[i] = {service = name, items = ordered(by[name])} end
  return out, index
end

-- ## Short names

local TAKEN <const> = {}
for word in ("playbook var account ensure step find keep recall wait_until approve park check include worker output "
  .. "known days hours minutes seconds now random aws task http json log secret redis tokenbucket postgres print "
  .. "error pairs ipairs next select type string table math utf8 os io owned retire"):gmatch "[%w_]+" do
  TAKEN[word] = true
end

--- A name for a local: of the resource's own without the prefix of all, unlike those in `used`.
function refs.short(item, prefix, used)
  local base = tostring(item.live.name or item.name):gsub("^alias/", "")
  if base:sub(1, #prefix + 1) == prefix .. "-" and #base > #prefix + 1 then base = base:sub(#prefix + 2) end
  base = base:gsub("[^%w]+", "_"):gsub("^_+", ""):gsub("_+$", ""):lower()
  local kind = item.type.type:match "[^.]+$"
  if base == "" or base:find "^%d" then base = kind .. "_" .. base end
  if TAKEN[base] or not text.is_name(base) then base = base .. "_" .. kind end
  local name, n = base, 1
  if used[name] then name = base .. "_" .. kind end
  while used[name] do
    n = n + 1
    name = ("%s_%d"):format(base, n)
  end
  used[name] = true
  return name
end

return refs
