-- deliver_spec.lua -- one message from receive to its end, against a limiter and a site that say what they are told to.
local deliver = require "ratelimit.deliver"
local json = require "tidelock.json"
local report = require "ratelimit.report"

local NOW <const> = 1790000000

local function record(receives, metadata)
  return {id = "r", handle = "h", receives = receives or 1, sent = (NOW - 3) * 1000, attributes = {}, reposts = 0,
    body = json.encode {version = 1, messageId = "m", userId = "u", recipientId = "f", content = "words",
      timestamp = NOW, metadata = metadata}}
end

--- A world whose limiter answers from `answers`, and whose site from `results`.
local function world(answers, results, more)
  local self = {finished = {}, slept = 0, lines = {}}
  local limiter = {take = function()
    local info = table.remove(answers, 1)
    info.nonce, info.attempt, info.detail = "n", info.attempt or 1, info.detail or ""
    info.wait, info.timeout = info.wait or 0, info.timeout or 30
    return info.code == "admitted", info
  end, finish = function(_, _, _, _, outcome, _, block)
    table.insert(self.finished, {outcome, block})
    return true
  end, slot = function() return more and more.slot or 3 end}
  local sender = {send = function() return table.remove(results, 1) end,
    verify = function() return more and more.verify or nil end}
  self.deliver = deliver.new {limiter = limiter, sender = sender, clock = function() return NOW end,
    report = report.new {write = function(line) table.insert(self.lines, line) end, clock = function() return NOW end},
    sleep = function(s) self.slept = self.slept + s require "tidelock.loop".sleep(s) end,
    patience = more and more.patience or 0, backoff = 5, stopping = function() return more and more.stopping end}
  function self.handle(...) return deliver.handle(self.deliver, record(...)) end
  return self
end

describe("ratelimit.deliver", function()
  it("deletes what was sent and says how long it was in the queue", function()
    local w = world({{code = "admitted"}}, {{outcome = "S", detail = "HTTP 201"}})
    assert.same({what = "delete"}, w.handle())
    assert.same({{"S"}}, w.finished)
    assert.matches('"queue_ms":3000', w.lines[1])
    assert.not_matches("words", w.lines[1])
  end)

  it("counts what says its priority by that too, in the one dimension of all metrics", function()
    local w = world({{code = "admitted"}, {code = "admitted"}, {code = "admitted"}}, {{outcome = "S", detail = ""},
      {outcome = "S", detail = ""}, {outcome = "S", detail = ""}})
    w.handle(1, {priority = "high"})
    w.handle(1, {priority = "high"})
    w.handle(1, {source = "app"})
    w.deliver.report:flush()
    local said = json.decode(w.lines[#w.lines])
    assert.same({3, 2}, {said.MessagesReceived, said.MessagesOfHighPriority})
    assert.is_nil(said.MessagesOfLowPriority)
    assert.same({{"Environment"}}, said._aws.CloudWatchMetrics[1].Dimensions)
  end)

  it("puts a failed try off, longer each time, and buries the fifth, the account still stopped by a 429", function()
    local w = world({{code = "admitted", attempt = 3}}, {{outcome = "R", detail = "HTTP 503"}})
    assert.same({what = "defer", seconds = 20, tried = true}, w.handle())
    w = world({{code = "admitted", attempt = 5}}, {{outcome = "R", detail = "HTTP 429", block = 7, limited = true}})
    local action = w.handle()
    assert.same({"bury", "failed 5 times; the last time: HTTP 429"}, {action.what, action.reason})
    assert.same({{"F", 7}}, w.finished)
  end)

  it("sends within the grant's time and that of the invocation, as they are when it sends", function()
    local seconds
    local function given(timeout, left)
      local w = world({{code = "admitted", timeout = timeout}}, {})
      w.deliver.sender.send = function(_, _, n)
        seconds = n
        return {outcome = "S", detail = ""}
      end
      local take = w.deliver.limiter.take
      w.deliver.limiter.take = function(...)
        left = left - 4                    -- the limiter took so long to answer
        return take(...)
      end
      w.deliver.time_left = function() return left end
      w.handle()
      return seconds
    end
    assert.equal(16, given(30, 20))
    assert.is_true(given(5, 20) <= 5 and seconds > 4.9, seconds)
  end)

  it("that the site does not know a message yet is no leave to send it again while its request may arrive", function()
    local w = world({{code = "admitted"}}, {{outcome = "U", detail = "closed: x"}}, {verify = "not sent"})
    local action = w.handle()
    assert.same({"defer", {{"U"}}}, {action.what, w.finished})
    assert.is_true(action.seconds > 30 and action.seconds <= 31, action.seconds)
    w = world({{code = "unknown", wait = 7}}, {}, {verify = "not sent"})
    action = w.handle()
    assert.same({"defer", 8, {{"U"}}}, {action.what, action.seconds, w.finished})
    w = world({{code = "unknown", wait = 7}}, {}, {verify = "sent"})
    assert.same({{what = "delete"}, {{"S"}}}, {w.handle(), w.finished})
  end)

  it("an outcome that nobody knows is looked up, and buried where that gives no answer", function()
    local w = world({{code = "admitted"}}, {{outcome = "U", detail = "timeout: x"}}, {verify = "sent"})
    assert.same({{what = "delete"}, {{"S"}}}, {w.handle(), w.finished})
    w = world({{code = "admitted", timeout = 0}}, {{outcome = "U", detail = "timeout: x"}}, {verify = "not sent"})
    assert.same({"defer", {{"R"}}}, {w.handle().what, w.finished})
    w = world({{code = "unknown"}}, {}, {verify = "not sent"})
    assert.same({"defer", {{"R"}}}, {w.handle().what, w.finished})
    w = world({{code = "unknown", detail = "lease over"}}, {})
    local action = w.handle()
    assert.same({"bury", "unknown", "unknown: lease over", {{"U"}}}, {action.what, action.kind, action.reason,
      w.finished})
  end)

  it("waits in place for a slot that is near, and puts off what is not", function()
    local w = world({{code = "limited", wait = 0.05}, {code = "admitted"}}, {{outcome = "S", detail = "x"}},
      {patience = 10})
    assert.equal("delete", w.handle().what)
    assert.is_true(w.slept >= 0.04)
    w = world({{code = "limited", wait = 12}}, {}, {patience = 10, slot = 42})
    assert.same({what = "defer", seconds = 42}, w.handle())
    w = world({{code = "limited", wait = 36}, {code = "admitted"}}, {{outcome = "S", detail = "x"}},
      {patience = 10, slot = 0.02})
    assert.equal("delete", w.handle().what)
    w = world({{code = "limited", wait = 0.05}}, {}, {patience = 10, stopping = true})
    assert.equal("defer", w.handle().what)
    w = world({{code = "limited", wait = 500, detail = "blocked"}}, {}, {patience = 10, slot = 1})
    assert.same({what = "defer", seconds = 500}, w.handle())
  end)

  it("lets one message of an account wait in place, and of all no more than there are places", function()
    local loop = require "tidelock.loop"
    local function both(wait, slot)
      local answers = {{code = "limited", wait = wait}, {code = "limited", wait = wait}, {code = "admitted"},
        {code = "admitted"}}
      local w = world(answers, {{outcome = "S", detail = "x"}, {outcome = "S", detail = "x"}},
        {patience = 10, slot = slot})
      local first = loop.spawn(function() return w.handle() end)
      local second = loop.spawn(function() return w.handle() end)
      local ends = {select(2, loop.wait(first)).what, select(2, loop.wait(second))}
      assert.same({}, w.deliver.waiting)
      return ends
    end
    assert.same({"delete", {what = "defer", seconds = 7}}, both(1.1, 7))
    assert.same({"delete", {what = "delete"}}, both(0.1, 7))       -- for a moment a few may
    local w = world({{code = "limited", wait = 0.1}}, {}, {patience = 10, slot = 7})
    w.deliver.places = 0
    assert.same({what = "defer", seconds = 7}, w.handle())
  end)

  it("gives the place back when it is cancelled", function()
    local loop = require "tidelock.loop"
    local w = world({{code = "limited", wait = 5}}, {}, {patience = 10})
    w.deliver.places = 1
    local task = loop.spawn(function() return w.handle() end)
    loop.sleep(0.01)
    assert.equal(0, w.deliver.places)
    loop.cancel(task)
    loop.wait(task)
    assert.equal(1, w.deliver.places)
  end)

  it("asks to stop receiving where the limit can't be asked, and sends nothing", function()
    for _, code in ipairs {"unavailable", "cooldown", "clock"} do
      local action = world({{code = code, wait = 5}}, {}).handle()
      assert.same({"defer", 5, 5}, {action.what, action.seconds, action.pause})
    end
    assert.is_nil(world({{code = "inflight", wait = 5}}, {}).handle().pause)
  end)

  it("deletes what was sent before, and buries what had failed", function()
    assert.equal("delete", world({{code = "done", detail = "S:HTTP 201"}}, {}).handle().what)
    local action = world({{code = "done", detail = "F:HTTP 400"}}, {}).handle()
    assert.same({"bury", "failed before: HTTP 400"}, {action.what, action.reason})
  end)

  it("enqueues anew what was put off so often that the queue would bury it", function()
    local calls = {}
    local queue = setmetatable({}, {__index = function(_, name)
      return function(_, _, seconds) calls[#calls + 1] = name .. " " .. tostring(seconds) end
    end})
    local over = {deliver.settle(queue, record(3), {what = "defer", seconds = 12}),
      deliver.settle(queue, record(4), {what = "defer", seconds = 12}),
      deliver.settle(queue, record(9), {what = "delete"}), deliver.settle(queue, record(1), {what = "bury"})}
    assert.same({"hide 12", "again 12", "delete nil", "bury nil"}, calls)
    assert.same({false, true, true, true}, over)
  end)
end)
