-- What is told to whom, on moto and a receiver of webhooks.
local findings = require "report.findings"
local http = require "tidelock.http"
local httpd = require "support.httpd"
local json = require "tidelock.json"
local moto = require "support.moto"
local notify = require "notify"

local function result(name, verdict, severity)
  return {id = "s3-open", title = "S3: nothing is open", result = verdict or "fail", severity = severity or "high",
    service = "s3", region = "eu-west-1", account = "123456789012", subject = {name = name}, evidence = "open to all",
    means = "bad", todo = "close it", command = "tidelock call s3 x"}
end

local function report_of(results)
  return findings.new(results, {account = "123456789012", account_name = "example", regions = {"eu-west-1"},
    started = 1764028800})
end

describe("notify", function()
  local server <const>, receiver <const> = moto.start(), httpd.start()
  local session, text, world
  teardown(function()
    server:stop()
    receiver:stop()
  end)
  before_each(function()
    server:reset()
    text = nil
    session = server:session()
    world = {aws = session, account = server.account, region = server.region, now = 1764028800, sleep = function() end}
  end)

  local memory = {get = function() return text end, put = function(value) text = value end}

  local function run(account, results, always, members)
    return notify.run(report_of(results), {account = account, world = world, memory = memory, always = always,
      members = members})
  end

  local function kept(name)
    local answer = http.send {method = "GET", scheme = "http", host = receiver.host, path = "/kept/" .. name,
      query = "", headers = {}}
    return json.decode(answer.body)
  end

  local function secret(name, value) session.secretsmanager:create_secret {Name = name, SecretString = value} end

  -- A queue that hears what the topic is told, in the run's region or another.
  local function listen(region)
    local there = region and session:derive {region = region} or session
    local topic = there.sns:create_topic {Name = "alerts"}.TopicArn
    local url = there.sqs:create_queue {QueueName = "ear"}.QueueUrl
    there.sns:subscribe {TopicArn = topic, Protocol = "sqs", Endpoint = ("arn:aws:sqs:%s:%s:ear"):format(
      region or server.region, server.account)}
    return function()
      local out = {}
      for i, m in ipairs(there.sqs:receive_message {QueueUrl = url, MaxNumberOfMessages = 10}.Messages or {}) do
        out[i] = json.decode(m.Body)
        there.sqs:delete_message {QueueUrl = url, ReceiptHandle = m.ReceiptHandle}
      end
      return out
    end
  end

  local function keeping(at)
    at.dynamodb:create_table {TableName = "kept", BillingMode = "PAY_PER_REQUEST", AttributeDefinitions = {
      {AttributeName = "pk", AttributeType = "S"}, {AttributeName = "sk", AttributeType = "S"}}, KeySchema = {
      {AttributeName = "pk", KeyType = "HASH"}, {AttributeName = "sk", KeyType = "RANGE"}}}
  end

  it("tells every channel, and nobody twice", function()
    local heard = listen()
    secret("slack", receiver.url .. "/keep/slack-1")
    secret("hook", receiver.url .. "/keep/hook-1\n")
    local account = {notify = {topic = "alerts", slack = true, webhooks = {"hook"}}, slack = {webhook_secret = "slack"}}
    local out = run(account, {result "b1", result("b2", "pass")})
    assert.same({"Told: topic alerts", "Told: Slack", "Told: webhook hook"}, notify.lines(out))
    local mail = heard()[1]
    assert.equal("tidelock: example: 1 new failure", mail.Subject)
    assert.is_truthy(mail.Message:find("b1: open to all", 1, true))
    assert.is_truthy(json.decode(kept "slack-1"[1]).text:find("b1: open to all", 1, true))
    local data = json.decode(kept "hook-1"[1])
    assert.equal("tidelock.alert/1", data.format)
    assert.equal("b1", data.new[1].subject)

    out = run(account, {result "b1", result("b2", "pass")})
    assert.is_false(out.told)
    assert.same({"Nobody was told: nothing has changed since the last time."}, notify.lines(out))
    assert.same({0, 1, 1}, {#heard(), #kept "slack-1", #kept "hook-1"})

    out = run(account, {result("b1", "pass"), result("b2", "pass")})
    assert.is_true(out.told)
    assert.equal("tidelock: example: 1 gone", heard()[1].Subject)
    assert.is_true(run(account, {result("b1", "pass")}, true).told)      -- always is always
  end)

  it("tells nothing where all is well from the first", function()
    local heard = listen()
    assert.is_false(run({notify = {topic = "alerts"}}, {result("b1", "pass")}).told)
    assert.equal(0, #heard())
  end)

  it("tells a topic, and reads a secret, that the account file gives by an ARN of another region", function()
    local there <const> = session:derive {region = "eu-central-1"}
    local heard = listen "eu-central-1"
    local hook = there.secretsmanager:create_secret {Name = "far", SecretString = receiver.url .. "/keep/far"}.ARN
    local topic = ("arn:aws:sns:eu-central-1:%s:alerts"):format(server.account)
    local out = run({notify = {topic = topic, webhooks = {hook}}}, {result "b1"})
    assert.same({"Told: topic " .. topic, "Told: webhook " .. hook}, notify.lines(out))
    assert.same({1, 1}, {#heard(), #kept "far"})
  end)

  it("keeps in the table what a channel does not take, and tells the others all the same", function()
    local heard = listen()
    keeping(session)
    secret("hook", receiver.url .. "/status/404/hunter2")
    local out = run({notify = {topic = "alerts", webhooks = {"hook"}, table = "kept"}}, {result "b1"})
    assert.equal(1, #heard())
    assert.equal("Not told: webhook hook: the address in the secret hook: answered with status 404, after 1 try; "
      .. "kept in the table kept for 30 days", notify.lines(out)[2])
    local item = session.dynamodb:scan({TableName = "kept"}).Items[1]
    assert.is_truthy(item.pk.S:find "^ALERT#")
    assert.same({"2025-11-25T00:00:00Z", "high", false, tostring(1764028800 + 30 * 86400)},
      {item.sk.S, item.severity.S, item.notified.BOOL, item.ttl.N})
    for _, value in pairs(item) do assert.is_nil((value.S or ""):find("hunter2", 1, true)) end
    assert.is_false(out.lost)
  end)

  it("keeps it in a table that the account file gives by its ARN, in whatever region that is", function()
    secret("hook", receiver.url .. "/status/404")
    for _, region in ipairs {server.region, "eu-central-1"} do
      local there = session:derive {region = region}
      keeping(there)
      local arn = ("arn:aws:dynamodb:%s:%s:table/kept"):format(region, server.account)
      local out = run({notify = {webhooks = {"hook"}, table = arn}}, {result "b1"}, true)
      assert.is_false(out.lost)
      assert.is_truthy(notify.lines(out)[1]:find("kept in the table " .. arn, 1, true))
      assert.equal(1, there.dynamodb:scan({TableName = "kept"}).Count)
    end
  end)

  it("tells again what was lost: it is remembered only where somebody has it", function()
    secret("hook", receiver.url .. "/status/404")
    local account = {notify = {webhooks = {"hook"}}}
    local out = run(account, {result "b1"})
    assert.is_true(out.lost)
    assert.is_truthy(notify.lines(out)[1]:find("names no notify.table to keep it in", 1, true))
    assert.is_nil(text)
    session.secretsmanager:put_secret_value {SecretId = "hook", SecretString = receiver.url .. "/keep/again"}
    assert.is_false(run(account, {result "b1"}).lost)
    assert.equal(1, #kept "again")
  end)

  it("says which part is not there", function()
    local out = run({notify = {topic = "nowhere", webhooks = {"none"}, table = "none"}}, {result "b1"})
    local lines = notify.lines(out)
    assert.is_true(out.lost)
    assert.is_truthy(lines[1]:find("topic nowhere", 1, true))
    assert.is_truthy(lines[2]:find("could not be kept in the table none either", 1, true))
  end)

  it("gives findings to Security Hub, and takes them back when they pass", function()
    session.securityhub:enable_security_hub {EnableDefaultStandards = false}
    local account = {notify = {security_hub = true}}
    assert.is_false(run(account, {result "b1", result("b2", "error", "low")}).lost)
    local function found()
      local out = {}
      for finding in session.securityhub:items("get_findings", {}) do out[finding.Resources[1].Id] = finding end
      return out
    end
    local first = found()
    assert.same({"FAILED", "HIGH", "ACTIVE", "tidelock/s3-open"}, {first.b1.Compliance.Status, first.b1.Severity.Label,
      first.b1.RecordState, first.b1.GeneratorId})
    assert.equal("NOT_AVAILABLE", first.b2.Compliance.Status)
    world.now = world.now + 86400
    run(account, {result("b1", "pass"), result("b2", "error", "low")})
    local second = found()
    assert.same({"PASSED", "ARCHIVED"}, {second.b1.Compliance.Status, second.b1.RecordState})
    assert.equal(first.b1.CreatedAt, second.b1.CreatedAt)
    assert.equal("2025-11-26T00:00:00Z", second.b1.UpdatedAt)
  end)

  it("archives at Security Hub what was found in an account that left, and tells it once", function()
    session.securityhub:enable_security_hub {EnableDefaultStandards = false}
    local account, theirs = {notify = {security_hub = true}}, result "theirs"
    theirs.account = "210987654321"
    run(account, {result "b1", theirs}, false, {[server.account] = true, [theirs.account] = true})
    assert.is_false(run(account, {result "b1"}, false, {}).told)          -- a list without the caller is none
    assert.is_true(run(account, {result "b1"}, false, {[server.account] = true}).told)
    local states = {}
    for finding in session.securityhub:items("get_findings", {}) do
      states[finding.Resources[1].Id] = finding.RecordState .. " " .. finding.Compliance.Status
    end
    assert.same({b1 = "ACTIVE FAILED", theirs = "ARCHIVED NOT_AVAILABLE"}, states)
    assert.is_false(run(account, {result "b1"}, false, {[server.account] = true}).told)
  end)

  it("refuses an account file that names nobody, or Slack without its secret", function()
    local function fault(account)
      local ok, err = pcall(notify.channels, account)
      assert.is_false(ok)
      assert.equal(64, err.exit)
      return err.message
    end
    assert.is_truthy(fault({}):find("names nobody to tell", 1, true))
    assert.is_truthy(fault({notify = {slack = true, topic = "t"}}):find("slack.webhook_secret", 1, true))
  end)
end)
