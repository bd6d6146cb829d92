-- account.lua -- the answers of an account where every control passes, and for each control those of one where it does
-- not: only what differs. A list answers a paginated call item by item.
local json = require "tidelock.json"

local NOW <const> = 1764000000                                  -- 2025-11-24
local ID <const>, REGION <const> = "123456789012", "eu-west-1"

local function arn(service, resource) return ("arn:aws:%s:%s:%s:%s"):format(service, REGION, ID, resource) end

local function policy(...) return json.encode {Version = "2012-10-17", Statement = {...}} end

local function refuse(code) return {refuse = code} end

-- A copy with some members changed.
local function with(base, changes)
  local out = {}
  for k, v in pairs(base) do out[k] = v end
  for k, v in pairs(changes) do if v == json.null then out[k] = nil else out[k] = v end end
  return out
end

local BLOCK <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = true}
local TLS <const> = {Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*",
  Condition = {Bool = {["aws:SecureTransport"] = "false"}}}
local OTHER_KEYS <const> = {Effect = "Deny", Principal = "*", Action = "s3:PutObject", Resource = "*", Condition = {
  StringNotEquals = {["s3:x-amz-server-side-encryption"] = "aws:kms"},
  Null = {["s3:x-amz-server-side-encryption"] = "false"}}}
local INLINE <const> = {PolicyName = "logs", PolicyDocument = {Statement = {{Effect = "Allow",
  Action = "logs:PutLogEvents", Resource = "*"}}}}
local DB <const> = {DBInstanceIdentifier = "db", Engine = "postgres", PubliclyAccessible = false,
  StorageEncrypted = true, DeletionProtection = true, BackupRetentionPeriod = 7, AutoMinorVersionUpgrade = true,
  PerformanceInsightsEnabled = true, MonitoringInterval = 60, CACertificateIdentifier = "rds-ca-rsa2048-g1",
  EnabledCloudwatchLogsExports = {"postgresql"}, IAMDatabaseAuthenticationEnabled = true,
  DBParameterGroups = {{DBParameterGroupName = "tls", ParameterApplyStatus = "in-sync"}}}
local AURORA <const> = with(DB, {DBInstanceIdentifier = "au", Engine = "aurora-postgresql",
  DBClusterIdentifier = "au", DBParameterGroups = {{DBParameterGroupName = "default.aurora-postgresql16",
    ParameterApplyStatus = "in-sync"}}})
local function aurora(status)
  return {DBClusters = {{DBClusterIdentifier = "au", DBClusterParameterGroup = "au-tls",
    DBClusterMembers = {{DBInstanceIdentifier = "au", DBClusterParameterGroupStatus = status}}}}}
end
local CACHE <const> = {ReplicationGroupId = "redis", Engine = "redis", AtRestEncryptionEnabled = true,
  TransitEncryptionEnabled = true, TransitEncryptionMode = "required", AuthTokenEnabled = true,
  AutomaticFailover = "enabled", MultiAZ = "enabled", SnapshotRetentionLimit = 7}
local MEMCACHED <const> = {CacheClusterId = "pages", Engine = "memcached", TransitEncryptionEnabled = true,
  AtRestEncryptionEnabled = false, SnapshotRetentionLimit = 0}
local SERVERLESS <const> = {ServerlessCacheName = "sessions", Engine = "valkey", Status = "available",
  UserGroupId = "people", SnapshotRetentionLimit = 1}
local TABLE <const> = {TableStatus = "ACTIVE", SSEDescription = {Status = "ENABLED"}, DeletionProtectionEnabled = true,
  KeySchema = {{AttributeName = "pk", KeyType = "HASH"}, {AttributeName = "sk", KeyType = "RANGE"}}}
local TRAIL <const> = {Name = "trail", TrailARN = arn("cloudtrail", "trail/trail"), IsMultiRegionTrail = true,
  LogFileValidationEnabled = true, KmsKeyId = "k", S3BucketName = "logs"}
local TASK <const> = {family = "api", revision = 1, taskDefinitionArn = arn("ecs", "task-definition/api:1"),
  requiresCompatibilities = {"FARGATE"}, executionRoleArn = "arn:a", taskRoleArn = "arn:b",
  containerDefinitions = {{name = "api", image = "api:1", environment = {
    {name = "PORT", value = "80"}, {name = "TOKENS_PER_WINDOW", value = "10"},
    {name = "REDIS_AUTH_SECRET_ARN", value = arn("secretsmanager", "secret:r")}}}}}
local SERVICE <const> = {serviceName = "api", serviceArn = arn("ecs", "service/main/api"),
  loadBalancers = {{targetGroupArn = arn("elasticloadbalancing", "targetgroup/api/1")}},
  taskDefinition = "api:1", deploymentConfiguration = {deploymentCircuitBreaker = {enable = true, rollback = true}}}
local ALARM <const> = {ActionsEnabled = true, AlarmActions = {arn("sns", "x-ops-alerts")}, StateValue = "OK"}
local function alarm(name, metric, changes)
  return with(with(ALARM, {AlarmName = name, Namespace = "AWS/ECS", MetricName = metric, Threshold = 80.0,
    Statistic = "Average", ComparisonOperator = "GreaterThanThreshold", Dimensions = {
    {Name = "ClusterName", Value = "main"}, {Name = "ServiceName", Value = "api"}}}), changes or {})
end
local ALARMS <const> = {alarm("cpu", "CPUUtilization"), alarm("memory", "MemoryUtilization"),
  alarm("requests", "RequestCount", {Namespace = "AWS/ApplicationELB", Statistic = "Sum",
    Dimensions = {{Name = "TargetGroup", Value = "targetgroup/api/1"}}})}
-- Those that the account file implies, as expressions: nothing else is asked of them.
local EXPECTED <const> = {}
for i, name in ipairs {"sqs-x-hybrid-workflows.fifo-age-high", "sqs-x-hybrid-workflows.fifo-depth-high",
  "sqs-x-hybrid-workflows-dlq.fifo-dead-letters", "sqs-x-rate-limiter-queue-age-high",
  "sqs-x-rate-limiter-queue-depth-high", "sqs-x-rate-limiter-queue-dlq-dead-letters", "ecs-main-cpu-high",
  "ecs-main-memory-high", "rds-db-cpu-high", "rate-limiter-stopped-by-the-site", "rate-limiter-cannot-decide",
  "rate-limiter-dead-letters-come", "rate-limiter-fails", "rate-limiter-old", "rate-limiter-full",
  "rate-limiter-dead-letters"} do
  EXPECTED[i] = with(ALARM, {AlarmName = "x-" .. name})
end
local function alarms(...)
  local more = {...}
  return {MetricAlarms = table.move(EXPECTED, 1, #EXPECTED, #more + 1, more), CompositeAlarms = {}}
end
local function data(namespace, name, dimensions)
  return {Namespace = namespace, MetricName = name, Dimensions = dimensions}
end
local function pages(...)
  local out = {}
  for i, name in ipairs {...} do out[i] = {DashboardName = "x-" .. name} end
  return out
end
local PAGES <const> = {"alarms-overview", "queues-and-functions", "rate-limiter", "s3-storage",
  "ecs-container-insights", "rds-performance", "rate-limiter-messages"}
local FUNCTION <const> = {FunctionName = "f", FunctionArn = arn("lambda", "function:f"), Runtime = "nodejs22.x",
  Timeout = 30}
local KEY <const> = {KeyId = "k", Arn = arn("kms", "key/k"), KeyManager = "CUSTOMER", KeyState = "Enabled",
  KeySpec = "SYMMETRIC_DEFAULT", Origin = "AWS_KMS"}
local function features(...)
  local out = {}
  for i, name in ipairs {...} do out[i] = {Name = name, Status = "ENABLED"} end
  return out
end
local FOUR <const> = {"EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS"}
local DETECTOR <const> = {Status = "ENABLED", Features = features("S3_DATA_EVENTS", table.unpack(FOUR))}
local RULE <const> = {Name = "guardduty", State = "ENABLED",
  EventPattern = '{"source":["aws.guardduty"],"detail":{"severity":[{"numeric":[">=",7]}]}}'}
local HUB_RULE <const> = {Name = "securityhub", State = "ENABLED", EventPattern =
  '{"source":["aws.securityhub"],"detail":{"findings":{"Severity":{"Label":["HIGH","CRITICAL"]}}}}'}
local ANOMALY <const> = {SubscriptionName = "s", Frequency = "IMMEDIATE", Subscribers = {{Type = "SNS", Address = "t"}},
  MonitorArnList = {"m"}}
local SUMMARY <const> = {AccountMFAEnabled = 1, AccountAccessKeysPresent = 0}
local QUEUE_TLS <const> = {Effect = "Deny", Principal = {AWS = "*"}, Action = "SQS:*", Resource = "*",
  Condition = {Bool = {["aws:SecureTransport"] = "false"}}}
local QUEUES <const> = {"x-hybrid-workflows.fifo", "x-hybrid-workflows-dlq.fifo", "x-rate-limiter-queue",
  "x-rate-limiter-queue-dlq"}

local function url(name) return ("https://sqs.%s.amazonaws.com/%s/%s"):format(REGION, ID, name) end

local function urls(names)
  local out = {}
  for i, name in ipairs(names) do out[i] = url(name) end
  return out
end

-- Attributes of a queue by its URL; `changes` for the limiter's, or for all.
local function attributes(changes, only)
  return function(input)
    local name = input.QueueUrl:match "[^/]+$"
    local live = {SqsManagedSseEnabled = "true", VisibilityTimeout = "180", MessageRetentionPeriod = "1209600",
      Policy = policy(QUEUE_TLS)}
    if not name:find "dlq" then
      live.ReceiveMessageWaitTimeSeconds = "20"
      live.FifoThroughputLimit = name:find "fifo" and "perMessageGroupId" or nil
      live.RedrivePolicy = json.encode {maxReceiveCount = 5,
        deadLetterTargetArn = arn("sqs", name:gsub("(%.?f?i?f?o?)$", function(e) return "-dlq" .. e end, 1))}
      if name == "x-rate-limiter-queue" then live.RedrivePolicy = json.encode {maxReceiveCount = 5,
        deadLetterTargetArn = arn("sqs", "x-rate-limiter-queue-dlq")} end
      if name:find "fifo" then live.RedrivePolicy = json.encode {maxReceiveCount = 5,
        deadLetterTargetArn = arn("sqs", "x-hybrid-workflows-dlq.fifo")} end
    end
    if not only or name == only then live = with(live, changes) end
    return {Attributes = live}
  end
end

local function statement(service)
  return {Effect = "Allow", Principal = {Service = service}, Action = "sns:Publish", Resource = "*"}
end

local function recorded_topic()
  return {KmsMasterKeyId = "k", Policy = policy(statement "budgets.amazonaws.com",
    statement "costalerts.amazonaws.com", statement "cloudwatch.amazonaws.com")}
end

-- The topic of findings, to which EventBridge publishes.
local FINDINGS <const> = {Policy = policy(statement "events.amazonaws.com")}

-- Attributes of that topic, and of the others those given.
local function topics(others)
  return function(input)
    return {Attributes = input.TopicArn:find "findings$" and FINDINGS or others or recorded_topic()}
  end
end

local function key_policy(last)
  return policy({Effect = "Allow", Principal = {AWS = "arn:aws:iam::123456789012:root"}, Action = "kms:*",
    Resource = "*"}, {Effect = "Allow", Action = {"kms:Decrypt", "kms:GenerateDataKey*"}, Resource = "*",
    Principal = {Service = {"budgets.amazonaws.com", "costalerts.amazonaws.com", last}}})
end

local function notification(kind, threshold)
  return {NotificationType = kind, Threshold = threshold, ComparisonOperator = "GREATER_THAN"}
end

local function tracking(metric, value)
  return {ResourceId = "service/main/api", TargetTrackingScalingPolicyConfiguration = {TargetValue = value,
    PredefinedMetricSpecification = {PredefinedMetricType = metric}}}
end

local function endpoint(service)
  return {VpcId = "vpc-1", ServiceName = "com.amazonaws.eu-west-1." .. service, RouteTableIds = {"rtb-1"}}
end

local good <const> = {
  -- GuardDuty, Security Hub, Config
  ["guardduty.list_detectors"] = {"d"}, ["guardduty.get_detector"] = DETECTOR, ["guardduty.list_findings"] = {},
  ["events.list_rules"] = {RULE, HUB_RULE}, ["events.test_event_pattern"] = {Result = true},
  ["events.list_targets_by_rule"] = {{Id = "1", Arn = arn("sns", "x-findings")}},
  ["securityhub.describe_hub"] = {HubArn = arn("securityhub", "hub/default")},
  ["securityhub.get_enabled_standards"] = {{StandardsStatus = "READY",
    StandardsArn = "arn:aws:securityhub:eu-west-1::standards/aws-foundational-security-best-practices/v/1.0.0"}},
  ["securityhub.get_findings"] = {},
  ["config.describe_configuration_recorder_status"] = {ConfigurationRecordersStatus = {
    {name = "default", recording = true}}},
  -- CloudTrail
  ["cloudtrail.describe_trails"] = {trailList = {TRAIL}}, ["cloudtrail.get_trail_status"] = {IsLogging = true},
  ["cloudtrail.get_event_selectors"] = {AdvancedEventSelectors = {{FieldSelectors = {
    {Field = "eventCategory", Equals = {"Management"}}}}}},
  ["accessanalyzer.list_analyzers"] = {{name = "a", arn = "arn:a", status = "ACTIVE", type = "ACCOUNT"}},
  ["accessanalyzer.list_findings_v2"] = {},
  -- IAM
  ["iam.get_account_summary"] = {SummaryMap = SUMMARY},
  ["iam.list_users"] = {{UserName = "u", Arn = "arn:u"}},
  ["iam.list_access_keys"] = {{AccessKeyId = "AKIAOLDOLDOLDOLD0001", Status = "Inactive", CreateDate = 0},
    {AccessKeyId = "AKIANEWNEWNEWNEW0002", Status = "Active", CreateDate = NOW - 10 * 86400}},
  ["iam.get_account_password_policy"] = {PasswordPolicy = {MinimumPasswordLength = 14, PasswordReusePrevention = 24}},
  ["iam.get_login_profile"] = {LoginProfile = {UserName = "u"}}, ["iam.list_mfa_devices"] = {{SerialNumber = "m"}},
  ["iam.list_policies"] = {{PolicyName = "p", Arn = "arn:aws:iam::123456789012:policy/p", DefaultVersionId = "v1"}},
  ["iam.get_account_authorization_details"] = {IsTruncated = false, RoleDetailList = {{RoleName = "api",
    RolePolicyList = {INLINE}}, {RoleName = "bare"}}},
  ["iam.get_policy_version"] = {PolicyVersion = {Document = {Statement = {{Effect = "Allow", Action = "s3:*",
    Resource = "*"}}}}},
  -- S3
  ["s3control.get_public_access_block"] = {PublicAccessBlockConfiguration = BLOCK},
  ["s3.list_buckets"] = {{Name = "b"}},
  ["s3.get_public_access_block"] = {PublicAccessBlockConfiguration = BLOCK},
  ["s3.get_bucket_policy"] = {Policy = policy(TLS, OTHER_KEYS)},
  ["s3.get_bucket_acl"] = {Grants = {{Grantee = {ID = "me", Type = "CanonicalUser"}, Permission = "FULL_CONTROL"}}},
  ["s3.get_bucket_encryption"] = {ServerSideEncryptionConfiguration = {Rules = {
    {ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "AES256"}}}}},
  ["s3.get_bucket_versioning"] = {Status = "Enabled"},
  ["s3.get_bucket_ownership_controls"] = {OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}}},
  ["s3.get_bucket_lifecycle_configuration"] = {Rules = {
    {ID = "tiers", Status = "Enabled", Filter = {Prefix = ""}, Transitions = {{Days = 0,
      StorageClass = "INTELLIGENT_TIERING"}}},
    {ID = "db", Status = "Enabled", Filter = {Prefix = "db/"}, Transitions = {{Days = 60, StorageClass = "GLACIER"}},
      Expiration = {Days = 400}},
    {ID = "tmp", Status = "Enabled", Prefix = "tmp/", Expiration = {Days = 3}},
    {ID = "off", Status = "Disabled", Filter = {}, Expiration = {Days = 1}},
    {ID = "tagged", Status = "Enabled", Filter = {Tag = {Key = "keep", Value = "no"}}, Expiration = {Days = 1}}}},
  ["s3.list_bucket_intelligent_tiering_configurations"] = {IntelligentTieringConfigurationList = {
    {Id = "EntireBucket", Status = "Enabled"}}},
  -- RDS, ElastiCache
  ["rds.describe_db_instances"] = {DB, AURORA}, ["rds.describe_db_clusters"] = aurora "in-sync",
  ["rds.describe_db_cluster_parameters"] = {{ParameterName = "rds.force_ssl", ParameterValue = "1"}},
  ["rds.describe_db_parameters"] = {
    {ParameterName = "log_statement", ParameterValue = "ddl"}, {ParameterName = "rds.force_ssl", ParameterValue = "1"}},
  ["rds.describe_db_snapshots"] = {{DBSnapshotIdentifier = "snap"}},
  ["rds.describe_db_snapshot_attributes"] = {DBSnapshotAttributesResult = {DBSnapshotAttributes = {
    {AttributeName = "restore", AttributeValues = {"210987654321"}}}}},
  ["rds.describe_db_cluster_snapshots"] = {{DBClusterSnapshotIdentifier = "aurora-snap"}},
  ["rds.describe_db_cluster_snapshot_attributes"] = {DBClusterSnapshotAttributesResult = {
    DBClusterSnapshotAttributes = {{AttributeName = "restore", AttributeValues = {}}}}},
  ["elasticache.describe_replication_groups"] = {CACHE}, ["elasticache.describe_cache_clusters"] = {MEMCACHED},
  ["elasticache.describe_serverless_caches"] = {SERVERLESS},
  -- DynamoDB
  ["dynamodb.list_tables"] = {"x-ai-costs-production"}, ["dynamodb.describe_table"] = {Table = TABLE},
  ["dynamodb.describe_time_to_live"] = {TimeToLiveDescription = {TimeToLiveStatus = "ENABLED", AttributeName = "ttl"}},
  ["dynamodb.scan"] = {Items = {{ttl = {N = tostring(NOW + 86400)}}, {}}},
  ["dynamodb.describe_continuous_backups"] = {ContinuousBackupsDescription = {
    PointInTimeRecoveryDescription = {PointInTimeRecoveryStatus = "ENABLED"}}},
  -- SQS, SNS
  ["sqs.list_queues"] = function(input)
    return input.MaxResults == 1000 and urls(QUEUES) or {}          -- without it SQS stops after a thousand
  end,
  ["sqs.get_queue_attributes"] = attributes {},
  ["sqs.get_queue_url"] = function(input) return {QueueUrl = url(input.QueueName)} end,
  ["sns.list_topics"] = {{TopicArn = arn("sns", "x-cost-alerts")}, {TopicArn = arn("sns", "x-ops-alerts")}},
  ["kms.get_key_policy"] = {Policy = key_policy "cloudwatch.amazonaws.com"},
  ["sns.get_topic_attributes"] = topics(),
  ["sns.list_subscriptions_by_topic"] = {{SubscriptionArn = arn("sns", "x-cost-alerts:1")}},
  -- ECS
  ["ecs.list_clusters"] = {arn("ecs", "cluster/main")},
  ["ecs.describe_clusters"] = {clusters = {{clusterName = "main", clusterArn = arn("ecs", "cluster/main"),
    status = "ACTIVE", settings = {{name = "containerInsights", value = "enhanced"}}}}},
  ["ecs.list_services"] = {arn("ecs", "service/main/api")}, ["ecs.describe_services"] = {services = {SERVICE}},
  ["ecs.list_task_definition_families"] = {"api"}, ["ecs.describe_task_definition"] = {taskDefinition = TASK},
  ["application_autoscaling.describe_scaling_policies"] = {tracking("ECSServiceAverageCPUUtilization", 70),
    tracking("ECSServiceAverageMemoryUtilization", 80)},
  ["cloudwatch.describe_alarms"] = alarms(table.unpack(ALARMS)),
  ["cloudwatch.list_metrics"] = function(input)
    return {data("AWS/ECS", input.MetricName, {ALARMS[1].Dimensions[1]}),
      data("AWS/ECS", input.MetricName, {ALARMS[1].Dimensions[2], ALARMS[1].Dimensions[1]})}
  end,
  ["cloudwatch.list_dashboards"] = pages(table.unpack(PAGES)),
  ["events.describe_rule"] = {State = "ENABLED"},
  ["cloudwatch.describe_alarms*"] = ALARMS,
  -- Lambda, KMS, secrets, network, logs
  ["lambda.list_event_source_mappings"] = {{EventSourceArn = arn("sqs", "x-rate-limiter-queue"),
    FunctionArn = FUNCTION.FunctionArn}},
  ["lambda.get_function_configuration"] = {FunctionName = "f", Timeout = 30, VpcConfig = {SubnetIds = {"subnet-1"}},
    Role = "arn:aws:iam::123456789012:role/sender"},
  ["iam.simulate_principal_policy"] = {{EvalActionName = "secretsmanager:GetSecretValue", EvalDecision = "allowed"}},
  ["lambda.get_policy"] = {Policy = policy {Effect = "Allow", Principal = {Service = "apigateway.amazonaws.com"},
    Action = "lambda:InvokeFunction", Resource = FUNCTION.FunctionArn}},
  ["lambda.get_function_event_invoke_config"] = {FunctionArn = FUNCTION.FunctionArn, MaximumRetryAttempts = 2},
  ["lambda.get_function_concurrency"] = {ReservedConcurrentExecutions = 1}, ["lambda.list_functions"] = {FUNCTION},
  ["kms.list_keys"] = {{KeyId = "k"}}, ["kms.describe_key"] = {KeyMetadata = KEY},
  ["kms.get_key_rotation_status"] = {KeyRotationEnabled = true},
  ["secretsmanager.list_secrets"] = {{Name = "x/redis/auth-token", RotationEnabled = true,
    ARN = arn("secretsmanager", "secret:x/redis/auth-token-a1B2c3"), NextRotationDate = NOW + 86400,
    LastRotatedDate = NOW - 29 * 86400}},
  ["ec2.describe_security_groups"] = {{GroupId = "sg-1", IpPermissions = {
    {IpProtocol = "tcp", FromPort = 443, ToPort = 443, IpRanges = {{CidrIp = "0.0.0.0/0"}}},
    {IpProtocol = "tcp", FromPort = 5432, ToPort = 5432, IpRanges = {{CidrIp = "10.0.0.0/8"}}}}}},
  ["ec2.describe_vpcs"] = {{VpcId = "vpc-1"}}, ["ec2.describe_nat_gateways"] = {{VpcId = "vpc-1", State = "available"}},
  ["ec2.describe_vpc_endpoints"] = {endpoint "s3", endpoint "dynamodb"},
  ["logs.describe_log_groups"] = {{logGroupName = "/ecs/api", arn = arn("logs", "log-group:/ecs/api"),
    retentionInDays = 30}},
  -- Costs
  ["budgets.describe_budget"] = {Budget = {BudgetName = "x-monthly", BudgetLimit = {Amount = "500.0", Unit = "USD"}}},
  ["budgets.describe_notifications_for_budget"] = {notification("FORECASTED", 80.0), notification("ACTUAL", 100.0)},
  ["budgets.describe_subscribers_for_notification"] = {{SubscriptionType = "SNS", Address = "t"}},
  ["ce.get_anomaly_monitors"] = {{MonitorArn = "m"}},
  ["ce.get_anomaly_subscriptions"] = {ANOMALY},
  ["support.describe_trusted_advisor_checks"] = {checks = {{category = "cost_optimizing"}}},
}

-- One row a way to fail: {id, answers that differ, pattern of the evidence, other ids that then fail too}.
local bad <const> = {}

local function row(id, answers, evidence, also) bad[#bad + 1] = {id, answers, evidence, also or {}} end

row("guardduty-enabled", {["guardduty.list_detectors"] = {}}, "no detector")
row("guardduty-enabled", {["guardduty.get_detector"] = with(DETECTOR, {Status = "DISABLED"})}, "suspended")
row("guardduty-findings", {["guardduty.list_findings"] = {"1"}, ["guardduty.get_findings"] = {Findings = {
  {Type = "CryptoCurrency:EC2/BitcoinTool.B", Severity = 8}}}}, "1 finding .*BitcoinTool.B %(8%)")
row("guardduty-s3-protection", {["guardduty.get_detector"] = {Status = "ENABLED",
  Features = features(table.unpack(FOUR))}}, "not set")
row("guardduty-protections", {["guardduty.get_detector"] = {Status = "ENABLED",
  Features = features("S3_DATA_EVENTS", table.unpack(FOUR, 1, 3))}}, "LAMBDA_NETWORK_LOGS off")
row("guardduty-notified", {["events.list_rules"] = {HUB_RULE}}, "no rule")
row("guardduty-notified", {["events.list_rules"] = {with(RULE, {State = "DISABLED"}), HUB_RULE}}, "is disabled")
row("guardduty-notified", {["events.list_targets_by_rule"] = function(input)
  return input.Rule == "securityhub" and {{Id = "1"}} or {}
end}, "no target")
row("guardduty-notified", {["events.list_targets_by_rule"] = function(input)
  return {{Id = "1", Arn = arn("sns", input.Rule == "securityhub" and "x-findings" or "x-ops-alerts")}}
end}, "topic x%-ops%-alerts, which does not let EventBridge publish")
row("securityhub-notified", {["events.list_targets_by_rule"] = function(input)
  return {{Id = "1", Arn = arn("sns", input.Rule == "securityhub" and "gone" or "x-findings")}}
end, ["sns.get_topic_attributes"] = function(input)
  if input.TopicArn:find "gone" then error({code = "NotFound", message = "no"}, 0) end
  return {Attributes = input.TopicArn:find "findings" and FINDINGS or recorded_topic()}
end}, "topic gone, which is not there")
row("guardduty-notified", {["events.test_event_pattern"] = function(input)
  return {Result = not input.Event:find '"severity":9'}
end}, "does not match severity 9.5")
row("securityhub-notified", {["events.list_rules"] = {RULE}}, "no rule")
row("securityhub-notified", {["events.test_event_pattern"] = function(input)
  return {Result = not input.Event:find '"Label":"HIGH"'}
end}, "does not match severity HIGH")
row("securityhub-enabled", {["securityhub.describe_hub"] = refuse "InvalidAccessException"}, "not subscribed",
  {"securityhub-findings"})
row("securityhub-best-practices", {["securityhub.get_enabled_standards"] = {}}, "not subscribed")
row("securityhub-findings", {["securityhub.get_findings"] = {{Title = "S3.8 is broken"}}}, "1 open: S3.8 is broken")
row("config-recorder", {["config.describe_configuration_recorder_status"] = {ConfigurationRecordersStatus = {}}},
  "no recorder")
row("cloudtrail-multi-region", {["cloudtrail.describe_trails"] = {trailList = {}}}, "no trail")
row("cloudtrail-multi-region", {["cloudtrail.describe_trails"] = {trailList = {
  with(TRAIL, {IsMultiRegionTrail = false})}}}, "of one region")
row("cloudtrail-multi-region", {["cloudtrail.get_event_selectors"] = {AdvancedEventSelectors = {{FieldSelectors = {
  {Field = "eventCategory", Equals = {"Management"}}, {Field = "readOnly", Equals = {"false"}}}}}}}, "leaves out")
row("cloudtrail-logging", {["cloudtrail.get_trail_status"] = {IsLogging = false}}, "not logging",
  {"cloudtrail-multi-region"})
row("cloudtrail-logging", {["cloudtrail.get_trail_status"] = {IsLogging = true, LatestDeliveryError = "AccessDenied"}},
  "cannot deliver: AccessDenied", {"cloudtrail-multi-region"})
row("cloudtrail-logging", {["cloudtrail.get_trail_status"] = {IsLogging = true, StartLoggingTime = 0,
  LatestDeliveryTime = NOW - 3 * 86400}}, "nothing was delivered since 2025%-11%-2")
row("cloudtrail-validation", {["cloudtrail.describe_trails"] = {trailList = {
  with(TRAIL, {LogFileValidationEnabled = false})}}}, "off")
row("cloudtrail-validation", {["cloudtrail.get_trail_status"] = {IsLogging = true,
  LatestDigestDeliveryError = "AccessDenied"}}, "digests are not delivered: AccessDenied")
row("cloudtrail-encryption", {["cloudtrail.describe_trails"] = {trailList = {with(TRAIL, {KmsKeyId = json.null})}}},
  "no KMS key")
row("cloudtrail-bucket-private", {["s3.get_public_access_block"] = function(input)
  if input.Bucket == "logs" then return {PublicAccessBlockConfiguration = with(BLOCK, {BlockPublicPolicy = false})} end
  return {PublicAccessBlockConfiguration = BLOCK}
end}, "BlockPublicPolicy of bucket logs is off")
row("accessanalyzer-findings", {["accessanalyzer.list_analyzers"] = {}}, "no analyzer")
row("accessanalyzer-findings", {["accessanalyzer.list_findings_v2"] = {{resource = "arn:aws:s3:::b"}}},
  "1 open, for example arn:aws:s3:::b")
row("iam-root-mfa", {["iam.get_account_summary"] = {SummaryMap = with(SUMMARY, {AccountMFAEnabled = 0})}}, "no MFA")
row("iam-root-keys", {["iam.get_account_summary"] = {SummaryMap = with(SUMMARY, {AccountAccessKeysPresent = 1})}},
  "1 access key")
row("iam-key-age", {["iam.list_access_keys"] = {{AccessKeyId = "AKIANEWNEWNEWNEW0001", Status = "Active",
  CreateDate = NOW}, {AccessKeyId = "AKIAOLDOLDOLDOLD0002", Status = "Active", CreateDate = NOW - 100 * 86400}}},
  "%.%.%.0002 is 100 days old")
row("iam-password-policy", {["iam.get_account_password_policy"] = refuse "NoSuchEntity"}, "no password policy")
row("iam-password-policy", {["iam.get_account_password_policy"] = {PasswordPolicy = {MinimumPasswordLength = 8}}},
  "8 characters")
row("iam-user-mfa", {["iam.list_mfa_devices"] = {}}, "no second factor")
row("iam-no-admin-policy", {["iam.get_policy_version"] = {PolicyVersion = {Document = {Statement = {
  Effect = "Allow", Action = {"*"}, Resource = "*"}}}}},
  "%* on %*")
row("iam-no-admin-inline", {["iam.get_account_authorization_details"] = function(input)
  if not input.Marker then return {IsTruncated = true, Marker = "2", UserDetailList = {}} end
  return {IsTruncated = false, GroupDetailList = {{GroupName = "people", GroupPolicyList = {INLINE, {PolicyName = "all",
    PolicyDocument = {Statement = {Effect = "Allow", Action = "*", Resource = "*"}}}}}}}
end}, "all allows %* on %*")
row("s3-account-public-access", {["s3control.get_public_access_block"] =
  refuse "NoSuchPublicAccessBlockConfiguration"}, "no block at all")
row("s3-account-public-access", {["s3control.get_public_access_block"] = {PublicAccessBlockConfiguration =
  with(BLOCK, {RestrictPublicBuckets = false})}}, "RestrictPublicBuckets is off")
row("s3-bucket-public-access", {["s3.get_public_access_block"] = function(input)
  if input.Bucket == "logs" then return {PublicAccessBlockConfiguration = BLOCK} end
  error({code = "NoSuchPublicAccessBlockConfiguration"}, 0)
end}, "no block is set")
row("s3-bucket-not-public", {["s3.get_bucket_policy"] = {Policy = policy(TLS, {Effect = "Allow", Principal = "*",
  Action = "s3:GetObject", Resource = "*"})}}, "allows everyone")
row("s3-bucket-not-public", {["s3.get_bucket_acl"] = {Grants = {{Permission = "READ", Grantee = {Type = "Group",
  URI = "http://acs.amazonaws.com/groups/global/AllUsers"}}}}}, "everybody has READ")
row("s3-bucket-encryption", {["s3.get_bucket_encryption"] =
  refuse "ServerSideEncryptionConfigurationNotFoundError"}, "no default encryption")
row("s3-bucket-tls-only", {["s3.get_bucket_policy"] = refuse "NoSuchBucketPolicy"}, "no policy")
row("s3-bucket-tls-only", {["s3.get_bucket_policy"] = {Policy = policy {Effect = "Deny", Principal = {AWS = "x"},
  Action = "s3:*", Resource = "*", Condition = {Bool = {["aws:SecureTransport"] = "false"}}}}}, "does not deny")
for _, condition in ipairs {{StringNotEquals = {["s3:x-amz-server-side-encryption"] = "aws:kms"}},
  {Null = {["s3:x-amz-server-side-encryption"] = "true"}}} do
  row("s3-bucket-uploads", {["s3.get_bucket_policy"] = {Policy = policy(TLS, {Sid = "Keyed", Effect = "Deny",
    Principal = "*", Action = "s3:PutObject", Resource = "*", Condition = condition})}}, "statement Keyed refuses")
end
row("s3-bucket-versioning", {["s3.get_bucket_versioning"] = {}}, "versioning is off")
row("s3-bucket-ownership", {["s3.get_bucket_ownership_controls"] = refuse "OwnershipControlsNotFoundError"},
  "no ownership is set")
row("s3-bucket-ownership", {["s3.get_bucket_ownership_controls"] = {OwnershipControls = {Rules = {
  {ObjectOwnership = "ObjectWriter"}}}}}, "grants are in force: ObjectWriter")
local function overlap(late, early, evidence)
  row("s3-lifecycle-overlap", {["s3.get_bucket_lifecycle_configuration"] = {Rules = {late, early}}}, evidence)
end
overlap({ID = "old", Status = "Enabled", Filter = {Prefix = "db/"}, Transitions = {{Days = 90,
  StorageClass = "GLACIER"}}}, {ID = "all", Status = "Enabled", Filter = {Prefix = ""}, Expiration = {Days = 90}},
  "rule old would move to GLACIER after 90 days what rule all deletes after 90")
overlap({ID = "long", Status = "Enabled", Filter = {And = {Prefix = "logs/", Tags = {{Key = "a", Value = "b"}}}},
  Expiration = {Days = 400}}, {ID = "short", Status = "Enabled", Filter = {Prefix = "logs/"}, Expiration = {Days = 30}},
  "rule long would delete after 400 days what rule short deletes after 30")
overlap({ID = "first", Status = "Enabled", Filter = {Prefix = ""}, Transitions = {{Days = 30,
  StorageClass = "GLACIER"}}},
  {Status = "Enabled", Prefix = "", Transitions = {{Days = 30, StorageClass = "GLACIER"}}},
  "rule number 2 would move to GLACIER after 30 days what rule first moves there after 30")
row("s3-intelligent-tiering", {["s3.list_bucket_intelligent_tiering_configurations"] = {}}, "no configuration")
for _, case in ipairs {{"rds-not-public", {PubliclyAccessible = true}, "public address"},
  {"rds-encrypted", {StorageEncrypted = false}, "not encrypted"},
  {"rds-deletion-protection", {DeletionProtection = false}, "off"},
  {"rds-backups", {BackupRetentionPeriod = 1}, "1 day, not 7"},
  {"rds-minor-upgrades", {AutoMinorVersionUpgrade = false}, "off"},
  {"rds-performance-insights", {PerformanceInsightsEnabled = false}, "off"},
  {"rds-iam-login", {IAMDatabaseAuthenticationEnabled = false}, "only passwords"},
  {"rds-certificate", {CACertificateIdentifier = "rds-ca-2019"}, "has expired"},
  {"rds-certificate", {CertificateDetails = {ValidTill = NOW - 86400}}, "has expired on 2025%-11%-23"},
  {"rds-monitoring", {MonitoringInterval = 0}, "off"},
  {"rds-log-exports", {EnabledCloudwatchLogsExports = json.null}, "no log is exported"},
  {"rds-force-ssl", {DBParameterGroups = {{DBParameterGroupName = "tls", ParameterApplyStatus = "pending-reboot"}}},
    "pending%-reboot: not in force yet"}} do
  row(case[1], {["rds.describe_db_instances"] = {with(DB, case[2])}}, case[3])
end
row("rds-force-ssl", {["rds.describe_db_parameters"] = {{ParameterName = "rds.force_ssl", ParameterValue = "0"}}},
  "rds.force_ssl is 0 in the group in use, tls")
row("rds-force-ssl", {["rds.describe_db_cluster_parameters"] = {{ParameterName = "rds.force_ssl",
  ParameterValue = "0"}}}, "rds.force_ssl is 0 in the group in use, au%-tls")
row("rds-force-ssl", {["rds.describe_db_clusters"] = aurora "pending-reboot"},
  "au%-tls, but its status is pending%-reboot")
row("rds-snapshots-private", {["rds.describe_db_snapshot_attributes"] = {DBSnapshotAttributesResult = {
  DBSnapshotAttributes = {{AttributeName = "restore", AttributeValues = {"all"}}}}}}, "everybody may restore")
row("rds-cluster-snapshots-private", {["rds.describe_db_cluster_snapshot_attributes"] = {
  DBClusterSnapshotAttributesResult = {DBClusterSnapshotAttributes = {{AttributeName = "restore",
    AttributeValues = {"123456789012", "all"}}}}}}, "everybody may restore")
row("elasticache-auth", {["elasticache.describe_serverless_caches"] = {with(SERVERLESS, {UserGroupId = json.null})}},
  "no token and has no user groups")
row("elasticache-backups", {["elasticache.describe_serverless_caches"] = {
  with(SERVERLESS, {SnapshotRetentionLimit = 0})}}, "no snapshot is kept")
for _, case in ipairs {{"elasticache-encryption-at-rest", {AtRestEncryptionEnabled = false}, "not encrypted at rest"},
  {"elasticache-encryption-in-transit", {TransitEncryptionEnabled = false}, "not encrypted in transit"},
  {"elasticache-encryption-in-transit", {TransitEncryptionMode = "preferred"}, "plain connections are accepted"},
  {"elasticache-auth", {AuthTokenEnabled = false}, "no token"},
  {"elasticache-failover", {MultiAZ = "disabled"}, "one zone"},
  {"elasticache-backups", {SnapshotRetentionLimit = 0}, "no snapshot"}} do
  row(case[1], {["elasticache.describe_replication_groups"] = {with(CACHE, case[2])}}, case[3])
end
row("elasticache-encryption-at-rest", {["elasticache.describe_cache_clusters"] = {{CacheClusterId = "old",
  Engine = "redis", AtRestEncryptionEnabled = false, TransitEncryptionEnabled = false}}}, "stands alone",
  {"elasticache-encryption-in-transit", "elasticache-auth", "elasticache-failover", "elasticache-backups"})
row("dynamodb-tables-expected", {["dynamodb.describe_table"] = refuse "ResourceNotFoundException"}, "no such table",
  {"dynamodb-encryption", "dynamodb-deletion-protection"})
row("dynamodb-tables-expected", {["dynamodb.describe_table"] = {Table = with(TABLE, {KeySchema = {
  {AttributeName = "id", KeyType = "HASH"}}})}}, "keys are id and none, not pk and sk")
row("dynamodb-ttl", {["dynamodb.describe_time_to_live"] = {TimeToLiveDescription = {TimeToLiveStatus = "ENABLED",
  AttributeName = "expires"}}}, "expire by expires, but writers set ttl", {"dynamodb-ttl-items"})
row("dynamodb-ttl", {["dynamodb.describe_time_to_live"] = {TimeToLiveDescription = {TimeToLiveStatus = "DISABLED"}}},
  "disabled")
local function items(...)
  local out = {}
  for i, value in ipairs {...} do out[i] = {ttl = value} end
  return {["dynamodb.scan"] = {Items = out}}
end
row("dynamodb-ttl-items", items({}, {S = "tomorrow"}), "ttl of 2 of 2 items is no number")
row("dynamodb-ttl-items", items({N = tostring(NOW * 1000)}, {N = tostring(NOW)}), "1 of 2 items counts milliseconds")
row("dynamodb-ttl-items", items {N = "86400"}, "no time of the last five years")
row("dynamodb-ttl-items", {["dynamodb.scan"] = {Items = {{}, {}}}}, "none of 2 items has ttl")
row("dynamodb-point-in-time-recovery", {["dynamodb.describe_continuous_backups"] = {ContinuousBackupsDescription = {
  PointInTimeRecoveryDescription = {PointInTimeRecoveryStatus = "DISABLED"}}}}, "off")
row("dynamodb-encryption", {["dynamodb.describe_table"] = {Table = with(TABLE, {SSEDescription = json.null})}},
  "no KMS")
row("dynamodb-deletion-protection", {["dynamodb.describe_table"] = {Table = with(TABLE,
  {DeletionProtectionEnabled = false})}}, "off")
row("sqs-queues-expected", {["sqs.list_queues"] = urls {table.unpack(QUEUES, 1, 3)}}, "no such queue",
  {"sqs-dead-letters"})
row("sqs-queue-settings", {["sqs.get_queue_attributes"] = attributes({ReceiveMessageWaitTimeSeconds = "0"},
  QUEUES[3])}, "waits 0 s")
row("sqs-queue-settings", {["sqs.get_queue_attributes"] = attributes({FifoThroughputLimit = "perQueue"}, QUEUES[1])},
  "not for each message group")
row("sqs-dead-letters", {["sqs.get_queue_attributes"] = attributes({RedrivePolicy = json.null}, QUEUES[3])},
  "no dead%-letter queue")
row("sqs-dead-letters", {["sqs.get_queue_attributes"] = attributes({RedrivePolicy = json.encode {maxReceiveCount = 3,
  deadLetterTargetArn = arn("sqs", QUEUES[4])}}, QUEUES[3])}, "3 times, not 5")
row("sqs-dead-letters", {["sqs.get_queue_attributes"] = attributes({RedrivePolicy = json.encode {maxReceiveCount = 5,
  deadLetterTargetArn = arn("sqs", QUEUES[3])}}, QUEUES[3])}, "its own dead%-letter queue")
row("sqs-encryption", {["sqs.get_queue_attributes"] = attributes({SqsManagedSseEnabled = "false"}, QUEUES[3])},
  "no encryption")
row("sqs-not-public", {["sqs.get_queue_attributes"] = attributes({Policy = policy({Effect = "Allow", Principal = "*",
  Action = "sqs:*", Resource = "*"}, QUEUE_TLS)}, QUEUES[3])}, "allows everyone")
row("sqs-tls-only", {["sqs.get_queue_attributes"] = attributes({Policy = json.null}, QUEUES[3])}, "has no policy")
row("sqs-tls-only", {["sqs.get_queue_attributes"] = attributes({Policy = policy {Effect = "Deny", Principal = "*",
  Action = "sqs:SendMessage", Resource = "*", Condition = {Bool = {["aws:SecureTransport"] = "false"}}}}, QUEUES[3])},
  "does not deny plain HTTP")
row("sqs-dead-letter-retention", {["sqs.get_queue_attributes"] = attributes({MessageRetentionPeriod = "345600"},
  QUEUES[4])}, "4.0 days only")
row("sns-cost-publishers", {["sns.get_topic_attributes"] = function(input)
  if not input.TopicArn:find "cost" then return topics()(input) end
  return {Attributes = {Policy = policy(statement "budgets.amazonaws.com")}}
end},
  "costalerts.amazonaws.com, cloudwatch.amazonaws.com may not publish")
row("sns-publisher-keys", {["kms.get_key_policy"] = {Policy = key_policy "events.amazonaws.com"}},
  "does not let in cloudwatch.amazonaws.com")
row("sns-publisher-keys", {["sns.get_topic_attributes"] = topics {KmsMasterKeyId = "k",
  Policy = policy(statement "budgets.amazonaws.com", statement "costalerts.amazonaws.com",
    statement "cloudwatch.amazonaws.com", statement "events.amazonaws.com")},
  ["kms.get_key_policy"] = {Policy = policy({Effect = "Allow", Action = "kms:*", Resource = "*",
    Principal = {Service = {"budgets.amazonaws.com", "costalerts.amazonaws.com", "cloudwatch.amazonaws.com",
      "events.amazonaws.com"}}, Condition = {StringEquals = {["AWS:SourceAccount"] = "123456789012"}}})}},
  "the key does not let in events.amazonaws.com")
row("sns-publisher-keys", {["sns.get_topic_attributes"] = topics {KmsMasterKeyId = "alias/aws/sns",
  Policy = policy(statement "budgets.amazonaws.com", statement "costalerts.amazonaws.com",
    statement "cloudwatch.amazonaws.com")}}, "AWS's own")
row("sns-publisher-keys", {["sns.get_topic_attributes"] = topics(with(recorded_topic(),
  {KmsMasterKeyId = "alias/topics"})), ["kms.get_key_policy"] = {Policy = key_policy "events.amazonaws.com"}},
  "does not let in cloudwatch.amazonaws.com")
local function waiting(ending)
  return function(input)
    local is = input.TopicArn:find(ending, 1, true)
    return {{SubscriptionArn = is and "PendingConfirmation" or input.TopicArn .. ":1"}}
  end
end
row("sns-subscribers", {["sns.list_subscriptions_by_topic"] = waiting "x-cost-alerts"}, "1 wait for a click")
row("sns-alert-subscribers", {["sns.list_subscriptions_by_topic"] = waiting "x-securityhub-findings"},
  "none is confirmed, 1 wait")
row("sns-not-public", {["sns.get_topic_attributes"] = function(input)
  local live = input.TopicArn:find "findings" and with(FINDINGS, {}) or recorded_topic()
  if input.TopicArn:find "ops" then live.Policy = policy {Effect = "Allow", Principal = {AWS = "*"},
    Action = "sns:Publish", Resource = "*"} end
  return {Attributes = live}
end}, "allows everyone")
row("ecs-clusters-expected", {["ecs.describe_clusters"] = {clusters = {}}}, "no such cluster")
row("ecs-container-insights", {["ecs.describe_clusters"] = {clusters = {{clusterName = "main", status = "ACTIVE",
  settings = {{name = "containerInsights", value = "disabled"}}}}}}, "is disabled")
row("ecs-circuit-breaker", {["ecs.describe_services"] = {services = {with(SERVICE, {deploymentConfiguration = {
  deploymentCircuitBreaker = {enable = true, rollback = false}}})}}}, "does not roll back")
row("ecs-task-roles", {["ecs.describe_task_definition"] = {taskDefinition = with(TASK, {taskRoleArn = "arn:a"})}},
  "one role for both")
row("ecs-no-literal-secrets", {["ecs.describe_task_definition"] = {taskDefinition = with(TASK, {containerDefinitions = {
  {name = "api", image = "api", environment = {{name = "DATABASE_URL", value = "postgres://u:hunter2@db/x"},
    {name = "API_KEY", value = "abc"}}}}})}}, "api.API_KEY, api.DATABASE_URL")
row("ecs-no-xray-daemon", {["ecs.describe_task_definition"] = {taskDefinition = with(TASK, {containerDefinitions = {
  {name = "x", image = "amazon/aws-xray-daemon:3"}}})}}, "container x")
row("ecs-scaling", {["application_autoscaling.describe_scaling_policies"] = {
  tracking("ECSServiceAverageCPUUtilization", 95)}}, "CPU is tracked at 95, not 70; Memory is not tracked")
row("ecs-alarms", {["cloudwatch.describe_alarms*"] = {ALARMS[1], ALARMS[3]}}, "no alarm on MemoryUtilization")
row("ecs-alarms", {["cloudwatch.describe_alarms*"] = {ALARMS[1], ALARMS[3], with(ALARMS[2], {AlarmActions =
  {"arn:aws:autoscaling:us-east-1:1:scalingPolicy:u:resource/ecs/service/c/s:policyName/p:createdBy/v"}})}},
  "no alarm on MemoryUtilization")
row("ecs-alarms", {["cloudwatch.describe_alarms*"] = {ALARMS[1], ALARMS[2]}}, "no alarm on RequestCount")
row("lambda-limiter-concurrency", {["lambda.get_function_concurrency"] = {}}, "not set")
row("lambda-limiter-concurrency", {["lambda.list_event_source_mappings"] = {{FunctionArn = FUNCTION.FunctionArn,
  EventSourceArn = arn("sqs", "x-rate-limiter-queue"), ScalingConfig = {MaximumConcurrency = 5}}}}, "up to 5 at once")
row("lambda-queue-visibility", {["lambda.get_function_configuration"] = {FunctionName = "f", Timeout = 60,
  Role = "arn:aws:iam::123456789012:role/sender", VpcConfig = {SubnetIds = {"subnet-1"}}}},
  "180 s, and the function may run for 60 s")
row("lambda-limiter-network", {["lambda.get_function_configuration"] = {FunctionName = "f", Timeout = 30,
  Role = "arn:aws:iam::123456789012:role/sender"}}, "it is in no VPC")
row("lambda-dead-letters", {["lambda.get_policy"] = {Policy = policy {Effect = "Allow", Action = "lambda:*",
  Principal = {Service = {"s3.amazonaws.com", "events.amazonaws.com"}}, Resource = "*"}}},
  "s3.amazonaws.com, events.amazonaws.com may call it")
row("lambda-runtime", {["lambda.list_functions"] = {with(FUNCTION, {Runtime = "python3.8"})}}, "python3.8")
row("lambda-runtime", {["lambda.list_functions"] = {with(FUNCTION, {Runtime = "nodejs18.x"})}},
  "nodejs18.x is no longer supported since 2025%-09%-01")
row("lambda-limiter-secret", {["iam.simulate_principal_policy"] = function(input)
  return {{EvalActionName = input.ActionNames[1], EvalDecision = input.ResourceArns[1]
    == arn("secretsmanager", "secret:x/redis/auth-token-a1B2c3") and "explicitDeny" or "allowed"}}
end}, "role sender may not read x/redis/auth%-token$")
row("lambda-limiter-secret", {["iam.simulate_principal_policy"] = {{EvalDecision = "implicitDeny"}}},
  "may not read x/redis/auth%-token, x/site")
row("kms-rotation", {["kms.get_key_rotation_status"] = {KeyRotationEnabled = false}}, "off")
row("kms-no-pending-deletion", {["kms.describe_key"] = {KeyMetadata = with(KEY, {KeyState = "PendingDeletion"})}},
  "waits for deletion")
row("secretsmanager-rotation", {["secretsmanager.list_secrets"] = {{Name = "x/redis/auth-token",
  RotationEnabled = false}}}, "no rotation", {"secretsmanager-redis-token"})
row("secretsmanager-redis-token", {["secretsmanager.list_secrets"] = {{Name = "other", RotationEnabled = true,
  NextRotationDate = NOW + 86400}}}, "no secret under x/redis/")
row("secretsmanager-rotation", {["secretsmanager.list_secrets"] = {{Name = "x/redis/auth-token",
  RotationEnabled = true, NextRotationDate = NOW - 10 * 86400, LastRotatedDate = NOW - 40 * 86400}}},
  "should have been rotated")
row("secretsmanager-redis-token", {["secretsmanager.list_secrets"] = {{Name = "x/redis/auth-token",
  RotationEnabled = true, NextRotationDate = NOW + 86400, LastChangedDate = NOW - 91 * 86400}}},
  "was last changed 91 days ago, on 2025%-08%-2")
row("secretsmanager-redis-token", {["secretsmanager.list_secrets"] = {{Name = "x/redis/auth-token",
  RotationEnabled = true, LastChangedDate = NOW}}}, "no day of its next rotation")
row("ec2-ports-closed", {["ec2.describe_security_groups"] = {{GroupId = "sg-1", IpPermissions = {{IpProtocol = "tcp",
  FromPort = 5000, ToPort = 6000, Ipv6Ranges = {{CidrIpv6 = "::/0"}}}}}}}, "port 5000, 5432, 5500, 5601$")
row("ec2-ports-closed", {["ec2.describe_security_groups"] = {{GroupId = "sg-1", IpPermissions = {{IpProtocol = "tcp",
  FromPort = 9200, ToPort = 9200, IpRanges = {{CidrIp = "0.0.0.0/0"}}}, {IpProtocol = "icmp", FromPort = 8,
  ToPort = 255, IpRanges = {{CidrIp = "0.0.0.0/0"}}}}}}}, "the world: port 9200$")
row("ec2-ports-closed", {["ec2.describe_security_groups"] = {{GroupId = "sg-1", IpPermissions = {{IpProtocol = "-1",
  IpRanges = {{CidrIp = "0.0.0.0/0"}}}, {IpProtocol = "tcp", FromPort = 22, ToPort = 22,
  IpRanges = {{CidrIp = "0.0.0.0/0"}}}}}}}, "port 20, 21, 22, 23, 25, 110 and 22 more$")
row("ec2-gateway-endpoints", {["ec2.describe_vpc_endpoints"] = {endpoint "s3"}}, "for dynamodb")
row("logs-retention", {["logs.describe_log_groups"] = {{logGroupName = "/ecs/api"}}}, "never deleted",
  {"logs-retention-noncritical"})
row("logs-retention", {["logs.describe_log_groups"] = {{logGroupName = "/ecs/api", retentionInDays = 14}}},
  "14 days, not 30 to 90", {"logs-retention-noncritical"})
row("logs-retention-noncritical", {["logs.describe_log_groups"] = {{logGroupName = "/ecs/api", retentionInDays = 90}}},
  "90 days")
row("events-rules-expected", {["events.describe_rule"] = refuse "ResourceNotFoundException"}, "no such rule")
row("events-rules-expected", {["events.describe_rule"] = {State = "DISABLED"}}, "is disabled")
row("cloudwatch-alarms-expected", {["cloudwatch.describe_alarms"] = {MetricAlarms = table.move(EXPECTED, 2, #EXPECTED,
  1, {ALARMS[1]})}}, "no such alarm")
row("cloudwatch-dashboards-expected", {["cloudwatch.list_dashboards"] = pages(table.unpack(PAGES, 2))},
  "no such dashboard")
local function of_database(name, changes)
  return alarm("db", "CPUUtilization", with({Namespace = "AWS/RDS", Dimensions = {{Name = "DBInstanceIdentifier",
    Value = name}}}, changes or {}))
end
local function of_cache(name)
  return alarm("cache", "CPUUtilization", {Namespace = "AWS/ElastiCache", Dimensions = {{Name = "CacheClusterId",
    Value = name}}})
end
row("cloudwatch-alarm-data", {["cloudwatch.list_metrics"] = {}}, "Utilization of service api has had no data")
row("cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(of_database "db")},
  "CPUUtilization of database db has had no data for three hours")
row("cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(of_database "bd")}, "no database bd")
row("cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(of_cache "pages")}, "cache pages has had no")
row("cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(of_cache "page")}, "no cache page$")
row("cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(with(ALARM, {AlarmName = "load", Metrics = {
  {Id = "a", Expression = "100 * b"}, {Id = "b", MetricStat = {Stat = "Average", Period = 60,
    Metric = {Namespace = "AWS/RDS", MetricName = "DBLoad", Dimensions = of_database "db".Dimensions}}}}}))},
  "DBLoad of database db has had no data")
for what, by in pairs {queue = {"AWS/SQS", "QueueName"}, ["function"] = {"AWS/Lambda", "FunctionName"}} do
  row("cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(alarm("gone", "Errors", {Namespace = by[1],
    Dimensions = {{Name = by[2], Value = "gone"}}}))}, ("there is no %s gone$"):format(what))
end
local function unit(evidence, ...)
  row("cloudwatch-alarm-units", {["cloudwatch.describe_alarms"] = alarms(alarm(...))}, evidence)
end
unit("0.8 percent: are 80 meant", "cpu", "CPUUtilization", {Threshold = 0.8})
unit("it asks for Count, and CPUUtilization comes in Percent", "cpu", "CPUUtilization", {Unit = "Count"})
unit("512 bytes: are megabytes meant", "free", "FreeableMemory", {Namespace = "AWS/RDS", Threshold = 512.0,
  ComparisonOperator = "LessThanThreshold", Dimensions = {}})
unit("100 seconds is never passed", "slow", "ReadLatency", {Namespace = "AWS/RDS", Threshold = 100.0, Dimensions = {}})
unit("100 percent is never passed", "cpu", "CPUUtilization", {Namespace = "AWS/RDS", Threshold = 100.0,
  Dimensions = {}})
unit("24 ms, and the function may run for 30 s", "long", "Duration", {Namespace = "AWS/Lambda",
  Threshold = 24.0, Dimensions = {{Name = "FunctionName", Value = "f"}}})
row("cloudwatch-alarm-actions", {["cloudwatch.describe_alarms"] = alarms(
  alarm("cpu", "CPUUtilization", {AlarmActions = {}}))}, "no action")
row("cloudwatch-alarm-topics", {["sns.list_topics"] = {{TopicArn = arn("sns", "x-cost-alerts")}}},
  "no topic x%-ops%-alerts")
row("cloudwatch-alarm-topics", {["sns.get_topic_attributes"] = function(input)
  return {Attributes = input.TopicArn:find "ops" and FINDINGS or topics()(input).Attributes}
end}, "topic x%-ops%-alerts does not let alarms publish")
row("cloudwatch-alarm-stuck", {["cloudwatch.describe_alarms"] = alarms(alarm("cpu", "CPUUtilization",
  {StateValue = "ALARM", StateUpdatedTimestamp = NOW - 30 * 86400}))}, "ALARM for 30 days")
row("budgets-forecast-alert", {["budgets.describe_notifications_for_budget"] = {notification("ACTUAL", 100.0)}},
  "no notification")
row("budgets-actual-alert", {["budgets.describe_notifications_for_budget"] = {notification("FORECASTED", 80.0),
  notification("ACTUAL", 120.0)}}, "120 %%, not 100 %%")
row("budgets-forecast-alert", {["budgets.describe_budget"] = {Budget = {BudgetName = "x-monthly",
  BudgetLimit = {Amount = "50000.0", Unit = "USD"}}}}, "the budget is 50000 USD, not 500", {"budgets-actual-alert"})
row("budgets-forecast-alert", {["budgets.describe_subscribers_for_notification"] = {{SubscriptionType = "EMAIL"}}},
  "no topic", {"budgets-actual-alert"})
row("ce-anomaly-alerts", {["ce.get_anomaly_monitors"] = {}}, "no monitor")
row("ce-anomaly-alerts", {["ce.get_anomaly_subscriptions"] = {}}, "no subscription$")
row("ce-anomaly-alerts", {["ce.get_anomaly_subscriptions"] = {with(ANOMALY, {Frequency = "DAILY"})}},
  "only IMMEDIATE goes to SNS")
row("support-trusted-advisor", {["support.describe_trusted_advisor_checks"] =
  refuse "SubscriptionRequiredException"}, "support plan")

-- Neither pass nor fail: {id, answers, result, pattern of the evidence}.
local other <const> = {
  {"iam-key-age", {["iam.list_access_keys"] = {{AccessKeyId = "AKIANEWNEWNEWNEW0002", Status = "Active"}}}, "error",
    "^IAM does not say when key %.%.%.0002 was made$"},
  {"sqs-not-public", {["sqs.get_queue_attributes"] = attributes({Policy = "{]"})}, "error",
    "^the policy is no JSON object %(.+%), so nobody can say what it allows$"},
  {"s3-bucket-not-public", {["s3.get_bucket_policy"] = {Policy = "7"}}, "error",
    "^the policy is no JSON object %(it is number%)"},
  {"secretsmanager-redis-token", {["secretsmanager.list_secrets"] = {{Name = "x/redis/auth-token",
    RotationEnabled = true, NextRotationDate = NOW}}}, "error", "last changed is not told"},
  {"lambda-runtime", {["lambda.list_functions"] = {with(FUNCTION, {Runtime = "python3.9"})}}, "warn",
    "ends on 2025%-12%-15, in 21 day"},
  {"lambda-runtime", {["lambda.list_functions"] = {with(FUNCTION, {Runtime = "perl5"})}}, "warn",
    "until when runtime perl5 is supported is not known"},
  {"dynamodb-ttl-items", {["dynamodb.scan"] = {Items = {}}}, "skip", "no items yet"},
  {"dynamodb-ttl-items", {["dynamodb.describe_time_to_live"] = {TimeToLiveDescription = {
    TimeToLiveStatus = "DISABLED"}}, ["dynamodb.scan"] = refuse "AccessDenied"}, "skip", "time to live is off"},
  {"cloudwatch-alarm-data", {["cloudwatch.list_metrics"] = {}, ["ecs.describe_services"] = {services = {
    with(SERVICE, {runningCount = 0})}}, ["cloudwatch.describe_alarms"] = alarms(ALARMS[1])}, "skip",
    "service api runs no task"},
  {"cloudwatch-alarm-data", {["cloudwatch.list_metrics"] = {}, ["ecs.describe_services"] = {services = {
    with(SERVICE, {createdAt = NOW - 3600})}}, ["cloudwatch.describe_alarms"] = alarms(ALARMS[1])}, "skip",
    "younger than three hours"},
  {"cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(of_database "db"),
    ["rds.describe_db_instances"] = {with(DB, {DBInstanceStatus = "stopped"})}}, "skip", "database db is stopped"},
  {"cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(alarm("deep", "NumberOfMessagesSent", {
    Namespace = "AWS/SQS", Dimensions = {{Name = "QueueName", Value = QUEUES[1]}}}))}, "skip",
    "queue x%-hybrid%-workflows.fifo is measured only while it is used"},
  {"cloudwatch-alarm-data", {["cloudwatch.describe_alarms"] = alarms(alarm("own", "Sent", {Namespace = "Ours",
    Dimensions = {{Name = "Environment", Value = "production"}}}))}, "skip", "only at times"},
  {"cloudwatch-alarm-units", {["cloudwatch.describe_alarms"] = alarms(alarm("none", "CPUUtilization", {
    Statistic = "SampleCount", Threshold = 1.0}))}, "skip", "not known"},
  {"cloudwatch-alarm-units", {["cloudwatch.describe_alarms"] = alarms(alarm("idle", "CPUUtilization", {
    Threshold = 0.5, ComparisonOperator = "LessThanThreshold"}))}, "pass", "0.5 percent"},
}

return {good = good, bad = bad, other = other, now = NOW, id = ID, region = REGION, account = {prefix = "x",
  env = "production", clusters = {"main"}, buckets = {"b"}, budget = {limit = 500}, database = "db",
  limiter = {url = "https://site.example.com", redis_secret = "x/redis/auth-token", site_secret = "x/site"}}}
