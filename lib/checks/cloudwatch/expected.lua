--- 6.5: the alarms that the account file implies are there, by name.
local control = require "checks"
local subjects = require "checks.subjects"

return control {
  id = "cloudwatch-alarms-expected", title = "Every expected alarm is there", severity = "medium",
  requirement = "6.5, 10.5", subjects = "expected.alarm", needs = {"cloudwatch:DescribeAlarms"},
  remedy = "harden/alarms",
  command = "tidelock call cloudwatch describe-alarms --alarm-names {name} --region {region}",
  means = "A queue fills, or a cluster runs hot, and nobody is told.",
  todo = "Apply the playbook; tidelock drift says which alarms were changed since, how, and by whom.",
  read = function(aws, subject)
    for _, one in ipairs(subjects["cloudwatch.alarm"].list(aws)) do
      if one.name == subject.name then return {state = one.raw.StateValue or "there"} end
    end
    return {}
  end,
  test = function(live, subject)
    local verdict = control.judge(live.state ~= nil, live.state, "there is no such alarm")
    verdict.remedy = subject.raw.remedy
    return verdict
  end,
}
