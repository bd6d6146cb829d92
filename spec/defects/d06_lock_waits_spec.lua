-- D6: an alarm on DBLoadByWaitEvent, which is no metric of CloudWatch: never any data.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D6", function()
  local host, names
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"data"}})
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    host.session.rds:modify_db_instance {DBInstanceIdentifier = names.database, EnablePerformanceInsights = true}
    code, text = host:run("apply", "playbooks/runbooks/database-insights.lua", "--yes", "--quiet")
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  it("is avoided: lock waits are asked of Performance Insights, published, and that is what is watched", function()
    local found
    for alarm in host.session.cloudwatch:items("describe_alarms", {}) do
      assert.not_equal("DBLoadByWaitEvent", alarm.MetricName)
      if alarm.AlarmName:find "%-lock%-waits%-high$" then found = alarm end
    end
    local metrics = host.session.cloudwatch:list_metrics {Namespace = found.Namespace, MetricName = found.MetricName,
      Dimensions = found.Dimensions}.Metrics
    assert.equal(1, #metrics)
    assert.equal(1, #found.InsufficientDataActions)
  end)
  it("is avoided in the dashboards too", function()
    for entry in host.session.cloudwatch:items("list_dashboards", {}) do
      local body = host.session.cloudwatch:get_dashboard {DashboardName = entry.DashboardName}.DashboardBody
      assert.is_nil(body:find("DBLoadByWaitEvent", 1, true), entry.DashboardName)
    end
  end)
end)
