--- 8.2: the queues that the account file implies are there.
local control = require "checks"

return control {
  id = "sqs-queues-expected", title = "Every expected SQS queue is there", severity = "high",
  requirement = "8.2, 4.1, 4.2, 9.1", subjects = "expected.queue", needs = {"sqs:ListQueues"},
  remedy = "provision/messaging", command = "tidelock call sqs list-queues --region {region}",
  means = "Messages sent to it are refused, so work is lost.",
  todo = "Create the queue.",
  read = function(aws) return aws.sqs:items("list_queues", {MaxResults = 1000}) end,
  test = function(urls, subject)
    for url in urls do
      if url:match "[^/]+$" == subject.name then return control.pass("it is there") end
    end
    return control.fail("there is no such queue")
  end,
}
