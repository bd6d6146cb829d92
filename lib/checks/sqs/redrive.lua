--- 5.4: a message that fails five times lands in a dead-letter queue that exists.
local control = require "checks"

local function document(text) return text and require "tidelock.json".decode(text) end

return control {
  id = "sqs-dead-letters", title = "Work queues hand what fails five times to a dead-letter queue",
  severity = "high", requirement = "4.1, 4.2, 5.4, 9.1", subjects = "expected.queue",
  needs = {"sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ListQueues"}, remedy = "provision/messaging",
  command = "tidelock call sqs get-queue-url --queue-name {name} --region {region}",
  means = "A message that cannot be handled comes back again and again, or is lost after some days.",
  todo = "Give the queue a redrive policy: five receives, then its dead-letter queue.",
  absent = {QueueDoesNotExist = "there is no such queue", ["AWS.SimpleQueueService.NonExistentQueue"] =
    "there is no such queue"},
  read = function(aws, subject)
    local url = aws.sqs:get_queue_url({QueueName = subject.name}).QueueUrl
    local names = {}
    for other in aws.sqs:items("list_queues", {MaxResults = 1000}) do names[other:match "[^/]+$"] = true end
    return {names = names, redrive = document(aws.sqs:get_queue_attributes({QueueUrl = url,
      AttributeNames = {"All"}}).Attributes.RedrivePolicy)}
  end,
  test = function(live, subject)
    if subject.raw.dead then return control.skip("it holds dead letters itself") end
    local redrive = live.redrive
    if not redrive then return control.fail("it has no dead-letter queue") end
    local target = tostring(redrive.deadLetterTargetArn):match "[^:]+$"
    if not live.names[target] then return control.fail("its dead-letter queue %s does not exist", target) end
    if target == subject.name then return control.fail("it is its own dead-letter queue: nothing ever leaves it") end
    local tries = tonumber(redrive.maxReceiveCount)
    return control.judge(tries == 5, ("after 5 receives to %s"):format(target),
      ("a message is tried %s times, not 5"):format(tostring(tries)))
  end,
}
