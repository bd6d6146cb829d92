--- The order in which a model's file writes the members of its structures.
-- Decoding into tables forgets it, and help and skeletons read better in it: most models put what
-- matters first.
local order = {}

-- The position behind the string that opens at `at`.
local function past(text, at)
  local from = at + 1
  while true do
    local stop = text:find('["\\]', from)
    if text:byte(stop) == 34 then return stop + 1 end      -- a quote
    from = stop + 2                                        -- a backslash and what it escapes
  end
end

-- Calls `visit(path, depth)` for each key of well-formed JSON down to the fourth level: it is
-- path[depth], behind the keys of the objects around it.
local function walk(text, visit)
  local path, depth, at = {}, 0, 1
  while true do
    at = text:find('["{}%[%]]', at)
    if not at then return end
    local c = text:byte(at)
    if c == 34 then
      local stop = past(text, at)
      if depth <= 4 and text:find("^%s*:", stop) then
        path[depth] = text:sub(at + 1, stop - 2)
        visit(path, depth)
      end
      at = stop
    else
      depth = depth + ((c == 123 or c == 91) and 1 or -1)
      at = at + 1
    end
  end
end

-- Puts behind the names of `list` those of the table that it lacks, by name.
local function complete(list, members)
  local known, rest = {}, {}
  for _, name in ipairs(list) do known[name] = true end
  for name in pairs(members) do
    if not known[name] then rest[#rest + 1] = name end
  end
  table.sort(rest)
  return table.move(rest, 1, #rest, #list + 1, list)
end

--- Lists of member names by structure name, from the text of a service-2.json and the table of it,
-- which may have members that the text has not.
function order.members(text, tbl)
  local orders = {}
  for name, shape in pairs(tbl.shapes) do
    if shape.members then orders[name] = {} end
  end
  walk(text, function(path, depth)
    if depth == 4 and path[1] == "shapes" and path[3] == "members" then
      local list = orders[path[2]]
      list[#list + 1] = path[4]
    end
  end)
  for name, list in pairs(orders) do complete(list, tbl.shapes[name].members) end
  return orders
end

return order
