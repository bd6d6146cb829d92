--- What steps, waits and checks do alike: call the playbook's function under its limits, wait, ask.
local guard = require "playbook.guard"
local halt = require "playbook.halt"
local seen = require "playbook.seen"
local vars = require "playbook.vars"

local attempt = {}

-- `call` in a task that a timer ends where it waits, and a deadline where it works.
local function in_time(seconds, call)
  guard.deadline(seconds)
  local ok, value, err = pcall(require "task".timeout, seconds, function()
    local out = table.pack(call())
    if not out[1] then error(out[2], 0) end
    return out[2]
  end)
  guard.deadline()
  if not ok and type(value) == "string" and value:find(guard.LATE, 1, true) then
    err = {code = "timeout", message = ("it took longer than %s and was ended%s"):format(vars.span(seconds),
      value:match "^[^\n]-:%d+: " and " at " .. value:match "^([^\n]-:%d+): " or "")}
    return false, err
  end
  if ok and value == nil and type(err) == "table" and err.code == "timeout" then return false, err end
  return ok, value
end

-- A single call that nothing can end has made it late: its result counts, but that is said.
local function tell_late(engine, entry, seconds, began)
  local took = require "tidelock.loop".now() - began
  if took < seconds + 1 then return end
  engine.emit {kind = "note", line = ("!   step %q took %s, longer than its time of %s: a call in it could not be"
    .. " ended"):format(entry.name, vars.span(took), vars.span(seconds))}
end

--- One attempt at a step's function, held to its time limit and to so many instructions between two requests.
-- @return true and the first result, or false and the error
function attempt.run(engine, entry, fn, ...)
  local allowed = engine.context.instructions
  local seconds = entry.spec.timeout and vars.seconds(entry.spec.timeout)
  local args, began = table.pack(...), require "tidelock.loop".now()
  local function call()
    return guard.call(allowed, function(...)
      engine.in_step = {address = "step " .. entry.name, in_playbook = true}
      return fn(...)
    end, table.unpack(args, 1, args.n))
  end
  guard.disarm()
  local ok, value
  if seconds then ok, value = in_time(seconds, call) else ok, value = call() end
  engine.in_step = nil
  guard.arm(allowed)
  if seconds and ok then tell_late(engine, entry, seconds, began) end
  return ok, value
end

--- Waits so many seconds by the workflow's clock; an interrupted run stops here.
function attempt.nap(flow, engine, seconds)
  seen.over(engine)
  local stop = flow.clock() + seconds
  while flow.clock() < stop do
    halt.if_interrupted(engine)
    flow.sleep(math.min(1, stop - flow.clock()))
  end
end

--- Asks, if anybody is there; a run that is interrupted while it asks ends as interrupted, not as refused.
function attempt.ask(flow, engine, question)
  if flow.ask then seen.over(engine) end       -- else no time passes, and what the plan has just read still counts
  local answer = flow.ask and flow.ask(question)
  halt.if_interrupted(engine)
  return answer
end

return attempt
