--- What the kill specs run: things that a careless second try would make twice, and a step in the middle.
-- luacheck: read globals playbook ensure step aws output
playbook {name = "spec/kill", about = "A key, queues, a table, and a message sent once"}

local key = ensure.kms.key {name = "alias/kill", EnableKeyRotation = true, Description = "made once"}
local dlq = ensure.sqs.queue {name = "kill-dlq"}
local queue = ensure.sqs.queue {
  name = "kill", KmsMasterKeyId = key.id, RedrivePolicy = {deadLetterTargetArn = dlq.arn, maxReceiveCount = 5},
}
ensure.sns.topic {name = "kill", DisplayName = "kill"}

local sent = step "send" {
  run = function(token)
    return aws.sqs:send_message {QueueUrl = queue.url, MessageBody = token}.MessageId
  end,
  probe = function()
    local n = aws.sqs:get_queue_attributes {QueueUrl = queue.url,
      AttributeNames = {"ApproximateNumberOfMessages"}}.Attributes.ApproximateNumberOfMessages
    return n ~= "0" and "sent"
  end,
}

ensure.dynamodb.table {
  name = "kill", BillingMode = "PAY_PER_REQUEST",
  AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
  KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
  TimeToLiveSpecification = {Enabled = true, AttributeName = "ttl"},
}

output {sent = sent}
