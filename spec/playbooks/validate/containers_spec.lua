-- validate/containers: says what is not so, and proves by doing that a service grows and that a broken release is
-- rolled back, each put back afterwards, also where it fails or where the run is killed.
local account = require "support.account"
local hardening = require "support.hardening"
local httpd = require "support.httpd"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"

local host, ecs

local function validate(...) return host:apply("validate/containers", "--var", "every=1s", "--new", ...) end

local function results(text)
  local out = {}
  for mark, name, why in text:gmatch '\n(%S+)%s+check "([^"]+)":? ?([^\n]*)' do
    out[name:match "^%S+ ?.*$"] = {pass = mark == "ok", why = why}
  end
  return out
end

local function metric(namespace, name, dimensions, at, value)
  local list = {}
  for key, v in pairs(dimensions) do list[#list + 1] = {Name = key, Value = v} end
  host.session.cloudwatch:put_metric_data {Namespace = namespace, MetricData = {{MetricName = name, Dimensions = list,
    Timestamp = at, Value = value}}}
end

local function uses(label, name, percent)
  local cluster, service = label:match "^(.+)/(.+)$"
  local at = os.time()
  for minute = 0, 2 do
    metric("AWS/ECS", name, {ClusterName = cluster, ServiceName = service}, at - minute * 60, percent)
  end
end

local function live(label)
  local cluster, service = label:match "^(.+)/(.+)$"
  return ecs:describe_services {cluster = cluster, services = {service}}.services[1]
end

local function target_of(label, name)
  return host.session.application_autoscaling:describe_scaling_policies {ServiceNamespace = "ecs",
    ResourceId = "service/" .. label, PolicyNames = {name}}.ScalingPolicies[1].TargetTrackingScalingPolicyConfiguration
    .TargetValue
end

describe("validate/containers", function()
  setup(function()
    host = hardening.start()
    account.build(host, {only = {"network", "containers"}})
    ecs = host.session.ecs
  end)
  teardown(function() host:close() end)

  it("says all that is not so on the unhardened account", function()
    local code, text = validate()
    assert.equal(1, code, text)
    local all = results(text)
    for _, name in ipairs {"2.4 Container Insights is on", "6.1/6.2 services grow with their load",
      "6.3 a broken release is rolled back", "1.5 tasks have two roles", "1.5 no secret stands in a task definition"} do
      assert.is_false(all[name].pass, name)
    end
  end)

  describe("on the hardened account", function()
    setup(function()
      local code, text = host:apply("harden/containers", "--approve", "change task definitions", "--var",
        "propagation=0")
      assert.equal(0, code, text)
      for _, cluster in ipairs {"ai-team", "example-cluster", "example-of-fargate"} do
        metric("ECS/ContainerInsights", "RunningTaskCount", {ClusterName = cluster}, os.time() - 60, 3)
      end
    end)

    it("2.4, 6.1, 6.2, 6.3, 1.5 finds all of it so", function()
      local code, text = validate()
      assert.equal(0, code, text)
      local all, n = results(text), 0
      for name, result in pairs(all) do
        n = n + 1
        assert.is_true(result.pass, name .. ": " .. result.why)
      end
      assert.equal(7, n)
      assert.matches("from 3 cluster", all["2.4 figures of clusters with tasks come in"].why)
      assert.matches("of 20 policies", all["6.1/6.2 the alarms of autoscaling are there and act"].why)
    end)
    it("6.1 says whose alarms of autoscaling were deleted", function()
      local gone = host.session.application_autoscaling:describe_scaling_policies {ServiceNamespace = "ecs",
        ResourceId = "service/ai-team/analytics", PolicyNames = {"analytics-cpu-scaling"}}.ScalingPolicies[1]
      host.session.cloudwatch:delete_alarms {AlarmNames = {gone.Alarms[1].AlarmName}}
      local code, text = validate()
      assert.equal(1, code, text)
      assert.matches("ai%-team/analytics lacks TargetTracking%-service/ai%-team/analytics%-AlarmHigh", text)
      host.session.application_autoscaling:put_scaling_policy {PolicyName = gone.PolicyName, ServiceNamespace = "ecs",
        ResourceId = gone.ResourceId, ScalableDimension = gone.ScalableDimension, PolicyType = gone.PolicyType,
        TargetTrackingScalingPolicyConfiguration = gone.TargetTrackingScalingPolicyConfiguration}
    end)

    describe("the drill of load", function()
      local function drill(label, ...)
        return validate("--var", "load=" .. label, "--approve", "6.1/6.2 load: " .. label, ...)
      end
      it("does nothing unasked", function()
        uses("ai-team/chatbot", "CPUUtilization", 20.0)
        local code = validate("--var", "load=ai-team/chatbot")
        assert.equal(75, code)
        assert.equal(70.0, target_of("ai-team/chatbot", "chatbot-cpu-scaling"))
        assert.equal(1, live "ai-team/chatbot".desiredCount)
      end)
      it("6.1 makes a service grow by its own figures of CPU, and puts the target back", function()
        local code, text = drill "ai-team/chatbot"
        assert.equal(0, code, text)
        assert.matches("ai%-team/chatbot grew from 1 to 2 tasks in %d+ s at a target of 10 %%, where it used 20.0 %% of"
          .. " its cpu; the target is 70 %% again", text)
        assert.equal(2, live "ai-team/chatbot".desiredCount)
        assert.equal(70.0, target_of("ai-team/chatbot", "chatbot-cpu-scaling"))
      end)
      it("6.2 makes a service grow by its memory", function()
        uses("ai-team/content", "MemoryUtilization", 60.0)
        local code, text = drill("ai-team/content", "--var", "metric=memory")
        assert.equal(0, code, text)
        assert.equal(2, live "ai-team/content".desiredCount)
        assert.equal(80.0, target_of("ai-team/content", "content-memory-scaling"))
      end)
      it("6.1 makes a service grow by requests, and counts those that fail", function()
        local web <close> = setmetatable({s = httpd.start()}, {__close = function(self) self.s:stop() end})
        local busy = loop.spawn(function()             -- the load shows once there is some
          loop.sleep(2.5)
          uses("ai-team/orchestrator", "CPUUtilization", 90.0)
        end)
        local code, text = drill("ai-team/orchestrator", "--var", "rate=5", "--var", "url=" .. web.s.url .. "/ok")
        assert.is_true(loop.wait(busy))
        assert.equal(0, code, text)
        assert.matches("ai%-team/orchestrator grew from 1 to 2 tasks in %d+ s under %d+ requests, 5 a second, 0.0 %% of"
          .. " which failed", text)
      end)
      it("puts the target back where the service does not grow, and fails", function()
        ecs:update_service {cluster = "ai-team", service = "analytics", desiredCount = 3}
        uses("ai-team/analytics", "CPUUtilization", 20.0)
        host.session.application_autoscaling:register_scalable_target {ServiceNamespace = "ecs",
          ResourceId = "service/ai-team/analytics", ScalableDimension = "ecs:service:DesiredCount",
          SuspendedState = {DynamicScalingOutSuspended = true}}
        local code, text = drill("ai-team/analytics", "--var", "patience=1s")
        assert.equal(1, code, text)
        assert.matches("ai%-team/analytics did not grow within 1 s", text)
        assert.equal(70.0, target_of("ai-team/analytics", "analytics-cpu-scaling"))
      end)
      -- The drill in a process of its own, which gets this signal once the target is lowered: its exit code.
      local function signalled(signal)
        local env, pid = {TIDELOCK_STATE = host.state, NO_COLOR = "1"}, host.state .. "/pid"
        for name, value in pairs(host.server.env) do env[name] = value end
        local program = arg[-1]:gsub("tidelua$", "tidelock")
        local ended = loop.spawn(proc.run, {"sh", "-c", 'echo $$ > "$0"; exec "$@"', pid, program, "apply",
          "playbooks/validate/containers.lua", hardening.ACCOUNT, "--yes", "--new", "--var", "load=ai-team/analytics",
          "--approve", "6.1/6.2 load: ai-team/analytics", env = env})
        for _ = 1, 600 do
          if target_of("ai-team/analytics", "analytics-cpu-scaling") == 10.0 then break end
          loop.sleep(0.1)
        end
        assert.equal(10.0, target_of("ai-team/analytics", "analytics-cpu-scaling"))
        os.execute(("kill -%s $(cat '%s')"):format(signal, pid))
        local ok, run = loop.wait(ended)
        assert.is_true(ok)
        return run.code, run.stdout .. run.stderr
      end
      it("puts the target back where it is interrupted", function()
        uses("ai-team/analytics", "CPUUtilization", 20.0)           -- it may still not grow
        local code, text = signalled "INT"
        assert.equal(130, code, text)
        assert.equal(70.0, target_of("ai-team/analytics", "analytics-cpu-scaling"))
      end)
      it("puts the target back when a run that was killed in it is resumed", function()
        uses("ai-team/analytics", "CPUUtilization", 20.0)
        signalled "KILL"
        assert.equal(10.0, target_of("ai-team/analytics", "analytics-cpu-scaling"))
        -- nothing to go by any more: the drill that is made again ends at once
        host.session.application_autoscaling:register_scalable_target {ServiceNamespace = "ecs", MinCapacity = 1,
          MaxCapacity = 1, ResourceId = "service/ai-team/analytics", ScalableDimension = "ecs:service:DesiredCount"}
        local code, text = host:run("resume", "last", "--approve", "6.1/6.2 load: ai-team/analytics")
        assert.equal(1, code, text)
        assert.matches("ai%-team/analytics runs 3 tasks already, and may have no more", text)
        assert.equal(70.0, target_of("ai-team/analytics", "analytics-cpu-scaling"))
      end)
      it("says why it cannot be made: no figures, no room, no such service", function()
        local code, text = drill "example-cluster/api"
        assert.equal(1, code)
        assert.matches("CloudWatch has no figure of example%-cluster/api for the cpu of ten minutes", text)
        ecs:update_service {cluster = "example-cluster", service = "api", desiredCount = 10}
        assert.matches("runs 10 tasks already, and may have no more", select(2, drill "example-cluster/api"))
        assert.matches("there is no service ai%-team/gone", select(2, drill "ai-team/gone"))
        assert.matches('"api" is no cluster/service', select(2, drill "api"))
      end)
    end)

    describe("the drill of a broken release", function()
      local function drill(label, ...)
        return validate("--var", "release=" .. label, "--approve", "6.3 broken release: " .. label, ...)
      end
      local function left()
        local out = {}
        for arn in ecs:items("list_task_definitions", {familyPrefix = "example-worker-drill", status = "ACTIVE"}) do
          out[#out + 1] = arn
        end
        return out
      end
      it("6.3 sees it rolled back, tasks running all the while, and leaves nothing of it", function()
        local before = live "example-cluster/worker".taskDefinition
        local code, text = drill "example-cluster/worker"
        assert.equal(0, code, text)
        assert.matches("example%-cluster/worker was rolled back to example%-worker:2 after 2 failed task%(s%), in %d+"
          .. " s; never fewer than 1 ran", text)
        assert.equal(before, live "example-cluster/worker".taskDefinition)
        assert.same({}, left())
      end)
      it("gives none to a service that it would harm", function()
        local function configure(how)
          ecs:update_service {cluster = "example-cluster", service = "worker", deploymentConfiguration = how}
        end
        local breaker = {enable = true, rollback = true, thresholdConfiguration = {type = "COUNT", value = 2}}
        configure {deploymentCircuitBreaker = {enable = true, rollback = false}}
        local code, text = drill "example-cluster/worker"
        assert.equal(1, code)
        assert.matches("gets no broken release: it would not be rolled back", text)
        configure {deploymentCircuitBreaker = breaker, minimumHealthyPercent = 50}
        assert.matches("its tasks may be stopped before new ones run", select(2, drill "example-cluster/worker"))
        configure {deploymentCircuitBreaker = breaker, minimumHealthyPercent = 100}
        assert.same({}, left())
      end)
      it("puts the release back itself where nothing else does, and fails", function()
        ecs:update_service {cluster = "example-cluster", service = "worker", deploymentConfiguration = {
          deploymentCircuitBreaker = {enable = true, rollback = true,
            thresholdConfiguration = {type = "COUNT", value = 100}}}}
        local before = live "example-cluster/worker".taskDefinition
        local code, text = drill("example-cluster/worker", "--var", "patience=2s")
        assert.equal(1, code, text)
        assert.matches("example%-cluster/worker was not rolled back within 2 s", text)
        assert.equal(before, live "example-cluster/worker".taskDefinition)
        assert.equal("COMPLETED", live "example-cluster/worker".deployments[1].rolloutState)
        assert.same({}, left())
      end)
    end)
  end)
end)
