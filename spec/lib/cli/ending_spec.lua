-- ending_spec.lua -- what takes away, and what is left of a run: destroy, prune, reports, traces of commands that fail.
local fs = require "tidelock.fs"
local httpd = require "support.httpd"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"
local terminal = require "support.terminal"

local MANY <const> = [[playbook {name = "spec/many"}
local key = ensure.kms.key {name = "alias/one", PendingWindowInDays = 7}
ensure.kms.alias {name = "alias/two", TargetKeyId = key.id}
local topic = ensure.sns.topic {name = "told"}
ensure.sns.subscription {TopicArn = topic.arn, Protocol = "sqs", Endpoint = ensure.sqs.queue {name = "heard"}.arn}
ensure.iam.role {name = "worker", AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow",
  Action = "sts:AssumeRole", Principal = {Service = "ec2.amazonaws.com"}}}}}
ensure.budgets.budget {name = "month", BudgetType = "COST", TimeUnit = "MONTHLY",
  BudgetLimit = {Amount = "5", Unit = "USD"}}
local monitor = ensure.ce.anomaly_monitor {name = "watch", MonitorType = "DIMENSIONAL", MonitorDimension = "SERVICE"}
ensure.ce.anomaly_subscription {name = "tell", MonitorArnList = {monitor.arn}, Frequency = "DAILY",
  Subscribers = {{Type = "EMAIL", Address = "a@example.com"}}, ThresholdExpression = {Dimensions = {
    Key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE", MatchOptions = {"GREATER_THAN_OR_EQUAL"}, Values = {"100"}}}}]]

local LESS <const> = [[playbook {name = "spec/many"}
local topic = ensure.sns.topic {name = "told"}
ensure.sns.subscription {TopicArn = topic.arn, Protocol = "email", Endpoint = "b@example.com"}]]

describe("on an account", function()
  local server <const> = moto.start()
  local listener <const> = httpd.start()
  local dir <const> = fs.tempdir "ending_spec"
  local session
  teardown(function()
    server:stop()
    listener:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  before_each(function()
    server:reset()
    session = server:session()
  end)

  local function file(text, name)
    local path = dir .. "/" .. (name or "play") .. ".lua"
    assert(fs.write(path, text))
    return path
  end

  local function command(more, ...)
    local env = {TIDELOCK_STATE = dir .. "/" .. server.account, NO_COLOR = "1", TERM = "xterm", CI = false}
    for k, v in pairs(server.env) do env[k] = v end
    for k, v in pairs(more) do env[k] = v end
    return program.command(env, ...)
  end

  local function run(...) return assert(proc.run(command({}, ...))) end

  local function applied(text)
    local out = run("apply", file(text), "--yes")
    assert.equal(0, out.code, out.stdout .. out.stderr)
  end

  local function roles()
    local out = {}
    for role in session.iam:items("list_roles", {}) do out[#out + 1] = role.RoleName end
    return out
  end

  it("destroy deletes keys, names of keys, anomaly detection, subscriptions and roles too", function()
    applied(MANY)
    local id = session.kms:describe_key {KeyId = "alias/one"}.KeyMetadata.KeyId
    local out = run("destroy", file(MANY), "--confirm", "spec/many")
    assert.equal(0, out.code, out.stdout .. out.stderr)
    assert.matches("9 deleted", out.stdout)
    local key = session.kms:describe_key {KeyId = id}.KeyMetadata
    assert.equal("PendingDeletion", key.KeyState)
    local days = (key.DeletionDate - require "tidelock.loop".time()) / 86400
    assert.is_true(days > 6 and days < 8, "the window that the playbook gives, not " .. days)
    assert.same({}, session.ce:get_anomaly_monitors {}.AnomalyMonitors)
    assert.same({}, session.ce:get_anomaly_subscriptions {}.AnomalySubscriptions)
    assert.same({}, session.sns:list_subscriptions {}.Subscriptions)
    assert.same({}, roles())
  end)

  it("prune finds by a service's own list what the tag call does not know, and says what it cannot see", function()
    applied(MANY)
    local plan = run("plan", file(LESS), "--prune")
    for _, address in ipairs {"iam.role/worker", "budgets.budget/month", "ce.anomaly_monitor/watch",
      "ce.anomaly_subscription/tell", "sqs.queue/heard"} do
      assert.matches(address .. " +delete, spec/many owns it", (plan.stdout:gsub("%-  ", "")), 1)
    end
    assert.matches("key/%S+ is owned by spec/many and stays: what it has encrypted is lost", plan.stderr)
    assert.matches("cannot see what is no longer declared of sns.subscription", plan.stderr)
    local data = assert(json.decode(run("plan", file(LESS), "--prune", "--output", "json").stdout))
    assert.matches("cannot see what is no longer declared of sns.subscription", table.concat(data.notes, "\n"))
    local out = run("apply", file(LESS), "--prune", "--yes")
    assert.equal(0, out.code, out.stdout .. out.stderr)
    assert.matches("5 deleted", out.stdout)
    assert.same({}, roles())
    assert.equal("Enabled", session.kms:describe_key {KeyId = "alias/one"}.KeyMetadata.KeyState)
  end)

  it("destroy takes only the playbook's name, typed, and refuses what is protected before anything goes", function()
    local text = 'playbook {name = "spec/safe"} ensure.sqs.queue {name = "a"} ensure.sqs.queue {name = "b"%s}'
    applied(text:format "")
    local out = terminal.run(command({}, "destroy", file(text:format "")), {{"Type the playbook's name to go on: ",
      "yes\n"}})
    assert.equal(0, out.code, out.output)
    assert.matches("Nothing was changed", out.output)
    assert.equal(2, #session.sqs:list_queues {}.QueueUrls)
    local refused = run("destroy", file(text:format ", protect = true"), "--confirm", "spec/safe")
    assert.equal(1, refused.code)
    assert.matches("Nothing was deleted, because of what is protected: sqs.queue/b: the playbook says protect = true",
      refused.stderr)
    assert.equal(2, #session.sqs:list_queues {}.QueueUrls)
    out = terminal.run(command({}, "destroy", file(text:format "")), {{"Type the playbook's name to go on: ",
      "spec/safe\n"}})
    assert.equal(0, out.code, out.output)
    assert.same({}, session.sqs:list_queues {}.QueueUrls or {})
  end)

  it("destroy refuses a table that is protected from deletion in the account itself", function()
    local text = [[playbook {name = "spec/table"} ensure.sqs.queue {name = "a"}
      ensure.dynamodb.table {name = "t", BillingMode = "PAY_PER_REQUEST", DeletionProtectionEnabled = true,
        AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
        KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}}]]
    applied(text)
    local out = run("destroy", file(text), "--confirm", "spec/table")
    assert.equal(1, out.code, out.stdout .. out.stderr)
    assert.matches("because of what is protected: dynamodb.table/t", out.stderr)
    assert.equal(1, #session.sqs:list_queues {}.QueueUrls)
  end)

  it("a run leaves the reports that it was asked for, and refuses a name it cannot tell the form of", function()
    local text = 'playbook {name = "spec/told"} ensure.sqs.queue {name = "a"} step "x" {run = function() return 1 end}'
    local names = {xml = '<testcase classname="spec/told.steps" name="x"', md = "| sqs.queue/a | created |",
      html = "<b>sqs.queue/a</b> created"}
    for ending in pairs(names) do os.remove(dir .. "/r." .. ending) end
    local out = run("apply", file(text), "--yes", "--report", dir .. "/r.xml", "--report", dir .. "/r.md", "--report",
      dir .. "/r.html")
    assert.equal(0, out.code, out.stdout .. out.stderr)
    for ending, what in pairs(names) do
      local report = assert(io.open(dir .. "/r." .. ending)):read "a"
      assert.matches(what, report, 1, true)
    end
    out = run("apply", file(text), "--yes", "--report", dir .. "/r.pdf")
    assert.equal(64, out.code)
    assert.matches("must end in .xml %(JUnit%), .md or .html", out.stderr)
    out = run("apply", file(text), "--yes", "--report", dir .. "/nowhere/r.xml")
    assert.equal(64, out.code)
    assert.matches("%-%-report cannot be written", out.stderr)
  end)

  it("all that is wrong with reports is told at once, and no empty file is left in place of one", function()
    local text = 'playbook {name = "spec/told"} ensure.sqs.queue {name = "a"}'
    local out = run("apply", file(text), "--yes", "--report", dir .. "/none.md", "--report", "r.pdf", "--report", "r.x")
    assert.equal(64, out.code)
    assert.matches("--report r.pdf: the name must end in .xml (JUnit), .md or .html. --report r.x: the name must end",
      out.stderr, 1, true)
    assert.is_nil(fs.stat(dir .. "/none.md"))
    out = run("apply", file(text), "--yes", "--report", dir .. "/no/a.md", "--report", dir .. "/nor/b.md")
    assert.equal(64, out.code)
    for _, path in ipairs {"/no/a.md", "/nor/b.md"} do assert.matches(dir .. path, out.stderr, 1, true) end
    assert.is_nil(session.sqs:list_queues {}.QueueUrls)
  end)

  it("a report says so where the command ended with an error", function()
    local text = 'playbook {name = "spec/away"} ensure.sqs.queue {name = "a"}'
    local cmd = command({AWS_SECRET_ACCESS_KEY = "wrong"}, "apply", file(text), "--yes", "--report", dir .. "/away.xml")
    local out = assert(proc.run(cmd))
    assert.not_equal(0, out.code)
    local report = assert(io.open(dir .. "/away.xml")):read "a"
    assert.matches('name="the run comes to its end"[^\n]*<error message="[^"]*SignatureDoesNotMatch', report)
  end)

  it("a report says so where the playbook was refused", function()
    local path = dir .. "/refused.xml"
    local bad = file 'playbook {name = "spec/bad"} ensure.sqs.queue {nam = "a"}'
    local out = run("apply", bad, "--yes", "--report", path)
    assert.equal(65, out.code)
    local report = assert(io.open(path)):read "a"
    assert.matches("<error message=\"[^\"]*nam is not a property of it", report)
    assert.matches('errors="1"', report, 1, true)
  end)

  it("a report of a playbook that was refused has all its faults, as the terminal has", function()
    local bad = file 'playbook {name = "spec/bad"}\nensure.sqs.queue {nam = "a"}\nensure.sqs.queu {}\nprint(nowhere)'
    local paths = {dir .. "/all.xml", dir .. "/all.md", dir .. "/all.html"}
    local out = run("run", bad, "--yes", "--report", paths[1], "--report", paths[2], "--report", paths[3])
    assert.equal(65, out.code)
    for _, path in ipairs {paths[1], paths[2], paths[3], out.stderr} do
      local told = path == out.stderr and path or assert(io.open(path)):read "a"
      assert.matches("nam is not a property of it.-no resource type sqs%.queu.-nowhere is not defined.-%d faults", told)
    end
  end)

  it("a trace goes out where a command ends with an error too", function()
    local text = 'playbook {name = "spec/away"} ensure.sqs.queue {name = "a"}'
    for _, verb in ipairs {"plan", "apply", "drift"} do
      local cmd = command({AWS_SECRET_ACCESS_KEY = "wrong",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = listener.url .. "/keep/" .. verb}, verb, file(text))
      assert.not_equal(0, assert(proc.run(cmd)).code)
      local answer = assert(require "tidelock.http".send {method = "GET", scheme = "http", host = listener.host,
        path = "/kept/" .. verb, query = "", headers = {}})
      local bodies = assert(json.decode(answer.body))
      assert.equal(1, #bodies, verb)
      local root
      for _, span in ipairs(json.decode(bodies[1]).resourceSpans[1].scopeSpans[1].spans) do
        if span.parentSpanId == nil then root = span end
      end
      assert.equal("playbook spec/away", root.name)
      assert.equal(2, root.status.code)
      assert.matches("SignatureDoesNotMatch", root.status.message, 1, true)
    end
  end)

  it("a run goes on with what it was allowed to use", function()
    local path = file 'playbook {name = "spec/home"} local home = os.getenv "HOME"\napprove "go"'
    assert.equal(75, run("apply", path, "--yes", "--unsafe").code)
    local out = run("resume", "last", "--approve", "go")
    assert.equal(0, out.code, out.stderr)
    path = file 'playbook {name = "spec/work"} approve "go"\nstep "x" {run = function() for i = 1, 5000000 do end end}'
    assert.equal(75, run("apply", path, "--yes", "--max-instructions", "1000000").code)
    out = run("resume", "last", "--approve", "go")
    assert.equal(1, out.code, out.stdout)
    assert.matches("ran too long", out.stderr .. out.stdout)
  end)
  it("a summary tells the steps' writes from the resources'", function()
    local text = [[playbook {name = "spec/writes"} ensure.sqs.queue {name = "a"}
      step "send" {run = function()
        local url = aws.sqs:get_queue_url {QueueName = "a"}.QueueUrl
        for i = 1, 3 do aws.sqs:send_message {QueueUrl = url, MessageBody = tostring(i)} end
      end}]]
    local path = file(text)
    assert.matches("Applied: 1 created, .* 1 step run, with 3 writes by them%.", run("apply", path, "--yes").stdout)
    local again = run("apply", path, "--yes").stdout
    assert.matches("No resource was changed: 1 as declared%. 1 step run, with 3 writes by them%.", again)
    assert.is_nil(again:find("Nothing was changed", 1, true))
    local data = assert(json.decode(run("apply", path, "--yes", "--output", "json").stdout))
    assert.same({1, 3, 3}, {data.summary.steps, data.summary.step_writes, data.summary.writes})
    path = file [[playbook {name = "spec/asks"} check "sends" {test = function()
      aws.sqs:send_message {QueueUrl = aws.sqs:get_queue_url {QueueName = "a"}.QueueUrl, MessageBody = "x"}
      return true
    end}]]
    assert.matches("No resource was changed: 0 as declared%. 1 write by the playbook's own calls%.",
      run("apply", path, "--yes").stdout)
  end)
end)
