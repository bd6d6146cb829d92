-- A playbook put on a schedule, on moto: what is made, that a second add makes no write, and what is done with it then.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local program = require "support.program"

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

describe("tidelock schedule", function()
  local server <const> = moto.start()
  local folder, session, network, restore

  setup(function()
    folder = fs.tempdir "schedule_spec"
    session = server:session()
    network = {"--subnet", session.ec2:describe_subnets {}.Subnets[1].SubnetId,
      "--security-group", session.ec2:describe_security_groups {}.SecurityGroups[1].GroupId}
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = folder .. "/state"}))
  end)
  teardown(function()
    restore()
    server:stop()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  local function run(...) return program.run("schedule", ...) end

  local function add(...)
    local words = {"add", "playbooks/runbooks/security.lua", "--account", "playbooks/accounts/example.lua", "--region",
      server.region, "--image", "123.example/tidelock:1", "--yes", ...}
    table.move(network, 1, #network, #words + 1, words)
    return run(table.unpack(words))
  end

  local function schedule(name) return session.scheduler:get_schedule {Name = name, GroupName = "tidelock"} end
  local function policy(role, name)
    local text = session.iam:get_role_policy {RoleName = role, PolicyName = name}.PolicyDocument
    if type(text) == "table" then return text end
    return json.decode((text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)))
  end

  it("says all that is missing at once, and sends nothing", function()
    local code, _, err = run("add", "playbooks/runbooks/security.lua", "--rate", "1 dy")
    assert.equal(64, code)
    assert.matches('a rate is such as "1 day"', err)
    assert.matches("%-%-image .- is missing", err)
    assert.matches("%-%-subnet is missing", err)
    assert.matches("which playbook", select(3, run "add"))
    assert.matches("when%? one of %-%-rate", select(3, run("add", "playbooks/runbooks/security.lua")))
    assert.matches('does not know "ad"; did you mean "add"', select(3, run "ad"))
    assert.matches("There are no schedules in " .. server.region:gsub("%p", "%%%0"), select(2, run "list"))
  end)

  it("makes all that a run on Fargate needs, and a second add makes no write", function()
    local code, out, err = add("--rate", "1 day")
    assert.equal(0, code, err)
    assert.matches("Applied: 18 created", out)
    assert.is_nil(err:find("nobody is told", 1, true))                                       -- emails.ops is
    code, out, err = add("--rate", "1 day")
    assert.equal(0, code, err)
    assert.matches("Nothing was changed: 18 as declared. %d+ reads, 0 writes", out)
  end)

  it("starts the task of its revision, tries again, and keeps what could not be started", function()
    local live = schedule "runbooks-security"
    assert.equal("rate(1 day)", live.ScheduleExpression)
    assert.equal("FARGATE", live.Target.EcsParameters.LaunchType)
    assert.matches(":task%-definition/tidelock%-runbooks%-security:1$", live.Target.EcsParameters.TaskDefinitionArn)
    assert.equal(5, live.Target.RetryPolicy.MaximumRetryAttempts)
    assert.matches(":tidelock%-runbooks%-security%-dlq$", live.Target.DeadLetterConfig.Arn)
    local task = session.ecs:describe_task_definition {taskDefinition = "tidelock-runbooks-security"}.taskDefinition
    local container = task.containerDefinitions[1]
    assert.is_true(container.readonlyRootFilesystem)
    assert.equal("65532:65532", container.user)
    assert.same({"schedule", "task"}, {container.command[1], container.command[2]})
    for _, one in ipairs(container.environment) do
      if one.name == "AWS_REGION" then assert.equal(server.region, one.value) end      -- not the account file's
    end
    assert.equal("/tidelock/runbooks-security", container.logConfiguration.options["awslogs-group"])
    assert.equal(90, session.logs:describe_log_groups {logGroupNamePrefix = "/tidelock/"}.logGroups[1].retentionInDays)
  end)

  it("makes nothing that our own controls fail", function()
    local _, out = run("list")
    assert.matches("runbooks%-security", out)
    _, out = program.run("check", "--account", "playbooks/accounts/example.lua", "--region", server.region, "--output",
      "json")
    local seen = 0
    for _, found in ipairs(json.decode(out).results) do
      local name = type(found.subject) == "table" and found.subject.name or found.subject or ""
      if name:find("tidelock-", 1, true) then
        seen = seen + 1
        assert.is_true(found.result == "pass" or found.result == "skip", json.encode(found))
      end
    end
    assert.is_true(seen > 10, seen)
  end)

  it("lets the task do what the playbook's controls need, and nothing that writes but its journal", function()
    local found = policy("tidelock-runbooks-security-task", "task")
    local own = {}
    for _, statement in ipairs(found.Statement) do own[statement.Sid] = statement end
    local list = table.concat(own.Playbook.Action, " ")
    assert.matches("rds:DescribeDBInstances", list)
    assert.matches("cloudtrail:GetTrailStatus", list)
    for _, action in ipairs(own.Playbook.Action) do
      assert.is_nil(action:match ":Put" or action:match ":Create" or action:match ":Delete" or action:match ":Update"
        or action:match ":Modify" or action:match "%*$", action)
    end
    assert.is_nil(own.PassRole)
    assert.matches("/runs/%*$", own.Journal.Resource)
    assert.matches(":table/tidelock%-locks$", own.Lock.Resource)
  end)

  it("lets a task that tells tell those whom the account file names", function()
    write(folder .. "/telling.lua", ([[return {prefix = "mine", env = "test", region = %q, notify = {topic = "alerts",
      webhooks = {"hook"}, security_hub = true, table = "untold"}}]]):format(server.region))
    write(folder .. "/told.lua", 'playbook {name = "told"}\ncheck "c" {controls = "sqs-encryption"}\n')
    local code, _, err = run("add", folder .. "/told.lua", "--account", folder .. "/telling.lua", "--rate", "1 day",
      "--image", "i:1", "--notify", "changes", "--yes", table.unpack(network))
    assert.equal(0, code, err)
    assert.matches("nobody is told by e%-mail when a run fails", err)
    local found = {}
    for _, statement in ipairs(policy("tidelock-told-task", "task").Statement) do found[statement.Sid] = statement end
    assert.matches(":" .. server.account .. ":alerts$", found.TellTopic.Resource)
    assert.matches(":secret:hook%-%?%?%?%?%?%?$", found.TellWeb.Resource[1])
    assert.equal("securityhub:BatchImportFindings", found.TellHub.Action)
    assert.matches(":table/untold$", found.KeepUntold.Resource)
    assert.is_table(found.TellKeys)
    assert.is_nil(table.concat(found.Playbook.Action, " "):find("GetSecretValue", 1, true))
    assert.equal(0, (run("remove", "told", "--yes")))
    session.logs:delete_log_group {logGroupName = "/tidelock/told"}
  end)

  it("refuses a --notify that has nobody to tell, before it makes anything", function()
    write(folder .. "/mute.lua", ([[return {prefix = "mine", env = "test", region = %q, slack = {channel = "ops"},
      notify = {slack = true}}]]):format(server.region))
    write(folder .. "/told.lua", 'playbook {name = "told"}\ncheck "c" {controls = "sqs-encryption"}\n')
    local function refused(...)
      local code, _, err = run("add", folder .. "/told.lua", "--rate", "1 day", "--image", "i:1", "--notify", "changes",
        "--yes", ...)
      assert.equal(64, code, err)
      return err
    end
    local mute = refused("--account", folder .. "/mute.lua", "--subnet", "s")
    assert.matches("notify.slack needs slack.webhook_secret", mute)
    assert.matches("%-%-notify needs an account file", refused("--subnet", "s"))
    assert.is_nil(select(2, run "list"):find("told", 1, true))
  end)

  it("tells of a run that failed, of silence, and of what could not be started", function()
    local rule = session.events:describe_rule {Name = "tidelock-runbooks-security-failed"}
    local detail = json.decode(rule.EventPattern).detail
    assert.same({"family:tidelock-runbooks-security"}, detail.group)
    local function ended(code)
      local event = {source = "aws.ecs", ["detail-type"] = "ECS Task State Change", account = server.account,
        region = server.region, id = "1", version = "0", time = "2026-01-01T00:00:00Z", resources = json.array {},
        detail = {lastStatus = "STOPPED", group = "family:tidelock-runbooks-security", containers = {{exitCode = code}},
          stopCode = "EssentialContainerExited"}}
      return session.events:test_event_pattern {EventPattern = rule.EventPattern, Event = json.encode(event)}.Result
    end
    assert.same({false, true, true, true, false}, {ended(0), ended(1), ended(2), ended(137), ended(75)})
    local alarms = {}
    for _, alarm in ipairs(session.cloudwatch:describe_alarms {}.MetricAlarms) do alarms[alarm.AlarmName] = alarm end
    local silent = alarms["tidelock-runbooks-security-silent"]
    assert.same({"breaching", 27, 3600, "LessThanThreshold"}, {silent.TreatMissingData, silent.EvaluationPeriods,
      silent.Period, silent.ComparisonOperator})
    assert.same({WarmUpPeriodDurationInMinutes = 27 * 60, OnlyStartEvaluatingAfterWarmUpPeriodEnds = true},
      silent.WarmUpConfiguration)                -- nobody is told that what has not had its time did not run
    assert.is_nil(alarms["tidelock-runbooks-security-not-started"].WarmUpConfiguration)
    assert.is_table(alarms["tidelock-runbooks-security-not-started"])
    local filter = session.logs:describe_metric_filters {logGroupName = "/tidelock/runbooks-security"}.metricFilters[1]
    assert.equal(silent.MetricName, filter.metricTransformations[1].metricName)
  end)

  it("lets the silence alarm warm up for all the time that it looks back, two days at most", function()
    write(folder .. "/rare.lua", 'playbook {name = "rare"}\ncheck "c" {controls = "sqs-encryption"}\n')
    for rate, minutes in pairs {["15 minutes"] = 30, ["1 hour"] = 75, ["3 days"] = 2880} do
      local code, _, err = run("add", folder .. "/rare.lua", "--rate", rate, "--image", "i:1", "--yes",
        table.unpack(network))
      assert.equal(0, code, err)
      local alarm = session.cloudwatch:describe_alarms({AlarmNames = {"tidelock-rare-silent"}}).MetricAlarms[1]
      assert.equal(minutes, alarm.WarmUpConfiguration.WarmUpPeriodDurationInMinutes)
      assert.equal(minutes < 2880, minutes * 60 == alarm.EvaluationPeriods * alarm.Period)
    end
    assert.equal(0, (run("remove", "rare", "--yes")))
    session.logs:delete_log_group {logGroupName = "/tidelock/rare"}
  end)

  it("lists them, rests, and goes on", function()
    assert.matches("runbooks%-security +on +rate%(1 day%)", select(2, run "list"))
    assert.matches("rests, and its silence alarm with it", select(3, run("pause", "runbooks-security")))
    assert.equal("DISABLED", schedule "runbooks-security".State)
    assert.is_false(session.cloudwatch:describe_alarms {AlarmNames = {"tidelock-runbooks-security-silent"}}
      .MetricAlarms[1].ActionsEnabled)
    assert.matches("runbooks%-security +paused", select(2, run "list"))
    assert.matches("did you mean \"runbooks%-security\"", select(3, run("unpause", "runbooks-securty")))
    local function ended()
      local now, sum = require "tidelock.loop".time(), 0
      for _, point in ipairs(session.cloudwatch:get_metric_statistics({Namespace = "tidelock", Period = 3600,
        MetricName = "runbooks-security.ended", StartTime = now - 3600, EndTime = now + 3600,
        Statistics = {"Sum"}}).Datapoints) do
        sum = sum + point.Sum
      end
      return sum
    end
    assert.equal(0, ended())
    assert.matches("runs again", select(3, run("unpause", "runbooks-security")))
    assert.equal(1, ended())                               -- the silence alarm counts from now
    assert.matches("was not paused", select(3, run("unpause", "runbooks-security")))
    assert.equal(1, ended())
    assert.equal("on", json.decode((select(2, run("list", "--output", "json"))))[1].state)
  end)

  it("stays paused where its silence cannot begin anew: running without its alarm would be worse", function()
    local stack, others = require "cli.schedule.stack", require "cli.schedule.others"
    local real, calls = stack.session, {}
    stack.session = function()
      local function asked(service)
        return setmetatable({}, {__index = function(_, operation)
          return function()
            calls[#calls + 1] = service .. "." .. operation
            if operation == "get_schedule" then return {Name = "x", State = "DISABLED"} end
            if operation == "put_metric_data" then error({code = "AccessDenied"}, 0) end
            return {MetricAlarms = {{Namespace = "tidelock", MetricName = "x.ended"}}}
          end
        end})
      end
      return {scheduler = asked "scheduler", cloudwatch = asked "cloudwatch"}
    end
    local ok, err = pcall(others.unpause, {"x"}, {})
    stack.session = real
    assert.same({false, "AccessDenied"}, {ok, err.code})
    assert.same({"scheduler.get_schedule", "cloudwatch.describe_alarms", "cloudwatch.put_metric_data"}, calls)
  end)

  it("runs one now, with an approval in its command", function()
    local code, out, err = run("run", "runbooks-security", "--approve", "go on")
    assert.equal(0, code, err)
    local task = session.ecs:describe_tasks {cluster = "tidelock", tasks = {out:match "%S+"}}.tasks[1]
    assert.equal("tidelock schedule run", task.startedBy)
    local words = task.overrides.containerOverrides[1].command
    assert.same({"--approve", "go on"}, {words[#words - 1], words[#words]})
  end)

  it("shows the log for people and as it is", function()
    assert.matches("Nothing was written", select(3, run("logs", "runbooks-security")))
    session.logs:create_log_stream {logGroupName = "/tidelock/runbooks-security", logStreamName = "run/tidelock/1"}
    session.logs:put_log_events {logGroupName = "/tidelock/runbooks-security", logStreamName = "run/tidelock/1",
      logEvents = {{timestamp = require "tidelock.loop".time() * 1000 // 1 | 0,
        message = [[{"at":"2026-01-01T06:00:00.000Z","exit":1,"kind":"summary",]]
          .. [["message":"it broke","result":"failed"}]]}}}
    assert.equal("2026-01-01T06:00:00.000Z  summary  failed  exit 1: it broke\n",
      select(2, run("logs", "runbooks-security")))
    assert.matches('^{"at":"2026', select(2, run("logs", "runbooks-security", "--output", "json")))
    assert.matches("there is no schedule \"nightly\" in %w", select(3, run("logs", "nightly")))
  end)

  it("takes the times of the playbook's own header where none are given", function()
    local path = folder .. "/weekly.lua"
    local function plan(text)
      write(path, ('playbook {name = "weekly", schedule = %q}\n'):format(text))
      local code, out, err = run("add", path, "--image", "i:1", table.unpack(network))   -- nobody says yes
      return code, out:match "ScheduleExpression +(%b\"\")", err
    end
    assert.equal('"cron(0 6 ? * MON *)"', (select(2, plan "cron(0 6 ? * MON *)")))
    local code, shown, err = plan "2 hours"
    assert.same({64, '"rate(2 hours)"'}, {code, shown})
    assert.matches("no terminal to ask on", err)
    assert.matches("the playbook's schedule: .*fortnightly", select(3, plan "fortnightly"))
  end)

  it("puts runbooks/database-insights on its own five minutes, to read Performance Insights and publish", function()
    local code, _, err = run("add", "playbooks/runbooks/database-insights.lua", "--account",
      "playbooks/accounts/example.lua", "--region", server.region, "--image", "i:1", "--yes", table.unpack(network))
    assert.equal(0, code, err)
    assert.equal("rate(5 minutes)", schedule "runbooks-database-insights".ScheduleExpression)
    local list = table.concat(policy("tidelock-runbooks-database-insights-task", "task").Statement[1].Action, " ")
    for _, action in ipairs {"pi:DescribeDimensionKeys", "pi:GetResourceMetrics", "rds:DescribeDBInstances",
      "cloudwatch:PutMetricData"} do assert.matches(action, list, 1, true) end
    assert.equal(0, (run("remove", "runbooks-database-insights", "--yes")))
  end)

  it("takes a changed playbook along: a new bundle, a new revision, the schedule with it, in one plan", function()
    fs.mkdir(folder .. "/mine/parts")
    write(folder .. "/mine/parts/queue.lua", [[
      playbook {name = "mine/queue"}
      ensure.sqs.queue {name = "mine"}
    ]])
    local path = folder .. "/mine/nightly.lua"
    local function text(about)
      return ('playbook {name = "mine/nightly", about = %q}\ninclude "parts/queue"\n'):format(about)
    end
    write(path, text "one")
    local words = {"add", path, "--cron", "0 6 ? * MON-FRI *", "--timezone", "Europe/Berlin", "--name", "nightly",
      "--image", "i:1", "--yes", "--account", "playbooks/accounts/example.lua", "--region", server.region,
      table.unpack(network)}
    local code, out, err = run(table.unpack(words))
    assert.equal(0, code, err)
    assert.matches("Applied: 12 created, 0 updated, 0 replaced, 0 deleted, 6 unchanged", out)
    local first = schedule "nightly"
    assert.equal("Europe/Berlin", first.ScheduleExpressionTimezone)
    local actions = policy("tidelock-nightly-task", "task").Statement[1].Action
    assert.matches("sqs:CreateQueue", table.concat(actions, " "))
    write(path, text "two")
    code, out, err = run(table.unpack(words))
    assert.equal(0, code, err)
    assert.matches("~   ecs.task_definition/tidelock%-nightly", out)
    assert.matches("~   scheduler.schedule/tidelock/nightly", out)
    assert.matches(":2$", schedule "nightly".Target.EcsParameters.TaskDefinitionArn)
    assert.matches("Nothing was changed", select(2, run(table.unpack(words))))
  end)

  it("takes a schedule away, and leaves what others share and what was written", function()
    assert.matches("no terminal to ask on", select(3, run("remove", "nightly")))
    local code, out, err = run("remove", "nightly", "--yes")
    assert.equal(0, code, err)
    assert.matches("s3.bucket/%S+ +all schedules share it", out)
    assert.matches("logs.group//tidelock/nightly +what was written stays", out)
    assert.matches("Applied: 0 created, 0 updated, 0 replaced, 10 deleted, 0 unchanged", out)
    assert.is_nil((select(2, run "list")):match "nightly")
    assert.matches("runbooks%-security +on", select(2, run "list"))
    assert.equal(0, (run("remove", "runbooks-security", "--yes")))
    assert.matches("There are no schedules in " .. server.region:gsub("%p", "%%%0"), select(2, run "list"))
    local left = session.logs:describe_log_groups {logGroupNamePrefix = "/tidelock/"}.logGroups
    assert.equal(3, #left)
  end)
end)
