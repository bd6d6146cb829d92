-- harden/containers on the unhardened account: what boto3 reads back, that services grow and come back from a bad
-- release as far as the emulator shows it, what of others' stays.
local fleet = require "support.fleet"
local json = require "tidelock.json"

local ASKED <const> = {"--approve", "change task definitions", "--var", "propagation=0"}
local CPU <const>, MEMORY <const> = "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"
local CONTROLS <const> = {"ecs-container-insights", "ecs-circuit-breaker", "ecs-task-roles", "ecs-no-literal-secrets",
  "ecs-scaling"}

local definition <const>, live <const>, read <const> = fleet.definition, fleet.live, fleet.read
local container <const>, register <const>, serve <const> = fleet.container, fleet.register, fleet.serve
local insights <const>, statements <const> = fleet.insights, fleet.statements

local host, names, ecs

local function start() host, names, ecs = fleet.start() end

local function target(label)
  return read("application-autoscaling", "DescribeScalableTargets", {ServiceNamespace = "ecs",
    ResourceIds = {"service/" .. label}}).ScalableTargets[1]
end

local function policies(label)
  local out = {}
  for _, p in ipairs(read("application-autoscaling", "DescribeScalingPolicies", {ServiceNamespace = "ecs",
    ResourceId = "service/" .. label}).ScalingPolicies) do
    local how = p.TargetTrackingScalingPolicyConfiguration
    out[how.PredefinedMetricSpecification.PredefinedMetricType] = {name = p.PolicyName, value = how.TargetValue,
      scale_in = how.ScaleInCooldown, scale_out = how.ScaleOutCooldown}
  end
  return out
end

-- What a service uses, three minutes long.
local function uses(cluster, name, metric, percent)
  local at = os.time()
  for minute = 0, 2 do
    host.session.cloudwatch:put_metric_data {Namespace = "AWS/ECS", MetricData = {{MetricName = metric,
      Timestamp = at - minute * 60, Value = percent, Unit = "Percent",
      Dimensions = {{Name = "ClusterName", Value = cluster}, {Name = "ServiceName", Value = name}}}}}
  end
end

teardown(fleet.stop)

describe("harden/containers", function()
  local before, first
  setup(function()
    start()
    before = {host:run("check", table.unpack(CONTROLS))}
    local code
    code, first = host:apply("harden/containers", table.unpack(ASKED))
    assert.equal(0, code, first)
  end)
  teardown(function() host:close() end)

  it("2.4 leaves Container Insights on in all three clusters, and for those to come", function()
    assert.equal(3, #names.clusters)
    for _, cluster in ipairs(names.clusters) do assert.equal("enhanced", insights(cluster), cluster) end
    assert.same({{name = "containerInsights", value = "enhanced", type = "user",
      principalArn = ("arn:aws:iam::%s:root"):format(host.account)}},
      read("ecs", "ListAccountSettings", {name = "containerInsights", effectiveSettings = true}).settings)
  end)
  it("6.1, 6.2 leaves every service with 1 to 10 tasks, and growing at 70 % CPU and 80 % memory", function()
    assert.equal(10, #names.services)
    for _, s in ipairs(names.services) do
      local label = s.cluster .. "/" .. s.name
      local limits = target(label)
      assert.same({1, 10}, {limits.MinCapacity, limits.MaxCapacity}, label)
      assert.equal("ecs:service:DesiredCount", limits.ScalableDimension)
      assert.same({[CPU] = {name = s.name .. "-cpu-scaling", value = 70, scale_in = 300, scale_out = 60},
        [MEMORY] = {name = s.name .. "-memory-scaling", value = 80, scale_in = 300, scale_out = 60}}, policies(label))
    end
  end)
  it("6.3 leaves every service with a circuit breaker that rolls back after 2 failed tasks", function()
    for _, s in ipairs(names.services) do
      local how = live(s.cluster, s.name).deploymentConfiguration
      assert.same({enable = true, rollback = true, thresholdConfiguration = {type = "COUNT", value = 2}},
        how.deploymentCircuitBreaker)
      assert.same({100, 200}, {how.minimumHealthyPercent, how.maximumPercent})
    end
  end)
  it("1.5 leaves every Fargate task with two roles, the program's the one it had", function()
    for _, s in ipairs(names.services) do
      local d = definition(live(s.cluster, s.name).taskDefinition)
      assert.equal(names.role, d.taskRoleArn)
      local starter = s.name == "api" and "example-api-start" or "example-ecs-start"
      assert.equal(("arn:aws:iam::%s:role/%s"):format(host.account, starter), d.executionRoleArn)
    end
  end)
  it("1.5 lets the new roles start tasks and no more, and only tasks of this account take them on", function()
    for _, role in ipairs {"example-api-start", "example-ecs-start"} do
      local attached = read("iam", "ListAttachedRolePolicies", {RoleName = role}).AttachedPolicies
      assert.same({"AmazonECSTaskExecutionRolePolicy"}, {attached[1].PolicyName, attached[2]})
      local trust = read("iam", "GetRole", {RoleName = role}).Role.AssumeRolePolicyDocument
      trust = type(trust) == "string" and json.decode(trust) or trust
      assert.equal("ecs-tasks.amazonaws.com", trust.Statement[1].Principal.Service)
      assert.equal(host.account, trust.Statement[1].Condition.StringEquals["aws:SourceAccount"])
    end
    assert.same({}, statements "example-ecs-start")
    local own = statements "example-api-start"
    local secret = "arn:aws:secretsmanager:us-east-1:" .. host.account
      .. ":secret:example/ecs/example-api/api-??????"
    assert.same({Sid = "Secrets", Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = {secret}},
      own.Secrets)
    assert.same({secret}, own.SecretsOpened.Condition.StringLike["kms:EncryptionContext:SecretARN"])
    assert.equal("secretsmanager.us-east-1.amazonaws.com",
      own.SecretsOpened.Condition.StringEquals["kms:ViaService"])
  end)
  it("1.5 moves every literal secret to Secrets Manager, its value unchanged, and leaves the rest as it was", function()
    local old, new = definition "example-api:1", definition(live("example-cluster", "api").taskDefinition)
    assert.equal("example-api:2", new.taskDefinitionArn:match "[^/]+$")
    local was, is = old.containerDefinitions[1], new.containerDefinitions[1]
    local values, kept = {}, {}
    for _, e in ipairs(was.environment) do values[e.name] = e.value end
    for _, e in ipairs(is.environment) do kept[e.name] = e.value end
    assert.same({NODE_ENV = "production", AWS_REGION = "us-east-1"}, kept)
    for _, name in ipairs {"API_KEY", "DATABASE_URL"} do
      local from
      for _, s in ipairs(is.secrets) do from = s.name == name and s.valueFrom or from end
      local arn, key = from:match "^(arn:aws:secretsmanager:[^:]+:%d+:secret:[^:]+):([^:]+)::$"
      local text = read("secretsmanager", "GetSecretValue", {SecretId = arn}).SecretString
      assert.equal(values[name], json.decode(text)[key])
    end
    was.environment, is.environment, is.secrets, was.secrets = nil, nil, nil, nil
    assert.same(was, is)
    for _, name in ipairs {"cpu", "memory", "networkMode", "requiresCompatibilities", "family"} do
      assert.same(old[name], new[name])
    end
  end)
  it("1.5 tells which variables hold secrets, and their values to nobody", function()
    assert.matches("example%-api:1 %(example%-cluster/api%): what looks like a secret stands in container api: API_KEY,"
      .. " DATABASE_URL", first)
    local found = io.popen("grep -rlE 'Plain-Sight-7|sk-live-0f7c11d2a9b84e6fb3' '" .. host.state .. "'"):read "a"
    assert.equal("", found)
    assert.is_nil(first:find("Plain-Sight", 1, true))
    assert.is_nil(first:find("sk-live", 1, true))
  end)
  it("2.4, 6.1, 6.2, 6.3, 1.5 turns the controls from failed to passed", function()
    assert.equal(1, before[1])
    assert.matches("Checks: 34 failed", before[2])
    local code, text = host:run("check", table.unpack(CONTROLS))
    assert.equal(0, code, text)
    assert.matches("Checks: 0 failed, 43 passed", text)
  end)
  it("makes no write when it is applied again, and has nothing to ask", function()
    local code, text = host:apply "harden/containers"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: 46 as declared. %d+ reads, 0 writes", text)
  end)
  it("keeps the roles of a service that is left alone from then on, also where --prune cleans up", function()
    local code, text = host:apply("harden/containers", "--prune", "--var", "skip=example-cluster/api")
    assert.equal(0, code, text)
    assert.equal("example-api-start", read("iam", "GetRole", {RoleName = "example-api-start"}).Role.RoleName)
    assert.matches("Plan: 0 to create, 0 to update, 0 to replace, 0 to delete", text)
    assert.equal(1, target "example-cluster/api".MinCapacity)
  end)
  it("owns what it made alone: no cluster, service or task definition bears a tag of it", function()
    for _, cluster in ipairs(names.clusters) do
      local found = read("ecs", "DescribeClusters", {clusters = {cluster}, include = {"TAGS"}}).clusters[1]
      assert.same({}, found.tags or {})
    end
    assert.same({}, read("ecs", "DescribeServices", {cluster = "example-cluster", services = {"api"},
      include = {"TAGS"}}).services[1].tags or {})
    local found = read("ecs", "DescribeTaskDefinition", {taskDefinition = "example-api", include = {"TAGS"}})
    assert.same({}, found.tags or {})
  end)

  describe("as far as the emulator shows it", function()
    local function grown(name, metric, percent)
      uses("ai-team", name, metric, percent)
      return live("ai-team", name).desiredCount
    end
    it("6.1 a service whose CPU is above 70 % for three minutes gets more tasks, one below does not", function()
      assert.equal(1, grown("analytics", "CPUUtilization", 70.0))
      assert.equal(2, grown("chatbot", "CPUUtilization", 91.0))
    end)
    it("6.2 a service whose memory is above 80 % gets more tasks, one below does not", function()
      assert.equal(1, grown("orchestrator", "MemoryUtilization", 79.0))
      assert.equal(2, grown("content", "MemoryUtilization", 95.0))
      local activity = read("application-autoscaling", "DescribeScalingActivities", {ServiceNamespace = "ecs",
        ResourceId = "service/ai-team/content"}).ScalingActivities[1]
      assert.matches("triggered policy content%-memory%-scaling$", activity.Cause)
    end)
    it("6.1 a service never gets more than ten", function()
      ecs:update_service {cluster = "example-cluster", service = "worker", desiredCount = 9}
      uses("example-cluster", "worker", "CPUUtilization", 100.0)
      assert.equal(10, live("example-cluster", "worker").desiredCount)
    end)
    it("6.1 the alarm that the policy made calls the policy", function()
      local found = read("application-autoscaling", "DescribeScalingPolicies", {ServiceNamespace = "ecs",
        ResourceId = "service/example-cluster/playwright", PolicyNames = {"playwright-cpu-scaling"}})
      local policy = found.ScalingPolicies[1]
      local high
      for _, a in ipairs(policy.Alarms) do high = a.AlarmName:find "AlarmHigh" and a.AlarmName or high end
      local alarm = read("cloudwatch", "DescribeAlarms", {AlarmNames = {high}}).MetricAlarms[1]
      assert.equal(70, alarm.Threshold)
      assert.equal(1, alarm.AlarmActions[1]:find(policy.PolicyARN, 1, true))
      uses("example-cluster", "playwright", "CPUUtilization", 99.0)
      read("cloudwatch", "SetAlarmState", {AlarmName = high, StateValue = "ALARM", StateReason = "a drill"})
      assert.equal("service/example-cluster/playwright", read("application-autoscaling", "DescribeScalingActivities",
        {ServiceNamespace = "ecs", ResourceId = "service/example-cluster/playwright"}).ScalingActivities[1].ResourceId)
    end)
    it("6.3 a broken release is rolled back, and tasks run all the while", function()
      local was = live("example-of-fargate", "of-sync").taskDefinition
      local d = definition(was)
      d.containerDefinitions[1].entryPoint = {"/no/such/program"}
      local broken = ecs:register_task_definition {family = d.family, cpu = d.cpu, memory = d.memory,
        networkMode = d.networkMode, requiresCompatibilities = d.requiresCompatibilities, taskRoleArn = d.taskRoleArn,
        executionRoleArn = d.executionRoleArn, containerDefinitions = d.containerDefinitions}
        .taskDefinition.taskDefinitionArn
      ecs:update_service {cluster = "example-of-fargate", service = "of-sync", taskDefinition = broken}
      local seen = {}
      for i = 1, 4 do
        local s = live("example-of-fargate", "of-sync")
        assert.equal(1, s.runningCount)
        seen[i] = s.taskDefinition == was and "before" or "broken"
      end
      assert.same({"broken", "before", "before", "before"}, seen)
      assert.equal("COMPLETED", live("example-of-fargate", "of-sync").deployments[1].rolloutState)
    end)
  end)
end)

local function track(label, name, metric, value)
  host.session.application_autoscaling:put_scaling_policy {PolicyName = name, ServiceNamespace = "ecs",
    ResourceId = "service/" .. label, ScalableDimension = "ecs:service:DesiredCount",
    PolicyType = "TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration = {TargetValue = value,
      ScaleInCooldown = 120, ScaleOutCooldown = 30,
      PredefinedMetricSpecification = {PredefinedMetricType = metric}}}
end

local function set(label, input)
  input.cluster, input.service = label:match "^(.+)/(.+)$"
  ecs:update_service(input)
end

describe("what people have set", function()
  local text
  setup(function()
    start()
    host.session.application_autoscaling:register_scalable_target {ServiceNamespace = "ecs", MinCapacity = 2,
      MaxCapacity = 5, ResourceId = "service/ai-team/analytics", ScalableDimension = "ecs:service:DesiredCount"}
    track("ai-team/analytics", "mine", CPU, 50.0)
    track("ai-team/analytics", "theirs", MEMORY, 90.0)
    local step = {ServiceNamespace = "ecs", ResourceId = "service/ai-team/chatbot",
      ScalableDimension = "ecs:service:DesiredCount"}
    step.MinCapacity, step.MaxCapacity = 1, 10
    host.session.application_autoscaling:register_scalable_target(step)
    step.MinCapacity, step.MaxCapacity = nil, nil
    step.PolicyName, step.PolicyType = "chatbot-cpu-scaling", "StepScaling"
    step.StepScalingPolicyConfiguration = {AdjustmentType = "ChangeInCapacity",
      StepAdjustments = {{MetricIntervalLowerBound = 0.0, ScalingAdjustment = 1}}}
    host.session.application_autoscaling:put_scaling_policy(step)
    set("ai-team/chatbot", {deploymentConfiguration = {deploymentCircuitBreaker = {enable = true, rollback = false,
      thresholdConfiguration = {type = "COUNT", value = 1}}}})
    set("ai-team/content", {desiredCount = 0})
    set("ai-team/orchestrator", {desiredCount = 12})
    set("example-cluster/worker", {deploymentConfiguration = {maximumPercent = 100, minimumHealthyPercent = 0}})
    set("example-of-fargate/of-sync", {deploymentConfiguration = {deploymentCircuitBreaker = {enable = true,
      rollback = true, thresholdConfiguration = {type = "BOUNDED_PERCENT", value = 10}}}})
    set("example-of-fargate/of-scraper", {taskDefinition = register("bad",
      {containerDefinitions = {container {entryPoint = {"/no/such"}}}})})
    ecs:update_cluster_settings {cluster = "example-cluster", settings = {{name = "containerInsights",
      value = "enhanced"}}}
    ecs:put_account_setting {name = "containerInsights", value = "disabled"}
    register("blue-green")
    serve("blue-green", {deploymentController = {type = "CODE_DEPLOY"}})
    register("lone", {taskRoleArn = false})
    serve "lone"
    register("orphan", {containerDefinitions = {container {environment = {{name = "DB_PASSWORD", value = "x"}}}}})
    register("reader", {containerDefinitions = {container {
      secrets = {{name = "A", valueFrom = "/app/a"}},
      environmentFiles = {{type = "s3", value = "arn:aws:s3:::b/app.env"}},
      logConfiguration = {logDriver = "awslogs", options = {["awslogs-create-group"] = "true",
        ["awslogs-group"] = "/ecs/reader", ["awslogs-region"] = "us-east-1", ["awslogs-stream-prefix"] = "r"}}}}})
    serve "reader"
    register("machine", {requiresCompatibilities = {"EC2"}, networkMode = "bridge", taskRoleArn = false,
      containerDefinitions = {container {memory = 64}}})
    ecs:create_service {cluster = "ai-team", serviceName = "machine", taskDefinition = "machine",
      schedulingStrategy = "DAEMON", launchType = "EC2"}
    local code
    code, text = host:apply("harden/containers", "--var", "insights=enabled", "--var",
      "skip=example-of-fargate/of-messages", table.unpack(ASKED))
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  local function told(words) assert.is_truthy(text:find(words, 1, true), words .. "\nis not in\n" .. text) end
  local function breaker(cluster, name)
    return live(cluster, name).deploymentConfiguration.deploymentCircuitBreaker
  end

  it("stays: limits of autoscaling, tighter or wider, with a warning", function()
    local limits = target "ai-team/analytics"
    assert.same({2, 5}, {limits.MinCapacity, limits.MaxCapacity})
    told "warning: ai-team/analytics has limits of its own, 2 to 5 instead of 1 to 10; they stay (limits=replace)"
    assert.same({}, read("application-autoscaling", "ListTagsForResource", {ResourceARN = limits.ScalableTargetARN})
      .Tags)
  end)
  it("stays: a policy that lets a service grow sooner; one that lets it grow later is tightened in its own name",
    function()
      assert.same({[CPU] = {name = "mine", value = 50, scale_in = 120, scale_out = 30},
        [MEMORY] = {name = "theirs", value = 80, scale_in = 120, scale_out = 30}}, policies "ai-team/analytics")
      told "warning: ai-team/analytics grows at 50 % of its cpu already, sooner than at 70 %; that stays"
    end)
  it("stays: a policy of another kind under the name that ours would have", function()
    local kinds = {}
    for _, p in ipairs(read("application-autoscaling", "DescribeScalingPolicies", {ServiceNamespace = "ecs",
      ResourceId = "service/ai-team/chatbot"}).ScalingPolicies) do kinds[p.PolicyName] = p.PolicyType end
    assert.same({["chatbot-cpu-scaling"] = "StepScaling", ["chatbot-cpu-scaling-target"] = "TargetTrackingScaling",
      ["chatbot-memory-scaling"] = "TargetTrackingScaling"}, kinds)
  end)
  it("stays: a breaker that gives up sooner; what it lacks is added. One that gives up later is tightened", function()
    assert.same({enable = true, rollback = true, thresholdConfiguration = {type = "COUNT", value = 1}},
      breaker("ai-team", "chatbot"))
    told "warning: ai-team/chatbot gives a release up after 1 failed task(s), sooner than after 2; that stays"
    assert.same({type = "COUNT", value = 2}, breaker("example-of-fargate", "of-sync").thresholdConfiguration)
  end)
  it("stays: no task where none runs, one where never two may run, all that run, one on each machine", function()
    assert.is_nil(target "ai-team/content")
    assert.equal(0, live("ai-team", "content").desiredCount)
    told "ai-team/content is not scaled: it runs no task"
    assert.is_nil(target "example-cluster/worker")
    told "example-cluster/worker is not scaled: never more than one task shall run (maximumPercent is 100)"
    local how = live("example-cluster", "worker").deploymentConfiguration
    assert.same({0, 100, true}, {how.minimumHealthyPercent, how.maximumPercent, how.deploymentCircuitBreaker.enable})
    assert.equal(12, target "ai-team/orchestrator".MaxCapacity)
    told "warning: ai-team/orchestrator runs 12 tasks, more than 10"
    assert.is_nil(target "ai-team/machine")
    told "ai-team/machine is not scaled: it runs one task on each machine"
    assert.is_true(breaker("ai-team", "machine").rollback)
  end)
  it("stays: what CodeDeploy releases, what is being released, and what is to be left alone", function()
    told "ai-team/blue-green is released by CodeDeploy, which rolls back in its own way"
    assert.is_false(breaker("ai-team", "blue-green").enable)
    told "blue-green:1: left as it is: no service that ECS releases runs it"
    told "bad:1 (example-of-fargate/of-scraper): left as it is: example-of-fargate/of-scraper is being released"
    assert.is_false(breaker("example-of-fargate", "of-messages").enable)
    assert.is_nil(target "example-of-fargate/of-messages")
    assert.is_nil(text:find("of-messages", 1, true))
    assert.equal("example-of-messages:1", live("example-of-fargate", "of-messages").taskDefinition:match "[^/]+$")
  end)
  it("stays: enhanced insights where enabled ones are asked for; one's own setting is told, and left", function()
    assert.equal("enhanced", insights "example-cluster")
    assert.equal("enabled", insights "ai-team")
    told "has a setting containerInsights of its own, which hides the account's default: it is left"
    assert.equal("disabled", read("ecs", "ListAccountSettings", {name = "containerInsights", effectiveSettings = true})
      .settings[1].value)
  end)
  it("stays: a task definition that no service runs; it is told, by name", function()
    told "orphan:1: what looks like a secret stands in container app: DB_PASSWORD"
    told "orphan:1: left as it is: no service that ECS releases runs it; change it where it is started from"
    assert.equal("orphan:1", read("ecs", "ListTaskDefinitions", {familyPrefix = "orphan"}).taskDefinitionArns[1]
      :match "[^/]+$")
  end)
  it("stays: a task on EC2 without a role of its own", function()
    assert.equal("machine:1", live("ai-team", "machine").taskDefinition:match "[^/]+$")
  end)
  it("1.5 gives a task that had none a role of its own, and leaves the one that starts it", function()
    told "lone:1 (ai-team/lone): no role of its own"
    local d = definition(live("ai-team", "lone").taskDefinition)
    assert.equal(names.role, d.executionRoleArn)
    assert.equal(("arn:aws:iam::%s:role/example.lone-task"):format(host.account), d.taskRoleArn)
    assert.same({}, statements "example.lone-task")
  end)
  it("1.5 lets the role that starts a task read what that task takes: parameters, files, its log group", function()
    assert.equal("example.reader-start", definition(live("ai-team", "reader").taskDefinition).executionRoleArn
      :match "[^/]+$")
    local may = statements "example.reader-start"
    assert.same({("arn:aws:ssm:us-east-1:%s:parameter/app/a"):format(host.account)}, may.Parameters.Resource)
    assert.same({"arn:aws:s3:::b/app.env"}, may.Files.Resource)
    assert.same({"arn:aws:s3:::b"}, may.Buckets.Resource)
    assert.equal("logs:CreateLogGroup", may.Groups.Action)
    assert.is_nil(may.Secrets)
  end)
  it("is no failure of a control, but for the service that was left alone", function()
    local code, said = host:run("check", "ecs-scaling", "ecs-circuit-breaker")
    assert.equal(2, code)
    assert.matches("Checks: 2 failed, 22 passed, 4 skipped", said)
    local _, count = said:gsub("example%-of%-fargate/of%-messages: ", "")
    assert.equal(2, count)
  end)
  it("is kept in a second apply, which makes no write", function()
    host.session.iam:put_role_policy {RoleName = "example.lone-task", PolicyName = "theirs",
      PolicyDocument = json.encode {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "s3:GetObject",
        Resource = "*"}}}}
    local function apply()
      local code, said = host:apply("harden/containers", "--var", "insights=enabled", "--var",
        "skip=example-of-fargate/of-messages", table.unpack(ASKED))
      assert.equal(0, code, said)
      return said
    end
    -- the release that was under way is over, rolled back: its service is next
    assert.matches("to change: 1 task definition%(s%), two roles for 1", apply())
    assert.equal("example-of-scraper:2", live("example-of-fargate", "of-scraper").taskDefinition:match "[^/]+$")
    local again = apply()
    assert.matches("Nothing was changed: %d+ as declared. %d+ reads, 0 writes", again)
  end)
  it("is replaced where that is said: limits", function()
    local code, said = host:apply("harden/containers", "--var", "limits=replace", "--var", "roles=leave", "--var",
      "secrets=leave")
    assert.equal(0, code, said)
    assert.same({1, 10}, {target "ai-team/analytics".MinCapacity, target "ai-team/analytics".MaxCapacity})
  end)
end)
