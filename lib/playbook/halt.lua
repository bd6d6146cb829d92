--- What stops a run at a barrier: {result = "failed" | "parked" | "interrupted", exit =, message =}, raised.
local halt = {}

local Halt <const> = {__tostring = function(h) return h.message end, __name = "playbook.halt"}

local function stop(result, exit, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  error(setmetatable({result = result, exit = exit, message = message}, Halt), 0)
end

--- Stops the run as failed (exit 1), with a sentence.
function halt.failed(message, ...) stop("failed", 1, message, ...) end

--- Stops the run as parked (exit 75): it waits for a person or for a time.
function halt.parked(message, ...) stop("parked", 75, message, ...) end

--- Stops the run if somebody has interrupted it (exit 130).
function halt.if_interrupted(engine)
  if engine.recorder.interrupted then stop("interrupted", 130, "The run was interrupted.") end
end

--- Stops the run if `err` is the end of a wait that its interruption has ended: that is no failure, and what was waited
-- for stays in flight.
function halt.if_cut_short(engine, err)
  if type(err) == "table" and err.code == "Interrupted" then halt.if_interrupted(engine) end
end

--- Whether a raised value is such a stop.
function halt.is(value) return getmetatable(value) == Halt end

--- The sentence for an error that has none of its own.
function halt.wordless(err)
  return ("error was given %s, which says nothing: give it text"):format(err == nil and "nothing" or "a table")
end

--- What an error says, for a sentence.
function halt.reason(err)
  if err == nil then return halt.wordless(err) end
  if type(err) ~= "table" or getmetatable(err) then return tostring(err) end
  return type(err.message) == "string" and err.message or type(err.code) == "string" and err.code or halt.wordless(err)
end

return halt
