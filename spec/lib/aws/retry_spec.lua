local retry = require "aws.retry"

local function half() return 0.5 end

describe("aws.retry", function()
  local KINDS <const> = {
    {{code = "ThrottlingException", status = 400}, "throttle"},
    {{code = "SlowDown", status = 503}, "throttle"},
    {{code = "Whatever", status = 429}, "throttle"},
    {{code = "InternalError", status = 500}, "transient"},
    {{code = "504", status = 504}, "transient"},
    {{code = "RequestTimeout", status = 400}, "transient"},
    {{code = "IDPCommunicationError", status = 400}, "transient"},
    {{code = "connect"}, "transient"},
    {{code = "timeout"}, "timeout"},
    {{code = "tls"}, nil},
    {{code = "AccessDenied", status = 403}, nil},
    {{code = "NotFound", status = 404}, nil},
  }
  for _, row in ipairs(KINDS) do
    it(("calls %s %s"):format(row[1].code, row[2] or "final"), function()
      assert.equal(row[2], retry.kind(row[1]))
    end)
  end

  it("takes the model's word where it marks an error", function()
    assert.equal("transient", retry.kind({code = "X", status = 400}, {retryable = true}))
    assert.equal("throttle", retry.kind({code = "X", status = 400}, {retryable = true, throttling = true}))
  end)

  it("doubles the delay from attempt to attempt, up to 20 seconds", function()
    local delays = {}
    for n = 1, 7 do
      delays[n] = retry.delay(retry.quota(), {kind = "throttle"}, n, 9, half, 0)
    end
    assert.same({0.5, 1, 2, 4, 8, 10, 10}, delays)
    assert.equal(0.025, retry.delay(retry.quota(), {kind = "transient"}, 1, 3, half, 0))
    assert.equal(0.0125, retry.delay(retry.quota(), {kind = "transient", service = "dynamodb"}, 1, 3, half, 0))
  end)

  it("stops after the last attempt and for what will not change", function()
    assert.is_nil(retry.delay(retry.quota(), {kind = "throttle"}, 3, 3, half, 0))
    assert.is_nil(retry.delay(retry.quota(), {}, 1, 3, half, 0))
  end)

  it("spends 5 of 500 a retry and 10 a timeout, says when none is left, and gets it back", function()
    local quota = retry.quota()
    for _ = 1, 100 do assert(retry.delay(quota, {kind = "transient"}, 1, 3, half, 0)) end
    local delay, why = retry.delay(quota, {kind = "transient"}, 1, 3, half, 0)
    assert.is_nil(delay)
    assert.matches("too many calls", why)
    retry.release(quota, 10)
    assert.equal(10, select(2, retry.delay(quota, {kind = "timeout"}, 1, 3, half, 0)))
    assert.equal(0, quota.left)
    for _ = 1, 600 do retry.release(quota) end
    assert.equal(500, quota.left)
  end)

  it("waits as long as the server asks, within reason", function()
    local function wait(headers)
      return (retry.delay(retry.quota(), {kind = "throttle", headers = headers}, 1, 3, half, 784111777))
    end
    assert.equal(3, wait {["x-amz-retry-after"] = "3000"})
    assert.equal(5.5, wait {["x-amz-retry-after"] = "60000"})
    assert.equal(7, wait {["retry-after"] = "7"})
    assert.equal(20, wait {["retry-after"] = "3600"})
    assert.equal(9, wait {["retry-after"] = "Sun, 06 Nov 1994 08:49:46 GMT"})
    for _, bad in ipairs {"soon", "-4", "nan", "Sun, 06 Nov 1994 08:00:00 GMT"} do
      assert.equal(0.5, wait {["retry-after"] = bad, ["x-amz-retry-after"] = bad})
    end
  end)

  it("sees a wrong clock by the Date header of a refusal", function()
    local headers = {date = "Sun, 06 Nov 1994 08:49:37 GMT"}
    assert.equal(3600, retry.skew({code = "RequestTimeTooSkewed"}, headers, 784111777 - 3600))
    assert.is_nil(retry.skew({code = "SignatureDoesNotMatch"}, headers, 784111777 - 100))
    assert.is_nil(retry.skew({code = "NotFound"}, headers, 0))
    assert.is_nil(retry.skew({code = "RequestExpired"}, {}, 0))
  end)

  it("knows its modes; legacy is standard", function()
    assert.same({"standard", 3}, {retry.mode()})
    assert.same({"standard", 5}, {retry.mode("legacy", 5)})
    assert.equal("adaptive", (retry.mode "adaptive"))
    assert.matches("must be standard or adaptive", select(2, retry.mode "fast"))
    assert.matches("at least 1", select(2, retry.mode("standard", 0)))
  end)
end)
