-- emf.lua -- the metrics that the limiter's senders write: what alarms and dashboards may look at.
local json = require "tidelock.json"

local emf = {}

--- All of them as lib/ratelimit/report.lua writes them for an account's `env`:
-- {units = {name = unit}, namespace =, dimensions = {{Name =, Value =}}}.
function emf.limiter(env)
  local line
  local report = require "ratelimit.report".new {environment = env, write = function(text) line = text end}
  for _, what in ipairs {"sent", "deferred", "duplicate", "failed", "dlq", "unavailable", "blocked", "received",
    "high", "medium", "low"} do
    report:count(what)
  end
  for _, what in ipairs {"decision", "queue"} do report:time(what, 0.1) end
  report:flush()
  local said = json.decode(line)
  local set, units, dimensions = said._aws.CloudWatchMetrics[1], {}, {}
  for _, m in ipairs(set.Metrics) do
    assert(said[m.Name] ~= nil, m.Name .. " is declared, and has no value")
    units[m.Name] = m.Unit
  end
  assert(#set.Dimensions == 1, "there is more than one set of dimensions")
  for i, name in ipairs(set.Dimensions[1]) do dimensions[i] = {Name = name, Value = said[name]} end
  return {units = units, namespace = set.Namespace, dimensions = dimensions}
end

--- The metrics of one namespace that an alarm looks at: {{MetricName =, Dimensions =}, ...}.
function emf.watched(alarm, namespace)
  local out = {}
  if alarm.Namespace == namespace then out[1] = alarm end
  for _, m in ipairs(alarm.Metrics or {}) do
    local metric = m.MetricStat and m.MetricStat.Metric
    if metric and metric.Namespace == namespace then out[#out + 1] = metric end
  end
  return out
end

return emf
