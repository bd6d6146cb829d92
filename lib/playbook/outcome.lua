--- How a run came out: its result, its exit code, and the sentence that says how to go on.
local playbook = require "playbook"

local outcome = {}

--- The result, exit code and sentence of a run whose resources have been gone through.
function outcome.of(engine, id)
  local again = engine.again or "tidelock resume " .. id
  local failed, left = false, false
  for _, node in ipairs(playbook.all_nodes(engine)) do
    failed, left = failed or node.failed ~= nil, left or node.skipped ~= nil
  end
  if engine.halted and (failed or left) then
    return "interrupted", 130, ("The run was interrupted; what was in flight has ended. Go on with: %s"):format(again)
  end
  if failed then return "failed", 1, ("When the cause is gone, go on with: %s"):format(again) end
  return "done", 0
end

--- The exit code that a run's checks ask for: 1 where a critical one erred, 2 where another did, else 0.
function outcome.checked(flow)
  local exit = 0
  for _, check in ipairs(flow.checks) do
    if check.result ~= "pass" and check.result ~= "skip" then
      if check.severity == "critical" then return 1 end
      exit = 2
    end
  end
  return exit
end

--- What was left to a person, and the words that do it; nil where nothing was.
function outcome.left_out(flow, engine)
  local n, words = #flow.left, {}
  if n == 0 then return nil end
  for i, name in ipairs(flow.left) do words[i] = ("--approve %q"):format(name) end
  return ("%d step%s left out, waiting for a confirmation. Do %s with: tidelock apply %s %s"):format(n,
    n == 1 and " was" or "s were", n == 1 and "it" or "them", engine.loaded.path, table.concat(words, " "))
end

return outcome
