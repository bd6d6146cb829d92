--- Proves that what provision/all made is there, reachable and right: a message goes through each queue's life.
playbook {
  name = "validate/provision",
  about = "Queues, tables, topic, budget and anomaly detection: created, reachable, right",
}

local queues = {
  {name = account.prefix .. "-hybrid-workflows.fifo", wait = "20", fifo = true},
  {name = account.prefix .. "-rate-limiter-queue", wait = "20"},
}

local function attributes(name)
  local url = aws.sqs:get_queue_url {QueueName = name}.QueueUrl
  return aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes, url
end

for _, queue in ipairs(queues) do
  check("4.1/4.2 queue " .. queue.name) {test = function()
    local live = attributes(queue.name)
    if live.ReceiveMessageWaitTimeSeconds ~= queue.wait then return false, "it is not read by long polling" end
    if not live.RedrivePolicy then return false, "it has no dead-letter queue" end
    local dlq = live.RedrivePolicy:match '"deadLetterTargetArn"%s*:%s*"[^"]*:([^":]+)"'
    if not dlq then return false, "its redrive policy names no queue" end
    attributes(dlq)
    local tries = live.RedrivePolicy:match '"maxReceiveCount"%s*:%s*"?(%d+)'
    if tries ~= "5" then return false, "a message is tried " .. tostring(tries) .. " times, not 5" end
    if queue.fifo and live.FifoThroughputLimit ~= "perMessageGroupId" then return false, "high throughput is off" end
    return true, "read by long polling, dead letters after 5 receives"
  end}

  check("5.1 message through " .. queue.name) {test = function()
    local _, url = attributes(queue.name)
    local body = '{"probe":"validate/provision"}'
    local group = queue.fifo and "validate-provision" or nil
    aws.sqs:send_message {QueueUrl = url, MessageBody = body, MessageGroupId = group}
    for _ = 1, 5 do
      local got = aws.sqs:receive_message {QueueUrl = url, MaxNumberOfMessages = 1, WaitTimeSeconds = 5}
      for _, message in ipairs(got.Messages or {}) do
        if message.Body == body then
          aws.sqs:delete_message {QueueUrl = url, ReceiptHandle = message.ReceiptHandle}
          return true, "sent, received, deleted"
        end
        aws.sqs:change_message_visibility {QueueUrl = url, ReceiptHandle = message.ReceiptHandle, VisibilityTimeout = 0}
      end
    end
    return false, "what was sent did not come back"
  end}
end

for _, name in ipairs {"ai-costs", "cost-alerts"} do
  local table_name = ("%s-%s-%s"):format(account.prefix, name, account.env)
  check("4.3/4.4 table " .. table_name) {test = function()
    local live = aws.dynamodb:describe_table {TableName = table_name}.Table
    if live.TableStatus ~= "ACTIVE" then return false, "its status is " .. live.TableStatus end
    if not (live.SSEDescription and live.SSEDescription.Status == "ENABLED") then return false, "no KMS encryption" end
    local ttl = aws.dynamodb:describe_time_to_live {TableName = table_name}.TimeToLiveDescription
    if ttl.TimeToLiveStatus ~= "ENABLED" or ttl.AttributeName ~= "ttl" then
      return false, "items do not expire by ttl"
    end
    local backups = aws.dynamodb:describe_continuous_backups {TableName = table_name}.ContinuousBackupsDescription
    if backups.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus ~= "ENABLED" then
      return false, "point-in-time recovery is off"
    end
    return true, "active, encrypted, expires by ttl, recoverable"
  end}
end

local topic = "arn:aws:sns:" .. account.region .. ":" .. account.id .. ":" .. account.prefix .. "-cost-alerts"

check "4.5 topic lets budgets and anomaly detection publish" {test = function()
  local policy = aws.sns:get_topic_attributes {TopicArn = topic}.Attributes.Policy or ""
  for _, service in ipairs {"budgets.amazonaws.com", "costalerts.amazonaws.com"} do
    if not policy:find(service, 1, true) then return false, service .. " may not publish" end
  end
  return true, "both may"
end}

check "3.1/3.2 budget tells at forecast and actual" {test = function()
  local base = {AccountId = aws.sts:get_caller_identity {}.Account, BudgetName = account.prefix .. "-monthly"}
  local budget = aws.budgets:describe_budget(base).Budget
  if tonumber(budget.BudgetLimit.Amount) ~= account.budget.limit then
    return false, "its limit is " .. budget.BudgetLimit.Amount
  end
  local seen = {}
  for _, n in ipairs(aws.budgets:describe_notifications_for_budget(base).Notifications or {}) do
    seen[n.NotificationType] = n.Threshold
  end
  if seen.FORECASTED ~= account.budget.forecast_percent then return false, "no notification at the forecast" end
  if seen.ACTUAL ~= account.budget.actual_percent then return false, "no notification at the actual spend" end
  return true, ("%s USD, told at %s %% forecast and %s %% actual"):format(budget.BudgetLimit.Amount, seen.FORECASTED,
    seen.ACTUAL)
end}

check "3.3 anomalies are told" {test = function()
  for _, s in ipairs(aws.ce:get_anomaly_subscriptions {}.AnomalySubscriptions or {}) do
    if s.SubscriptionName == account.prefix .. "-cost-anomaly-alerts" then
      return #s.Subscribers > 0, ("%s, %d subscriber(s)"):format(s.Frequency, #s.Subscribers)
    end
  end
  return false, "there is no subscription"
end}
