-- switches.lua -- for each control, how what it holds is switched off in a hardened account, and on again.
--
--   [id] = {off = function(w), on = function(w) or REMEDY, also = {ids that cannot but fail too},
--     never = why nothing fails though it was switched off}
--
-- REMEDY: the playbook that the control names as its remedy repairs it, applied as its report says. `w` is the host of
-- hardened.lua; w.session makes calls, w.kept keeps what `off` has changed for `on`.
local hardened = require "runbook.hardened"
local json = require "tidelock.json"

local REMEDY <const> = "remedy"
local switches = {}

-- ## Words for rows

local DATABASE <const> = "example-postgres-production"
local LIMITER <const>, WORKFLOWS <const> = "example-rate-limiter-queue", "example-hybrid-workflows"
local COSTS <const> = "example-ai-costs-production"

local function detector(w) return w.session.guardduty:list_detectors({}).DetectorIds[1] end

local function feature(name)
  return {on = REMEDY, off = function(w)
    w.session.guardduty:update_detector {DetectorId = detector(w), Features = {{Name = name, Status = "DISABLED"}}}
  end}
end

local function rule(name)
  return {on = REMEDY, off = function(w) w.session.events:disable_rule {Name = name} end,
    also = {"events-rules-expected"}}
end

local function trail(w) return w.session.cloudtrail:describe_trails({}).trailList[1] end

local function bucket(w, word)
  return ("example-%s-%s"):format(word or "media", w.account)
end

local function database(changes, on)
  return {on = on or REMEDY, off = function(w)
    local input = {DBInstanceIdentifier = DATABASE, ApplyImmediately = true}
    for name, value in pairs(changes) do input[name] = value end
    w.session.rds:modify_db_instance(input)
  end}
end

local function url(w, name) return w.session.sqs:get_queue_url({QueueName = name}).QueueUrl end

local function queue(name, attributes, on)
  return {on = on or REMEDY, off = function(w)
    w.session.sqs:set_queue_attributes {QueueUrl = url(w, name), Attributes = attributes}
  end}
end

local function topic(w, name) return ("arn:aws:sns:us-east-1:%s:example-%s"):format(w.account, name) end

-- The policy of a topic or a queue with one change, kept to be put back.
local function policy_of(w, name)
  local text = w.session.sns:get_topic_attributes({TopicArn = topic(w, name)}).Attributes.Policy
  w.kept.policy = text
  return json.decode(text)
end

local function set_policy(w, name, text)
  w.session.sns:set_topic_attributes {TopicArn = topic(w, name), AttributeName = "Policy", AttributeValue = text}
end

local function unsubscribe(name)
  return {off = function(w)
    for one in w.session.sns:items("list_subscriptions_by_topic", {TopicArn = topic(w, name)}) do
      if one.Protocol == "email" then w.session.sns:unsubscribe {SubscriptionArn = one.SubscriptionArn} end
    end
  end, on = function(w, remedy)
    remedy()
    hardened.confirm_subscriptions(w)
  end}
end

-- A release of a service that somebody made in a hurry.
local function release(change, on)
  return {on = on or REMEDY, off = function(w)
    local ecs = w.session.ecs
    local live = ecs:describe_services({cluster = "ai-team", services = {"content"}}).services[1]
    local old = ecs:describe_task_definition({taskDefinition = live.taskDefinition}).taskDefinition
    local input = {}
    for _, name in ipairs {"family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "cpu",
      "memory", "requiresCompatibilities"} do input[name] = old[name] end
    change(input, w)
    ecs:update_service {cluster = "ai-team", service = "content",
      taskDefinition = ecs:register_task_definition(input).taskDefinition.taskDefinitionArn}
  end}
end

-- A task definition of its own, which no service runs; its family goes on being listed as long as it has a revision.
local function register(w, image)
  return w.session.ecs:register_task_definition({family = "example-loner", cpu = "256", memory = "512",
    requiresCompatibilities = {"FARGATE"}, networkMode = "awsvpc", containerDefinitions = {{name = "loner",
      image = image}}, executionRoleArn = ("arn:aws:iam::%s:role/one"):format(w.account),
    taskRoleArn = ("arn:aws:iam::%s:role/two"):format(w.account)}).taskDefinition.taskDefinitionArn
end

local function group(w, changes)
  local input = {ReplicationGroupId = "example-plain", ReplicationGroupDescription = "plain", Engine = "redis",
    AtRestEncryptionEnabled = true, TransitEncryptionEnabled = true, NumCacheClusters = 2, MultiAZEnabled = true,
    AutomaticFailoverEnabled = true, AuthToken = "not-a-real-token-0", SnapshotRetentionLimit = 7,
    CacheNodeType = "cache.t3.micro"}
  for name, value in pairs(changes) do input[name] = value end
  w.session.elasticache:create_replication_group(input)
end

local function cache(changes)
  return {off = function(w) group(w, changes) end,
    on = function(w) w.session.elasticache:delete_replication_group {ReplicationGroupId = "example-plain"} end}
end

local function people(what)
  return {off = function(w)
    local said = {root_mfa = true}
    for name, value in pairs(what) do said[name] = value end
    hardened.people(w, said)
  end, on = function(w) hardened.people(w, {root_mfa = true}) end}
end

local function sandbox(w, name, what)
  w.session.ssm:put_parameter {Name = "/sandbox/" .. name, Type = "String", Overwrite = true,
    Value = json.encode(what)}
end

-- Our alarm on a service's memory; autoscaling has its own.
local function alarm_of(w)
  for one in w.session.cloudwatch:items("describe_alarms", {AlarmNamePrefix = "example-"}) do
    for _, d in ipairs(one.Dimensions or {}) do
      if one.MetricName == "MemoryUtilization" and d.Value == "content" then return one.AlarmName end
    end
  end
end

-- An alarm that somebody made by hand.
local function on_database(name, above)
  return {off = function(w)
    w.session.cloudwatch:put_metric_alarm {AlarmName = "by-hand", Namespace = "AWS/RDS", MetricName = "CPUUtilization",
      Dimensions = {{Name = "DBInstanceIdentifier", Value = name}}, Period = 60, Statistic = "Average",
      EvaluationPeriods = 1, Threshold = above, ComparisonOperator = "GreaterThanThreshold",
      AlarmActions = {topic(w, "ops-alerts")}}
  end, on = function(w) w.session.cloudwatch:delete_alarms {AlarmNames = {"by-hand"}} end}
end

local function notification(kind, percent)
  return {on = REMEDY, off = function(w)
    w.session.budgets:delete_notification {AccountId = w.account, BudgetName = "example-monthly",
      Notification = {NotificationType = kind, ComparisonOperator = "GREATER_THAN", Threshold = percent,
        ThresholdType = "PERCENTAGE"}}
  end}
end

-- ## Who watches

switches["guardduty-enabled"] = {on = REMEDY, off = function(w)
  w.session.guardduty:update_detector {DetectorId = detector(w), Enable = false}
end}
switches["guardduty-findings"] = {off = function(w)
  w.session.guardduty:create_sample_findings {DetectorId = detector(w)}
end, on = function(w)
  w.session.guardduty:archive_findings {DetectorId = detector(w),
    FindingIds = w.session.guardduty:list_findings({DetectorId = detector(w)}).FindingIds}
end}
switches["guardduty-s3-protection"] = feature "S3_DATA_EVENTS"
switches["guardduty-protections"] = feature "EKS_AUDIT_LOGS"
switches["guardduty-notified"] = rule "example-guardduty-high-critical-findings"
switches["securityhub-enabled"] = {on = REMEDY, off = function(w) w.session.securityhub:disable_security_hub {} end,
  also = {"securityhub-best-practices", "securityhub-findings"}}
switches["securityhub-best-practices"] = {on = REMEDY, off = function(w)
  for s in w.session.securityhub:items("get_enabled_standards", {}) do
    if s.StandardsArn:find "best%-practices" then
      w.session.securityhub:batch_disable_standards {StandardsSubscriptionArns = {s.StandardsSubscriptionArn}}
    end
  end
end}
switches["securityhub-findings"] = {off = function(w)
  local product = ("arn:aws:securityhub:us-east-1:%s:product/%s/default"):format(w.account, w.account)
  w.session.securityhub:batch_import_findings {Findings = {{SchemaVersion = "2018-10-08", Id = "open-1",
    ProductArn = product, GeneratorId = "g", AwsAccountId = w.account, Types = {"t"}, Title = "t", Description = "d",
    CreatedAt = "2026-01-01T00:00:00Z", UpdatedAt = "2026-01-01T00:00:00Z", Severity = {Label = "HIGH"},
    Compliance = {Status = "FAILED"}, Resources = {{Type = "AwsS3Bucket", Id = "b"}}, RecordState = "ACTIVE",
    Workflow = {Status = "NEW"}}}}
end, on = function(w)
  w.session.securityhub:batch_update_findings {Workflow = {Status = "RESOLVED"}, FindingIdentifiers = {{Id = "open-1",
    ProductArn = ("arn:aws:securityhub:us-east-1:%s:product/%s/default"):format(w.account, w.account)}}}
end}
switches["securityhub-notified"] = rule "example-securityhub-failed-findings"
switches["config-recorder"] = {on = REMEDY, off = function(w)
  local all = w.session.config:describe_configuration_recorders({}).ConfigurationRecorders
  w.session.config:stop_configuration_recorder {ConfigurationRecorderName = all[1].name}
end}
switches["cloudtrail-multi-region"] = {on = REMEDY, off = function(w)
  w.session.cloudtrail:update_trail {Name = trail(w).Name, IsMultiRegionTrail = false}
end}
switches["cloudtrail-logging"] = {on = REMEDY, off = function(w)
  w.session.cloudtrail:stop_logging {Name = trail(w).Name}
end, also = {"cloudtrail-multi-region"}}
switches["cloudtrail-validation"] = {on = REMEDY, off = function(w)
  w.session.cloudtrail:update_trail {Name = trail(w).Name, EnableLogFileValidation = false}
end}
switches["cloudtrail-encryption"] = {on = REMEDY, off = function(w)
  w.session.cloudtrail:update_trail {Name = trail(w).Name, KmsKeyId = ""}
end}
switches["cloudtrail-bucket-private"] = {on = REMEDY, off = function(w)
  w.session.s3:put_public_access_block {Bucket = trail(w).S3BucketName, PublicAccessBlockConfiguration = {
    BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = false, RestrictPublicBuckets = true}}
end, also = {"s3-bucket-public-access"}}
switches["accessanalyzer-findings"] = {on = REMEDY, off = function(w)
  w.session.accessanalyzer:delete_analyzer {analyzerName = "example-access-analyzer"}
end}

-- ## Who may come in

switches["iam-root-mfa"] = people {root_mfa = false}
switches["iam-root-keys"] = people {root_keys = 1}
switches["iam-key-age"] = {off = function(w)
  w.session.iam:create_user {UserName = "old"}
  w.kept.key = w.session.iam:create_access_key({UserName = "old"}).AccessKey.AccessKeyId
  hardened.people(w, {root_mfa = true, key_days = {old = 91}})
end, on = function(w)
  hardened.people(w, {root_mfa = true})
  w.session.iam:delete_access_key {UserName = "old", AccessKeyId = w.kept.key}
  w.session.iam:delete_user {UserName = "old"}
end}
switches["iam-password-policy"] = {on = REMEDY, off = function(w)
  w.session.iam:update_account_password_policy {MinimumPasswordLength = 8, PasswordReusePrevention = 24}
end}
switches["iam-user-mfa"] = {off = function(w)
  w.session.iam:create_user {UserName = "bare"}
  w.session.iam:create_login_profile {UserName = "bare", Password = "Not-a-real-one-1"}
end, on = function(w)
  w.session.iam:delete_login_profile {UserName = "bare"}
  w.session.iam:delete_user {UserName = "bare"}
end}
switches["iam-no-admin-policy"] = {off = function(w)
  w.session.iam:create_user {UserName = "king"}
  w.kept.policy = w.session.iam:create_policy({PolicyName = "all", PolicyDocument = json.encode {
    Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "*", Resource = "*"}}}}).Policy.Arn
  w.session.iam:attach_user_policy {UserName = "king", PolicyArn = w.kept.policy}
end, on = function(w)
  w.session.iam:detach_user_policy {UserName = "king", PolicyArn = w.kept.policy}
  w.session.iam:delete_policy {PolicyArn = w.kept.policy}
  w.session.iam:delete_user {UserName = "king"}
end}
switches["iam-no-admin-inline"] = {off = function(w)
  w.session.iam:create_user {UserName = "king"}
  w.session.iam:put_user_policy {UserName = "king", PolicyName = "all", PolicyDocument = json.encode {
    Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "*", Resource = "*"}}}}
end, on = function(w)
  w.session.iam:delete_user_policy {UserName = "king", PolicyName = "all"}
  w.session.iam:delete_user {UserName = "king"}
end}

-- ## Buckets

local BLOCK <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = true}
local OPENER <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = false}

switches["s3-account-public-access"] = {on = REMEDY, off = function(w)
  w.session.s3control:put_public_access_block {AccountId = w.account, PublicAccessBlockConfiguration = OPENER}
end}
switches["s3-bucket-public-access"] = {on = REMEDY, off = function(w)
  w.session.s3:put_public_access_block {Bucket = bucket(w), PublicAccessBlockConfiguration = OPENER}
end}
-- Opened while no block was there; the block that came after leaves the policy as it is.
switches["s3-bucket-not-public"] = {on = REMEDY, off = function(w)
  local policy = json.decode(w.session.s3:get_bucket_policy({Bucket = bucket(w)}).Policy)
  table.insert(policy.Statement, {Sid = "Open", Effect = "Allow", Principal = "*", Action = "s3:GetObject",
    Resource = "arn:aws:s3:::" .. bucket(w) .. "/*"})
  w.session.s3control:delete_public_access_block {AccountId = w.account}
  w.session.s3:delete_public_access_block {Bucket = bucket(w)}
  w.session.s3:put_bucket_policy {Bucket = bucket(w), Policy = json.encode(policy)}
  w.session.s3:put_public_access_block {Bucket = bucket(w), PublicAccessBlockConfiguration = BLOCK}
  w.session.s3control:put_public_access_block {AccountId = w.account, PublicAccessBlockConfiguration = BLOCK}
end, also = {"accessanalyzer-findings"}}
switches["s3-bucket-uploads"] = {off = function(w)
  w.kept.policy = w.session.s3:get_bucket_policy({Bucket = bucket(w)}).Policy
  local policy = json.decode(w.kept.policy)
  table.insert(policy.Statement, {Sid = "Keyed", Effect = "Deny", Principal = "*", Action = "s3:PutObject",
    Resource = "arn:aws:s3:::" .. bucket(w) .. "/*",
    Condition = {StringNotEquals = {["s3:x-amz-server-side-encryption"] = "aws:kms"}}})
  w.session.s3:put_bucket_policy {Bucket = bucket(w), Policy = json.encode(policy)}
end, on = function(w)
  w.session.s3:put_bucket_policy {Bucket = bucket(w), Policy = w.kept.policy}
end}
switches["s3-bucket-encryption"] = {on = REMEDY, off = function(w)
  w.session.s3:delete_bucket_encryption {Bucket = bucket(w)}
end, never = "since 2023 AWS encrypts what no rule speaks of: it cannot be switched off any more"}
switches["s3-bucket-tls-only"] = {on = REMEDY, off = function(w)
  w.session.s3:delete_bucket_policy {Bucket = bucket(w)}
end}
switches["s3-bucket-versioning"] = {on = REMEDY, off = function(w)
  w.session.s3:put_bucket_versioning {Bucket = bucket(w), VersioningConfiguration = {Status = "Suspended"}}
end}
switches["s3-bucket-ownership"] = {on = REMEDY, off = function(w)
  w.session.s3:put_bucket_ownership_controls {Bucket = bucket(w),
    OwnershipControls = {Rules = {{ObjectOwnership = "ObjectWriter"}}}}
end}
switches["s3-intelligent-tiering"] = {on = REMEDY, off = function(w)
  w.session.s3:delete_bucket_intelligent_tiering_configuration {Bucket = w.names.tiering[1], Id = "EntireBucket"}
end}
switches["s3-lifecycle-overlap"] = {off = function(w)
  local rules = w.session.s3:get_bucket_lifecycle_configuration({Bucket = bucket(w, "backups")}).Rules
  w.kept.rules = table.move(rules, 1, #rules, 1, {})
  table.insert(rules, {ID = "all", Status = "Enabled", Filter = {Prefix = ""}, Expiration = {Days = 30}})
  w.session.s3:put_bucket_lifecycle_configuration {Bucket = bucket(w, "backups"),
    LifecycleConfiguration = {Rules = rules}}
end, on = function(w)
  w.session.s3:put_bucket_lifecycle_configuration {Bucket = bucket(w, "backups"),
    LifecycleConfiguration = {Rules = w.kept.rules}}
end}

-- ## Databases and caches

switches["rds-force-ssl"] = {on = REMEDY, off = function(w)
  w.session.rds:modify_db_parameter_group {DBParameterGroupName = DATABASE .. "-tls", Parameters = {{
    ParameterName = "rds.force_ssl", ParameterValue = "0", ApplyMethod = "immediate"}}}
end}
switches["rds-not-public"] = database {PubliclyAccessible = true}
switches["rds-deletion-protection"] = database {DeletionProtection = false}
switches["rds-backups"] = database {BackupRetentionPeriod = 1}
switches["rds-minor-upgrades"] = database {AutoMinorVersionUpgrade = false}
switches["rds-performance-insights"] = database {EnablePerformanceInsights = false}
switches["rds-monitoring"] = database {MonitoringInterval = 0}
switches["rds-iam-login"] = database {EnableIAMDatabaseAuthentication = false}
switches["rds-log-exports"] = database {CloudwatchLogsExportConfiguration = {
  DisableLogTypes = {"postgresql", "upgrade"}}}
switches["rds-certificate"] = database({CACertificateIdentifier = "rds-ca-2019"}, function(w)
  w.session.rds:modify_db_instance {DBInstanceIdentifier = DATABASE, CACertificateIdentifier = "rds-ca-rsa2048-g1"}
end)
switches["rds-encrypted"] = {off = function(w)
  w.session.rds:create_db_instance {DBInstanceIdentifier = "plain", Engine = "postgres", EngineVersion = "16.3",
    DBInstanceClass = "db.t3.micro", AllocatedStorage = 20, MasterUsername = "app", DBName = "app",
    MasterUserPassword = "Plain-Sight-7", PubliclyAccessible = false, DeletionProtection = true,
    BackupRetentionPeriod = 7, EnablePerformanceInsights = true, MonitoringInterval = 60,
    MonitoringRoleArn = ("arn:aws:iam::%s:role/example-rds-enhanced-monitoring-role"):format(w.account),
    EnableIAMDatabaseAuthentication = true, EnableCloudwatchLogsExports = {"postgresql"},
    AutoMinorVersionUpgrade = true, DBParameterGroupName = DATABASE .. "-tls"}
end, on = function(w)
  w.session.rds:modify_db_instance {DBInstanceIdentifier = "plain", DeletionProtection = false}
  w.session.rds:delete_db_instance {DBInstanceIdentifier = "plain", SkipFinalSnapshot = true}
end}
switches["rds-snapshots-private"] = {off = function(w)
  w.session.rds:create_db_snapshot {DBSnapshotIdentifier = "given", DBInstanceIdentifier = DATABASE}
  w.session.rds:modify_db_snapshot_attribute {DBSnapshotIdentifier = "given", AttributeName = "restore",
    ValuesToAdd = {"all"}}
end, on = function(w) w.session.rds:delete_db_snapshot {DBSnapshotIdentifier = "given"} end}
switches["rds-cluster-snapshots-private"] = {off = function(w)
  w.session.rds:create_db_cluster {DBClusterIdentifier = "c", Engine = "aurora-postgresql", MasterUsername = "app",
    MasterUserPassword = "Plain-Sight-7"}
  w.session.rds:create_db_cluster_snapshot {DBClusterIdentifier = "c", DBClusterSnapshotIdentifier = "given"}
  w.session.rds:modify_db_cluster_snapshot_attribute {DBClusterSnapshotIdentifier = "given",
    AttributeName = "restore", ValuesToAdd = {"all"}}
end, on = function(w)
  w.session.rds:delete_db_cluster_snapshot {DBClusterSnapshotIdentifier = "given"}
  w.session.rds:delete_db_cluster {DBClusterIdentifier = "c", SkipFinalSnapshot = true}
end}
switches["elasticache-encryption-at-rest"] = cache {AtRestEncryptionEnabled = false}
switches["elasticache-encryption-in-transit"] = cache {TransitEncryptionMode = "preferred"}
switches["elasticache-failover"] = cache {MultiAZEnabled = false}
switches["elasticache-backups"] = cache {SnapshotRetentionLimit = 0}
switches["elasticache-auth"] = {off = function(w)
  w.session.elasticache:create_serverless_cache {ServerlessCacheName = "open", Engine = "valkey",
    SnapshotRetentionLimit = 1}
end, on = function(w) w.session.elasticache:delete_serverless_cache {ServerlessCacheName = "open"} end}

-- ## Tables and queues

switches["dynamodb-tables-expected"] = {off = function(w)
  w.session.dynamodb:update_table {TableName = COSTS, DeletionProtectionEnabled = false}
  w.session.dynamodb:delete_table {TableName = COSTS}
end, on = function(w, remedy)
  remedy()
  hardened.apply(w, "harden/tables")
end, also = {"dynamodb-ttl", "dynamodb-encryption", "dynamodb-deletion-protection"}}
switches["dynamodb-ttl"] = {on = REMEDY, off = function(w)
  w.session.dynamodb:update_time_to_live {TableName = COSTS, TimeToLiveSpecification = {Enabled = false,
    AttributeName = "ttl"}}
end}
switches["dynamodb-ttl-items"] = {off = function(w)
  w.session.dynamodb:put_item {TableName = "example-job-locks", Item = {pk = {S = "odd"}, ttl = {S = "tomorrow"}}}
end, on = function(w)
  w.session.dynamodb:delete_item {TableName = "example-job-locks", Key = {pk = {S = "odd"}}}
end}
switches["dynamodb-point-in-time-recovery"] = {on = REMEDY, off = function(w)
  w.session.dynamodb:update_continuous_backups {TableName = "example-users",
    PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = false}}
end}
switches["dynamodb-encryption"] = {on = REMEDY, off = function(w)
  w.session.dynamodb:update_table {TableName = COSTS, SSESpecification = {Enabled = false}}
end}
switches["dynamodb-deletion-protection"] = {on = REMEDY, off = function(w)
  w.session.dynamodb:update_table {TableName = COSTS, DeletionProtectionEnabled = false}
end}
switches["sqs-queues-expected"] = {off = function(w)
  w.session.sqs:delete_queue {QueueUrl = url(w, WORKFLOWS .. "-dlq.fifo")}
end, on = function(w, remedy)
  remedy()
  hardened.apply(w, "harden/queues")
end, also = {"sqs-dead-letters", "sqs-dead-letter-retention", "sqs-queue-settings", "cloudwatch-alarm-data"}}
switches["sqs-queue-settings"] = queue(LIMITER, {ReceiveMessageWaitTimeSeconds = "0"})
switches["sqs-dead-letters"] = {on = REMEDY, off = function(w)
  w.session.sqs:set_queue_attributes {QueueUrl = url(w, LIMITER), Attributes = {RedrivePolicy = json.encode {
    maxReceiveCount = 3, deadLetterTargetArn = ("arn:aws:sqs:us-east-1:%s:%s-dlq"):format(w.account, LIMITER)}}}
end}
switches["sqs-encryption"] = queue(LIMITER, {SqsManagedSseEnabled = "false"})
switches["sqs-dead-letter-retention"] = queue(LIMITER .. "-dlq", {MessageRetentionPeriod = "345600"})
switches["sqs-tls-only"] = queue("example-email", {Policy = ""})
switches["sqs-not-public"] = {off = function(w)
  local at = url(w, "example-email")
  local text = w.session.sqs:get_queue_attributes({QueueUrl = at, AttributeNames = {"Policy"}}).Attributes.Policy
  local policy = json.decode(text)
  table.insert(policy.Statement, {Sid = "Open", Effect = "Allow", Principal = "*", Action = "sqs:SendMessage",
    Resource = "*"})
  w.kept.text = text
  w.session.sqs:set_queue_attributes {QueueUrl = at, Attributes = {Policy = json.encode(policy)}}
end, on = function(w)
  w.session.sqs:set_queue_attributes {QueueUrl = url(w, "example-email"), Attributes = {Policy = w.kept.text}}
end, also = {"accessanalyzer-findings"}}

-- ## Who is told

switches["sns-cost-publishers"] = {on = REMEDY, off = function(w)
  local text = json.encode(policy_of(w, "cost-alerts"))
  set_policy(w, "cost-alerts", (text:gsub("costalerts%.amazonaws%.com", "ses.amazonaws.com")))
end}
switches["sns-subscribers"] = unsubscribe "cost-alerts"
switches["sns-alert-subscribers"] = unsubscribe "ops-alerts"
switches["sns-publisher-keys"] = {on = REMEDY, off = function(w)
  local key = w.session.kms:describe_key({KeyId = "alias/example-sns-security-alerts"}).KeyMetadata.KeyId
  local text = w.session.kms:get_key_policy({KeyId = key, PolicyName = "default"}).Policy
  w.session.kms:put_key_policy {KeyId = key, PolicyName = "default",
    Policy = (text:gsub("events%.amazonaws%.com", "ses.amazonaws.com"))}
end}
switches["sns-not-public"] = {off = function(w)
  local policy = policy_of(w, "ops-alerts")
  table.insert(policy.Statement, {Sid = "Open", Effect = "Allow", Principal = {AWS = "*"}, Action = "sns:Publish",
    Resource = topic(w, "ops-alerts")})
  set_policy(w, "ops-alerts", json.encode(policy))
end, on = function(w) set_policy(w, "ops-alerts", w.kept.policy) end}
switches["events-rules-expected"] = {on = REMEDY, off = function(w)
  local name = "example-guardduty-high-critical-findings"
  w.session.events:remove_targets {Rule = name, Ids = {"SendToSNS"}}
  w.session.events:delete_rule {Name = name}
end, also = {"guardduty-notified"}}
switches["cloudwatch-alarms-expected"] = {on = REMEDY, off = function(w)
  w.session.cloudwatch:delete_alarms {AlarmNames = {"example-sqs-" .. LIMITER .. "-age-high"}}
end}
switches["cloudwatch-dashboards-expected"] = {on = REMEDY, off = function(w)
  w.session.cloudwatch:delete_dashboards {DashboardNames = {"example-s3-storage"}}
end}
switches["cloudwatch-alarm-data"] = on_database("nowhere", 80)
switches["cloudwatch-alarm-units"] = on_database(DATABASE, 0.8)
switches["cloudwatch-alarm-actions"] = {on = REMEDY, off = function(w)
  w.session.cloudwatch:disable_alarm_actions {AlarmNames = {alarm_of(w)}}
end}
switches["cloudwatch-alarm-topics"] = {off = function(w)
  w.session.cloudwatch:put_metric_alarm {AlarmName = "to-nobody", Namespace = "n", MetricName = "m", Period = 60,
    Statistic = "Sum", EvaluationPeriods = 1, Threshold = 1, ComparisonOperator = "GreaterThanThreshold",
    AlarmActions = {topic(w, "nowhere")}}
end, on = function(w) w.session.cloudwatch:delete_alarms {AlarmNames = {"to-nobody"}} end}
switches["cloudwatch-alarm-stuck"] = {off = function(w)
  sandbox(w, "alarms", {[alarm_of(w)] = 8})
end, on = function(w) sandbox(w, "alarms", {none = 0}) end}
switches["budgets-forecast-alert"] = notification("FORECASTED", 80.0)
switches["budgets-actual-alert"] = notification("ACTUAL", 100.0)
switches["ce-anomaly-alerts"] = {on = REMEDY, off = function(w)
  local one = w.session.ce:get_anomaly_subscriptions({}).AnomalySubscriptions[1]
  w.session.ce:delete_anomaly_subscription {SubscriptionArn = one.SubscriptionArn}
end}
switches["support-trusted-advisor"] = {off = function(w) sandbox(w, "advice", {plan = "basic"}) end,
  on = function(w) sandbox(w, "advice", {plan = "business"}) end}

-- ## Containers and functions

switches["ecs-clusters-expected"] = {off = function(w) w.session.ecs:delete_cluster {cluster = "example-spare"} end,
  on = function(w)
    w.session.ecs:create_cluster {clusterName = "example-spare", settings = {{name = "containerInsights",
      value = "enhanced"}}}
  end}
switches["ecs-container-insights"] = {on = REMEDY, off = function(w)
  w.session.ecs:update_cluster_settings {cluster = "ai-team", settings = {{name = "containerInsights",
    value = "disabled"}}}
end}
switches["ecs-circuit-breaker"] = {on = REMEDY, off = function(w)
  w.session.ecs:update_service {cluster = "ai-team", service = "content", deploymentConfiguration = {
    deploymentCircuitBreaker = {enable = false, rollback = false}}}
end}
switches["ecs-task-roles"] = release(function(d, w) d.taskRoleArn, d.executionRoleArn = w.names.role, w.names.role end)
switches["ecs-no-literal-secrets"] = release(function(d)
  d.containerDefinitions[1].environment = {{name = "API_KEY", value = "sk-live-0f7c11d2a9b84e6fb3"}}
end, function(w, remedy)
  remedy()
  hardened.rotate_all(w)                                   -- what was moved has no schedule yet
end)
switches["ecs-no-xray-daemon"] = {off = function(w) w.kept.arn = register(w, "amazon/aws-xray-daemon:3") end,
  on = function(w)
    w.session.ecs:deregister_task_definition {taskDefinition = w.kept.arn}
    register(w, "loner:1")
  end}
switches["ecs-scaling"] = {on = REMEDY, off = function(w)
  local one = w.session.application_autoscaling:describe_scaling_policies({ServiceNamespace = "ecs",
    ResourceId = "service/ai-team/content"}).ScalingPolicies[1]
  w.session.application_autoscaling:delete_scaling_policy {ServiceNamespace = "ecs", PolicyName = one.PolicyName,
    ResourceId = one.ResourceId, ScalableDimension = one.ScalableDimension}
end}
switches["ecs-alarms"] = {on = REMEDY, off = function(w)
  local name = alarm_of(w)
  for _, one in ipairs(w.session.cloudwatch:describe_alarms({AlarmTypes = {"CompositeAlarm"}}).CompositeAlarms) do
    if one.AlarmRule:find(name, 1, true) then
      w.session.cloudwatch:delete_alarms {AlarmNames = {one.AlarmName}}
    end
  end
  w.session.cloudwatch:delete_alarms {AlarmNames = {name}}
end}
switches["lambda-limiter-concurrency"] = {on = REMEDY, off = function(w)
  w.session["lambda"]:delete_function_concurrency {FunctionName = "example-rate-limiter"}
end}
switches["lambda-runtime"] = {off = function(w)
  w.session["lambda"]:update_function_configuration {FunctionName = w.names.func, Runtime = "nodejs16.x"}
end, on = function(w)
  w.session["lambda"]:update_function_configuration {FunctionName = w.names.func, Runtime = "nodejs24.x"}
end}
switches["lambda-queue-visibility"] = queue(LIMITER, {VisibilityTimeout = "60"})
switches["lambda-limiter-network"] = {on = REMEDY, off = function(w)
  local name = "example-rate-limiter"
  w.session["lambda"]:update_function_configuration {FunctionName = name, VpcConfig = {SubnetIds = {},
    SecurityGroupIds = {}}}
  local version = w.session["lambda"]:publish_version({FunctionName = name}).Version
  w.session["lambda"]:update_alias {FunctionName = name, Name = "live", FunctionVersion = version}
end}
switches["lambda-limiter-secret"] = {on = REMEDY, off = function(w)
  w.session.iam:delete_role_policy {RoleName = "example-rate-limiter-role", PolicyName = "limiter"}
end}
switches["lambda-dead-letters"] = {off = function(w)
  w.session["lambda"]:add_permission {FunctionName = w.names.func, StatementId = "s3", Action = "lambda:InvokeFunction",
    Principal = "s3.amazonaws.com"}
end, on = function(w)
  w.session["lambda"]:remove_permission {FunctionName = w.names.func, StatementId = "s3"}
end}

-- ## Keys, secrets, network, logs

switches["kms-rotation"] = {off = function(w) w.kept.key = w.session.kms:create_key({}).KeyMetadata.KeyId end,
  on = function(w) w.session.kms:enable_key_rotation {KeyId = w.kept.key} end}
switches["kms-no-pending-deletion"] = {off = function(w)
  w.kept.key = w.session.kms:create_key({}).KeyMetadata.KeyId
  w.session.kms:enable_key_rotation {KeyId = w.kept.key}
  w.session.kms:schedule_key_deletion {KeyId = w.kept.key, PendingWindowInDays = 7}
end, on = function(w) w.session.kms:cancel_key_deletion {KeyId = w.kept.key} end}
switches["secretsmanager-rotation"] = {off = function(w)
  w.session.secretsmanager:create_secret {Name = "fixed", SecretString = "not-a-real-one"}
end, on = function(w)
  w.session.secretsmanager:delete_secret {SecretId = "fixed", ForceDeleteWithoutRecovery = true}
end}
switches["secretsmanager-redis-token"] = {off = function(w)
  w.session.secretsmanager:delete_secret {SecretId = "example/redis/auth-token", ForceDeleteWithoutRecovery = true}
end, on = function(w) hardened.rotating_secret(w, "example/redis/auth-token") end}
switches["ec2-ports-closed"] = {off = function(w)
  w.session.ec2:authorize_security_group_ingress {GroupId = w.names.security_group, IpProtocol = "tcp",
    FromPort = 5432, ToPort = 5432, CidrIp = "0.0.0.0/0"}
end, on = function(w)
  w.session.ec2:revoke_security_group_ingress {GroupId = w.names.security_group, IpProtocol = "tcp",
    FromPort = 5432, ToPort = 5432, CidrIp = "0.0.0.0/0"}
end}
switches["ec2-gateway-endpoints"] = {on = REMEDY, off = function(w)
  for one in w.session.ec2:items("describe_vpc_endpoints", {}) do
    if one.ServiceName:find "dynamodb" then
      w.session.ec2:delete_vpc_endpoints {VpcEndpointIds = {one.VpcEndpointId}}
    end
  end
end}
switches["logs-retention"] = {on = REMEDY, off = function(w)
  w.session.logs:create_log_group {logGroupName = "/audit/new"}
end}
switches["logs-retention-noncritical"] = {on = REMEDY, off = function(w)
  w.session.logs:put_retention_policy {logGroupName = "/aws/amplify/app-1", retentionInDays = 60}
end}

return {rows = switches, REMEDY = REMEDY}
