--- 6.5: what an alarm looks at is measured. One without data is never on, and OK for ever where it takes silence for
-- health; so is one on a thing that is not there, or that is called otherwise.
local control = require "checks"
local subjects = require "checks.subjects"

local LATELY <const>, FOR_AWS <const> = 3 * 3600, "PT3H"

local function value_of(metric, name)
  for _, dimension in ipairs(metric.Dimensions or {}) do
    if dimension.Name == name then return dimension.Value end
  end
end

-- The item of a list in which `member` is `name`.
local function called(iterator, member, name)
  for item in iterator do
    if item[member] == name then return item end
  end
end

local function find_service(aws, metric, world)
  local path = ("%s/%s"):format(value_of(metric, "ClusterName"), value_of(metric, "ServiceName"))
  for _, service in ipairs(subjects["ecs.service"].list(aws, world)) do
    if service.name == path then
      return {born = service.raw.createdAt, idle = service.raw.runningCount == 0 and "runs no task"}
    end
  end
end

-- An instance that AWS calls by `id`, whose other members are `status` and `born`.
local function find_instance(service, operation, id, status, born)
  return function(aws, metric)
    local live = called(aws[service]:items(operation, {}), id, value_of(metric, id))
    local state = live and live[status] or "available"
    return live and {born = live[born], idle = state ~= "available" and "is " .. state}
  end
end

local find_database <const> = find_instance("rds", "describe_db_instances", "DBInstanceIdentifier", "DBInstanceStatus",
  "InstanceCreateTime")
local find_cache <const> = find_instance("elasticache", "describe_cache_clusters", "CacheClusterId",
  "CacheClusterStatus", "CacheClusterCreateTime")

local function find_named(kind, dimension)
  return function(aws, metric, world)
    local name = value_of(metric, dimension)
    for _, one in ipairs(subjects[kind].list(aws, world)) do
      if one.name == name then return {idle = "is measured only while it is used"} end
    end
  end
end

-- What is measured each minute for as long as it runs, and how it is named; of queues and functions only whether they
-- are there can be asked.
local KINDS <const> = {
  ["AWS/SQS"] = {what = "queue", names = {"QueueName"}, find = find_named("sqs.queue", "QueueName")},
  ["AWS/Lambda"] = {what = "function", names = {"FunctionName"}, find = find_named("lambda.function", "FunctionName")},
  ["AWS/ECS"] = {what = "service", names = {"ServiceName", "ClusterName"}, find = find_service},
  ["AWS/RDS"] = {what = "database", names = {"DBInstanceIdentifier"}, find = find_database},
  ["AWS/ElastiCache"] = {what = "cache", names = {"CacheClusterId"}, find = find_cache},
}

local function kind_of(metric)
  local kind = KINDS[metric.Namespace or ""]
  if not kind or #(metric.Dimensions or {}) ~= #kind.names then return nil end
  for _, name in ipairs(kind.names) do
    if not value_of(metric, name) then return nil end
  end
  return kind
end

-- The metrics of an alarm: its own, or those of its expression. What is measured in another account is not seen here.
local function metrics_of(alarm)
  if alarm.MetricName then return {alarm} end
  local out = {}
  for _, part in ipairs(alarm.Metrics or {}) do
    if part.MetricStat and not part.AccountId then out[#out + 1] = part.MetricStat.Metric end
  end
  return out
end

local function has_data(aws, metric)
  for other in aws.cloudwatch:items("list_metrics", {Namespace = metric.Namespace, MetricName = metric.MetricName,
    RecentlyActive = FOR_AWS}) do
    local same = #(other.Dimensions or {}) == #metric.Dimensions
    for _, dimension in ipairs(metric.Dimensions) do
      same = same and value_of(other, dimension.Name) == dimension.Value
    end
    if same then return true end
  end
  return false
end

-- What is wrong with a metric, or nil and why it may be silent.
local function flaw_of(aws, metric, kind, world)
  if has_data(aws, metric) then return nil end
  local name, thing = value_of(metric, kind.names[1]), kind.find(aws, metric, world)
  if not thing then return ("there is no %s %s"):format(kind.what, name) end
  if thing.idle then return nil, ("%s %s %s"):format(kind.what, name, thing.idle) end
  if type(thing.born) == "number" and world.now - thing.born < LATELY then
    return nil, ("%s %s is younger than three hours"):format(kind.what, name)
  end
  return ("%s of %s %s has had no data for three hours"):format(metric.MetricName, kind.what, name)
end

return control {
  id = "cloudwatch-alarm-data", title = "What alarms look at is there and measured", severity = "high",
  requirement = "6.5", subjects = "cloudwatch.alarm",
  needs = {"cloudwatch:ListMetrics", "rds:DescribeDBInstances", "elasticache:DescribeCacheClusters",
    "ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices", "sqs:ListQueues", "lambda:ListFunctions"},
  command = "tidelock call cloudwatch describe-alarms --alarm-names {name} --region {region}",
  means = "The alarm can never go off: it looks at nothing, and silence counts as health.",
  todo = "Correct its metric and dimensions, switch on what measures it, or delete it with the thing it was for.",
  read = function(aws, subject, world)
    local live = {flaws = {}, measured = 0}
    for _, metric in ipairs(metrics_of(subject.raw)) do
      local kind = kind_of(metric)
      if kind then
        local flaw, silent = flaw_of(aws, metric, kind, world)
        if flaw then live.flaws[#live.flaws + 1] = flaw end
        if silent then live.silent = silent end
        if not flaw and not silent then live.measured = live.measured + 1 end
      end
    end
    return live
  end,
  test = function(live)
    if #live.flaws > 0 then return control.fail(table.concat(live.flaws, "; ")) end
    if live.silent then return control.skip(live.silent) end
    if live.measured == 0 then return control.skip("what it looks at has data only at times") end
    return control.pass("%d metric(s) with data in the last three hours", live.measured)
  end,
}
