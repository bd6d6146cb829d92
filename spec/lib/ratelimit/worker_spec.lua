-- worker_spec.lua -- the worker on a queue in memory, with a limiter and a site that do as they are told.
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local reports = require "ratelimit.report"
local shelves = require "limiter.shelf"
local workers = require "ratelimit.worker"

-- A worker and what is around it; `more` are fields of the limiter, the sender and the worker's options.
local function world(more)
  local self = {shelf = shelves.new(0.005), lines = {}, sent = {}}
  local limiter = {
    ready = function() return true, {code = "open", wait = 0} end,
    take = function()
      return true, {code = "admitted", wait = 0, timeout = 30, attempt = 1, nonce = "n", detail = ""}
    end,
    finish = function() return true end,
    slot = function() return 60 end,
  }
  local sender = {send = function(_, message)
    self.sent[#self.sent + 1] = message.messageId
    return {outcome = "S", detail = "HTTP 201"}
  end}
  for name, fn in pairs(more.limiter or {}) do limiter[name] = fn end
  for name, fn in pairs(more.sender or {}) do sender[name] = fn end
  local options = {queue = "http://q", dlq = "http://dlq", limiter = limiter, sender = sender, wait = 0.2,
    report = reports.new {write = function(line) table.insert(self.lines, json.decode(line)) end}}
  for name, value in pairs(more.options or {}) do options[name] = value end
  self.worker = workers.new({sqs = self.shelf}, options)
  function self.put(n)
    for i = 1, n do
      self.shelf:put(json.encode {version = 1, messageId = "m" .. i, userId = "u" .. i, recipientId = "f",
        content = "c", timestamp = loop.time()})
    end
  end
  function self.run() self.task = loop.spawn(function() return self.worker:run() end) end
  function self.within(seconds, what, fn)
    local ends = loop.now() + seconds
    while not fn() do
      assert(loop.now() < ends, what .. " did not come about")
      loop.sleep(0.01)
    end
  end
  function self.stop()
    self.worker:drain()
    local ok, ended = loop.wait(self.task)
    assert.is_true(ok, ended)
    return ended
  end
  function self.events(name)
    local list = {}
    for _, line in ipairs(self.lines) do if line.event == name then list[#list + 1] = line end end
    return list
  end
  return self
end

describe("ratelimit.worker", function()
  it("receives nothing while the limit can't be asked, and tells each reason once", function()
    local answers, at = {"unavailable", "unavailable", "cooldown", "cooldown"}, 0
    local w = world {limiter = {ready = function()
      at = at + 1
      local code = answers[at] or "open"
      return code == "open", {code = code, wait = 0.01, detail = "why " .. code}
    end}}
    w.put(1)
    w.run()
    w.within(20, "the send", function() return #w.sent == 1 end)
    assert.is_true(w.stop())
    local told = w.events "waiting"
    assert.same({"unavailable", "cooldown"}, {told[1].code, told[2].code})
    assert.equal(2, #told)
    assert.equal("why cooldown", told[2].detail)
    assert.equal(1, #w.events "resumed")
  end)

  it("keeps what it works on hidden, by heartbeats that go out together", function()
    local w = world {options = {visibility = 2}, sender = {send = function()
      loop.sleep(4.4)
      return {outcome = "S", detail = "HTTP 201"}
    end}}
    w.put(10)
    w.run()
    w.within(30, "the end of all", function() return #w.shelf.messages == 0 end)
    assert.is_true(w.stop())
    assert.equal(10, #w.events "sent")                     -- none was received by two
    local asked = w.shelf.requests
    assert.is_true(asked.change_message_visibility_batch >= 3, "no heartbeats")
    assert.is_true((asked.change_message_visibility or 0) <= 2, "a heartbeat for each message by itself")
  end)

  it("a heartbeat undoes nothing that was settled", function()
    local w = world {options = {visibility = 1}, limiter = {take = function()
      return false, {code = "limited", wait = 60, detail = "", nonce = "", attempt = 0}
    end}}
    w.shelf.latency = 0.5                                   -- the next heartbeat comes while it is being put off
    w.put(10)
    w.run()
    w.within(20, "all put off", function() return #w.events "deferred" == 10 end)
    loop.sleep(1.5)
    w.stop()
    for _, m in ipairs(w.shelf.messages) do
      assert.is_true(m.seen > loop.now() + 20, "it shows again in " .. m.seen - loop.now())
    end
  end)

  it("what fails in handling is told, and the message comes again", function()
    local w = world {limiter = {take = function() error({code = "Broken", message = "a slip of ours"}, 0) end}}
    w.put(1)
    w.run()
    w.within(20, "the line", function() return #w.events "error" == 1 end)
    assert.is_true(w.stop())
    assert.equal("a slip of ours", w.events("error")[1].detail)
    assert.is_true(w.shelf.messages[1].seen > loop.now() + 20)
  end)

  it("told to stop, it sends back who waits, ends what is being sent, and says where time ran out", function()
    local w = world {limiter = {take = function()
      return false, {code = "limited", wait = 8, detail = "", nonce = "", attempt = 0}
    end}}
    w.put(1)
    w.run()
    w.within(20, "the wait in place", function() return next(w.worker.deliver.waiting) end)
    assert.is_true(w.stop())
    assert.is_true(w.shelf.messages[1].seen <= loop.now() + 1)
    assert.equal(0, w.events("stopped")[1].flying)
    w = world {options = {stop = 0.2}, sender = {send = function()
      loop.sleep(1)
      return {outcome = "S", detail = "late"}
    end}}
    w.put(1)
    w.run()
    w.within(20, "the send", function() return w.worker.count == 1 end)
    assert.is_false(w.stop())
    assert.equal(1, w.events("stopped")[1].flying)
    loop.sleep(1)
  end)

  it("goes on after a receive that failed", function()
    local w = world {}
    local receive, failed = w.shelf.receive_message, false
    function w.shelf.receive_message(...)
      if not failed then
        failed = true
        error({code = "InternalError", message = "SQS is unwell"}, 0)
      end
      return receive(...)
    end
    w.put(1)
    w.run()
    w.within(20, "the send", function() return #w.sent == 1 end)
    w.stop()
    assert.equal("SQS is unwell", w.events("error")[1].detail)
  end)
end)
