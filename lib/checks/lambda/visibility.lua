--- A message stays hidden for as long as its consumer may take to handle it, six times over.
local control = require "checks"

return control {
  id = "lambda-queue-visibility", title = "Queues hide a message six times as long as their function may run",
  severity = "medium", requirement = "5.4", subjects = "lambda.mapping",
  needs = {"lambda:GetFunctionConfiguration", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"},
  remedy = "provision/messaging", command = "tidelock call lambda list-event-source-mappings --region {region}",
  means = "A message comes back while it is still being handled, and is handled twice.",
  todo = "Set the queue's VisibilityTimeout to six times the function's timeout.",
  absent = {QueueDoesNotExist = "its queue does not exist", ["AWS.SimpleQueueService.NonExistentQueue"] =
    "its queue does not exist", ResourceNotFoundException = "its function does not exist"},
  read = function(aws, subject)
    local mapping = subject.raw
    local queue = mapping.EventSourceArn and mapping.EventSourceArn:match "^arn:[^:]+:sqs:.*:([^:]+)$"
    if not queue then return {} end
    local url = aws.sqs:get_queue_url({QueueName = queue}).QueueUrl
    return {queue = queue,
      timeout = aws.lambda:get_function_configuration({FunctionName = mapping.FunctionArn}).Timeout,
      visibility = tonumber(aws.sqs:get_queue_attributes({QueueUrl = url, AttributeNames = {"All"}})
        .Attributes.VisibilityTimeout)}
  end,
  test = function(live)
    if not live.queue then return control.skip("its source is no queue") end
    local timeout, visibility = live.timeout or 3, live.visibility or 30
    return control.judge(visibility >= 6 * timeout, ("%d s for a timeout of %d s"):format(visibility, timeout),
      ("%s hides a message for %d s, and the function may run for %d s"):format(live.queue, visibility, timeout))
  end,
}
