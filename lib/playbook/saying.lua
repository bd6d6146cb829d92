--- print and log in a playbook: what a person reads of values, once a command for what stands outside of steps.
local show = require "playbook.show"
local unknown = require "playbook.unknown"

local saying = {}

--- What a person reads of a value: tables by what is in them, unless they say something of themselves.
function saying.text(value)
  if type(value) == "string" then return value end
  local meta = getmetatable(value)
  if unknown.is_handle(value) or type(meta) == "table" and meta.__tostring then return tostring(value) end
  return show.text(show.value(value))
end

-- A command goes through the text again after its plan: what stands outside of steps was said then, `heard` times.
local function heard_before(engine, text)
  if engine.in_step then return false end
  engine.said = engine.said or {}
  engine.said[text] = (engine.said[text] or 0) + 1
  return engine.said[text] <= (engine.heard and engine.heard[text] or 0)
end

--- The word, for the playbook that `engine` runs.
function saying.word(engine)
  return function(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = saying.text(parts[i]) end
    local text = table.concat(parts, "\t")
    if heard_before(engine, text) then return end
    engine.emit {kind = "say", text = text}
  end
end

return saying
