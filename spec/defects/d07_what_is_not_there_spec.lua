-- D7: alarms on services and clusters that there are not: always in alarm where missing data is breaching, else silent.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D7", function()
  local host, names
  local function alarms()
    local out = {}
    for alarm in host.session.cloudwatch:items("describe_alarms", {}) do out[#out + 1] = alarm end
    return out
  end
  before_each(function() host = hardening.start() end)
  after_each(function() host:close() end)

  it("is avoided: every alarm is on something that exists", function()
    names = account.build(host, {only = {"network", "containers", "queues", "data"}})
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    local known = {ServiceName = {}, ClusterName = {}, QueueName = {}, DBInstanceIdentifier = {[names.database] = true},
      FunctionName = {[names.func] = true}}
    for _, s in ipairs(names.services) do known.ServiceName[s.name] = true end
    for _, c in ipairs(names.clusters) do known.ClusterName[c] = true end
    for _, q in ipairs(names.queues) do known.QueueName[q] = true end
    local n = 0
    for _, alarm in ipairs(alarms()) do
      local all = {alarm.Dimensions or {}}
      for _, m in ipairs(alarm.Metrics or {}) do
        if m.MetricStat then all[#all + 1] = m.MetricStat.Metric.Dimensions end
      end
      for _, list in ipairs(all) do
        for _, d in ipairs(list) do
          n = n + 1
          if known[d.Name] then assert.is_true(known[d.Name][d.Value], alarm.AlarmName .. " " .. d.Value) end
        end
      end
    end
    assert.is_true(n > 100)
  end)
  it("is avoided: on an empty account there is no alarm at all", function()
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    assert.same({}, alarms())
  end)
  it("is avoided: what breaches when it is missing is asked of running tasks, of services that should run", function()
    account.build(host, {only = {"network", "containers"}})
    host.session.ecs:update_service {cluster = "ai-team", service = "chatbot", desiredCount = 0}
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    local breaching = 0
    for _, alarm in ipairs(alarms()) do
      if alarm.TreatMissingData == "breaching" then
        breaching = breaching + 1
        assert.equal("SampleCount", alarm.Statistic)       -- tasks send it with Container Insights or without
        assert.equal("AWS/ECS", alarm.Namespace)
        assert.is_nil(alarm.AlarmName:find("chatbot", 1, true))
      end
    end
    assert.equal(9, breaching)
  end)
end)
