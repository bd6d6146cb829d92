--- cloudwatch.alarm: an alarm on a metric or on an expression over several, and whom it tells.
local alarms = require "resources.cloudwatch.alarms"
local resource = require "resources"

-- What PutMetricAlarm takes and DescribeAlarms shows under the same name.
local MEMBERS <const> = {"AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions",
  "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit", "EvaluationPeriods",
  "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile",
  "Metrics", "ThresholdMetricId", "WarmUpConfiguration"}

local read <const>, read_many <const> = alarms.readers("MetricAlarm", function(_, alarm)
  return alarms.shown(alarm, MEMBERS, {AlarmDescription = "", TreatMissingData = "missing"})
end)

local function put(aws, want, live)
  local input = {AlarmName = want.name}
  for _, name in ipairs(MEMBERS) do
    input[name] = want[name]
    -- a put replaces the whole alarm: what the playbook does not give stays as it is
    if input[name] == nil and live then input[name] = live[name] end
  end
  if input.AlarmDescription == "" then input.AlarmDescription = nil end
  if not live then input.Tags = resource.tag_list(want.Tags) end
  aws.cloudwatch:put_metric_alarm(input)
end

return resource {
  type = "cloudwatch.alarm",
  about = "An alarm on a metric, and whom it tells",
  model = "put_metric_alarm", key = "AlarmName",
  without = {"EvaluationWindow", "EvaluationCriteria", "EvaluationInterval", "ActionConfiguration"},
  required = {"ComparisonOperator", "EvaluationPeriods"},
  arns = "^arn:[^:]+:cloudwatch:[^:]*:%d+:alarm:(.+)$",
  provides = {"arn", "state"},
  sets = {"OKActions", "AlarmActions", "InsufficientDataActions", Dimensions = "Name", Metrics = "Id"},
  defaults = {ActionsEnabled = true, AlarmDescription = "", TreatMissingData = "missing", OKActions = {},
    AlarmActions = {}, InsufficientDataActions = {}},
  guards = {"TreatMissingData", "OKActions", "AlarmActions", "InsufficientDataActions"},

  check = function(want)
    if want.MetricName and want.Metrics then
      return {"MetricName and Metrics exclude each other: an alarm watches one metric, or an expression"}
    end
    if want.MetricName and not (want.Namespace and want.Period) then
      return {"an alarm on a metric needs Namespace and Period"}
    end
    if want.Statistic and want.ExtendedStatistic then return {"Statistic and ExtendedStatistic exclude each other"} end
    if want.DatapointsToAlarm and want.EvaluationPeriods and want.DatapointsToAlarm > want.EvaluationPeriods then
      return {("DatapointsToAlarm is %d, more than the %d EvaluationPeriods"):format(want.DatapointsToAlarm,
        want.EvaluationPeriods)}
    end
  end,

  read = read, read_many = read_many,

  all = function(aws)
    local out = {}
    for _, name in ipairs(alarms.names(aws, "MetricAlarm")) do
      out[#out + 1] = {name = name, leave = name:find "^TargetTracking%-"
        and "Application Auto Scaling makes it for a policy, and takes it away with it" or nil}
    end
    return out
  end,

  create = function(aws, want)
    put(aws, want)
    return {arn = aws.arn("cloudwatch", "alarm:" .. want.name), state = "INSUFFICIENT_DATA"}
  end,

  update = alarms.updater(put), delete = alarms.delete,
}
