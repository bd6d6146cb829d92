--- One stream of what a run does, and those who listen to it: the journal, the terminal, traces, reports.
-- Events are tables with a kind: resource.start/done/same/fail/skip, step.start/done/fail/retry/skip, undo.start,
-- park.done, check, call, say, note, run.start, run.end; docs/reference/journal.md says what the journal keeps of them.
local events = {}

--- A function that takes an event, notes when it came, and tells every listener, the first first.
function events.stream(listeners)
  return function(event)
    event.time = event.time or require "tidelock.loop".time()
    for _, listen in ipairs(listeners) do listen(event) end
  end
end

return events
