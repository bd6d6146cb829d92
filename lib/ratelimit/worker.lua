--- The worker: receives, decides, sends, and leaves in order when it is told to stop.
local deliver = require "ratelimit.deliver"
local loop = require "tidelock.loop"
local queues = require "ratelimit.queue"

local worker = {}
local methods = {}
methods.__index = methods

local DEFAULTS <const> = {
  wait = 20,             -- seconds a receive waits
  visibility = 60,       -- seconds a message is ours between two heartbeats
  flight = 64,           -- messages at once
  patience = 10,         -- seconds to wait in place
  stop = 25,             -- seconds to end what is in flight after SIGTERM: ECS gives 30
  flush = 10,            -- seconds between two lines of metrics
}

--- Makes a worker.
-- @param session the aws session
-- @param options {queue=, dlq=, limiter=, sender=, report=, tries=, wait=, visibility=, flight=, patience=, stop=}
function worker.new(session, options)
  local self = setmetatable({session = session, flying = {}, count = 0, pause = 0}, methods)
  for name, value in pairs(DEFAULTS) do self[name] = options[name] or value end
  self.report, self.limiter = options.report, options.limiter
  self.deliver = deliver.new {limiter = options.limiter, sender = options.sender, report = options.report,
    tries = options.tries, patience = self.patience, places = self.flight // 2, backoff = options.backoff,
    stopping = function() return self.stopping end}
  self.options = options
  return self
end

local function sentence(err) return type(err) == "table" and (err.message or tostring(err)) or tostring(err) end

local function one(self, record)
  local ok, action = xpcall(deliver.handle, function(err)
    return type(err) == "table" and err or debug.traceback(tostring(err), 2)
  end, self.deliver, record)
  if not ok then
    self.report:log("error", {detail = sentence(action), id = record.id})
    action = {what = "defer", seconds = 30}
  end
  if action.pause then self.pause = math.max(self.pause, loop.now() + math.min(action.pause, 5)) end
  self.flying[record] = nil        -- no heartbeat may undo what is settled now
  local settled, err = pcall(deliver.settle, self.queue, record, action)
  if not settled then self.report:log("error", {detail = sentence(err), id = record.id, action = action.what}) end
end

local function start(self, record)
  self.flying[record] = true
  self.count = self.count + 1
  loop.spawn(function()
    local ok, err = pcall(one, self, record)
    self.flying[record] = nil
    self.count = self.count - 1
    if not ok and err ~= loop.CANCELLED then self.report:log("error", {detail = sentence(err), id = record.id}) end
  end)
end

-- While the limiter can't answer, nothing is received: each receive would count against the message.
local function ready(self)
  if loop.now() < self.pause then return false end
  local open, info = self.limiter:ready()
  if open then
    if self.away then self.report:log("resumed", {}) end
    self.away = nil
    return true
  end
  if self.away ~= info.code then
    self.report:log("waiting", {code = info.code, detail = info.detail, wait = info.wait})
  end
  self.report:count "unavailable"
  self.away, self.pause = info.code, loop.now() + math.min(math.max(info.wait, 0.2), 5)
  return false
end

local function receive(self)
  local room = math.min(10, self.flight - self.count)
  for _, record in ipairs(self.queue:receive(room, self.wait, self.visibility)) do start(self, record) end
end

local function poll(self)
  local failures = 0
  while not self.stopping do
    if self.count >= self.flight or not ready(self) then
      loop.sleep(0.1)
    else
      local ok, err = pcall(receive, self)
      if ok then
        failures = 0
      elseif err == loop.CANCELLED then
        error(err, 0)
      else
        failures = failures + 1
        self.report:log("error", {detail = sentence(err), action = "receive"})
        loop.sleep(math.min(30, 0.5 * 2 ^ failures))
      end
    end
  end
end

-- What is ours stays ours: a wait in place or a slow send must not show the message to another. All at once, so that
-- they go out together; one that fails was settled meanwhile, or is tried again with the next beat.
local function heartbeat(self)
  while true do
    loop.sleep(self.visibility / 3)
    local beats = {}
    for record in pairs(self.flying) do
      beats[#beats + 1] = loop.spawn(function()
        if self.flying[record] then pcall(self.queue.hide, self.queue, record, self.visibility) end
      end)
    end
    for _, beat in ipairs(beats) do loop.wait(beat) end
  end
end

local function metrics(self)
  while true do
    loop.sleep(self.flush)
    self.report:flush()
  end
end

--- Says that it shall stop: no more is received, who waits in place goes back to the queue, sends are ended.
function methods:drain()
  if self.stopping then return end
  self.stopping = true
  self.report:log("draining", {flying = self.count})
  if self.poller then loop.cancel(self.poller) end
end

--- Works until `drain`. Returns true when all that was in flight has ended, false where time ran out.
function methods:run()
  self.queue = queues.open(self.session, self.options)
  self.report:log("started", {queue = self.queue.url})
  local beats, lines = loop.spawn(heartbeat, self), loop.spawn(metrics, self)
  self.poller = loop.spawn(poll, self)
  local ok, err = loop.wait(self.poller)
  local deadline = loop.now() + self.stop
  while self.count > 0 and loop.now() < deadline do loop.sleep(0.05) end
  loop.cancel(beats)
  loop.cancel(lines)
  self.report:log("stopped", {flying = self.count})
  self.report:flush()
  if not ok and err ~= loop.CANCELLED then error(err, 0) end
  return self.count == 0
end

return worker
