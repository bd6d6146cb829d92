--- Proves that what provision/all made is there, reachable and right, down to who hears of it.
playbook {
  name = "validate/provision",
  about = "Queues, tables, topic, subscribers, budget, anomaly detection: created, reachable, right. Sends one message"
    .. " of its own through each queue that is empty and unread, and takes it out again (--var messages=false: none)",
  vars = {
    messages = {"boolean", default = true, about = "send a message of its own through each idle queue"},
    wait = {"seconds", default = 20, about = "what provision/messaging was given"},
    tries = {"integer", default = 5, about = "what provision/messaging was given"},
    keep = {"seconds", default = "14d", about = "what provision/messaging was given"},
    slack = {"boolean", default = false, about = "Slack is told through AWS Chatbot"},
    anomalies = {"string", default = "IMMEDIATE", choices = {"IMMEDIATE", "DAILY", "WEEKLY"},
      about = "what provision/costs was given"},
  },
}

local topic = "arn:" .. account.partition .. ":sns:" .. account.region .. ":" .. account.id .. ":"
  .. account.prefix .. "-cost-alerts"

-- What says that there is none of it; any other refusal means that it could not be looked at.
local none = {}
for _, code in ipairs {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "ResourceNotFoundException",
  "NotFound", "NotFoundException"} do
  none[code] = "it is not there; make it with: tidelock apply playbooks/provision/all.lua --account " .. account.file
end

-- ## Queues: as declared, and a message of our own through those that nobody else works on

local queues = {
  {name = account.prefix .. "-hybrid-workflows", suffix = ".fifo", visibility = 120},
  {name = account.prefix .. "-rate-limiter-queue", suffix = "", visibility = 180},
}

local function attributes(name)
  local url = aws.sqs:get_queue_url {QueueName = name}.QueueUrl
  return aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes, url
end

-- The first of {name, is, should be} that is not so, as a sentence.
local function first_wrong(rows)
  for _, row in ipairs(rows) do
    if tostring(row[2]) ~= tostring(row[3]) then
      local is = row[2] == nil and "not set" or tostring(row[2])
      return ("%s is %s, not %s"):format(row[1], is, tostring(row[3]))
    end
  end
end

-- Why a message of ours would be in somebody's way, or nil. Receiving what is not ours counts as one of its tries.
local function in_use(live)
  for _, kind in ipairs {"", "NotVisible", "Delayed"} do
    local n = live["ApproximateNumberOfMessages" .. kind]
    if n ~= "0" then return ("%s message(s) are in it (%s)"):format(n, "ApproximateNumberOfMessages" .. kind) end
  end
  for mapping in aws.lambda:items("list_event_source_mappings", {EventSourceArn = live.QueueArn}) do
    if mapping.State ~= "Disabled" then return "a function reads it: " .. mapping.FunctionArn:match "[^:]*$" end
  end
end

local function send(url, fifo)
  local once = ("probe-%d-%d"):format(now(), random(1000000000))
  return aws.sqs:send_message {QueueUrl = url, MessageBody = '{"probe":"validate/provision"}',
    MessageAttributes = {["tidelock-probe"] = {DataType = "String", StringValue = once}},
    MessageGroupId = fifo and "tidelock-probe" or nil, MessageDeduplicationId = fifo and once or nil}.MessageId
end

-- Takes out the message with this id and gives back what is not ours: "back", "another's", or "none".
local function take(url, id)
  local seen = "none"
  local got = aws.sqs:receive_message {QueueUrl = url, MaxNumberOfMessages = 1, WaitTimeSeconds = 5}
  for _, message in ipairs(got.Messages or {}) do
    if message.MessageId == id then
      aws.sqs:delete_message {QueueUrl = url, ReceiptHandle = message.ReceiptHandle}
      return "back"
    end
    aws.sqs:change_message_visibility {QueueUrl = url, ReceiptHandle = message.ReceiptHandle, VisibilityTimeout = 0}
    seen = "another's"
  end
  return seen
end

for _, queue in ipairs(queues) do
  local name, fifo = queue.name .. queue.suffix, queue.suffix ~= ""
  local dead = queue.name .. "-dlq" .. queue.suffix

  check("4.1/4.2 queue " .. name) {absent = none, test = function()
    local live = attributes(name)
    local redrive = json.decode(live.RedrivePolicy or "{}")
    local wrong = first_wrong {
      {"ReceiveMessageWaitTimeSeconds", live.ReceiveMessageWaitTimeSeconds, var.wait},
      {"VisibilityTimeout", live.VisibilityTimeout, queue.visibility},
      {"SqsManagedSseEnabled", live.SqsManagedSseEnabled, true},
      {"maxReceiveCount", redrive.maxReceiveCount, var.tries},
      {"deadLetterTargetArn", (redrive.deadLetterTargetArn or ""):match "[^:]*$", dead},
      {"FifoThroughputLimit", live.FifoThroughputLimit, fifo and "perMessageGroupId" or nil},
    }
    return not wrong, wrong or ("read by long polling, encrypted, dead letters after %d receives"):format(var.tries)
  end}

  check("4.1/4.2 dead letters " .. dead) {absent = none, test = function()
    local live = attributes(dead)
    local wrong = first_wrong {{"MessageRetentionPeriod", live.MessageRetentionPeriod, var.keep},
      {"SqsManagedSseEnabled", live.SqsManagedSseEnabled, true}}
    return not wrong, wrong or "kept long enough, encrypted"
  end}

  check("5.1 message through " .. name) {absent = none, test = function()
    if not var.messages then return "skip", "not tried: messages=false" end
    local live, url = attributes(name)
    local why = in_use(live)
    if why then return "skip", "not tried: " .. why end
    local id = send(url, fifo)
    for _ = 1, 5 do
      local seen = take(url, id)
      if seen == "back" then return true, "sent, received, deleted" end
      if seen == "another's" then
        return "skip", ("not proved: another's message came; ours is still in it, its attribute is tidelock-probe, its"
          .. " id %s"):format(id)
      end
    end
    return false, ("what was sent did not come back; its attribute is tidelock-probe, its id %s"):format(id)
  end}
end

-- ## Tables

for _, purpose in ipairs {"ai-costs", "cost-alerts"} do
  local name = ("%s-%s-%s"):format(account.prefix, purpose, account.env)
  check("4.3/4.4 table " .. name) {absent = none, test = function()
    local live = aws.dynamodb:describe_table {TableName = name}.Table
    local ttl = aws.dynamodb:describe_time_to_live {TableName = name}.TimeToLiveDescription
    local backups = aws.dynamodb:describe_continuous_backups {TableName = name}.ContinuousBackupsDescription
    local keys = {}
    for i, key in ipairs(live.KeySchema) do keys[i] = key.AttributeName end
    local wrong = first_wrong {
      {"TableStatus", live.TableStatus, "ACTIVE"},
      {"KeySchema", table.concat(keys, " "), "pk sk"},
      {"BillingMode", live.BillingModeSummary and live.BillingModeSummary.BillingMode, "PAY_PER_REQUEST"},
      {"SSEDescription.Status", live.SSEDescription and live.SSEDescription.Status, "ENABLED"},
      {"TimeToLiveStatus", ttl.TimeToLiveStatus, "ENABLED"},
      {"the TTL's attribute", ttl.AttributeName, "ttl"},
      {"PointInTimeRecoveryStatus", backups.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus, "ENABLED"},
    }
    if wrong then return false, wrong end
    aws.dynamodb:get_item {TableName = name, Key = {pk = {S = "tidelock-probe"}, sk = {S = "tidelock-probe"}}}
    return true, "active, answers, encrypted, expires by ttl, recoverable"
  end}
end

-- ## The topic, and who hears it

check "4.5 topic lets budgets, anomaly detection and alarms publish" {absent = none, test = function()
  local policy = json.decode(aws.sns:get_topic_attributes {TopicArn = topic}.Attributes.Policy or "{}")
  for _, service in ipairs {"budgets", "costalerts", "cloudwatch"} do
    if not policies.allows_service(policy.Statement, service .. ".amazonaws.com", "sns:Publish") then
      return false, service .. " may not publish"
    end
  end
  return true, "all three may"
end}

check("9.1 " .. account.emails.costs .. " is subscribed") {severity = "warning", absent = none, test = function()
  for s in aws.sns:items("list_subscriptions_by_topic", {TopicArn = topic}) do
    if s.Protocol == "email" and s.Endpoint == account.emails.costs then
      if s.SubscriptionArn:find "^arn:" then return true, "confirmed" end
      return false, "it waits until the receiver confirms it: the link is in an e-mail from AWS Notifications"
    end
  end
  return false, "there is no such subscription"
end}

-- AWS Chatbot answers in some regions, for all of them.
local function chatbot()
  for _, region in ipairs {"us-east-2", "us-west-2", "eu-west-1", "ap-southeast-1"} do
    if account.region == region then return aws.chatbot end
  end
  return aws:client("chatbot", {region = "us-east-2"})
end

if var.slack then
  check "9.2 Slack is told" {test = function()
    for c in chatbot():items("describe_slack_channel_configurations", {}) do
      if c.ConfigurationName == account.prefix .. "-cost-alerts" then
        local told = false
        for _, arn in ipairs(c.SnsTopicArns) do told = told or arn == topic end
        if not told then return false, "the channel's configuration does not listen to the topic" end
        local wrong = first_wrong {{"SlackTeamId", c.SlackTeamId, account.slack.workspace},
          {"SlackChannelId", c.SlackChannelId, account.slack.channel}, {"State", c.State or "ENABLED", "ENABLED"}}
        return not wrong, wrong or "channel " .. c.SlackChannelId .. " listens to the topic"
      end
    end
    return false, "there is no configuration of the channel"
  end}
end

-- ## Budget and anomaly detection

check "3.1/3.2 budget tells at forecast and actual" {absent = none, test = function()
  local base = {AccountId = aws.sts:get_caller_identity {}.Account, BudgetName = account.prefix .. "-monthly"}
  local budget = aws.budgets:describe_budget(base).Budget
  local at, silent = {}, nil
  for n in aws.budgets:items("describe_notifications_for_budget", base) do
    at[n.NotificationType] = n.Threshold
    local heard = false
    for s in aws.budgets:items("describe_subscribers_for_notification", {AccountId = base.AccountId,
      BudgetName = base.BudgetName, Notification = {NotificationType = n.NotificationType, Threshold = n.Threshold,
        ComparisonOperator = n.ComparisonOperator, ThresholdType = n.ThresholdType}}) do
      heard = heard or s.Address == secret(topic)
    end
    if not heard then silent = n.NotificationType end
  end
  if silent then return false, "the topic does not hear of " .. silent end
  local limit = budget.BudgetLimit
  local wrong = first_wrong {
    {"the limit", ("%g %s"):format(tonumber(limit.Amount), limit.Unit),
      ("%g %s"):format(account.budget.limit, account.budget.currency)},
    {"the percentage of the forecast", at.FORECASTED and ("%g"):format(at.FORECASTED),
      ("%g"):format(account.budget.forecast_percent)},
    {"the percentage spent", at.ACTUAL and ("%g"):format(at.ACTUAL), ("%g"):format(account.budget.actual_percent)},
  }
  return not wrong, wrong or ("%s %s, the topic hears at %g %% forecast and %g %% spent"):format(limit.Amount,
    limit.Unit, at.FORECASTED, at.ACTUAL)
end}

-- What is asked of the one of that name in a list of Cost Explorer's.
local function named(operation, field, name)
  for item in aws.ce:items(operation, {}) do
    if item[field] == name then return item end
  end
end

check "3.3 anomalies are watched and told" {test = function()
  local monitor = named("get_anomaly_monitors", "MonitorName", account.prefix .. "-cost-anomaly-monitor")
  if not monitor then return false, "there is no monitor" end
  local s = named("get_anomaly_subscriptions", "SubscriptionName", account.prefix .. "-cost-anomaly-alerts")
  if not s then return false, "there is no subscription" end
  local heard, watched = nil, false
  for _, arn in ipairs(s.MonitorArnList) do watched = watched or arn == monitor.MonitorArn end
  local wanted = var.anomalies == "IMMEDIATE" and topic or account.emails.costs
  for _, to in ipairs(s.Subscribers) do
    if to.Address == wanted then heard = to.Status or "CONFIRMED" end
  end
  if not heard then return false, wanted .. " does not hear of them" end
  local above = s.ThresholdExpression and s.ThresholdExpression.Dimensions
  local wrong = first_wrong {
    {"MonitorDimension", monitor.MonitorDimension, "SERVICE"}, {"that it follows the monitor", watched, true},
    {"Frequency", s.Frequency, var.anomalies}, {"the hearing of " .. wanted, heard, "CONFIRMED"},
    {"the threshold", above and above.Values and above.Values[1], account.anomaly.threshold},
  }
  return not wrong, wrong or ("%s from %s USD on, %s hears"):format(s.Frequency, account.anomaly.threshold,
    wanted:match "[^:]*$")
end}
