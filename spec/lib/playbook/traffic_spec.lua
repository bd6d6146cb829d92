-- traffic_spec.lua -- a wait without an answer is told to whoever sits there, and only that.
local loop = require "tidelock.loop"
local task = require "task"
local traffic = require "playbook.traffic"

describe("traffic", function()
  local patience <const> = traffic.PATIENCE
  local said
  before_each(function()
    said = {}
    traffic.PATIENCE = 0.05
  end)
  after_each(function() traffic.PATIENCE = patience end)

  local function with(seconds)
    local made = traffic.new(function(request)
      if seconds > 0 then loop.sleep(seconds) end
      if request.fails then return nil, {code = "timeout"} end
      return {status = 200, headers = {["x-amzn-requestid"] = "r1"}}
    end)
    function made.slow(text) said[#said + 1] = text end
    return made
  end

  it("says what is waited for, again after twice as long, and no more once there is an answer", function()
    local made = with(0.4)
    local call = {service = "sqs", operation = "get_queue_url", requests = 0}
    made.watched[loop.current()] = call
    local response = made.transport {host = "queue.example"}
    assert.equal(200, response.status)
    assert.equal("r1", call.request_id)
    assert.is_true(#said >= 1)
    assert.matches("^No answer from queue.example for %d+ s to sqs.get_queue_url; waiting", said[1])
    local n = #said
    loop.sleep(0.2)
    assert.equal(n, #said)
  end)
  it("counts what else is waited for, and keeps silent over what is answered at once", function()
    local slow, quick = with(0.2), with(0)
    task.map({1, 2, 3}, function(i) slow.transport {host = "h" .. i, fails = i == 2} end)
    assert.matches("^No answer from h%d for %d+ s, and 2 more requests; waiting", said[1])
    said = {}
    for _ = 1, 50 do quick.transport {host = "h"} end
    loop.sleep(0.1)
    assert.same({}, said)
    assert.equal(50, quick.requests)
  end)
  it("ends with a request that is cancelled", function()
    local made = with(10)
    local body = loop.spawn(made.transport, {host = "h"})
    loop.sleep(0)
    loop.cancel(body)
    loop.sleep(0.1)
    assert.same({}, said)
  end)
end)
