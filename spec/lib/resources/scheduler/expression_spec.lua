-- What is told of an expression before it is sent, and how far apart its runs are.
local expression = require "resources.scheduler.expression"
local resources = require "resources"

describe("an expression", function()
  it("takes what people say of a rate", function()
    assert.equal("rate(1 day)", expression.rate "1 day")
    assert.equal("rate(1 day)", expression.rate "1 days")
    assert.equal("rate(6 hours)", expression.rate "6 hour")
    assert.equal("rate(5 minutes)", expression.rate "rate(5 minutes)")
    for _, wrong in ipairs {"daily", "0 days", "1.5 hours", "2 weeks", ""} do
      local made, why = expression.rate(wrong)
      assert.is_nil(made, wrong)
      assert.matches('a rate is such as "1 day"', why)
    end
  end)
  it("takes a cron with or without the word", function()
    assert.equal("cron(0 6 * * ? *)", expression.cron "0 6 * * ? *")
    assert.equal("cron(0 6 ? * MON-FRI *)", expression.cron "cron(0  6 ? * MON-FRI *)")
    assert.equal("cron(0 6 L * ? *)", expression.cron "0 6 L * ? *")
  end)
  it("says what is wrong with a cron", function()
    local function why(text) return (select(2, expression.cron(text))) end
    assert.matches("takes six fields .*, not 5", why "0 6 * * *")
    assert.matches('"61" is no minutes from 0 to 59', why "61 6 * * ? *")
    assert.matches('"MOO" is no day of week', why "0 6 ? * MOO *")
    assert.matches("exactly one must be %?", why "0 6 * * * *")
    assert.matches("exactly one must be %?", why "0 6 ? * ? *")
  end)
  it("is refused by the type in the form that AWS refuses", function()
    local t = resources.find "scheduler.schedule"
    local function faults(text) return table.concat(t.check {ScheduleExpression = text}, "; ") end
    assert.equal("", faults "rate(1 day)")
    assert.equal("", faults "at(2026-01-31T09:00:00)")
    assert.equal("rate(1 days) must be written rate(1 day)", faults "rate(1 days)")
    assert.matches("is none of rate", faults "every day")
    assert.matches("at takes a time", faults "at(tomorrow)")
  end)
  it("knows the longest gap", function()
    local HOUR, DAY <const> = 3600, 86400
    for text, gap in pairs {["rate(5 minutes)"] = 300, ["rate(1 day)"] = DAY, ["cron(0 6 * * ? *)"] = DAY,
      ["cron(0/15 * * * ? *)"] = 900, ["cron(0 8,20 * * ? *)"] = 12 * HOUR, ["cron(0 8-18 * * ? *)"] = 14 * HOUR,
      ["cron(0 6 ? * MON-FRI *)"] = 3 * DAY, ["cron(30 6 ? * SUN *)"] = 7 * DAY, ["cron(0 0 1 * ? *)"] = 31 * DAY} do
      assert.equal(gap, expression.gap(text), text)
    end
    assert.is_nil(expression.gap "cron(0 6 L * ? *)")
    assert.is_nil(expression.gap "at(2026-01-31T09:00:00)")
  end)
end)
