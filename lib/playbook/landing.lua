--- What was on its way when a run was stopped: a resumed one waits until it has landed, and looks for what AWS would
-- make a second time.
local unknown = require "playbook.unknown"

local landing = {}

--- Seconds after the last record in which a request that was on its way has landed, as a rule.
landing.SETTLE = 2

--- Seconds after it in which one may still land that makes something new each time it is sent. A lost connection does
-- not stop AWS; no service is known to begin so late, and the client itself waits no longer for an answer.
landing.LATE = 60

local EVERY <const> = 2                               -- seconds between two looks

-- Calls in the journal that no answer followed.
local function in_flight(records)
  local open, n = {}, 0
  for _, one in ipairs(records) do
    if one.kind == "call" then
      open[one.n] = one
      n = n + 1
    elseif one.kind == "answer" and open[one.call] then
      open[one.call] = nil
      n = n - 1
    end
  end
  return open, n
end

local function left_of(journal, seconds)
  return (journal.modified or 0) + seconds - require "tidelock.loop".time()
end

--- Waits until what the journal has no answer to has landed. options: sleep.
function landing.wait(journal, options, emit)
  local _, n = in_flight(journal.records)
  local left = left_of(journal, landing.SETTLE)
  if n == 0 or left <= 0 then return end
  emit {kind = "note", line = ("%d request%s in flight when the run was stopped; looking in %.1f s, when %s landed")
    :format(n, n == 1 and " was" or "s were", left, n == 1 and "it has" or "they have")}
  local sleep = options.sleep or require "tidelock.loop".sleep
  sleep(left)
end

local function twice(node, operation)
  for _, name in ipairs(node and node.type.once or {}) do
    if name == operation then return true end
  end
end

-- Whether what a node declares is there by now; where that cannot be seen yet (its key hangs on another), it is not.
local function is_there(engine, node)
  local read = node.type.read
  local ok, live = pcall(function()
    return read and read(engine.recorder:client(node), unknown.known_part(node.want))
  end)
  return ok and live ~= nil
end

-- The resources whose creation was in flight, and would make a second one if it was sent again.
local function endangered(engine, journal)
  local out = {}
  for _, call in pairs((in_flight(journal.records))) do
    local node = call.address and engine.by_address[call.address]
    if twice(node, call.operation) and not is_there(engine, node) then out[#out + 1] = node end
  end
  return out
end

local function names(nodes)
  local out = {}
  for i, node in ipairs(nodes) do out[i] = node.address end
  table.sort(out)
  return table.concat(out, ", ")
end

--- Looks for what may have been made by a request that was in flight, where AWS has no name or token by which it would
-- refuse a second one; until it is there, or can no longer come. options: sleep.
function landing.look(engine, journal, options, emit)
  if left_of(journal, landing.LATE) <= 0 then return end
  local sleep, missing = options.sleep or require "tidelock.loop".sleep, endangered(engine, journal)
  if #missing == 0 then return end
  emit {kind = "note", line = ("The request for %s was in flight when the run was stopped, and AWS would make a second"
    .. " one; looking for it for up to %.0f s more"):format(names(missing), left_of(journal, landing.LATE))}
  while #missing > 0 do
    local left = left_of(journal, landing.LATE)
    if left <= 0 then return end
    sleep(math.min(EVERY, left))
    missing = endangered(engine, journal)
  end
end

return landing
