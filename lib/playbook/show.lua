--- Values as they may be shown and kept: what is not known yet and what is secret are said, not given.
local bytes = require "playbook.bytes"
local compare = require "resources.compare"
local unknown = require "playbook.unknown"

local show = {}

show.UNKNOWN = "(known after apply)"

local SAID <const> = {[show.UNKNOWN] = true, ["<secret>"] = true, ["<another secret>"] = true}
local DEPTH <const> = 64                                 -- as deep as properties may be
local LONG <const> = 400                                 -- characters beyond which a text is only begun

--- A copy of a value fit for people, JSON and the journal.
function show.value(value, depth)
  if unknown.is(value) then return show.UNKNOWN end
  if type(value) == "userdata" then return value == require "tidelock.json".null and value or "<secret>" end
  if type(value) == "string" then return bytes.is_text(value) and value or bytes.said(value) end
  if type(value) ~= "table" then return value end
  depth = (depth or 0) + 1
  if depth > DEPTH then return "..." end
  local meta = getmetatable(value)
  local out = setmetatable({}, type(meta) == "table" and meta or nil)     -- a locked one shows a word in its place
  for k, v in next, value do out[k] = show.value(v, depth) end
  return out
end

local function key_text(key)
  if tostring(key):find "^[%a_][%w_]*$" then return key end
  return ("[%q]"):format(tostring(key))
end

-- A table as it would stand in a playbook.
local function table_text(value)
  if next(value) == nil then return "none" end
  local out = {}
  for i, key in ipairs(compare.sorted_keys(value)) do
    local text = show.text(value[key])
    out[i] = math.type(key) and text or ("%s = %s"):format(key_text(key), text)
  end
  return "{" .. table.concat(out, ", ") .. "}"
end

--- One line of text for a value that `show.value` gave.
function show.text(value)
  if type(value) == "string" then
    if SAID[value] then return value end
    if #value > LONG then return ("%q... (%d characters)"):format(value:sub(1, LONG // 4), #value) end
    return ("%q"):format(value):gsub("\\\n", "\\n")
  end
  if value == nil then return "none" end
  if type(value) == "table" then return table_text(value) end
  return tostring(math.tointeger(value) or value)     -- 1000.0 is 1000 to a person
end

--- A node's changes as data, or nil where there are none.
function show.changes(node)
  if not node.changes or #node.changes == 0 then return nil end
  local out = {}
  for i, change in ipairs(node.changes) do
    out[i] = {property = change.name, before = show.value(change.before), after = show.value(change.after),
      known_after_apply = change.unknown, replaces = change.replaces}
  end
  return out
end

return show
