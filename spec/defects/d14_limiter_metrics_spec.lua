-- D14: alarms and dashboards on metrics that nobody emits, or in dimensions in which nobody emits them.
local elf = require "support.elf"
local emf = require "support.emf"
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local json = require "tidelock.json"

describe("D14", function()
  local account, folder, emitted
  setup(function()
    account, folder, emitted = hardening.start(), fs.tempdir "d14", emf.limiter "production"
    -- In this order both make alarms on the limiter: harden/alarms leaves it to provision/rate-limiter where that was.
    local code, text = account:apply "provision/limiter-queue"
    assert.equal(0, code, text)
    code, text = account:apply "harden/alarms"
    assert.equal(0, code, text)
    code, text = account:apply("provision/rate-limiter", "--var", "program=" .. elf.write(folder .. "/program"))
    assert.equal(0, code, text)
  end)
  teardown(function()
    account:close()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  it("is avoided: what alarms watch of the limiter is what its sender writes, name by name and dimension by dimension",
    function()
      local n = 0
      for alarm in account.session.cloudwatch:items("describe_alarms", {}) do
        for _, metric in ipairs(emf.watched(alarm, emitted.namespace)) do
          n = n + 1
          assert.is_string(emitted.units[metric.MetricName], alarm.AlarmName .. " watches " .. metric.MetricName)
          assert.same(emitted.dimensions, metric.Dimensions, alarm.AlarmName)
        end
      end
      assert.is_true(n >= 12, n .. " metrics of the limiter are watched")
    end)
  it("is avoided: so is what dashboards draw", function()
    local n = 0
    for entry in account.session.cloudwatch:items("list_dashboards", {}) do
      local body = json.decode(account.session.cloudwatch:get_dashboard {DashboardName = entry.DashboardName}
        .DashboardBody)
      for _, w in ipairs(body.widgets) do
        for _, m in ipairs(w.properties.metrics or {}) do
          if m[1] == emitted.namespace then
            n = n + 1
            assert.is_string(emitted.units[m[2]], entry.DashboardName .. " draws " .. m[2])
            assert.same({emitted.dimensions[1].Name, emitted.dimensions[1].Value}, {m[3], m[4]})
          end
        end
      end
    end
    assert.is_true(n >= 17, n .. " metrics of the limiter are drawn")
  end)
  it("is avoided: the sender that is deployed writes them under the account's own environment", function()
    local own = folder .. "/own.lua"
    local file <close> = assert(io.open(own, "w"))
    file:write 'return {prefix = "example", env = "production", consumer = "worker"}'
    file:close()
    local spec = require "cli.consuming".load("playbooks/workers/rate-limiter.lua",
      {url = "https://x.example/", redis = "redis://x:1"}, own)
    assert.equal(emitted.namespace, spec.metrics.namespace)
    assert.equal(emitted.dimensions[1].Value, spec.metrics.environment)
  end)
end)
