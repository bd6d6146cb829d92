-- The rate limiter's deployment, criteria 5.1 to 5.5 as far as they are settings: applied on moto, read back by boto3,
-- applied again without a write, rolled back, taken away.
local elf = require "support.elf"
local emf = require "support.emf"
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local oracle = require "support.oracle"

local PLAYBOOK <const> = "playbooks/provision/rate-limiter.lua"
local NAME <const> = "example-rate-limiter"

local function camel(name)
  return (("_" .. name):gsub("_(%l)", string.upper))
end

describe("provision/rate-limiter", function()
  local account, boto, folder, program, file

  local function write(name, text)
    local out <close> = assert(io.open(folder .. "/" .. name, "w"))
    out:write(text)
    return folder .. "/" .. name
  end
  local function account_file(consumer, more)
    return write("account.lua", ([[
return {name = "example", prefix = "example", env = "production", region = "us-east-1", consumer = %q,
  emails = {ops = "ops@example.com"},
  limiter = {url = "https://site.example.com/{userId}", site_secret = "example/site-token",
    redis = "rediss://redis.example.com:6379", redis_secret = "example/redis/auth-token", %s}}
]]):format(consumer, more or ""))
  end
  local function run(word, ...)
    return account:run(word, PLAYBOOK, "--account=" .. file, "--var", "program=" .. program, ...)
  end
  local function apply(...)
    local code, text = run("apply", "--yes", ...)
    assert.equal(0, code, text)
    return text
  end
  local function ask(service, operation, input)
    local answer = boto:call(account.server, service, camel(operation), input or {})
    assert.is_nil(answer.error, answer.error and answer.error.message)
    return oracle.plain(answer.output)
  end
  local function start(consumer, more)
    account, folder = hardening.start(), fs.tempdir "limiter"
    program, file = elf.write(folder .. "/program"), account_file(consumer, more)
    account.session.sns:create_topic {Name = "example-ops-alerts"}
  end
  local function stop()
    account:close()
    os.execute("rm -rf '" .. folder .. "'")
  end

  setup(function() boto = oracle.start() end)
  teardown(function() boto:stop() end)

  describe("with a function", function()
    setup(function()
      start("lambda", 'subnets = {"subnet-1", "subnet-2"}, security_groups = {"sg-1"}')
      apply("--var", "token=HOME")                 -- any variable that there is
    end)
    teardown(stop)

    it("5.1 has one queue, read by long polling, hidden six times as long as a run may take", function()
      local url = ask("sqs", "get_queue_url", {QueueName = NAME .. "-queue"}).QueueUrl
      local a = ask("sqs", "get_queue_attributes", {QueueUrl = url, AttributeNames = {"All"}}).Attributes
      assert.same({"20", "180"}, {a.ReceiveMessageWaitTimeSeconds, a.VisibilityTimeout})
      local sender = ask("lambda", "get_function_configuration", {FunctionName = NAME})
      assert.is_true(tonumber(a.VisibilityTimeout) >= 6 * sender.Timeout)
    end)
    it("5.2 has one consumer, a function that runs once at a time and takes one message each time", function()
      assert.equal(1, ask("lambda", "get_function_concurrency", {FunctionName = NAME}).ReservedConcurrentExecutions)
      local arn = ("arn:aws:sqs:us-east-1:%s:%s-queue"):format(account.account, NAME)
      local all = ask("lambda", "list_event_source_mappings", {EventSourceArn = arn}).EventSourceMappings
      assert.equal(1, #all)
      assert.same({1, "Enabled", "ReportBatchItemFailures"},
        {all[1].BatchSize, all[1].State, all[1].FunctionResponseTypes[1]})
      assert.matches(":example%-rate%-limiter:live$", all[1].FunctionArn)
    end)
    it("5.3 has a sender that knows its Redis, by the name of its secret and not by the secret", function()
      local live = ask("lambda", "get_function_configuration", {FunctionName = NAME})
      assert.same({"provided.al2023", "rate-limiter", 30, 256, "Active"},
        {live.Runtime, live.Handler, live.Timeout, live.MemorySize, live.TracingConfig.Mode})
      assert.same({"subnet-1", "subnet-2"}, live.VpcConfig.SubnetIds)
      local vars = json.decode(live.Environment.Variables.TIDELOCK_VARS)
      assert.same({"rediss://redis.example.com:6379", "example/redis/auth-token", "example/site-token", 5},
        {vars.redis, vars.redis_secret, vars.secret, vars.tries})
      assert.equal("/var/task/account.lua", live.Environment.Variables.TIDELOCK_ACCOUNT)
      local held = ask("secretsmanager", "get_secret_value", {SecretId = "example/site-token"}).SecretString
      assert.equal(os.getenv "HOME", held)
    end)
    it("5.3 gives the sender's handler nothing that it refuses: its own vars, and its account", function()
      local live = ask("lambda", "get_function_configuration", {FunctionName = NAME})
      local given = json.decode(live.Environment.Variables.TIDELOCK_VARS)
      for name, value in pairs(given) do given[name] = tostring(value) end
      local own = write("own.lua", 'return {prefix = "example", env = "production", consumer = "lambda"}')
      local spec = require "cli.consuming".load("playbooks/workers/rate-limiter.lua", given, own)
      assert.equal(NAME .. "-queue", spec.queue)
    end)
    it("5.4 makes a message that failed five times a dead letter", function()
      local url = ask("sqs", "get_queue_url", {QueueName = NAME .. "-queue"}).QueueUrl
      local a = ask("sqs", "get_queue_attributes", {QueueUrl = url, AttributeNames = {"RedrivePolicy"}}).Attributes
      local policy = json.decode(a.RedrivePolicy)
      assert.matches("rate%-limiter%-queue%-dlq$", policy.deadLetterTargetArn)
      assert.equal(5, tonumber(policy.maxReceiveCount))
    end)
    it("5.5 has a front door of its own, not held up by the sender, for callers with credentials", function()
      local url = ask("lambda", "get_function_url_config", {FunctionName = NAME .. "-front", Qualifier = "live"})
      assert.equal("AWS_IAM", url.AuthType)
      local got = boto:call(account.server, "lambda", "GetFunctionConcurrency", {FunctionName = NAME .. "-front"})
      assert.is_nil(got.output.ReservedConcurrentExecutions)
      assert.equal(0, #ask("lambda", "list_event_source_mappings", {FunctionName = NAME .. "-front"})
        .EventSourceMappings)
    end)

    -- Every statement of a role: {sid = {actions, resources}}.
    local function statements(role)
      local document = ask("iam", "get_role_policy", {RoleName = role, PolicyName = "limiter"}).PolicyDocument
      local out = {}
      for _, s in ipairs(document.Statement) do out[s.Sid] = s end
      return out
    end

    it("lets each function do what it needs, on its own things only", function()
      local sender, front = statements(NAME .. "-role"), statements(NAME .. "-front-role")
      local queue = ("arn:aws:sqs:us-east-1:%s:%s-queue"):format(account.account, NAME)
      assert.equal(queue, sender.Queue.Resource)
      assert.equal(queue .. "-dlq", sender.DeadLetters.Resource)
      assert.same({ask("secretsmanager", "describe_secret", {SecretId = "example/site-token"}).ARN,
        ("arn:aws:secretsmanager:us-east-1:%s:secret:example/redis/auth-token-??????"):format(account.account)},
        sender.Secrets.Resource)
      assert.same({"sqs:GetQueueUrl", "sqs:SendMessage"}, front.Queue.Action)
      assert.equal(("arn:aws:secretsmanager:us-east-1:%s:secret:example/redis/auth-token-??????")
        :format(account.account), front.Secrets.Resource[1] or front.Secrets.Resource)
      for _, role in ipairs {sender, front} do
        for sid, s in pairs(role) do
          local wide = s.Resource == "*" and s.Effect == "Allow"
          assert.equal(wide and (sid == "Network" or sid == "Traces"), wide, sid)
          for _, action in ipairs(type(s.Action) == "table" and s.Action or {s.Action}) do
            assert.not_matches("%*", action)
          end
        end
        assert.equal("Deny", role.NotTheProgram.Effect)
      end
    end)

    it("alarms on metrics that are emitted, by the statistic that fits their unit, and tells the topic", function()
      local emitted, seen = emf.limiter "production", 0
      local topic = "arn:aws:sns:us-east-1:" .. account.account .. ":example-ops-alerts"
      local alarms = ask("cloudwatch", "describe_alarms", {AlarmNamePrefix = NAME}).MetricAlarms
      assert.equal(13, #alarms)
      for _, a in ipairs(alarms) do
        assert.same({topic}, a.AlarmActions, a.AlarmName)
        for _, metric in ipairs(emf.watched(a, emitted.namespace)) do
          seen = seen + 1
          assert.is_string(emitted.units[metric.MetricName], metric.MetricName)
          assert.same(emitted.dimensions, metric.Dimensions)
        end
        local unit = a.Namespace == emitted.namespace and emitted.units[a.MetricName]
        if unit == "Count" then assert.equal("Sum", a.Statistic) end
        if unit == "Milliseconds" then assert.matches("^p%d", a.ExtendedStatistic) end
      end
      assert.equal(8, seen)
    end)
    it("draws every metric that is emitted, in a form that CloudWatch draws", function()
      local emitted, drawn = emf.limiter "production", {}
      local body = json.decode(ask("cloudwatch", "get_dashboard", {DashboardName = NAME .. "-messages"}).DashboardBody)
      for _, w in ipairs(body.widgets) do
        for _, m in ipairs(w.properties.metrics or {}) do
          if m[1] == emitted.namespace then
            assert.is_string(emitted.units[m[2]], m[2])
            assert.same({"Environment", "production"}, {m[3], m[4]})
            drawn[m[2]] = true
          end
        end
      end
      for name in pairs(emitted.units) do assert.is_true(drawn[name], name .. " is drawn nowhere") end
    end)

    it("is what the checks of the limiter want", function()
      local _, text = account:run("check", "lambda-*", "sqs-*", "--account=" .. file, "--output", "json")
      local passed, others = {}, {skip = true, pass = true}
      for _, one in ipairs(json.decode(text).results) do
        if one.result == "pass" and passed[one.id] == nil then passed[one.id] = true end
        if not others[one.result] and not one.subject.name:find "hybrid%-workflows" then
          passed[one.id] = one.evidence
        end
      end
      for _, id in ipairs {"lambda-limiter-concurrency", "lambda-queue-visibility", "lambda-runtime",
        "sqs-dead-letters", "sqs-queue-settings", "sqs-dead-letter-retention", "sqs-encryption"} do
        assert.is_true(passed[id], id .. ": " .. tostring(passed[id]))
      end
    end)
    it("makes no write the second time", function()
      local code, text = run("plan", "--detailed-exitcode")
      assert.equal(0, code, text)
      assert.matches(" 0 writes", apply())
    end)
    it("keeps the zip and the token out of what is printed and journalled", function()
      local got = require "tidelock.proc".run {"sh", "-c", "cat $(find '" .. account.state .. "' -type f)"}
      assert.is_true(#got.stdout > 1000)
      assert.is_nil(got.stdout:find("PK\3\4", 1, true))
      assert.is_nil(got.stdout:find('"' .. os.getenv "HOME" .. '"', 1, true))
      assert.is_true(#got.stdout < 400000, "the journal is too long: " .. #got.stdout)
    end)

    local function in_use()
      return ask("lambda", "get_alias", {FunctionName = NAME, Name = "live"}).FunctionVersion
    end

    it("rolls a new program out under the same alias, and back to an older version", function()
      assert.equal("1", in_use())
      elf.write(program, {more = "a new program"})
      local before = ask("lambda", "get_function_configuration", {FunctionName = NAME}).CodeSha256
      apply()
      assert.equal("2", in_use())
      assert.not_equal(before, ask("lambda", "get_function_configuration", {FunctionName = NAME}).CodeSha256)
      apply("--var", "version=1")
      assert.equal("1", in_use())
      assert.equal(before,
        ask("lambda", "get_function_configuration", {FunctionName = NAME, Qualifier = "live"}).CodeSha256)
      apply()
      assert.equal("2", in_use())
    end)
    it("goes back by its runbook: the queue waits, and is read again", function()
      local function back(...)
        return account:run("run", "playbooks/runbooks/rate-limiter-rollback.lua", "--account=" .. file, "--yes",
          "--var", "drain=0", ...)
      end
      local code, text = back()
      assert.equal(0, code, text)
      assert.matches("from version 2 back to 1", text)
      assert.equal("1", in_use())
      assert.equal("Enabled", ask("lambda", "list_event_source_mappings").EventSourceMappings[1].State)
      code, text = back()
      assert.equal(1, code, text)
      assert.matches("is at version 1, and there is no older one%. Its versions: 2, 1", text)
      code, text = back("--var", "version=9")
      assert.equal(1, code, text)
      assert.matches("there is no version 9", text)
      assert.equal(0, (back("--var", "version=2")))
      assert.equal("2", in_use())
    end)
    it("refuses a worker beside the function, with what to do", function()
      file = account_file "worker"
      local code, text = run("apply", "--yes")
      assert.equal(1, code, text)
      assert.matches("consumer = \"worker\", but the function .*:example%-rate%-limiter:live still reads", text)
      assert.matches("update%-event%-source%-mapping %-%-uuid %S+%s+%-%-no%-enabled", text)
      file = account_file("lambda", 'subnets = {"subnet-1", "subnet-2"}, security_groups = {"sg-1"}')
    end)
    it("becomes a worker's: the mapping is stopped by hand, what is left of the function pruned", function()
      local one = ask("lambda", "list_event_source_mappings").EventSourceMappings[1]
      ask("lambda", "update_event_source_mapping", {UUID = one.UUID, Enabled = false})
      apply "--prune"                              -- declared still: enabled again, and nothing pruned
      assert.equal("Enabled", ask("lambda", "get_event_source_mapping", {UUID = one.UUID}).State)
      ask("lambda", "update_event_source_mapping", {UUID = one.UUID, Enabled = false})
      file = account_file "worker"
      apply "--prune"
      assert.equal(0, #ask("lambda", "list_event_source_mappings").EventSourceMappings)
      local names = {}
      for i, f in ipairs(ask("lambda", "list_functions").Functions) do names[i] = f.FunctionName end
      assert.same({NAME .. "-front"}, names)
      assert.equal(10, #ask("cloudwatch", "describe_alarms", {AlarmNamePrefix = NAME}).MetricAlarms)
    end)
    it("takes everything away again, but for what only waits to be deleted", function()
      local code, text = run("destroy", "--confirm", "provision/rate-limiter")
      assert.equal(0, code, text)
      assert.equal(0, #ask("lambda", "list_functions").Functions)
      assert.equal(0, #ask("lambda", "list_event_source_mappings").EventSourceMappings)
      assert.equal(0, #ask("cloudwatch", "describe_alarms").MetricAlarms)
      assert.equal(0, #ask("iam", "list_roles").Roles)
    end)
    it("has no older version to go back to then, and the runbook says so", function()
      local code, text = account:run("run", "playbooks/runbooks/rate-limiter-rollback.lua", "--account=" .. file,
        "--yes")
      assert.equal(1, code, text)
      assert.matches("There is no function example%-rate%-limiter with an alias live here", text)
    end)
  end)

  describe("with a worker", function()
    setup(function() start "worker" end)
    teardown(stop)

    it("has the queue, the door and the alarms, and no function that reads the queue", function()
      apply("--var", "front=NONE")
      local names = {}
      for i, f in ipairs(ask("lambda", "list_functions").Functions) do names[i] = f.FunctionName end
      assert.same({NAME .. "-front"}, names)
      assert.equal(0, #ask("lambda", "list_event_source_mappings").EventSourceMappings)
      local policy = json.decode(ask("lambda", "get_policy", {FunctionName = NAME .. "-front", Qualifier = "live"})
        .Policy)
      assert.equal(2, #policy.Statement)
      assert.equal(10, #ask("cloudwatch", "describe_alarms", {AlarmNamePrefix = NAME}).MetricAlarms)
      local code, text = run("plan", "--detailed-exitcode", "--var", "front=NONE")
      assert.equal(0, code, text)
    end)
    it("refuses a function beside the worker's service, with what to do", function()
      local ecs = account.session.ecs
      ecs:create_cluster {clusterName = "c"}
      local task = ecs:register_task_definition {family = "limiter", containerDefinitions = {{name = "w", image = "t",
        memory = 64, command = {"worker", "playbooks/workers/rate-limiter.lua"}}}}.taskDefinition.taskDefinitionArn
      ecs:create_service {cluster = "c", serviceName = "sends", taskDefinition = task, desiredCount = 1}
      file = account_file "lambda"
      local code, text = run("apply", "--yes")
      assert.equal(1, code, text)
      assert.matches("the service sends of c runs the worker", text)
      ecs:update_service {cluster = "c", service = "sends", desiredCount = 0}
      apply()
      file = account_file "worker"
    end)
  end)

  it("refuses alarms that nobody would hear, and a program that Lambda could not start", function()
    start "lambda"
    local code, text = run("apply", "--yes", "--var", "topic=arn:aws:sns:us-east-1:123456789012:nobody")
    assert.equal(1, code, text)
    assert.matches("There is no topic arn:aws:sns:us%-east%-1:123456789012:nobody, so no alarm", text)
    elf.write(program, {interpreter = true})
    code, text = run("plan")
    assert.equal(65, code, text)
    assert.matches("build one that needs none %(make dist%)", text)
    stop()
  end)
end)
