-- validate_provision_spec.lua -- what provision/all made is proved, and what is not so is found out, each by itself.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local program = require "support.program"

local PLAYBOOK <const>, ACCOUNT <const> = "playbooks/validate/provision.lua", "--account=playbooks/accounts/example.lua"

describe("validate/provision", function()
  local server <const> = moto.start()
  local dir, session, restore
  setup(function() dir = fs.tempdir "validate_spec" end)
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  after_each(function() restore() end)

  local run <const> = program.run

  before_each(function()
    server:reset()
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = dir .. "/" .. server.account}))
    session = server:session {region = "us-east-1"}
    assert.equal(0, (run("apply", "playbooks/provision/all.lua", ACCOUNT, "--yes", "--quiet")))
  end)

  -- {check's name = {result, evidence}} and the exit code.
  local function checked(...)
    local code, out, err = run("run", PLAYBOOK, ACCOUNT, "--output", "json", ...)
    local data = assert(json.decode(out), err)
    local by = {}
    for _, check in ipairs(data.checks) do by[check.name] = {check.result, check.evidence} end
    return by, code
  end

  local function bad(by)
    local out = {}
    for name, row in pairs(by) do
      if row[1] ~= "pass" then out[#out + 1] = ("%s: %s, %s"):format(name, row[1], row[2]) end
    end
    table.sort(out)
    return out
  end

  local function url(name) return session.sqs:get_queue_url {QueueName = name}.QueueUrl end

  local function set(name, attributes)
    session.sqs:set_queue_attributes {QueueUrl = url(name), Attributes = attributes}
  end

  local function confirm()
    local topic = session.sns:list_topics {}.Topics[1].TopicArn
    for _, s in ipairs(session.sns:list_subscriptions_by_topic {TopicArn = topic}.Subscriptions) do
      if not s.SubscriptionArn:find "^arn:" then return false end
    end
    return true
  end

  it("passes all, twice within minutes, but for the e-mail that nobody has confirmed; and leaves no message", function()
    for _ = 1, 2 do
      local by, code = checked()
      local rest = bad(by)
      if confirm() then
        assert.same({}, rest)
        assert.equal(0, code)
      else
        assert.equal(1, #rest)
        assert.matches("^9.1 costs@example.com is subscribed: fail, it waits until the receiver confirms it", rest[1])
        assert.equal(2, code)
      end
      assert.equal("sent, received, deleted", by["5.1 message through example-rate-limiter-queue"][2])
      assert.equal("sent, received, deleted", by["5.1 message through example-hybrid-workflows.fifo"][2])
    end
    for _, name in ipairs {"example-rate-limiter-queue", "example-hybrid-workflows.fifo"} do
      local live = session.sqs:get_queue_attributes {QueueUrl = url(name), AttributeNames = {"All"}}.Attributes
      assert.equal("0", live.ApproximateNumberOfMessages)
      assert.equal("0", live.ApproximateNumberOfMessagesNotVisible)
    end
  end)
  it("leaves a queue alone in which others' messages are, or when told; and never counts that as passed", function()
    session.sqs:send_message {QueueUrl = url "example-rate-limiter-queue", MessageBody = "theirs"}
    local by = checked()
    local name = "5.1 message through example-rate-limiter-queue"
    assert.equal("skip", by[name][1])
    assert.matches("not tried: 1 message%(s%) are in it", by[name][2])
    local got = session.sqs:receive_message {QueueUrl = url "example-rate-limiter-queue", AttributeNames = {"All"}}
    assert.equal("1", got.Messages[1].Attributes.ApproximateReceiveCount)
    by = checked("--var", "messages=false")
    assert.same({"skip", "not tried: messages=false"}, by[name])
    local _, out = run("run", PLAYBOOK, ACCOUNT, "--var", "messages=false")
    assert.matches("0 could not be made, 2 skipped", out)
  end)
  it("finds each thing that is not so, by itself", function()
    set("example-rate-limiter-queue", {ReceiveMessageWaitTimeSeconds = "0"})
    set("example-hybrid-workflows-dlq.fifo", {MessageRetentionPeriod = "60"})
    session.dynamodb:update_time_to_live {TableName = "example-ai-costs-production",
      TimeToLiveSpecification = {Enabled = false, AttributeName = "ttl"}}
    local topic = session.sns:list_topics {}.Topics[1].TopicArn
    session.sns:set_topic_attributes {TopicArn = topic, AttributeName = "Policy", AttributeValue = json.encode {
      Version = "2012-10-17", Statement = json.array {{Effect = "Allow", Principal = {AWS = server.account},
        Action = "sns:Publish", Resource = topic}}}}
    for s in session.ce:items("get_anomaly_subscriptions", {}) do
      session.ce:update_anomaly_subscription {SubscriptionArn = s.SubscriptionArn, ThresholdExpression = {
        Dimensions = {Key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE", MatchOptions = {"GREATER_THAN_OR_EQUAL"},
          Values = {"9"}}}}
    end
    local by, code = checked()
    assert.equal(1, code)
    assert.same({"fail", "ReceiveMessageWaitTimeSeconds is 0, not 20"}, by["4.1/4.2 queue example-rate-limiter-queue"])
    assert.same({"fail", "MessageRetentionPeriod is 60, not 1209600"},
      by["4.1/4.2 dead letters example-hybrid-workflows-dlq.fifo"])
    assert.same({"fail", "TimeToLiveStatus is DISABLED, not ENABLED"}, by["4.3/4.4 table example-ai-costs-production"])
    assert.same({"fail", "budgets may not publish"},
      by["4.5 topic lets budgets, anomaly detection and alarms publish"])
    assert.same({"fail", "the threshold is 9, not 100"}, by["3.3 anomalies are watched and told"])
    assert.same({"fail", "costs@example.com does not hear of them"},
      checked("--var", "anomalies=DAILY")["3.3 anomalies are watched and told"])
    assert.equal("pass", by["3.1/3.2 budget tells at forecast and actual"][1])
    assert.equal("pass", by["4.1/4.2 queue example-hybrid-workflows.fifo"][1])
  end)
  it("takes a service that a topic's policy only refuses, or refuses too, for one that may not publish", function()
    local topic = session.sns:list_topics {}.Topics[1].TopicArn
    local own = json.decode(session.sns:get_topic_attributes {TopicArn = topic}.Attributes.Policy)
    local function told(effect)
      local statement = json.array(own.Statement)
      for i = #statement, 1, -1 do
        local theirs = (statement[i].Principal or {}).Service == "cloudwatch.amazonaws.com"
        if theirs and effect == "only" then table.remove(statement, i) end
      end
      statement[#statement + 1] = {Sid = "Not", Effect = "Deny", Principal = {Service = "cloudwatch.amazonaws.com"},
        Action = "sns:Publish", Resource = topic}
      session.sns:set_topic_attributes {TopicArn = topic, AttributeName = "Policy",
        AttributeValue = json.encode {Version = "2012-10-17", Statement = statement}}
      return checked("--var", "messages=false")["4.5 topic lets budgets, anomaly detection and alarms publish"]
    end
    assert.same({"fail", "cloudwatch may not publish"}, told "too")
    assert.same({"fail", "cloudwatch may not publish"}, told "only")
  end)
  it("proves that Slack is told, and finds a channel that does not listen", function()
    local path = dir .. "/slack.lua"
    local text = assert(io.open "playbooks/accounts/example.lua"):read "a"
    assert(fs.write(path, (text:gsub('prefix = "example",',
      '%0 slack = {workspace = "T0123ABCD", channel = "C0123ABCD"},'))))
    local account = "--account=" .. path
    local applied, _, why = run("apply", "playbooks/provision/costs.lua", account, "--yes", "--quiet", "--var",
      "slack=true")
    assert.equal(0, applied, why)
    local function slack()
      local _, out = run("run", PLAYBOOK, account, "--output", "json", "--var", "slack=true", "--var", "messages=false")
      for _, check in ipairs(json.decode(out).checks) do
        if check.name == "9.2 Slack is told" then return {check.result, check.evidence} end
      end
    end
    assert.same({"pass", "channel C0123ABCD listens to the topic"}, slack())
    local chatbot = session:client("chatbot", {region = "us-east-2"})
    local live = chatbot:describe_slack_channel_configurations {}.SlackChannelConfigurations[1]
    chatbot:update_slack_channel_configuration {ChatConfigurationArn = live.ChatConfigurationArn,
      SlackChannelId = live.SlackChannelId, SnsTopicArns = json.array {}}
    assert.same({"fail", "the channel's configuration does not listen to the topic"}, slack())
  end)
  it("fails where what is to be there is not, and says what makes it", function()
    session.sqs:delete_queue {QueueUrl = url "example-rate-limiter-queue"}
    session.budgets:delete_budget {AccountId = server.account, BudgetName = "example-monthly"}
    local by, code = checked()
    assert.equal(1, code)
    for _, name in ipairs {"4.1/4.2 queue example-rate-limiter-queue", "5.1 message through example-rate-limiter-queue",
      "3.1/3.2 budget tells at forecast and actual"} do
      assert.same({"fail", "it is not there; make it with: tidelock apply playbooks/provision/all.lua"
        .. " --account playbooks/accounts/example.lua"}, by[name])
    end
  end)
  it("takes what could not be asked for no answer", function()
    restore()
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = dir .. "/" .. server.account,
      AWS_ENDPOINT_URL_BUDGETS = "http://127.0.0.1:1", AWS_MAX_ATTEMPTS = "1"}))
    local by, code = checked()
    assert.equal(1, code)
    assert.equal("error", by["3.1/3.2 budget tells at forecast and actual"][1])
    assert.equal("pass", by["4.1/4.2 queue example-rate-limiter-queue"][1])
  end)
end)
