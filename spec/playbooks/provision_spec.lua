-- provision/all on the unhardened account: criteria 3.1 to 3.3, 4.1 to 4.5 and 9.1 to 9.5, as read back by boto3.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local oracle = require "support.oracle"

local TABLES <const> = {"example-ai-costs-production", "example-cost-alerts-production"}
local PAIRS <const> = {["example-hybrid-workflows.fifo"] = "example-hybrid-workflows-dlq.fifo",
  ["example-rate-limiter-queue"] = "example-rate-limiter-queue-dlq"}

describe("provision/all", function()
  local host, boto, topic, first

  local function ask(service, operation, input)
    local answer = boto:call({url = host.server.url, region = "us-east-1", account = host.account}, service, operation,
      input or {})
    assert.is_nil(answer.error, answer.error and answer.error.message)
    return oracle.plain(answer.output)
  end
  local function attributes(queue)
    return ask("sqs", "GetQueueAttributes", {AttributeNames = {"All"},
      QueueUrl = ask("sqs", "GetQueueUrl", {QueueName = queue}).QueueUrl}).Attributes
  end
  -- The budget's notifications as {"FORECASTED 80.0" = {addresses}}.
  local function notifications()
    local out, base = {}, {AccountId = host.account, BudgetName = "example-monthly"}
    for _, n in ipairs(ask("budgets", "DescribeNotificationsForBudget", base).Notifications) do
      local whom = ask("budgets", "DescribeSubscribersForNotification", {AccountId = host.account,
        BudgetName = "example-monthly", Notification = n}).Subscribers
      out[("%s %s %.0f %s"):format(n.NotificationType, n.ComparisonOperator, n.Threshold, n.ThresholdType)] = whom
    end
    return out
  end
  -- Whether the first apply's plan has a resource as new.
  local function is_new(address)
    assert.matches("%+%s+" .. address:gsub("%p", "%%%0") .. "%s+create, there is none", first)
  end
  local function publishers()
    local out = {}
    local policy = json.decode(ask("sns", "GetTopicAttributes", {TopicArn = topic}).Attributes.Policy)
    for _, statement in ipairs(policy.Statement) do
      local service = type(statement.Principal) == "table" and statement.Principal.Service
      if service then
        out[service] = statement.Effect == "Allow" and statement.Action == "sns:Publish"
          and statement.Condition.StringEquals["aws:SourceAccount"]
      end
    end
    return out
  end

  setup(function()
    host, boto = hardening.start(), oracle.start()
    account.build(host, {only = {"queues", "tables"}})
    topic = ("arn:aws:sns:us-east-1:%s:example-cost-alerts"):format(host.account)
    local code, text = host:apply "provision/all"
    assert.equal(0, code, text)
    first = text
  end)
  teardown(function()
    boto:stop()
    host:close()
  end)

  it("3.1 has the budget's forecast of 80 % told to the topic", function()
    assert.same({{SubscriptionType = "SNS", Address = topic}}, notifications()["FORECASTED GREATER_THAN 80 PERCENTAGE"])
    assert.equal(host.account, publishers()["budgets.amazonaws.com"])
  end)

  it("3.2 has the budget's actual 100 % told to the topic", function()
    assert.same({{SubscriptionType = "SNS", Address = topic}}, notifications()["ACTUAL GREATER_THAN 100 PERCENTAGE"])
  end)

  it("3.3 has anomalies watched, and told at once to the topic, which lets them in", function()
    local monitor = ask("ce", "GetAnomalyMonitors").AnomalyMonitors[1]
    assert.equal("DIMENSIONAL SERVICE", monitor.MonitorType .. " " .. monitor.MonitorDimension)
    local subscription = ask("ce", "GetAnomalySubscriptions").AnomalySubscriptions[1]
    assert.same({monitor.MonitorArn}, subscription.MonitorArnList)
    assert.equal("IMMEDIATE", subscription.Frequency)
    assert.equal("SNS " .. topic, subscription.Subscribers[1].Type .. " " .. subscription.Subscribers[1].Address)
    assert.equal(host.account, publishers()["costalerts.amazonaws.com"])
  end)

  it("4.1 has the FIFO queue of workflows, with its dead letters, limited by group", function()
    local live = attributes "example-hybrid-workflows.fifo"
    assert.same({"true", "perMessageGroupId", "messageGroup"},
      {live.FifoQueue, live.FifoThroughputLimit, live.DeduplicationScope})
    assert.equal(attributes(PAIRS["example-hybrid-workflows.fifo"]).QueueArn,
      json.decode(live.RedrivePolicy).deadLetterTargetArn)
  end)

  it("4.2 has the limiter's standard queue, read by long polling, with its dead letters", function()
    local live = attributes "example-rate-limiter-queue"
    assert.is_nil(live.FifoQueue)
    assert.equal("20", live.ReceiveMessageWaitTimeSeconds)
    assert.equal(attributes(PAIRS["example-rate-limiter-queue"]).QueueArn,
      json.decode(live.RedrivePolicy).deadLetterTargetArn)
  end)

  for i, id in ipairs {"4.3", "4.4"} do
    it(("%s has the table %s: pk and sk, time to live, encrypted"):format(id, TABLES[i]), function()
      local live = ask("dynamodb", "DescribeTable", {TableName = TABLES[i]}).Table
      assert.same({{AttributeName = "pk", KeyType = "HASH"}, {AttributeName = "sk", KeyType = "RANGE"}}, live.KeySchema)
      for _, attribute in ipairs(live.AttributeDefinitions) do assert.equal("S", attribute.AttributeType) end
      assert.same({"ENABLED", "KMS"}, {live.SSEDescription.Status, live.SSEDescription.SSEType})
      assert.same({TimeToLiveStatus = "ENABLED", AttributeName = "ttl"},
        ask("dynamodb", "DescribeTimeToLive", {TableName = TABLES[i]}).TimeToLiveDescription)
    end)
  end

  it("4.5 has the topic, whose policy lets Budgets of this account publish, and nobody of another", function()
    assert.equal(host.account, publishers()["budgets.amazonaws.com"])
    for service, whose in pairs(publishers()) do assert.equal(host.account, whose, service) end
  end)

  it("9.1 makes both queues and both of their dead-letter queues by the one apply", function()
    for queue, dead in pairs(PAIRS) do
      is_new("sqs.queue/" .. queue)
      is_new("sqs.queue/" .. dead)
      assert.equal(5, math.tointeger(json.decode(attributes(queue).RedrivePolicy).maxReceiveCount))
      assert.equal("1209600", attributes(dead).MessageRetentionPeriod)
    end
  end)

  it("9.2 makes both tables, 9.3 the topic and 9.4 the budget of both notifications by it too", function()
    for _, address in ipairs {"dynamodb.table/" .. TABLES[1], "dynamodb.table/" .. TABLES[2],
      "sns.topic/example-cost-alerts", "budgets.budget/example-monthly"} do is_new(address) end
    local n = 0
    for _ in pairs(notifications()) do n = n + 1 end
    assert.equal(2, n)
    local budget = ask("budgets", "DescribeBudget", {AccountId = host.account, BudgetName = "example-monthly"}).Budget
    assert.same({"COST", "MONTHLY", "USD"}, {budget.BudgetType, budget.TimeUnit, budget.BudgetLimit.Unit})
    assert.equal(500, tonumber(budget.BudgetLimit.Amount))
  end)

  it("9.5 turns on point-in-time recovery of every table that it manages", function()
    for _, name in ipairs(TABLES) do
      assert.equal("ENABLED", ask("dynamodb", "DescribeContinuousBackups", {TableName = name})
        .ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus)
    end
  end)

  it("9.1 to 9.5 makes no write the second time", function()
    local code, text = host:apply "provision/all"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: %d+ as declared%..* 0 writes", text)
  end)
end)
