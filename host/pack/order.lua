--- The order in which a model's file writes the members of its structures, which decoding into tables forgets.
-- Help and skeletons read better in it: most models put what matters first.
local order = {}

-- The position after the text `"name":` at or behind `from`, or nil. A quoted name that ends in an unescaped
-- quote and a colon can only be a key.
local function key(text, name, from)
  local quoted = '"' .. name .. '"'
  local at = from
  while true do
    local first, last = text:find(quoted, at, true)
    if not first then return nil end
    local colon = text:match("^%s*:()", last + 1)
    if colon then return colon end
    at = last + 1
  end
end

-- Sorts the member names of one structure by where they stand behind `from`; those not found come last.
local function sort(text, names, from)
  local at = {}
  for _, name in ipairs(names) do at[name] = key(text, name, from) or math.maxinteger end
  table.sort(names, function(a, b)
    if at[a] == at[b] then return a < b end
    return at[a] < at[b]
  end)
  return names
end

--- Lists of member names by structure name, from the text of a service-2.json and what it decodes to.
function order.members(text, tbl)
  local orders = {}
  local from = key(text, "shapes", 1) or 1
  for name, body in text:gmatch('"([^"\\]+)"%s*:%s*()%{%s*"type"%s*:', from) do
    local shape = tbl.shapes[name]
    if shape and shape.type == "structure" and shape.members and not orders[name] then
      local names = {}
      for member in pairs(shape.members) do names[#names + 1] = member end
      orders[name] = sort(text, names, key(text, "members", body) or body)
    end
  end
  return orders
end

return order
