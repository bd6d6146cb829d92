--- The queues between the services and the tables that cost monitoring writes to.
playbook {
  name = "provision/messaging",
  about = "Workflow and limiter queues with their dead letters, and the tables of cost monitoring",
  vars = {
    wait = {"seconds", default = 20, max = 20, about = "how long a receive waits for a message"},
    tries = {"integer", default = 5, min = 1, about = "receives after which a message is a dead letter"},
    keep = {"seconds", default = "14d", about = "how long dead letters are kept"},
    protect = {"boolean", default = false, about = "protect the tables from deletion"},
  },
}

-- Workflows: in order for each group, and fast, because the limit counts a group and not the queue.
local workflows = account.prefix .. "-hybrid-workflows"

local workflows_dlq = ensure.sqs.queue {
  name = workflows .. "-dlq.fifo",
  FifoQueue = true, ContentBasedDeduplication = true,
  MessageRetentionPeriod = var.keep,
  SqsManagedSseEnabled = true,
  tags = {Purpose = "dead letters of the workflows"},
}

local workflows_queue = ensure.sqs.queue {
  name = workflows .. ".fifo",
  FifoQueue = true, ContentBasedDeduplication = true,
  DeduplicationScope = "messageGroup", FifoThroughputLimit = "perMessageGroupId",
  VisibilityTimeout = minutes(2), ReceiveMessageWaitTimeSeconds = var.wait,
  MessageRetentionPeriod = days(4),
  RedrivePolicy = {deadLetterTargetArn = workflows_dlq.arn, maxReceiveCount = var.tries},
  SqsManagedSseEnabled = true,
  tags = {Purpose = "workflow orchestration"},
}

-- The limiter's: provision/rate-limiter has the same, and whatever reads it.
local limiter = include("provision/limiter-queue", {wait = var.wait, tries = var.tries, keep = var.keep})

-- Cost monitoring: one table of amounts, one of alerts; items expire by themselves. Protection that harden/tables, or
-- a person, has put on stays on.
local tables = {}
for name, purpose in pairs {["ai-costs"] = "AI spend by day and provider", ["cost-alerts"] = "alerts on spend"} do
  tables[name] = ensure.dynamodb.table {
    name = ("%s-%s-%s"):format(account.prefix, name, account.env),
    AttributeDefinitions = {
      {AttributeName = "pk", AttributeType = "S"},
      {AttributeName = "sk", AttributeType = "S"},
    },
    KeySchema = {
      {AttributeName = "pk", KeyType = "HASH"},
      {AttributeName = "sk", KeyType = "RANGE"},
    },
    BillingMode = "PAY_PER_REQUEST",
    TimeToLiveSpecification = {Enabled = true, AttributeName = "ttl"},
    PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true},
    SSESpecification = {Enabled = true},                 -- the AWS-managed KMS key
    DeletionProtectionEnabled = var.protect or nil,
    tags = {Purpose = purpose},
  }
end

output {
  workflows_url = workflows_queue.url,
  limiter_url = limiter.url,
  limiter_arn = limiter.arn,
  costs_table = tables["ai-costs"].arn,
  alerts_table = tables["cost-alerts"].arn,
}
