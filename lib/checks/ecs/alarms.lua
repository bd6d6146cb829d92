--- 6.5: somebody is told when a service runs hot.
local control = require "checks"

local METRICS <const> = {"CPUUtilization", "MemoryUtilization"}

return control {
  id = "ecs-alarms", title = "Services have alarms on CPU and memory", severity = "medium", requirement = "6.5, 10.5",
  subjects = "ecs.service", needs = {"cloudwatch:DescribeAlarms"}, remedy = "harden/alarms",
  command = "tidelock call cloudwatch describe-alarms --region {region}",
  means = "A service that runs out of memory dies before anyone hears of it.",
  todo = "Add an alarm on each of the two metrics of the service.",
  read = function(aws)
    return aws.cloudwatch:items("describe_alarms", {AlarmTypes = {"MetricAlarm"}, MaxRecords = 100})
  end,
  test = function(alarms, subject)
    local name, have, missing = subject.name:match "[^/]+$", {}, {}
    for alarm in alarms do
      for _, dimension in ipairs(alarm.Dimensions or {}) do
        if dimension.Name == "ServiceName" and dimension.Value == name then have[alarm.MetricName or ""] = true end
      end
    end
    for _, metric in ipairs(METRICS) do
      if not have[metric] then missing[#missing + 1] = metric end
    end
    return control.judge(#missing == 0, "both have an alarm", "no alarm on " .. table.concat(missing, ", "))
  end,
}
