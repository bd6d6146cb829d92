-- runbooks/database-insights: what Performance Insights knows becomes metrics that the alarms of harden/alarms look at.
local account = require "support.account"
local hardening = require "support.hardening"

local LATENCY <const> = "db.sql_tokenized.stats.avg_latency_per_call.avg"

describe("runbooks/database-insights", function()
  local host, database, id, session
  before_each(function()
    host = hardening.start()
    session = host.session
    database = account.build(host, {only = {"data"}}).database
    id = session.rds:describe_db_instances {}.DBInstances[1].DbiResourceId
  end)
  after_each(function() host:close() end)

  local function insights()
    session.rds:modify_db_instance {DBInstanceIdentifier = database, EnablePerformanceInsights = true,
      ApplyImmediately = true}
  end
  local function lay(metric, group, key, value)
    session.cloudwatch:put_metric_data {Namespace = "Sandbox/PI", MetricData = {{MetricName = metric, Value = value,
      Dimensions = {{Name = "Identifier", Value = id}, {Name = "Group", Value = group}, {Name = "Key", Value = key}}}}}
  end
  local function run() return host:run("apply", "playbooks/runbooks/database-insights.lua", "--yes", "--quiet") end
  local function published(name)
    local now = require "tidelock.loop".time()
    local found = session.cloudwatch:get_metric_statistics {Namespace = "Tidelock/Database", MetricName = name,
      Dimensions = {{Name = "DBInstanceIdentifier", Value = database}}, StartTime = now - 3600, EndTime = now + 60,
      Period = 3600, Statistics = {"Maximum"}}.Datapoints
    return found and found[1] and found[1].Maximum
  end

  it("publishes the slowest statement, how many are slow, and the wait for locks in milliseconds a second", function()
    insights()
    for key, row in pairs {["SELECT * FROM a WHERE b = ?"] = {0.5, 2400.0}, ["SELECT ?"] = {2.0, 3.5},
      ["UPDATE a SET b = ?"] = {0.1, 1100.0}} do
      lay("db.load.avg", "db.sql_tokenized", key, row[1])
      lay(LATENCY, "db.sql_tokenized", key, row[2])
    end
    lay("db.load.avg", "db.wait_event_type", "Lock", 0.25)
    lay("db.load.avg", "db.wait_event_type", "CPU", 3.0)
    local code, text = run()
    assert.equal(0, code, text)
    assert.equal(2400, published "SlowestStatementLatency")
    assert.equal(2, published "SlowStatements")
    assert.equal(250, published "LockWaitTime")
    assert.matches("slowest statement 2400 ms, 2 over 1000 ms, 250 ms a second waited for locks", text)
    assert.matches("SELECT %* FROM a WHERE b = %?", text)
  end)
  it("publishes nought where there is no load, so that silence means that it did not run", function()
    insights()
    local code, text = run()
    assert.equal(0, code, text)
    assert.equal(0, published "SlowestStatementLatency")
    assert.equal(0, published "LockWaitTime")
  end)
  it("says so where Performance Insights is off, and publishes nothing", function()
    local code, text = run()
    assert.equal(0, code, text)
    assert.matches(database:gsub("%-", "%%-") .. ": Performance Insights is off", text)
    assert.is_nil(published "SlowestStatementLatency")
  end)
  it("publishes what the alarms look at: the same namespace, names and dimensions", function()
    insights()
    assert.equal(0, (run()))
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    local watched = 0
    for alarm in session.cloudwatch:items("describe_alarms", {}) do
      if alarm.Namespace == "Tidelock/Database" then
        watched = watched + 1
        local metrics = session.cloudwatch:list_metrics {Namespace = alarm.Namespace, MetricName = alarm.MetricName,
          Dimensions = alarm.Dimensions}.Metrics
        assert.equal(1, #metrics, alarm.MetricName)
        assert.equal(1, #alarm.InsufficientDataActions)
      end
    end
    assert.equal(2, watched)
  end)
end)
