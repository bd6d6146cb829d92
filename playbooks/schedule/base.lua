--- What all schedules of an account and region share: where runs are kept, the cluster they run in, and who is told.
playbook {
  name = "schedule/base",
  about = "The store of runs, the cluster, the group of schedules and the topic that all schedules share",
  vars = {
    bucket = {"string", about = "bucket of the store"},
    email = {"string", default = "", about = "who is told by e-mail when a run fails or does not happen"},
  },
}

local arn = "arn:" .. account.partition .. ":"

-- Journals say who did what: they are encrypted, closed to the world, refuse a connection without TLS, and what is
-- written over or deleted stays for a while.
local bucket = ensure.s3.bucket {
  name = var.bucket,
  ServerSideEncryptionConfiguration = {Rules = {{ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "AES256"}}}},
  PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
    RestrictPublicBuckets = true},
  OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}},
  VersioningConfiguration = {Status = "Enabled"},
  LifecycleRules = {{ID = "old", Status = "Enabled", Filter = {Prefix = ""},
    NoncurrentVersionExpiration = {NoncurrentDays = 30}}},
  PolicyStatements = {{Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "s3:*",
    Resource = {arn .. "s3:::" .. var.bucket, arn .. "s3:::" .. var.bucket .. "/*"},
    Condition = {Bool = {["aws:SecureTransport"] = "false"}}}},
}

-- Two runs that overlap meet here: one goes on, the other ends without having done anything.
ensure.dynamodb.table {
  name = "tidelock-locks", BillingMode = "PAY_PER_REQUEST",
  AttributeDefinitions = {{AttributeName = "id", AttributeType = "S"}},
  KeySchema = {{AttributeName = "id", KeyType = "HASH"}},
  PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true},
}

local cluster = ensure.ecs.cluster {name = "tidelock"}
local group = ensure.scheduler.group {name = "tidelock"}

local topic = ensure.sns.topic {
  name = "tidelock-schedules", DisplayName = "tidelock schedules",
  Policy = {Version = "2012-10-17", Statement = {
    {Sid = "Owner", Effect = "Allow", Principal = {AWS = account.id}, Resource = arn .. "sns:" .. account.region
      .. ":" .. account.id .. ":tidelock-schedules",
      Action = {"sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:Subscribe", "sns:ListSubscriptionsByTopic",
        "sns:Publish", "sns:DeleteTopic", "sns:AddPermission", "sns:RemovePermission"}},
    {Sid = "Alarms", Effect = "Allow", Principal = {Service = {"cloudwatch.amazonaws.com", "events.amazonaws.com"}},
      Action = "sns:Publish", Resource = arn .. "sns:" .. account.region .. ":" .. account.id .. ":tidelock-schedules",
      Condition = {StringEquals = {["aws:SourceAccount"] = account.id}}},
  }},
}
if var.email ~= "" then
  ensure.sns.subscription {TopicArn = topic.arn, Protocol = "email", Endpoint = var.email}
end

output {bucket = bucket.name, cluster = cluster.arn, group = group.arn, topic = topic.arn}
