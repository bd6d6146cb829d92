-- crash.lua -- a worker that kills itself (SIGKILL) the Nth time it comes to a named point; without one it works on.
-- usage: tidelua spec/limiter/crash.lua [POINT N]; what a playbook gives to `worker` is JSON in SPEC_WORKER, for the
-- password of Redis is in it: every user can read a command line. With SPEC_COUNT it ends by saying how many requests
-- it made of the queue.
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local setup = require "ratelimit.setup"
local signal = require "tidelock.signal"
local worker = require "ratelimit.worker"

local spec = assert(json.decode(os.getenv "SPEC_WORKER"))
local point, count = arg[1], tonumber(arg[2] or 1)

local function reached(name)
  if name ~= point then return end
  count = count - 1
  if count == 0 then
    os.execute "kill -9 $PPID"
    while true do end   -- luacheck: ignore 542
  end
end

local session = require "aws".session {}
local parts = setup.parts(spec, session)
local requests = {}

local function counted(sqs)
  return setmetatable({}, {__index = function(_, name)
    return function(_, input)
      requests[name] = (requests[name] or 0) + 1
      return sqs[name](sqs, input)
    end
  end})
end

-- Wraps a method: what is reached before it and after it.
local function wrap(object, name, before, after)
  local method = object[name]
  object[name] = function(...)
    reached(before)
    local results = table.pack(method(...))
    if after then reached(after) end
    return table.unpack(results, 1, results.n)
  end
end

wrap(parts.limiter, "take", "before take", "after take")
wrap(parts.sender, "send", "before send", "after send")
wrap(parts.limiter, "finish", "before finish", "after finish")
spec.limiter, spec.sender, spec.report = parts.limiter, parts.sender, parts.report
local own = worker.new({sqs = counted(session.sqs)}, spec)
local queues = require "ratelimit.queue"
local open = queues.open
queues.open = function(...)
  local queue = open(...)
  wrap(queue, "delete", "before delete", "after delete")
  wrap(queue.sends, "call", "before enqueue", "after enqueue")
  return queue
end
local watch = loop.spawn(function()
  signal.wait("TERM")
  own:drain()
end)
own:run()
loop.cancel(watch)
parts.close()
if os.getenv "SPEC_COUNT" then print(json.encode {requests = requests}) end
