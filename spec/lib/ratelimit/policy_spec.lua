-- policy_spec.lua -- limits as data: what is refused when read, with all its reasons.
local policies = require "ratelimit.policy"

local function rule(changes)
  local spec = {name = "onlyfans", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6}}
  for name, value in pairs(changes or {}) do spec[name] = value end
  return spec
end

describe("ratelimit.policy", function()
  it("compiles the ages that decide: three at once, one every six seconds, ten in any minute", function()
    local p = assert(policies.new(rule {clock_error = 0}))
    local ages = {}
    for _, step in ipairs(p.steps) do ages[step.k] = step.age end
    assert.same({[3] = 6000, [4] = 12000, [5] = 18000, [6] = 24000, [7] = 30000, [8] = 36000, [9] = 42000,
      [10] = 60001}, ages)
    assert.equal("rate_limit:onlyfans:", p.prefix)
    assert.equal(72001, p:cooldown_ms())
    assert.equal(3600000, p.ring_ms)
    assert.equal(14 * 86400, p.claim_seconds)
  end)

  it("widens a window by a millisecond and twice what clocks may be wrong", function()
    assert.equal(60201, assert(policies.new(rule())).span)
  end)

  it("keeps times for longer than its longest window", function()
    local p = assert(policies.new(rule {windows = {{limit = 10, seconds = 60}, {limit = 200, seconds = 86400}}}))
    assert.is_true(p.ring_ms > 86400000)
  end)

  for why, changes in pairs {
    ["is no field of a limit; did you mean \"burst\""] = {bursts = {size = 3, seconds = 6}},
    ["windows must be a table"] = {windows = 5},
    ["windows%[1%] must be {limit = whole number, seconds = number}"] = {windows = {{limit = 1.5, seconds = 60}}},
    ["at least one"] = {windows = {}},
    ["slower than its windows"] = {burst = {size = 3, seconds = 7}},
    ["lease %(20 s%) must be longer than timeout"] = {lease = 20},
    ["fence must be"] = {fence = "no"},
    ["name must be a word"] = {name = "a:b"},
    ["braces"] = {prefix = "rate_limit:{x}"},
    ["one of the limiter's own"] = {prefix = "rate_"},
    ["clock_error must be a number that is not negative"] = {clock_error = -1},
    ["timeout must be a number that is not negative"] = {timeout = 0 / 0},
  } do
    it("refuses what can't be kept: " .. why, function()
      local p, err = policies.new(rule(changes))
      assert.is_nil(p)
      assert.matches(why, err)
    end)
  end
end)
