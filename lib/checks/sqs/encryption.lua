--- Messages lie encrypted in the queue.
local control = require "checks"

return control {
  id = "sqs-encryption", title = "Queues are encrypted", severity = "medium", fsbp = "SQS.1",
  subjects = "sqs.queue", needs = {"sqs:GetQueueAttributes"}, remedy = "provision/messaging",
  command = "tidelock call sqs list-queues --queue-name-prefix {name} --region {region}",
  means = "Messages lie in the queue as they were sent.",
  todo = "Set SqsManagedSseEnabled, which costs nothing, or a KMS key.",
  read = function(aws, subject)
    return aws.sqs:get_queue_attributes({QueueUrl = subject.raw.QueueUrl, AttributeNames = {"All"}}).Attributes
  end,
  test = function(live)
    if live.KmsMasterKeyId and live.KmsMasterKeyId ~= "" then return control.pass("encrypted with a KMS key") end
    return control.judge(live.SqsManagedSseEnabled == "true", "encrypted by SQS", "no encryption is set")
  end,
}
