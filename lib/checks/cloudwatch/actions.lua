--- An alarm tells somebody.
local control = require "checks"

return control {
  id = "cloudwatch-alarm-actions", title = "Alarms tell somebody", severity = "medium",
  hub = "CloudWatch.15, CloudWatch.17", requirement = "6.5", subjects = "cloudwatch.alarm", needs = {},
  remedy = "harden/alarms",
  command = "tidelock call cloudwatch describe-alarms --alarm-names {name} --region {region}",
  means = "The alarm goes off and nobody hears it.",
  todo = "Give the alarm a topic, and switch its actions on.",
  test = function(live)
    if live.ActionsEnabled == false then return control.fail("its actions are switched off") end
    local n = #(live.AlarmActions or {})
    return control.judge(n > 0, ("%d action(s)"):format(n), "it has no action")
  end,
}
