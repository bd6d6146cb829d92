--- 6.5: somebody is told when a service runs hot, or is asked for more than usual.
local control = require "checks"

local METRICS <const> = {CPUUtilization = "ServiceName", MemoryUtilization = "ServiceName",
  RequestCount = "TargetGroup"}

local function value_of(alarm, name)
  for _, dimension in ipairs(alarm.Dimensions or {}) do
    if dimension.Name == name then return dimension.Value end
  end
end

-- Autoscaling's own alarms move tasks, and tell nobody.
local function tells(alarm)
  for _, action in ipairs(alarm.AlarmActions or {}) do
    if not action:find ":scalingPolicy:" then return true end
  end
  return #(alarm.AlarmActions or {}) == 0                -- whether anybody hears it is another control's question
end

-- What each metric's alarm must name: the service, and each target group of a load balancer before it.
local function wanted_of(service)
  local out = {"CPUUtilization " .. service.serviceName, "MemoryUtilization " .. service.serviceName}
  for _, balancer in ipairs(service.loadBalancers or {}) do
    local group = (balancer.targetGroupArn or ""):match "targetgroup/.+$"
    if group then out[#out + 1] = "RequestCount " .. group end
  end
  return out
end

return control {
  id = "ecs-alarms", title = "Services have alarms on CPU, memory and requests", severity = "medium",
  requirement = "6.5, 10.5", subjects = "ecs.service", needs = {"cloudwatch:DescribeAlarms"}, remedy = "harden/alarms",
  command = "tidelock call cloudwatch describe-alarms --region {region}",
  means = "A service that runs out of memory dies before anyone hears of it.",
  todo = "Add an alarm on each of the metrics of the service; requests are counted by its target group.",
  read = function(aws)
    local have = {}
    for alarm in aws.cloudwatch:items("describe_alarms", {AlarmTypes = {"MetricAlarm"}, MaxRecords = 100}) do
      local of = METRICS[alarm.MetricName or ""]
      if of and tells(alarm) then have[alarm.MetricName .. " " .. (value_of(alarm, of) or "")] = true end
    end
    return have
  end,
  test = function(have, subject)
    local wanted, missing = wanted_of(subject.raw), {}
    for _, one in ipairs(wanted) do
      if not have[one] then missing[#missing + 1] = one:match "^%S+" end
    end
    return control.judge(#missing == 0, ("all %d have an alarm"):format(#wanted),
      "no alarm on " .. table.concat(missing, ", "))
  end,
}
