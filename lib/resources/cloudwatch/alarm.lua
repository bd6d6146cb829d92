--- cloudwatch.alarm: an alarm on a metric or on an expression over several, and whom it tells.
local resource = require "resources"

-- What PutMetricAlarm takes and DescribeAlarms shows under the same name.
local MEMBERS <const> = {"AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions",
  "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit", "EvaluationPeriods",
  "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile",
  "Metrics", "ThresholdMetricId"}
local BATCH <const> = 100

local function live_of(aws, alarm)
  local live = {name = alarm.AlarmName, arn = alarm.AlarmArn, state = alarm.StateValue, AlarmDescription = "",
    TreatMissingData = "missing"}
  for _, name in ipairs(MEMBERS) do
    if alarm[name] ~= nil then live[name] = alarm[name] end
  end
  live.Tags = aws.tags(live.arn, function()
    return resource.tag_map(aws.cloudwatch:list_tags_for_resource {ResourceARN = live.arn}.Tags)
  end)
  return live
end

-- Several alarms as {name = alarm}: one call a hundred names.
local function described(aws, wants)
  local out = {}
  for from = 1, #wants, BATCH do
    local names = {}
    for i = from, math.min(from + BATCH - 1, #wants) do names[#names + 1] = wants[i].name end
    local got = aws.cloudwatch:describe_alarms {AlarmNames = names, MaxRecords = BATCH}
    for _, alarm in ipairs(got.MetricAlarms or {}) do
      out[alarm.AlarmName] = alarm
    end
  end
  return out
end

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
  without = {"EvaluationWindow", "WarmUpConfiguration", "EvaluationCriteria", "EvaluationInterval",
    "ActionConfiguration"},
  required = {"ComparisonOperator", "EvaluationPeriods"},
  arns = "^arn:[^:]+:cloudwatch:[^:]*:%d+:alarm:(.+)$",
  provides = {"arn", "state"},
  sets = {"OKActions", "AlarmActions", "InsufficientDataActions", Dimensions = "Name", Metrics = "Id"},
  defaults = {ActionsEnabled = true, AlarmDescription = "", TreatMissingData = "missing", OKActions = {},
    AlarmActions = {}, InsufficientDataActions = {}},

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

  read = function(aws, want)
    local alarm = described(aws, {want})[want.name]
    return alarm and live_of(aws, alarm)
  end,

  read_many = function(aws, wants)
    local alarms, out = described(aws, wants), {}
    for i, want in ipairs(wants) do
      out[i] = function() return alarms[want.name] and live_of(aws, alarms[want.name]) or false end
    end
    return resource.all(out)
  end,

  create = function(aws, want)
    put(aws, want)
    return {arn = aws.arn("cloudwatch", "alarm:" .. want.name), state = "INSUFFICIENT_DATA"}
  end,

  update = function(aws, live, want, changed)
    local rest = false
    for name in pairs(changed) do rest = rest or name ~= "Tags" end
    if rest then put(aws, want, live) end
    if not changed.Tags then return end
    local set, gone = resource.tag_changes(live.Tags, want.Tags)
    if next(set) then aws.cloudwatch:tag_resource {ResourceARN = live.arn, Tags = resource.tag_list(set)} end
    if #gone > 0 then aws.cloudwatch:untag_resource {ResourceARN = live.arn, TagKeys = gone} end
  end,

  delete = function(aws, live) aws.cloudwatch:delete_alarms {AlarmNames = {live.name}} end,
}
