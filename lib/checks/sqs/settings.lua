--- 4.1, 4.2: the work queues are as their readers need them.
local control = require "checks"

return control {
  id = "sqs-queue-settings", title = "Work queues are read by long polling, workflows in fast order",
  severity = "medium", requirement = "4.1, 4.2, 5.1", subjects = "expected.queue",
  needs = {"sqs:GetQueueUrl", "sqs:GetQueueAttributes"}, remedy = "provision/messaging",
  command = "tidelock call sqs get-queue-url --queue-name {name} --region {region}",
  means = "Empty receives are paid for, or one slow group holds up all the others.",
  todo = "Set a receive wait of 20 seconds; for workflows, the limit per message group.",
  absent = {QueueDoesNotExist = "there is no such queue", ["AWS.SimpleQueueService.NonExistentQueue"] =
    "there is no such queue"},
  read = function(aws, subject)
    local url = aws.sqs:get_queue_url({QueueName = subject.name}).QueueUrl
    return aws.sqs:get_queue_attributes({QueueUrl = url, AttributeNames = {"All"}}).Attributes
  end,
  test = function(live, subject)
    if subject.raw.dead then return control.skip("dead letters are not polled") end
    if live.ReceiveMessageWaitTimeSeconds ~= "20" then
      return control.fail("a receive waits %s s, not 20", live.ReceiveMessageWaitTimeSeconds or "0")
    end
    if subject.raw.fifo and live.FifoThroughputLimit ~= "perMessageGroupId" then
      return control.fail("its throughput limit is for the whole queue, not for each message group")
    end
    return control.pass("a receive waits 20 s%s", subject.raw.fifo and ", limit per message group" or "")
  end,
}
