-- mixed.lua -- what the unhardened account has none of: once as it should be and once not, for both tools to judge.
local json = require "tidelock.json"

local function trails(aws, id)
  for _, name in ipairs {"good", "bad"} do
    local bucket = ("trail-%s-%s"):format(name, id)
    aws.s3:create_bucket {Bucket = bucket}
    aws.s3:put_bucket_policy {Bucket = bucket, Policy = json.encode {Version = "2012-10-17", Statement = {
      {Effect = "Allow", Principal = {Service = "cloudtrail.amazonaws.com"}, Action = {"s3:GetBucketAcl",
        "s3:PutObject"}, Resource = {"arn:aws:s3:::" .. bucket, "arn:aws:s3:::" .. bucket .. "/*"}}}}}
  end
  aws.s3:put_public_access_block {Bucket = "trail-good-" .. id, PublicAccessBlockConfiguration = {
    BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true, RestrictPublicBuckets = true}}
  aws.s3:put_bucket_acl {Bucket = "trail-bad-" .. id, ACL = "public-read"}
  local key = aws.kms:create_key({}).KeyMetadata.Arn
  aws.kms:enable_key_rotation {KeyId = key}
  aws.cloudtrail:create_trail {Name = "good", S3BucketName = "trail-good-" .. id, IsMultiRegionTrail = true,
    EnableLogFileValidation = true, KmsKeyId = key}
  aws.cloudtrail:create_trail {Name = "bad", S3BucketName = "trail-bad-" .. id}
  aws.cloudtrail:start_logging {Name = "good"}
end

local function people(aws)
  local all = aws.iam:create_policy({PolicyName = "everything", PolicyDocument = json.encode {Version = "2012-10-17",
    Statement = {{Effect = "Allow", Action = "*", Resource = "*"}}}}).Policy.Arn
  local some = aws.iam:create_policy({PolicyName = "something", PolicyDocument = json.encode {Version = "2012-10-17",
    Statement = {{Effect = "Allow", Action = "s3:GetObject", Resource = "*"}}}}).Policy.Arn
  for name, arn in pairs {bad = all, good = some} do
    aws.iam:create_user {UserName = name}
    aws.iam:attach_user_policy {UserName = name, PolicyArn = arn}
  end
  aws.iam:create_access_key {UserName = "good"}
  aws.iam:create_login_profile {UserName = "bad", Password = "Not-a-real-one-1"}
  aws.iam:update_account_password_policy {MinimumPasswordLength = 14, PasswordReusePrevention = 24}
end

local function caches(aws)
  aws.elasticache:create_replication_group {ReplicationGroupId = "good", ReplicationGroupDescription = "good",
    Engine = "redis", AtRestEncryptionEnabled = true, TransitEncryptionEnabled = true, NumCacheClusters = 2,
    AutomaticFailoverEnabled = true, MultiAZEnabled = true, AuthToken = "not-a-real-token-0",
    SnapshotRetentionLimit = 7, CacheNodeType = "cache.t3.micro"}
  aws.elasticache:create_replication_group {ReplicationGroupId = "bad", ReplicationGroupDescription = "bad",
    Engine = "redis", NumCacheClusters = 1, CacheNodeType = "cache.t3.micro"}
end

local function databases(aws)
  aws.rds:create_db_parameter_group {DBParameterGroupName = "tls", DBParameterGroupFamily = "postgres16",
    Description = "tls"}
  aws.rds:modify_db_parameter_group {DBParameterGroupName = "tls", Parameters = {{ParameterName = "rds.force_ssl",
    ParameterValue = "1", ApplyMethod = "immediate"}}}
  aws.rds:create_db_instance {DBInstanceIdentifier = "good", Engine = "postgres", DBInstanceClass = "db.t3.micro",
    AllocatedStorage = 20, MasterUsername = "u", MasterUserPassword = "not-a-real-one", PubliclyAccessible = false,
    StorageEncrypted = true, DeletionProtection = true, BackupRetentionPeriod = 7, AutoMinorVersionUpgrade = true,
    DBParameterGroupName = "tls", EnableIAMDatabaseAuthentication = true,
    EnableCloudwatchLogsExports = {"postgresql"}, MonitoringInterval = 60,
    MonitoringRoleArn = "arn:aws:iam::123456789012:role/m"}
  aws.rds:create_db_parameter_group {DBParameterGroupName = "plain", DBParameterGroupFamily = "postgres16",
    Description = "plain"}
  aws.rds:modify_db_parameter_group {DBParameterGroupName = "plain", Parameters = {{ParameterName = "rds.force_ssl",
    ParameterValue = "0", ApplyMethod = "immediate"}}}
  aws.rds:create_db_instance {DBInstanceIdentifier = "bad", Engine = "postgres", DBInstanceClass = "db.t3.micro",
    AllocatedStorage = 20, MasterUsername = "u", MasterUserPassword = "not-a-real-one", PubliclyAccessible = true,
    StorageEncrypted = false, DeletionProtection = false, BackupRetentionPeriod = 0, AutoMinorVersionUpgrade = false,
    DBParameterGroupName = "plain"}
  for _, name in ipairs {"good", "bad"} do
    aws.rds:create_db_snapshot {DBSnapshotIdentifier = name, DBInstanceIdentifier = "good"}
  end
  aws.rds:modify_db_snapshot_attribute {DBSnapshotIdentifier = "bad", AttributeName = "restore", ValuesToAdd = {"all"}}
end

local function watchers(aws, id)
  aws.guardduty:create_detector {Enable = true, Features = {{Name = "S3_DATA_EVENTS", Status = "ENABLED"}}}
  aws.securityhub:enable_security_hub {EnableDefaultStandards = false}
  aws.securityhub:batch_enable_standards {StandardsSubscriptionRequests = {{StandardsArn =
    "arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0"}}}
  aws.accessanalyzer:create_analyzer {analyzerName = "a", type = "ACCOUNT"}
  aws.s3control:put_public_access_block {AccountId = id, PublicAccessBlockConfiguration = {BlockPublicAcls = true,
    IgnorePublicAcls = true, BlockPublicPolicy = true, RestrictPublicBuckets = true}}
end

local function messages(aws)
  for _, name in ipairs {"good", "bad"} do
    local open = name == "bad"
    local function policy(action)
      return json.encode {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = action, Resource = "*",
        Principal = open and "*" or {AWS = "arn:aws:iam::123456789012:root"}}}}
    end
    aws.sqs:create_queue {QueueName = name, Attributes = {SqsManagedSseEnabled = open and "false" or "true",
      Policy = policy "sqs:SendMessage"}}
    aws.sns:create_topic {Name = name, Attributes = {Policy = policy "sns:Publish"}}
    aws.cloudwatch:put_metric_alarm {AlarmName = name, Namespace = "n", MetricName = "m", Period = 60,
      Statistic = "Sum", EvaluationPeriods = 1, Threshold = 1, ComparisonOperator = "GreaterThanThreshold",
      ActionsEnabled = not open, AlarmActions = {"arn:aws:sns:us-east-1:123456789012:good"}}
    aws.dynamodb:create_table {TableName = name, BillingMode = "PAY_PER_REQUEST", DeletionProtectionEnabled = not open,
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}}
    aws.dynamodb:update_continuous_backups {TableName = name, PointInTimeRecoverySpecification = {
      PointInTimeRecoveryEnabled = not open}}
  end
end

local function keys(aws)
  aws.kms:create_key {}                                                    -- does not rotate
  local gone = aws.kms:create_key({}).KeyMetadata.KeyId
  aws.kms:schedule_key_deletion {KeyId = gone, PendingWindowInDays = 7}
  aws.secretsmanager:create_secret {Name = "bad", SecretString = "x"}
end

--- Makes it all, in an account that is empty.
return function(aws, id)
  trails(aws, id)
  people(aws)
  caches(aws)
  databases(aws)
  watchers(aws, id)
  keys(aws)
  messages(aws)
end
