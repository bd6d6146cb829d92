-- playbooks/teardown.lua after provisioning and hardening: what tidelock made goes, what was there before stays.
local account = require "support.account"
local hardening = require "support.hardening"
local oracle = require "support.oracle"

local TEARDOWN <const> = "playbooks/teardown.lua"

describe("teardown", function()
  local host, boto, session, names, before, where
  local gone, shown                             -- addresses of the first plan's deletions, and what it printed

  local function ask(service, operation, input)
    local answer = boto:call(where, service, operation, input or {})
    assert.is_nil(answer.error, answer.error and answer.error.message)
    return oracle.plain(answer.output)
  end
  -- What people had, as boto3 reads it back.
  local function theirs()
    local out = {queues = {}, tables = {}, objects = {}, groups = {}}
    for _, name in ipairs(names.queues) do
      local url = ("%s/%s/%s"):format(host.server.url, host.account, name)
      out.queues[name] = ask("sqs", "GetQueueAttributes", {QueueUrl = url, AttributeNames = {"RedrivePolicy",
        "VisibilityTimeout", "QueueArn"}}).Attributes
    end
    for _, name in ipairs(names.tables) do
      out.tables[name] = {ask("dynamodb", "DescribeTable", {TableName = name}).Table.KeySchema,
        ask("dynamodb", "Scan", {TableName = name}).Items}
    end
    for _, name in ipairs(names.buckets) do
      out.objects[name] = #(ask("s3", "ListObjectsV2", {Bucket = name}).Contents or {})
    end
    for _, name in ipairs(names.groups) do out.groups[name] = false end
    local page = {}
    repeat
      page = ask("logs", "DescribeLogGroups", {nextToken = page.nextToken})
      for _, group in ipairs(page.logGroups) do
        if out.groups[group.logGroupName] == false then out.groups[group.logGroupName] = group.storedBytes end
      end
    until not page.nextToken
    out.database = ask("rds", "DescribeDBInstances", {DBInstanceIdentifier = names.database}).DBInstances[1]
      .DBInstanceStatus
    out.func = ask("lambda", "GetFunction", {FunctionName = names.func}).Configuration.CodeSha256
    out.services = {}
    for _, one in ipairs(names.services) do
      local live = ask("ecs", "DescribeServices", {cluster = one.cluster, services = {one.name}}).services[1]
      out.services[one.name] = live.status .. " " .. live.desiredCount
    end
    return out
  end
  local function run(verb, ...)
    return host:run(verb, TEARDOWN, hardening.ACCOUNT, ...)
  end
  local function deletions(...)
    local code, text = run("plan", ...)
    assert.equal(0, code, text)
    local out = {}
    for address in text:gmatch "\n%-%s+(%S+)%s+delete, " do out[address] = true end
    return out, text
  end

  setup(function()
    host, boto = hardening.start(), oracle.start()
    session, where = host.session, {url = host.server.url, region = "us-east-1", account = host.account}
    names = account.build(host)
    session.s3:put_object {Bucket = names.buckets[1], Key = "theirs", Body = "x"}
    before = theirs()
    for _, file in ipairs {"provision/all", "harden"} do
      local code, text = host:apply(file, "--approve", "shorten log retention")
      assert.is_true(code == 0 or code == 75, text)
    end
    session.s3:put_object {Bucket = "example-cloudtrail-logs-" .. host.account, Key = "AWSLogs/1",
      Body = "who did what"}
    session.dynamodb:put_item {TableName = "example-ai-costs-production", Item = {pk = {S = "COST#1"}, sk = {S = "a"}}}
    session.sqs:send_message {MessageBody = "1", QueueUrl = session.sqs:get_queue_url {
      QueueName = "example-rate-limiter-queue"}.QueueUrl}
    session.cloudwatch:put_metric_alarm {AlarmName = "somebody-elses", Namespace = "X", MetricName = "Y", Period = 60,
      EvaluationPeriods = 1, Threshold = 1.0, Statistic = "Sum", ComparisonOperator = "GreaterThanThreshold",
      AlarmActions = {("arn:aws:sns:us-east-1:%s:example-cost-alerts"):format(host.account)}}
  end)
  teardown(function()
    boto:stop()
    host:close()
  end)

  it("shows what it would remove, and removes nothing by that", function()
    gone, shown = deletions()
    for _, address in ipairs {"budgets.budget/example-monthly", "cloudwatch.dashboard/example-rate-limiter",
      "events.rule/example-guardduty-high-critical-findings", "sqs.queue/example-hybrid-workflows.fifo",
      "application_autoscaling.target/service/ai-team/analytics"} do
      assert.is_true(gone[address], address)
    end
    assert.is_nil(gone["cloudwatch.alarm/somebody-elses"])
    assert.is_not_nil(ask("sqs", "GetQueueUrl", {QueueName = "example-hybrid-workflows.fifo"}).QueueUrl)
  end)

  it("says of each thing that stays why", function()
    for address, why in pairs {
      ["dynamodb.table/example-ai-costs-production"] = "",
      ["sqs.queue/example-rate-limiter-queue"] = "it holds 1 message; to remove it too: --var"
        .. " delete=example-rate-limiter-queue",
      ["sqs.queue/example-rate-limiter-queue-dlq"] = "sqs.queue/example-rate-limiter-queue stays, and leans on it",
      ["sns.topic/example-cost-alerts"] = "in use by cloudwatch.alarm/somebody-elses",
      ["cloudtrail.trail/example-production-trail"] = "without it nobody knows who did what",
      ["kms.key/alias/example-cloudtrail"] = "",
      ["logs.group//aws/cloudtrail/example-production"] = "",
      ["guardduty.detector/detector"] = "it guards the account",
    } do
      assert.is_not_nil(shown:find(("stays: %s: %s"):format(address, why), 1, true), address .. "\n" .. shown)
    end
  end)

  it("tells a playbook that owns nothing here, as a misspelt one does", function()
    local found, text = deletions("--var", "playbooks=harden/alarm,harden/dashboards")
    assert.is_not_nil(next(found))
    for address in pairs(found) do assert.matches("^cloudwatch.dashboard/", address) end
    assert.is_not_nil(text:find("nothing here is owned by harden/alarm, or left of it\n", 1, true), text)
    assert.is_nil(text:find("owned by harden/dashboards", 1, true), text)
  end)

  it("removes it and nothing else: what was there before is there as before, and data are kept", function()
    local code, text = run("apply", "--yes")
    assert.equal(0, code, text)
    assert.same(before, theirs())
    local n = 0
    for address in pairs(gone) do
      n = n + 1
      assert.is_nil(text:find(address .. "  failed", 1, true), address)
    end
    assert.matches(("0 replaced, %d deleted"):format(n), text)
    assert.equal(1, ask("dynamodb", "Scan", {TableName = "example-ai-costs-production"}).Count)
    assert.equal("who did what", ask("s3", "GetObject", {Bucket = "example-cloudtrail-logs-" .. host.account,
      Key = "AWSLogs/1"}).Body)
    assert.is_true(ask("cloudtrail", "GetTrailStatus", {Name = "example-production-trail"}).IsLogging)
    local alarms = ask("cloudwatch", "DescribeAlarms").MetricAlarms
    assert.equal(1, #alarms)
    assert.equal("somebody-elses", alarms[1].AlarmName)
    assert.equal(0, #(ask("cloudwatch", "ListDashboards").DashboardEntries or {}))
    assert.equal(0, #(ask("events", "ListRules").Rules or {}))
  end)

  it("finds nothing to do the second time", function()
    local code, text = run("apply", "--yes")
    assert.equal(0, code, text)
    assert.matches("0 deleted, 0 unchanged%..* 0 writes", (text:gsub("Nothing was changed: 0 as declared%.",
      "0 deleted, 0 unchanged.")))
  end)

  it("refuses a name that is nothing it made", function()
    local code, text = run("plan", "--var", "delete=example-users", "--var", "playbooks=harden")
    assert.equal(64, code, text)
    assert.matches("delete names example%-users, which is nothing that tidelock made here. Nothing was removed", text)
  end)

  it("removes what is named, each only with its name, and no bucket that holds objects even then", function()
    local logs = "example-cloudtrail-logs-" .. host.account
    local code, text = run("apply", "--yes", "--var", "delete=detector,alias/example-ops-alerts,"
      .. "example-production-trail," .. logs)
    assert.equal(0, code, text)
    assert.matches("0 replaced, 4 deleted", text)            -- and the role that the trail alone needed
    assert.is_not_nil(text:find("stays: s3.bucket/" .. logs .. ": it holds objects; nothing but an empty", 1, true))
    assert.equal(0, #(ask("guardduty", "ListDetectors").DetectorIds or {}))
    for _, alias in ipairs(ask("kms", "ListAliases").Aliases) do
      assert.not_equal("alias/example-ops-alerts", alias.AliasName)
    end
  end)
end)
