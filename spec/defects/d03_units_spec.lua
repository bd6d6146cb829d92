-- D3: CPU units and megabytes compared with 70 and 80 as if they were percent: always in alarm.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D3", function()
  local host, names
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"network", "containers"}})
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  it("is avoided: what the clusters use is counted against what they reserve", function()
    for _, cluster in ipairs(names.clusters) do
      for kind, metric in pairs {["cpu-high"] = "Cpu", ["memory-high"] = "Memory"} do
        local name = ("example-ecs-%s-%s"):format(cluster, kind)
        local alarm = host.session.cloudwatch:describe_alarms {AlarmNames = {name}}.MetricAlarms[1]
        local by = {}
        for _, m in ipairs(alarm.Metrics) do by[m.Id] = m end
        assert.equal("100 * used / reserved", by.value.Expression)
        assert.equal(metric .. "Utilized", by.used.MetricStat.Metric.MetricName)
        assert.equal(metric .. "Reserved", by.reserved.MetricStat.Metric.MetricName)
        for _, id in ipairs {"used", "reserved"} do
          assert.same({{Name = "ClusterName", Value = cluster}}, by[id].MetricStat.Metric.Dimensions)
          assert.is_false(by[id].ReturnData)
        end
      end
    end
  end)
  it("is avoided: no alarm compares units or megabytes themselves", function()
    for alarm in host.session.cloudwatch:items("describe_alarms", {}) do
      assert.is_nil((alarm.MetricName or ""):find "Utilized$", alarm.AlarmName)
    end
  end)
end)
