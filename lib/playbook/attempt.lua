--- What steps, waits and checks do alike: call the playbook's function under its limits, wait, ask.
local guard = require "playbook.guard"
local halt = require "playbook.halt"
local seen = require "playbook.seen"
local vars = require "playbook.vars"

local attempt = {}

--- One attempt at a step's function, held to its time limit and to so many instructions between two requests.
-- @return true and the first result, or false and the error
function attempt.run(engine, entry, fn, ...)
  local allowed = engine.context.instructions
  local function body(...)
    engine.in_step = {address = "step " .. entry.name, in_playbook = true}
    return fn(...)
  end
  local seconds = entry.spec.timeout and vars.seconds(entry.spec.timeout)
  local ok, value, err
  if seconds then
    local args = table.pack(...)
    ok, value, err = pcall(require "task".timeout, seconds, function()
      local out = table.pack(guard.call(allowed, body, table.unpack(args, 1, args.n)))
      if not out[1] then error(out[2], 0) end
      return out[2]
    end)
    if ok and value == nil and type(err) == "table" and err.code == "timeout" then ok, value = false, err end
  else
    ok, value = guard.call(allowed, body, ...)
  end
  engine.in_step = nil
  guard.arm(allowed)
  if ok then return true, value end
  return false, value
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
  seen.over(engine)
  local answer = flow.ask and flow.ask(question)
  halt.if_interrupted(engine)
  return answer
end

return attempt
