-- http_spec.lua -- verdicts as HTTP answers: what RFC 9110 and the RateLimit draft ask of them.
local http = require "ratelimit.http"
local json = require "tidelock.json"
local policies = require "ratelimit.policy"

local POLICY <const> = assert(policies.new {name = "onlyfans", windows = {{limit = 10, seconds = 60}},
  burst = {size = 3, seconds = 6}})

describe("ratelimit.http", function()
  it("is 429 with whole seconds, rounded up, and the policies of the limit", function()
    local answer = http.answer(POLICY, {code = "limited", wait_ms = 5001, times = {3, 2, 1}, server_ms = 100})
    assert.equal(429, answer.status)
    assert.equal("6", answer.headers["Retry-After"])
    assert.equal('"burst";q=3;w=18, "minute";q=10;w=60', answer.headers["RateLimit-Policy"])
    assert.equal('"burst";r=0;t=6', answer.headers.RateLimit)
    local body = json.decode(answer.body)
    assert.same({"burst"}, body["violated-policies"])
    assert.matches("quota%-exceeded$", body.type)
    assert.equal("application/problem+json", answer.headers["Content-Type"])
  end)

  it("names the minute where it is the minute that is full", function()
    local now, times = 1000000, {}
    for i = 1, 10 do times[i] = now - i * 5000 end
    local answer = http.answer(POLICY, {code = "limited", wait_ms = 10201, times = times, server_ms = now})
    assert.equal('"minute";r=0;t=11', answer.headers.RateLimit)
  end)

  it("never says 0 seconds", function()
    assert.equal("1", http.answer(POLICY, {code = "limited", wait_ms = 1}).headers["Retry-After"])
  end)

  it("is 503 where the limit can't be asked, so that nobody takes it for a limit", function()
    for _, code in ipairs {"cooldown", "clock", "unavailable"} do
      local answer = http.answer(POLICY, {code = code, wait_ms = 71500, detail = "redis://secret"})
      assert.equal(503, answer.status)
      assert.equal("72", answer.headers["Retry-After"])
      assert.is_nil(answer.headers.RateLimit)
      assert.matches("temporary%-reduced%-capacity", answer.body)
      assert.not_matches("secret", answer.body)
    end
  end)

  it("is 409 in flight and where the outcome is unknown, 200 once done, 202 where it may go", function()
    assert.same({409, "3"}, {http.answer(POLICY, {code = "inflight", wait_ms = 2500}).status,
      http.answer(POLICY, {code = "inflight", wait_ms = 2500}).headers["Retry-After"]})
    assert.equal(409, http.answer(POLICY, {code = "unknown", wait_ms = 0}).status)
    local done = http.answer(POLICY, {code = "done", wait_ms = 0, detail = "S:201"})
    assert.same({200, '{"outcome":"S:201"}'}, {done.status, done.body})
    local open = http.answer(POLICY, {code = "open", wait_ms = 0, left = 2})
    assert.same({202, '"burst";r=2;t=18'}, {open.status, open.headers.RateLimit})
  end)

  it("says so where the platform itself has stopped the account", function()
    local answer = http.answer(POLICY, {code = "limited", wait_ms = 90000, detail = "blocked"})
    assert.same({429, "90"}, {answer.status, answer.headers["Retry-After"]})
    assert.matches("platform", answer.body)
  end)
end)
