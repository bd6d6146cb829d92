-- D14: alarms and graphs on metrics that nothing sends, or with other dimensions than they are sent with.
local hardening = require "support.hardening"
local json = require "tidelock.json"
local report = require "ratelimit.report"

-- What the limiter's worker sends, by name: its namespace and dimensions.
local function sent()
  local line
  local r = report.new {environment = "production", write = function(text) line = json.decode(text) end}
  for _, what in ipairs {"sent", "deferred", "duplicate", "failed", "dlq", "received", "high", "medium", "low"} do
    r:count(what)
  end
  r:time("queue", 1.5)
  r:flush()
  local out = {}
  for _, block in ipairs(line._aws.CloudWatchMetrics) do
    for _, m in ipairs(block.Metrics) do
      out[m.Name] = {namespace = block.Namespace, dimensions = {}}
      for _, name in ipairs(block.Dimensions[1]) do out[m.Name].dimensions[name] = line[name] end
    end
  end
  return out
end

describe("D14", function()
  local host, known
  setup(function()
    host, known = hardening.start(), sent()
    host.session.sqs:create_queue {QueueName = "example-rate-limiter-queue"}
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  local function check(namespace, name, dimensions)
    assert.is_table(known[name], name)
    assert.equal(known[name].namespace, namespace)
    assert.same(known[name].dimensions, dimensions)
  end
  it("is avoided: each alarm of the limiter is on a metric that its worker sends, dimensions and all", function()
    local n = 0
    for alarm in host.session.cloudwatch:items("describe_alarms", {}) do
      local rows = {{alarm.Namespace, alarm.MetricName, alarm.Dimensions}}
      for _, m in ipairs(alarm.Metrics or {}) do
        local s = m.MetricStat
        if s then rows[#rows + 1] = {s.Metric.Namespace, s.Metric.MetricName, s.Metric.Dimensions} end
      end
      for _, row in ipairs(rows) do
        if row[1] == "Tidelock/RateLimiter" then
          local dimensions = {}
          for _, d in ipairs(row[3]) do dimensions[d.Name] = d.Value end
          check(row[1], row[2], dimensions)
          n = n + 1
        end
      end
    end
    assert.equal(4, n)
  end)
  it("is avoided in the dashboard: every graph of the limiter is of what is sent", function()
    local body = json.decode(host.session.cloudwatch:get_dashboard {DashboardName = "example-rate-limiter"}
      .DashboardBody)
    local n = 0
    for _, w in ipairs(body.widgets) do
      for _, m in ipairs(w.properties.metrics or {}) do
        if m[1] == "Tidelock/RateLimiter" then
          check(m[1], m[2], {[m[3]] = m[4]})
          n = n + 1
        end
      end
    end
    assert.equal(15, n)
  end)
end)
