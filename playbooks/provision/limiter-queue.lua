--- The limiter's queue and its dead letters. provision/messaging and provision/rate-limiter include it, so that the
-- queue is the same whichever comes first; others look it up by its name.
playbook {
  name = "provision/limiter-queue",
  about = "The queue that the rate limiter sends from, and its dead letters",
  vars = {
    wait = {"seconds", default = 20, max = 20, about = "how long a receive waits for a message"},
    tries = {"integer", default = 5, min = 1, about = "receives after which a message is a dead letter"},
    keep = {"seconds", default = "14d", about = "how long dead letters are kept"},
  },
}

local name = account.prefix .. "-rate-limiter-queue"

local dlq = ensure.sqs.queue {
  name = name .. "-dlq",
  MessageRetentionPeriod = var.keep,
  SqsManagedSseEnabled = true,
  tags = {Purpose = "dead letters of the rate limiter"},
}

-- Visibility is six times the sender's time limit of 30 seconds, as a Lambda source needs it.
local queue = ensure.sqs.queue {
  name = name,
  VisibilityTimeout = minutes(3), ReceiveMessageWaitTimeSeconds = var.wait,
  MessageRetentionPeriod = days(4),
  RedrivePolicy = {deadLetterTargetArn = dlq.arn, maxReceiveCount = var.tries},
  SqsManagedSseEnabled = true,
  tags = {Purpose = "10 messages a minute and account"},
}

output {name = name, url = queue.url, arn = queue.arn, dlq_arn = dlq.arn}
