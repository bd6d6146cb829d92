--- 6.5: a threshold is in the unit of its metric, where AWS says the unit; what an expression counts, nobody knows.
local control = require "checks"
local subjects = require "checks.subjects"

local PERCENT <const>, BYTES <const>, SECONDS <const>, MILLISECONDS <const> = "Percent", "Bytes", "Seconds",
  "Milliseconds"

-- Units as AWS publishes them, and the most that can be, or that anything still works with.
local METRICS <const> = {
  ["AWS/ECS CPUUtilization"] = {PERCENT},                      -- a task without a limit may use more than 100 of them
  ["AWS/ECS MemoryUtilization"] = {PERCENT},
  ["AWS/EC2 CPUUtilization"] = {PERCENT, 100},
  ["AWS/RDS CPUUtilization"] = {PERCENT, 100},
  ["AWS/RDS FreeableMemory"] = {BYTES}, ["AWS/RDS FreeStorageSpace"] = {BYTES},
  ["AWS/RDS FreeLocalStorage"] = {BYTES},
  ["AWS/RDS ReadLatency"] = {SECONDS, 5}, ["AWS/RDS WriteLatency"] = {SECONDS, 5},
  ["AWS/ElastiCache CPUUtilization"] = {PERCENT, 100},
  ["AWS/ElastiCache EngineCPUUtilization"] = {PERCENT, 100},
  ["AWS/ElastiCache DatabaseMemoryUsagePercentage"] = {PERCENT, 100},
  ["AWS/ElastiCache FreeableMemory"] = {BYTES}, ["AWS/ElastiCache BytesUsedForCache"] = {BYTES},
  ["AWS/ApplicationELB TargetResponseTime"] = {SECONDS, 4000}, -- as long as a connection may be idle
  ["AWS/SQS ApproximateAgeOfOldestMessage"] = {SECONDS, 14 * 86400},
  ["AWS/Lambda Duration"] = {MILLISECONDS, 900000},            -- as long as a function may run
}

local MEGABYTE <const> = 1 << 20

local function value_of(alarm, name)
  for _, dimension in ipairs(alarm.Dimensions or {}) do
    if dimension.Name == name then return dimension.Value end
  end
end

-- What is counted or added up is in another unit than what is measured.
local function measured(alarm)
  return alarm.Statistic ~= "SampleCount" and alarm.Statistic ~= "Sum" and type(alarm.Threshold) == "number"
end

local function timeout_of(aws, alarm)
  for _, one in ipairs(subjects["lambda.function"].list(aws)) do
    if one.name == value_of(alarm, "FunctionName") then return one.raw.Timeout end
  end
end

-- A figure with all its digits: nobody reads 1.04858e+08 bytes.
local function figure(number) return ("%.14g"):format(number) end

-- Why the threshold is in another unit, or nil. `timeout`: the seconds that the function may run.
local function flaw_of(alarm, unit, most, timeout)
  local at, upward = alarm.Threshold, (alarm.ComparisonOperator or ""):find "^Greater" ~= nil
  if alarm.Unit and alarm.Unit ~= unit then
    return ("it asks for %s, and %s comes in %s: there is no data"):format(alarm.Unit, alarm.MetricName, unit)
  end
  if most and upward and at >= most and (at > most or alarm.ComparisonOperator == "GreaterThanThreshold") then
    return ("%s %s is never passed"):format(figure(at), unit:lower())
  end
  if unit == PERCENT and upward and at > 0 and at <= 1 then
    return ("%s percent: are %s meant?"):format(figure(at), figure(at * 100))
  end
  if unit == BYTES and at > 0 and at < MEGABYTE then return ("%s bytes: are megabytes meant?"):format(figure(at)) end
  if timeout and at <= timeout and at * 2 >= timeout then
    return ("%s ms, and the function may run for %s s: are seconds meant?"):format(figure(at), figure(timeout))
  end
end

return control {
  id = "cloudwatch-alarm-units", title = "Thresholds of alarms are in the unit of their metric", severity = "medium",
  requirement = "6.5", subjects = "cloudwatch.alarm", needs = {"lambda:ListFunctions"},
  command = "tidelock call cloudwatch describe-alarms --alarm-names {name} --region {region}",
  means = "The alarm goes off always, or never.",
  todo = "Set the threshold in the metric's unit: percent from 0 to 100, bytes, seconds, or Lambda's milliseconds.",
  read = function(aws, subject)
    local alarm = subject.raw
    local row = METRICS[("%s %s"):format(alarm.Namespace, alarm.MetricName)]
    if not row or not measured(alarm) then return {} end
    local timeout = row[1] == MILLISECONDS and timeout_of(aws, alarm) or nil
    return {unit = row[1], flaw = flaw_of(alarm, row[1], row[2], timeout), at = alarm.Threshold}
  end,
  test = function(live)
    if not live.unit then return control.skip("the unit of what it looks at is not known for sure") end
    return control.judge(not live.flaw, ("%s %s"):format(figure(live.at), live.unit:lower()), live.flaw)
  end,
}
