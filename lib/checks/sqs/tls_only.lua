--- A queue refuses requests without TLS.
local control = require "checks"
local policy = require "checks.policy"

return control {
  id = "sqs-tls-only", title = "Queues refuse requests without TLS", severity = "medium", subjects = "sqs.queue",
  needs = {"sqs:GetQueueAttributes"}, remedy = "harden/queues",
  command = "tidelock call sqs list-queues --queue-name-prefix {name} --region {region}",
  means = "Somebody on the way can read and change messages that a careless program sends by plain HTTP.",
  todo = "Add a statement that denies all actions where aws:SecureTransport is false.",
  read = function(aws, subject)
    return aws.sqs:get_queue_attributes({QueueUrl = subject.raw.QueueUrl, AttributeNames = {"All"}}).Attributes
  end,
  test = function(live, subject, world)
    local arn = live.QueueArn or world.arn("sqs", subject.name)
    if (live.Policy or "") == "" then return control.fail("it has no policy, so plain HTTP is accepted") end
    return control.judge(policy.denies_plaintext(policy.statements(live.Policy), "sqs", {arn}), "plain HTTP is denied",
      "its policy does not deny plain HTTP")
  end,
}
