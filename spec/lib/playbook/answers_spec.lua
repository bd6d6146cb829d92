-- answers_spec.lua -- what another part of a plan asks again is answered by what came; nothing else is.
local answers = require "playbook.answers"
local loop = require "tidelock.loop"
local playbook = require "playbook"
local recorder = require "playbook.recorder"
local traffic = require "playbook.traffic"

local A <const>, B <const> = {address = "find a"}, {address = "sqs.queue/b"}

describe("an answer", function()
  local made, sent, status, body
  before_each(function()
    sent, status, body = 0, 200, "{}"
    made = traffic.new(function()
      sent = sent + 1
      return {status = status, headers = {["x-amzn-requestid"] = "r" .. sent}, body = body}
    end)
    made.answers = answers.new()
  end)

  local function ask(node, more)
    more = more or {}
    local operation = more.operation or "list_queues"
    local call = {service = "sqs", operation = operation, read = recorder.is_read(operation), node = node, requests = 0}
    made.watched[loop.current()] = call
    local response = made.transport({scheme = "https", host = more.host or "sqs", method = "POST", path = "/",
      body = more.body or "{}", headers = {["X-Amz-Target"] = more.target, ["X-Amz-Date"] = tostring(sent),
        Authorization = ("AWS4-HMAC-SHA256 Credential=%s/20260102/eu-west-1/sqs/aws4_request, Signature=%d")
          :format(more.key or "AK", sent)}}, more.options)
    made.watched[loop.current()] = nil
    return response, call
  end

  it("is given to whoever asks the same, though time and signature are others, and counts as no request", function()
    local first = ask(A)
    local second, call = ask(B)
    assert.same(first, second)
    assert.are_not.equal(first, second)
    assert.same({1, 1, 0, "r1", 200}, {sent, made.requests, call.requests, call.request_id, call.status})
  end)
  it("is not given to whoever has had it: who asks again waits for something to change", function()
    ask(A)
    ask(A)
    assert.equal(2, sent)
    ask(B)
    assert.equal(2, sent)                                              -- the newer one is what others get
    ask(B)
    assert.equal(3, sent)
  end)
  it("counts only for the same words, of the same account, at the same place", function()
    ask(A)
    for i, more in ipairs {{body = "{1}"}, {host = "sqs.eu"}, {key = "OTHER"}, {target = "SQS.Other"},
      {options = {to = "file"}}, {operation = "list_other", body = "x"}} do
      ask(B, more)
      assert.equal(i + 1, sent)
    end
  end)
  it("is not kept of a refusal, nor of what is large", function()
    status = 404
    ask(A)
    status = 200
    body = ("x"):rep(300000)
    ask(B)
    ask(A)
    assert.equal(3, sent)
  end)
  it("is kept while there is room: those that came first stay", function()
    body = ("x"):rep(200000)
    for i = 1, 100 do ask(A, {body = tostring(i)}) end
    ask(B, {body = "1"})
    assert.equal(100, sent)
    ask(B, {body = "100"})
    assert.equal(101, sent)
  end)
  it("is not kept of what is another each time, is secret, or writes; nor where nobody in particular asks", function()
    local asked = 0
    for _, operation in ipairs {"get_secret_value", "get_random_password", "get_session_token", "get_records",
      "get_shard_iterator", "get_parameter", "get_object", "receive_message", "create_queue"} do
      ask(A, {operation = operation})
      ask(B, {operation = operation})
      asked = asked + 2
      assert.equal(asked, sent, operation)
    end
    ask(nil)
    ask(nil)
    assert.equal(asked + 2, sent)
  end)
  it("is nobody's any more after a minute", function()
    local now = loop.now
    ask(A)
    loop.now = function() return now() + 61 end                        -- luacheck: ignore
    ask(B)
    loop.now = now                                                     -- luacheck: ignore
    assert.equal(2, sent)
  end)
end)

describe("a plan", function()
  it("keeps answers while it is made, and no longer, also where it fails", function()
    local counted, during = {}, nil
    local loaded = setmetatable({}, {__index = function()
      during = counted.answers
      error("the plan ends here", 0)
    end})
    assert.has_error(function() playbook.plan(loaded, {traffic = counted}) end, "the plan ends here")
    assert.is_table(during)
    assert.is_nil(counted.answers)
  end)
end)
