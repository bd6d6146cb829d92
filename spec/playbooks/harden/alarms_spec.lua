-- harden/alarms on the unhardened account: everything found is watched, in the right unit, and people hear of it.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local normal = require "resources.cloudwatch.rule".normal
local oracle = require "support.oracle"

local NOT_BEFORE <const> = {only = {"network", "containers", "queues", "data"}}

-- Alarms as boto3 sees them, by name.
local function alarms_of(host, boto)
  local where, out = {url = host.server.url, region = "us-east-1", account = host.account}, {}
  for _, kind in ipairs {"MetricAlarm", "CompositeAlarm"} do
    local token
    repeat
      local answer = boto:call(where, "cloudwatch", "DescribeAlarms", {AlarmTypes = {kind}, MaxRecords = 100,
        NextToken = token}).output
      for _, a in ipairs(answer[kind .. "s"]) do out[a.AlarmName] = oracle.plain(a) end
      token = answer.NextToken
    until not token
  end
  return out
end

local function dimension(alarm, name)
  for _, d in ipairs(alarm.Dimensions or {}) do
    if d.Name == name then return d.Value end
  end
end

describe("harden/alarms", function()
  local host, boto, names, alarms, text
  local topic = "arn:aws:sns:us-east-1:%s:example-ops-alerts"
  setup(function()
    host, boto = hardening.start(), oracle.start()
    names = account.build(host, NOT_BEFORE)
    host.session.sqs:create_queue {QueueName = "example-rate-limiter-queue"}
    local code
    code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    alarms = alarms_of(host, boto)
    topic = topic:format(host.account)
  end)
  teardown(function()
    boto:stop()
    host:close()
  end)

  -- The alarms on a metric with this dimension.
  local function on(metric, name, value)
    local out = {}
    for _, a in pairs(alarms) do
      if a.MetricName == metric and dimension(a, name) == value then out[#out + 1] = a end
    end
    return out
  end

  it("6.5 watches CPU and memory of every service there is", function()
    assert.equal(10, #names.services)
    for _, s in ipairs(names.services) do
      for metric, limit in pairs {CPUUtilization = 70, MemoryUtilization = 80} do
        local found
        for _, a in ipairs(on(metric, "ServiceName", s.name)) do
          if a.Statistic == "Average" then found = a end
        end
        assert.equal(s.cluster, dimension(found, "ClusterName"))
        assert.equal("AWS/ECS", found.Namespace)
        assert.equal(limit, found.Threshold)
        assert.equal("GreaterThanThreshold", found.ComparisonOperator)
      end
    end
  end)
  it("6.5 watches the requests of the service that is behind a load balancer, and of no other", function()
    local found = on("RequestCount", "TargetGroup", names.target_group:match ":(targetgroup/.+)$")
    assert.equal(1, #found)
    assert.equal("AWS/ApplicationELB", found[1].Namespace)
    assert.equal("Sum", found[1].Statistic)
    assert.equal(names.load_balancer:match ":loadbalancer/(.+)$", dimension(found[1], "LoadBalancer"))
    local n = 0
    for _, a in pairs(alarms) do n = n + (a.MetricName == "RequestCount" and 1 or 0) end
    assert.equal(1, n)
  end)
  it("6.5 is what the controls look for", function()
    local code, said = host:run("check", "ecs-alarms", "cloudwatch-alarm-actions")
    assert.equal(0, code, said)
    assert.matches("Checks: 0 failed, %d%d%d passed", said)
  end)
  it("watches every queue, and every dead-letter queue by another measure", function()
    local dead = {}
    for _, name in ipairs(names.dlqs) do dead[name] = true end
    for _, name in ipairs(names.queues) do
      local visible, age = on("ApproximateNumberOfMessagesVisible", "QueueName", name),
        on("ApproximateAgeOfOldestMessage", "QueueName", name)
      assert.equal(1, #visible, name)
      assert.equal("Maximum", visible[1].Statistic)          -- a sum counts each message once a sample
      assert.equal(dead[name] and 10 or 1000, visible[1].Threshold, name)
      assert.equal(dead[name] and "notBreaching" or "missing", visible[1].TreatMissingData)
      assert.equal(dead[name] and 0 or 1, #age, name)
    end
  end)
  it("watches the function: errors as percent, any throttle, and its time against its own limit", function()
    local of = "example-lambda-" .. names.func .. "-"
    assert.equal("100 * errors / invocations", alarms[of .. "errors-high"].Metrics[1].Expression)
    assert.equal(5, alarms[of .. "errors-high"].Threshold)
    assert.equal(0, alarms[of .. "throttled"].Threshold)
    assert.equal(60, alarms[of .. "throttled"].Period * alarms[of .. "throttled"].EvaluationPeriods)
    assert.equal(24000, alarms[of .. "duration-high"].Threshold)
    assert.equal("p95", alarms[of .. "duration-high"].ExtendedStatistic)
  end)
  it("tells the operations topic of every alarm, and when it is over", function()
    local n = 0
    for name, a in pairs(alarms) do
      n = n + 1
      assert.same({topic}, a.AlarmActions, name)
      assert.same({topic}, a.OKActions, name)
      assert.is_true(a.ActionsEnabled, name)
      assert.is_true(#a.AlarmDescription > 10, name)
    end
    assert.is_true(n > 100, n)
  end)
  it("tells within five minutes of what is critical, and says so of each", function()
    for _, kind in ipairs {"ecs cpu-high", "ecs memory-high", "ecs no-running-tasks", "ecs unhealthy",
      "sqs dead-letters", "rds cpu-high", "rds memory-low", "rds connections-high", "rds storage-low",
      "rds unhealthy"} do
      local seconds = text:match(kind:gsub("%-", "%%-")
        .. "%s+%d+%s+within%s+(%d+) s of the first bad minute  critical")
      assert.is_truthy(seconds, kind .. "\n" .. text:sub(1, 3000))
      assert.is_true(tonumber(seconds) < 300, kind)
    end
    for name, a in pairs(alarms) do
      if name:find "%-no%-running%-tasks$" or name:find "%-dead%-letters$" then
        assert.is_true(a.Period * a.EvaluationPeriods < 300, name)
      end
    end
  end)
  it("refuses a var by which something critical would be told too late", function()
    local code, said = host:run("plan", "playbooks/harden/alarms.lua", hardening.ACCOUNT, "--var", "evaluations=5",
      "--var", "tightened=replace")
    assert.equal(65, code, said)
    assert.matches("ecs cpu%-high is critical, and people would hear of it after 300 seconds", said)
  end)
  it("composes what wakes people: a service that does not run, a database short of anything", function()
    local s = names.services[1]
    local of = ("example-ecs-%s-%s-"):format(s.cluster, s.name)
    local rule = alarms[of .. "unhealthy"].AlarmRule
    assert.equal(('(ALARM("%scpu-high") AND ALARM("%smemory-high")) OR ALARM("%sno-running-tasks")'):format(of, of, of),
      normal(rule))
    rule = alarms["example-rds-" .. names.database .. "-unhealthy"].AlarmRule
    for _, part in ipairs {"cpu-high", "memory-low", "connections-high", "storage-low"} do
      assert.matches("ALARM%(\"example%-rds%-[%w-]+%-" .. part:gsub("%-", "%%-") .. "\"%)", rule)
    end
  end)

  -- A queue that the topic is told to.
  local function heard()
    local url = host.session.sqs:create_queue {QueueName = "heard"}.QueueUrl
    host.session.sns:subscribe {TopicArn = topic, Protocol = "sqs", Attributes = {RawMessageDelivery = "true"},
      Endpoint = ("arn:aws:sqs:us-east-1:%s:heard"):format(host.account)}
    return function()
      local out = {}
      for _, m in ipairs(host.session.sqs:receive_message {QueueUrl = url, MaxNumberOfMessages = 10}.Messages or {}) do
        local said = json.decode(m.Body)
        out[#out + 1] = said.AlarmName .. " " .. said.NewStateValue
        host.session.sqs:delete_message {QueueUrl = url, ReceiptHandle = m.ReceiptHandle}
      end
      table.sort(out)
      return out
    end, function() host.session.sqs:delete_queue {QueueUrl = url} end
  end
  it("is heard: an alarm and its composite arrive, and that they are over", function()
    local received, forget = heard()
    local of = ("example-ecs-%s-%s-"):format(names.services[1].cluster, names.services[1].name)
    local function set(state)
      host.session.cloudwatch:set_alarm_state {AlarmName = of .. "no-running-tasks", StateValue = state,
        StateReason = "spec"}
    end
    set "OK"
    received()                                               -- the composites' first states
    received()
    received()
    set "ALARM"
    assert.same({of .. "no-running-tasks ALARM", of .. "unhealthy ALARM"}, received())
    set "OK"
    assert.same({of .. "no-running-tasks OK", of .. "unhealthy OK"}, received())
    forget()
  end)

  it("makes no write when it is applied again", function()
    local code, said = host:apply "harden/alarms"
    assert.equal(0, code, said)
    assert.matches("Nothing was changed: %d+ as declared%. %d+ reads, 0 writes", said)
  end)
  it("keeps what a person tightened, with a warning, and replaces it only when told to", function()
    local name = "example-rds-" .. names.database .. "-cpu-high"
    local a = alarms[name]
    local function live() return host.session.cloudwatch:describe_alarms {AlarmNames = {name}}.MetricAlarms[1] end
    local function put(threshold, periods)
      host.session.cloudwatch:put_metric_alarm {AlarmName = name, Namespace = a.Namespace, MetricName = a.MetricName,
        Dimensions = a.Dimensions, Statistic = "Average", Period = 60, EvaluationPeriods = periods,
        Threshold = threshold, ComparisonOperator = a.ComparisonOperator, AlarmActions = {topic}}
    end
    put(60, 2)
    local code, said = host:apply "harden/alarms"
    assert.equal(0, code, said)
    assert.matches("warning: " .. name:gsub("%-", "%%-") .. " tells at 60 where it would be made with 80", said)
    assert.matches("tells within 120 s where it would be made with 240 s", said)
    assert.equal(60, live().Threshold)
    assert.equal(2, live().EvaluationPeriods)
    assert.same({topic}, live().OKActions)                   -- the rest is put right all the same
    put(95, 9)                                               -- loosened: that is drift
    assert.equal(0, (host:apply "harden/alarms"))
    assert.equal(80, live().Threshold)
    put(60, 4)
    assert.equal(0, (host:apply("harden/alarms", "--var", "tightened=replace")))
    assert.equal(80, live().Threshold)
  end)
  it("leaves the limiter to its own playbook where that has made its alarms", function()
    host.session.cloudwatch:put_metric_alarm {AlarmName = "example-rate-limiter-fails", Namespace = "n",
      MetricName = "m", Statistic = "Sum", Period = 60, EvaluationPeriods = 1, Threshold = 1,
      ComparisonOperator = "GreaterThanThreshold"}
    local _, said = host:run("plan", "playbooks/harden/alarms.lua", hardening.ACCOUNT)
    assert.is_nil(said:find("limiter latency-high", 1, true))
    assert.is_truthy(text:find("limiter latency-high", 1, true))
    host.session.cloudwatch:delete_alarms {AlarmNames = {"example-rate-limiter-fails"}}
  end)
  it("follows what is new, and says when a service is scaled to nothing", function()
    host.session.sqs:create_queue {QueueName = "new-one"}
    host.session.ecs:update_service {cluster = "ai-team", service = "chatbot", desiredCount = 0}
    local code, said = host:run("plan", "playbooks/harden/alarms.lua", hardening.ACCOUNT)
    assert.equal(0, code, said)
    assert.matches("%+%s+cloudwatch%.alarm/example%-sqs%-new%-one%-age%-high%s+create", said)
    assert.matches("ai%-team/chatbot is scaled to 0: nobody is told", said)
  end)

  it("goes on telling whom somebody has its alarms tell too, and takes nothing of that for drift", function()
    local pager = ("arn:aws:sns:us-east-1:%s:pager"):format(host.account)
    local metric, whole = "example-ecs-ai-team-content-cpu-high", "example-ecs-ai-team-content-unhealthy"
    local a = alarms[metric]
    host.session.cloudwatch:put_metric_alarm {AlarmName = metric, Namespace = a.Namespace, MetricName = a.MetricName,
      Dimensions = a.Dimensions, Statistic = a.Statistic, Period = a.Period, EvaluationPeriods = a.EvaluationPeriods,
      Threshold = 99.0, ComparisonOperator = a.ComparisonOperator, AlarmActions = {topic, pager}, OKActions = {topic}}
    host.session.cloudwatch:put_composite_alarm {AlarmName = whole, AlarmRule = alarms[whole].AlarmRule,
      AlarmActions = {pager}}
    local code, said = host:apply "harden/alarms"
    assert.equal(0, code, said)
    local now = alarms_of(host, boto)
    assert.equal(70, now[metric].Threshold)
    for _, name in ipairs {metric, whole} do
      table.sort(now[name].AlarmActions)
      assert.same({topic, pager}, oracle.plain(now[name].AlarmActions), name)
      assert.same({topic}, oracle.plain(now[name].OKActions), name)
    end
    code, said = host:apply "harden/alarms"
    assert.equal(0, code, said)
    assert.matches(" 0 writes", said)
  end)
  it("takes nobody's place who is told already: five are as many as AWS takes", function()
    local metric, pagers = "example-ecs-ai-team-content-memory-high", {}
    for i = 1, 5 do pagers[i] = ("arn:aws:sns:us-east-1:%s:pager-%d"):format(host.account, i) end
    local a = alarms[metric]
    host.session.cloudwatch:put_metric_alarm {AlarmName = metric, Namespace = a.Namespace, MetricName = a.MetricName,
      Dimensions = a.Dimensions, Statistic = a.Statistic, Period = a.Period, EvaluationPeriods = a.EvaluationPeriods,
      Threshold = 99.0, ComparisonOperator = a.ComparisonOperator, AlarmActions = pagers}
    local code, said = host:apply "harden/alarms"
    assert.equal(0, code, said)
    assert.matches(metric .. ": AlarmActions has five others already, as many as AWS takes, so example-ops-alerts is"
      .. " not told", said, 1, true)
    local now = alarms_of(host, boto)[metric]
    table.sort(now.AlarmActions)
    assert.same(pagers, oracle.plain(now.AlarmActions))
    assert.same({topic}, oracle.plain(now.OKActions))
  end)
  it("takes what is called or used as a dead-letter queue for one, alarms and dashboards alike", function()
    local function on_dashboard()
      local body = json.decode(host.session.cloudwatch:get_dashboard {
        DashboardName = "example-queues-and-functions"}.DashboardBody)
      for _, w in ipairs(body.widgets) do
        if w.properties.title == "Dead letters" then return json.encode(w.properties.metrics) end
      end
    end
    local function dead() return #on("ApproximateNumberOfMessagesVisible", "QueueName", "cellar") end
    local sqs = host.session.sqs
    local url = sqs:create_queue {QueueName = "cellar"}.QueueUrl
    sqs:create_queue {QueueName = "deadlines"}                       -- a word in a name makes none
    local arn = sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"QueueArn"}}.Attributes.QueueArn
    sqs:create_queue {QueueName = "kitchen", Attributes = {RedrivePolicy = json.encode {deadLetterTargetArn = arn,
      maxReceiveCount = 5}}}
    for _, file in ipairs {"harden/alarms", "harden/dashboards"} do
      local code, said = host:apply(file)
      assert.equal(0, code, said)
      assert.is_truthy(on_dashboard():find('"cellar"', 1, true), file)
      assert.is_nil(on_dashboard():find('"deadlines"', 1, true), file)
    end
    alarms = alarms_of(host, boto)
    assert.equal(1, dead())
    assert.is_table(alarms["example-sqs-cellar-dead-letters"])
    assert.is_table(alarms["example-sqs-deadlines-age-high"])
  end)
  it("draws dashboards in the form that CloudWatch takes, of what there is", function()
    local where = {url = host.server.url, region = "us-east-1", account = host.account}
    local entries = boto:call(where, "cloudwatch", "ListDashboards", {}).output.DashboardEntries
    local found = {}
    for _, e in ipairs(entries) do
      local body = json.decode(boto:call(where, "cloudwatch", "GetDashboard",
        {DashboardName = e.DashboardName}).output.DashboardBody)
      found[e.DashboardName] = body
      assert.same({}, require "resources.cloudwatch.widgets".faults(body))
    end
    for _, name in ipairs {"ecs-container-insights", "alarms-overview", "rds-performance", "queues-and-functions",
      "rate-limiter", "s3-storage"} do assert.is_table(found["example-" .. name], name) end
    local shown = json.encode(found["example-alarms-overview"])
    assert.is_truthy(shown:find(":alarm:example-rds-" .. names.database .. "-unhealthy", 1, true))
    assert.is_truthy(json.encode(found["example-ecs-container-insights"]):find('"ai-team","ServiceName","chatbot"', 1,
      true))
  end)

  it("takes back with --prune the alarms of what is gone: first what is composed of them", function()
    host.session.ecs:delete_service {cluster = "ai-team", service = "chatbot", force = true}
    host.session.rds:delete_db_instance {DBInstanceIdentifier = names.database, SkipFinalSnapshot = true}
    local code, said = host:apply("harden/alarms", "--prune")
    assert.equal(0, code, said)
    for name in pairs(alarms_of(host, boto)) do
      assert.is_nil(name:find("ai%-team%-chatbot%-"), name)
      assert.is_nil(name:find("^example%-rds%-"), name)
    end
  end)
  it("is taken back as a whole by destroy", function()
    local code, said = host:run("destroy", "playbooks/harden/alarms.lua", hardening.ACCOUNT, "--confirm",
      "harden/alarms")
    assert.equal(0, code, said)
    assert.is_nil(next(alarms_of(host, boto)))
  end)
end)

describe("harden/alarms on an empty account", function()
  it("says that there is nothing to watch, and where it has looked", function()
    local host = hardening.start()
    local code, text = host:run("plan", "playbooks/harden/alarms.lua", hardening.ACCOUNT, "--region", "eu-west-1")
    host:close()
    assert.equal(0, code, text)
    assert.matches("There is nothing to watch in eu-west-1 yet", text, 1, true)
    assert.is_nil(text:find("0 alarms", 1, true))
  end)
end)

describe("harden/alarms, while somebody deletes,", function()
  it("takes a queue that is still listed and no more there for gone", function()
    local host = hardening.start {slow = 60}
    local sqs = host.session.sqs
    sqs:create_queue {QueueName = "stays"}
    local url = sqs:create_queue {QueueName = "goes"}.QueueUrl
    sqs:delete_queue {QueueUrl = url}
    local listed = sqs:list_queues {}.QueueUrls
    local code, text = host:run("plan", "playbooks/harden/alarms.lua", hardening.ACCOUNT)
    host:close()
    assert.equal(2, #listed)
    assert.equal(0, code, text)
    assert.is_truthy(text:find("cloudwatch.alarm/example-sqs-stays-age-high", 1, true), text)
    assert.is_nil(text:find("example-sqs-goes", 1, true))
  end)
end)
