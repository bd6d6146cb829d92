--- A queue takes messages from those who are named.
local control = require "checks"
local policy = require "checks.policy"

return control {
  id = "sqs-not-public", title = "No queue is open to the world", severity = "critical", fsbp = "SQS.3",
  subjects = "sqs.queue", needs = {"sqs:GetQueueAttributes"},
  command = "tidelock call sqs list-queues --queue-name-prefix {name} --region {region}",
  means = "Anybody may put work into the queue, or take it out.",
  todo = "Name the services or accounts in the queue's policy, or add a condition on aws:SourceArn.",
  read = function(aws, subject)
    return aws.sqs:get_queue_attributes({QueueUrl = subject.raw.QueueUrl, AttributeNames = {"All"}}).Attributes
  end,
  test = function(live)
    return control.judge(not policy.public(policy.statements(live.Policy)), "its policy, if any, names who may",
      "its policy allows everyone")
  end,
}
