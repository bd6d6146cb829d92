-- queue_spec.lua -- the queue's requests: alone when alone, ten in one when they come together, each with its own end.
local loop = require "tidelock.loop"
local queues = require "ratelimit.queue"

-- SQS as a table of operations that take 20 ms; `refuse` answers batches.
local function world(refuse)
  local self, calls = {}, {}
  local sqs = setmetatable({}, {__index = function(_, name)
    return function(_, input)
      calls[#calls + 1] = {name = name, input = input}
      loop.sleep(0.02)
      if self.broken then error({code = "InternalError", message = "no answer"}, 0) end
      return refuse and input.Entries and refuse(name, input) or {}
    end
  end})
  self.calls, self.queue = calls, queues.open({sqs = sqs}, {queue = "http://q", dlq = "http://dlq"})
  return self
end

local function record(i, body)
  return {id = "id" .. i, handle = "h" .. i, body = body or "text " .. i, receives = 1, reposts = 0,
    sent = 1790000000000, attributes = {}}
end

-- All of them at once; their errors, false where there was none.
local function at_once(n, fn)
  local tasks, errors = {}, {}
  for i = 1, n do tasks[i] = loop.spawn(function() return pcall(fn, i) end) end
  for i, task in ipairs(tasks) do
    local _, ok, err = loop.wait(task)
    errors[i] = not ok and err
  end
  return errors
end

local function names(calls)
  local out = {}
  for i, call in ipairs(calls) do out[i] = call.name end
  return out
end

describe("ratelimit.queue", function()
  it("asks for one thing by itself, and at once", function()
    local w = world()
    w.queue:delete(record(1))
    w.queue:hide(record(1), 6.2)
    assert.same({{name = "delete_message", input = {QueueUrl = "http://q", ReceiptHandle = "h1"}},
      {name = "change_message_visibility", input = {QueueUrl = "http://q", ReceiptHandle = "h1",
        VisibilityTimeout = 7}}}, w.calls)
  end)

  it("asks for many in tens, each with its own time", function()
    local w = world()
    at_once(25, function(i) w.queue:hide(record(i), i) end)
    assert.same({"change_message_visibility_batch", "change_message_visibility_batch",
      "change_message_visibility_batch"}, names(w.calls))
    local seen = {}
    for _, call in ipairs(w.calls) do
      assert.is_true(#call.input.Entries <= 10)
      for _, e in ipairs(call.input.Entries) do seen[e.ReceiptHandle] = e.VisibilityTimeout end
    end
    for i = 1, 25 do assert.equal(i, seen["h" .. i]) end
  end)

  it("what comes while a request is on its way makes up the next", function()
    local w = world()
    local first = loop.spawn(function() w.queue:delete(record(0)) end)
    loop.sleep(0.005)
    at_once(3, function(i) w.queue:delete(record(i)) end)
    loop.wait(first)
    assert.same({"delete_message", "delete_message_batch"}, names(w.calls))
    assert.equal(3, #w.calls[2].input.Entries)
  end)

  it("never has a message twice in one request, and keeps their order", function()
    local w = world()
    at_once(2, function(i) w.queue:hide(record(1), i * 10) end)
    assert.equal(2, #w.calls)
    assert.same({10, 20}, {w.calls[1].input.VisibilityTimeout, w.calls[2].input.VisibilityTimeout})
  end)

  it("raises what a batch refused for that message alone, and asks again where the fault was SQS's", function()
    local w = world(function(_, input)
      local failed = {}
      for _, e in ipairs(input.Entries) do
        if e.ReceiptHandle == "h2" then
          failed[#failed + 1] = {Id = e.Id, SenderFault = true, Code = "ReceiptHandleIsInvalid", Message = "too old"}
        elseif e.ReceiptHandle == "h3" then
          failed[#failed + 1] = {Id = e.Id, SenderFault = false, Code = "InternalError"}
        end
      end
      return {Failed = failed}
    end)
    local errors = at_once(4, function(i) w.queue:delete(record(i)) end)
    assert.same({false, false, false}, {errors[1], errors[3], errors[4]})
    assert.equal("ReceiptHandleIsInvalid", errors[2].code)
    assert.equal("SQS refused delete_message_batch for a message: ReceiptHandleIsInvalid: too old", errors[2].message)
    assert.same({"delete_message_batch", "delete_message"}, names(w.calls))
    assert.equal("h3", w.calls[2].input.ReceiptHandle)
  end)

  it("a request that fails, fails for all in it, and for nobody after", function()
    local w = world()
    w.broken = true
    local errors = at_once(3, function(i) w.queue:delete(record(i)) end)
    for i = 1, 3 do assert.equal("no answer", errors[i].message) end
    w.broken = false
    assert.same({false}, at_once(1, function(i) w.queue:delete(record(i)) end))
  end)

  it("deletes what it enqueues anew only when that has been taken, and not what was refused", function()
    local w = world(function(name, input)
      if name ~= "send_message_batch" then return {} end
      return {Failed = {{Id = input.Entries[2].Id, SenderFault = true, Code = "InvalidMessageContents"}}}
    end)
    local errors = at_once(3, function(i) w.queue:again(record(i), 12) end)
    assert.same({false, false}, {errors[1], errors[3]})
    assert.equal("InvalidMessageContents", errors[2].code)
    assert.same({"send_message_batch", "delete_message_batch"}, names(w.calls))
    local sent, gone = w.calls[1].input.Entries[1], w.calls[2].input.Entries
    assert.same({"text 1", 12, "1", "1790000000000"}, {sent.MessageBody, sent.DelaySeconds,
      sent.MessageAttributes.reposts.StringValue, sent.MessageAttributes.firstSent.StringValue})
    assert.same({"h1", "h3"}, {gone[1].ReceiptHandle, gone[2].ReceiptHandle})
  end)

  it("never makes a batch of more than 262,144 bytes", function()
    local w = world()
    local errors = at_once(5, function(i) w.queue:bury(record(i, ("x"):rep(100000)), "why", "failed") end)
    assert.same({false, false, false, false, false}, errors)
    for _, call in ipairs(w.calls) do
      local bytes = 0
      for _, e in ipairs(call.input.Entries or {}) do bytes = bytes + #(e.MessageBody or "") end
      assert.is_true(bytes <= 262144)
    end
  end)

  it("buries a body that fills a whole message without its end, and never without its reason", function()
    local most, letters = 262144, {}
    local w = world()
    w.queue.burials.send = function(entries)
      local entry, bytes = entries[1], #entries[1].MessageBody
      for name, value in pairs(entry.MessageAttributes) do
        bytes = bytes + #name + #value.DataType + #value.StringValue
      end
      if bytes > most then
        error({code = "InvalidParameterValue", message = "Message must be shorter than 262144 bytes."}, 0)
      end
      letters[#letters + 1] = entry
      return {}
    end
    w.queue:bury(record(1, ("\226\130\172"):rep(most // 3)), "the body is not JSON", "refused")
    w.queue:bury(record(2, ("x"):rep(100)), "the body is not JSON", "refused")
    assert.is_true(#letters[1].MessageBody > most - 500 and utf8.len(letters[1].MessageBody) ~= nil)
    assert.equal("the body's end is cut off here; the body is not JSON",
      letters[1].MessageAttributes.reason.StringValue)
    assert.equal(("x"):rep(100), letters[2].MessageBody)
    assert.same({"delete_message", "delete_message"}, names(w.calls))
    most = 10                                                -- what is short was refused for something else
    assert.is_false((pcall(w.queue.bury, w.queue, record(3, ("x"):rep(100)), "why", "refused")))
    assert.equal(2, #w.calls)
  end)

  it("a request that hangs holds the others up for two seconds, and no longer", function()
    local w = world()
    local requests, answered = 0, false
    w.queue.deletes.send = function()
      requests = requests + 1
      local hangs = requests == 1
      while hangs and not answered do loop.sleep(0.01) end
      return {}
    end
    local first = loop.spawn(function() w.queue:delete(record(1)) end)
    local second = loop.spawn(function() loop.sleep(0.01) w.queue:delete(record(2)) end)
    loop.sleep(0.3)
    assert.equal(1, requests)
    assert.is_true(loop.wait(second))                       -- and the first still has no answer
    answered = true
    assert.is_true(loop.wait(first))
    assert.equal(2, requests)
  end)

  it("who is cancelled while it waits takes nobody with it", function()
    local w = world()
    local doomed = loop.spawn(function() w.queue:delete(record(1)) end)
    local other = loop.spawn(function() w.queue:delete(record(2)) end)
    loop.sleep(0.005)
    loop.cancel(doomed)
    assert.is_true(loop.wait(other))
    assert.equal(2, #w.calls[1].input.Entries)
  end)
end)
