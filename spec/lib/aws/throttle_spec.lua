local throttle = require "aws.throttle"

-- Sends as fast as the limiter lets it against a service that takes `rate` a second; the number that it took.
local function simulate(rate, seconds)
  local limiter, now, tokens, accepted, refused = throttle.new(0), 0, rate, 0, 0
  while now < seconds do
    local before = now
    now = now + limiter:take(now) + 0.01
    tokens = math.min(rate, tokens + (now - before) * rate)
    local throttled = tokens < 1
    if throttled then refused = refused + 1 else tokens, accepted = tokens - 1, accepted + 1 end
    limiter:answered(throttled, now)
  end
  return accepted, refused
end

describe("aws.throttle", function()
  it("lets all through until the service throttles", function()
    local limiter = throttle.new(0)
    for i = 1, 1000 do
      assert.equal(0, limiter:take(i / 1000))
      limiter:answered(false, i / 1000)
    end
  end)

  it("slows down when throttled, and tasks side by side share the rate", function()
    local limiter = throttle.new(0)
    for i = 1, 100 do
      limiter:take(i / 50)
      limiter:answered(false, i / 50)
    end
    limiter:answered(true, 2)
    local waits = {}
    for i = 1, 5 do waits[i] = limiter:take(2) end
    for i = 2, 5 do assert.is_true(waits[i] > waits[i - 1]) end
    assert.is_true(waits[5] > 0)
  end)

  it("stays near a service's rate and is refused seldom", function()
    local accepted, refused = simulate(10, 120)
    assert.is_true(accepted > 0.7 * 1200, accepted .. " accepted")
    assert.is_true(refused < 0.15 * accepted, refused .. " refused")
  end)
end)
