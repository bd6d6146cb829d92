--- Values as they may be shown and kept: what is not known yet and what is secret are said, not given.
local bytes = require "playbook.bytes"
local unknown = require "playbook.unknown"

local show = {}

show.UNKNOWN = "(known after apply)"

--- A copy of a value fit for people, JSON and the journal.
function show.value(value)
  if unknown.is(value) then return show.UNKNOWN end
  if type(value) == "userdata" then return value == require "tidelock.json".null and value or "<secret>" end
  if type(value) == "string" then return bytes.is_text(value) and value or bytes.said(value) end
  if type(value) ~= "table" then return value end
  local out = setmetatable({}, getmetatable(value))
  for k, v in next, value do out[k] = show.value(v) end
  return out
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
