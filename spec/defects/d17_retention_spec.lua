-- D17: retention of 14 and 7 days where 30 to 90 were asked for, and groups outside three prefixes never touched.
local hardening = require "support.hardening"
local json = require "tidelock.json"
local playbook = require "playbook"

local BEFORE <const> = {["/ecs/x/playwright"] = 14, ["/aws/rds/instance/db/performance-insights"] = 7,
  ["/aws/rds/instance/db/upgrade"] = 30, ["/aws/apigateway/api"] = false, ["/aws/guardduty/malware"] = false,
  ["/ecs/kept-by-a-person"] = 60, ["/ecs/long"] = 365, ["/ecs/for-ever"] = false}

-- One group has been there for 300 days, and holds 30 GB.
local function living()
  local account = hardening.start()
  account.session.ssm:put_parameter {Name = "/sandbox/logs", Type = "String",
    Value = json.encode {["/ecs/for-ever"] = json.array {300, 30000000000}}}
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
      ["/ecs/kept-by-a-person"] = 60, ["/ecs/long"] = 90, ["/ecs/for-ever"] = 30}, account:retention())
  end)
  it("is avoided without deleting anything unasked: what is shortened waits for a person", function()
    local code, text = account:apply "harden/logs"
    assert.equal(75, code, text)
    assert.matches("/ecs/long: 365 %-> 90 days", text)
    assert.matches("/ecs/for-ever: for ever -> 30 days, about 27.00 GB deleted", text, 1, true)
    assert.matches("about 27.00 GB deleted in all; saves about 0.81 USD a month", text, 1, true)
    local after = account:retention()
    assert.equal(30, after["/ecs/x/playwright"])
    assert.equal(365, after["/ecs/long"])
    assert.is_false(after["/ecs/for-ever"])
    assert.equal(30, after["/aws/apigateway/api"])                   -- new: nothing of it goes
    code, text = account:apply("harden/logs", "--approve", "shorten log retention")
    assert.equal(0, code, text)
    assert.equal(90, account:retention()["/ecs/long"])
  end)
  it("is avoided for groups that come later, by a schedule that nobody is asked by: they lose no line", function()
    account:apply("harden/logs", "--approve", "shorten log retention")
    account.session.logs:create_log_group {logGroupName = "/aws/lambda/new"}
    local code, text = account:apply "harden/logs"
    assert.equal(0, code, text)
    assert.equal(30, account:retention()["/aws/lambda/new"])
    assert.equal("1 day", playbook.load("playbooks/harden/logs.lua", {}).program.header.schedule)
  end)
  it("is avoided as far as may be where nothing may be shortened", function()
    local code, text = account:apply("harden/logs", "--var", "shorten=no")
    assert.equal(0, code, text)
    local after = account:retention()
    assert.equal(365, after["/ecs/long"])
    assert.equal(30, after["/aws/rds/instance/db/performance-insights"])
  end)
end)
