--- Dead letters are kept longer than the queue keeps its messages: their clock began there.
local control = require "checks"

return control {
  id = "sqs-dead-letter-retention", title = "Dead letters are kept for 14 days", severity = "low",
  requirement = "5.4", subjects = "expected.queue", needs = {"sqs:GetQueueUrl", "sqs:GetQueueAttributes"},
  remedy = "provision/messaging",
  command = "tidelock call sqs get-queue-url --queue-name {name} --region {region}",
  means = "A failed message is deleted before anyone has looked at it.",
  todo = "Set the dead-letter queue's MessageRetentionPeriod to 1209600 seconds.",
  absent = {QueueDoesNotExist = "there is no such queue", ["AWS.SimpleQueueService.NonExistentQueue"] =
    "there is no such queue"},
  read = function(aws, subject)
    local url = aws.sqs:get_queue_url({QueueName = subject.name}).QueueUrl
    return aws.sqs:get_queue_attributes({QueueUrl = url, AttributeNames = {"All"}}).Attributes
  end,
  test = function(live, subject)
    if not subject.raw.dead then return control.skip("it is not a dead-letter queue") end
    local kept = tonumber(live.MessageRetentionPeriod) or 0
    return control.judge(kept >= 1209600, "kept for 14 days", ("kept for %.1f days only"):format(kept / 86400))
  end,
}
