--- What no metric of RDS tells: how slow the slowest statement is, and how long sessions wait for locks. Performance
-- Insights knows; this publishes it, so that harden/alarms can watch it. It runs every five minutes:
-- tidelock schedule add playbooks/runbooks/database-insights.lua --account ACCOUNT
playbook {
  name = "runbooks/database-insights",
  about = "Publishes slow statements and lock waits of every PostgreSQL as metrics, from Performance Insights",
  schedule = "5 minutes",
  vars = {
    window = {"seconds", default = 300, min = 60, max = 3600, about = "how far back it looks: as often as it runs"},
    slow = {"number", default = 1000, min = 1, about = "milliseconds from which a statement is named as slow"},
    statements = {"integer", default = 25, min = 1, max = 25, about = "statements looked at, by load"},
  },
}

local NAMESPACE = "Tidelock/Database"
local LATENCY = "db.sql_tokenized.stats.avg_latency_per_call.avg"     -- milliseconds; needs pg_stat_statements, which
                                                                      -- RDS loads by itself
-- Whole minutes, and not the last one: Performance Insights is a minute late.
local stop = now() // 60 * 60 - 60
local start = stop - var.window // 60 * 60

local function question(db, more)
  local out = {ServiceType = "RDS", Identifier = db.DbiResourceId, StartTime = start, EndTime = stop,
    PeriodInSeconds = 60}
  for name, value in pairs(more) do out[name] = value end
  return out
end

-- The statements with most load, and what a call of each takes on average.
local function slowest_of(db)
  local worst, text, slow = 0, nil, 0
  for _, key in ipairs(aws.pi:describe_dimension_keys(question(db, {Metric = "db.load.avg",
    GroupBy = {Group = "db.sql_tokenized", Limit = var.statements}, AdditionalMetrics = {LATENCY}})).Keys or {}) do
    local took = (key.AdditionalMetrics or {})[LATENCY] or 0
    if took > var.slow then slow = slow + 1 end
    if took > worst then worst, text = took, key.Dimensions["db.sql_tokenized.statement"] end
  end
  return worst, slow, text
end

-- Sessions that wait for a lock, on average, are seconds of waiting a second: the worst minute in milliseconds.
local function lock_waits_of(db)
  local worst = 0
  for _, row in ipairs(aws.pi:get_resource_metrics(question(db, {MetricQueries = {{Metric = "db.load.avg",
    GroupBy = {Group = "db.wait_event_type"}}}})).MetricList or {}) do
    if (row.Key.Dimensions or {})["db.wait_event_type.name"] == "Lock" then
      for _, point in ipairs(row.DataPoints or {}) do worst = math.max(worst, (point.Value or 0) * 1000) end
    end
  end
  return worst
end

local function datum(db, name, unit, value)
  return {MetricName = name, Unit = unit, Value = value, Timestamp = stop,
    Dimensions = {{Name = "DBInstanceIdentifier", Value = db.DBInstanceIdentifier}}}
end

local function publish(db)
  local name = db.DBInstanceIdentifier
  if not db.PerformanceInsightsEnabled then
    print(name .. ": Performance Insights is off, so nothing is known; switch it on with: harden/database")
    return
  end
  local took, slow, text = slowest_of(db)
  local locks = lock_waits_of(db)
  aws.cloudwatch:put_metric_data {Namespace = NAMESPACE, MetricData = {
    datum(db, "SlowestStatementLatency", "Milliseconds", took), datum(db, "SlowStatements", "Count", slow),
    datum(db, "LockWaitTime", "Milliseconds", locks),
  }}
  print(("%s: slowest statement %.0f ms, %d over %.0f ms, %.0f ms a second waited for locks"):format(name, took, slow,
    var.slow, locks))
  if took > var.slow then print(("  %s"):format((text or "?"):gsub("%s+", " "):sub(1, 200))) end
end

-- One database that is refused does not keep the others from being told.
step "publish" {retry = 1, timeout = "2m", run = function()
  local refused, n = {}, 0
  for db in aws.rds:items("describe_db_instances", {}) do
    if db.Engine:find "postgres" and db.DBInstanceStatus ~= "creating" then
      n = n + 1
      local ok, err = pcall(publish, db)
      if not ok then
        local why = type(err) == "table" and err.message or tostring(err)
        refused[#refused + 1] = db.DBInstanceIdentifier .. ": " .. why
      end
    end
  end
  if n == 0 then print "there is no PostgreSQL in this region" end
  if #refused > 0 then
    error(("%d of %d databases could not be told of:\n%s"):format(#refused, n, table.concat(refused, "\n")), 0)
  end
  return n
end}
