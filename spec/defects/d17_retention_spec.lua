-- D17: retention of 14 and 7 days where 30 to 90 were asked for, and groups outside three prefixes never touched.
local hardening = require "support.hardening"

local BEFORE <const> = {["/ecs/x/playwright"] = 14, ["/aws/rds/instance/db/performance-insights"] = 7,
  ["/aws/rds/instance/db/upgrade"] = 30, ["/aws/apigateway/api"] = false, ["/aws/guardduty/malware"] = false,
  ["/ecs/kept-by-a-person"] = 60, ["/ecs/long"] = 365}

local function living()
  local account = hardening.start()
  for name, days in pairs(BEFORE) do
    account.session.logs:create_log_group {logGroupName = name}
    if days then account.session.logs:put_retention_policy {logGroupName = name, retentionInDays = days} end
  end
  return account
end

describe("D17", function()
  local account
  before_each(function() account = living() end)
  after_each(function() account:close() end)

  it("is avoided: every group keeps its lines 30 to 90 days, by class, whatever its name", function()
    local code, text = account:apply("harden/logs", "--approve", "shorten log retention")
    assert.equal(0, code, text)
    assert.same({["/ecs/x/playwright"] = 30, ["/aws/rds/instance/db/performance-insights"] = 30,
      ["/aws/rds/instance/db/upgrade"] = 90, ["/aws/apigateway/api"] = 30, ["/aws/guardduty/malware"] = 90,
      ["/ecs/kept-by-a-person"] = 60, ["/ecs/long"] = 90}, account:retention())
  end)
  it("is avoided without deleting anything unasked: what is shortened waits for a person", function()
    local code, text = account:apply "harden/logs"
    assert.equal(75, code, text)
    assert.matches("/ecs/long: 365 %-> 90 days", text)
    local after = account:retention()
    assert.equal(30, after["/ecs/x/playwright"])
    assert.equal(365, after["/ecs/long"])
    assert.is_false(after["/aws/apigateway/api"])
    code, text = account:apply("harden/logs", "--approve", "shorten log retention")
    assert.equal(0, code, text)
    assert.equal(90, account:retention()["/ecs/long"])
  end)
  it("is avoided as far as may be where nothing may be shortened", function()
    local code, text = account:apply("harden/logs", "--var", "shorten=no")
    assert.equal(0, code, text)
    local after = account:retention()
    assert.equal(365, after["/ecs/long"])
    assert.equal(30, after["/aws/rds/instance/db/performance-insights"])
  end)
end)
