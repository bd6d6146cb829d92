--- What the fault specs apply: each type whose create can be answered by silence, some of them not idempotent.
-- luacheck: read globals playbook ensure account
playbook {name = "spec/faults", about = "One of each type"}

local key = ensure.kms.key {name = "alias/faults", Description = "made once", EnableKeyRotation = true}
local dlq = ensure.sqs.queue {name = "faults-dlq"}
ensure.sqs.queue {name = "faults", KmsMasterKeyId = key.id,
  RedrivePolicy = {deadLetterTargetArn = dlq.arn, maxReceiveCount = 5}}
local topic = ensure.sns.topic {name = "faults", DisplayName = "faults"}
ensure.sns.subscription {TopicArn = topic.arn, Protocol = "sqs", Endpoint = dlq.arn, RawMessageDelivery = true}
ensure.dynamodb.table {name = "faults", BillingMode = "PAY_PER_REQUEST",
  AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
  KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
  TimeToLiveSpecification = {Enabled = true, AttributeName = "ttl"},
  PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true}}
ensure.budgets.budget {name = "faults", BudgetType = "COST", TimeUnit = "MONTHLY",
  BudgetLimit = {Amount = "500", Unit = "USD"},
  NotificationsWithSubscribers = {{Notification = {NotificationType = "ACTUAL", Threshold = 80,
    ComparisonOperator = "GREATER_THAN"}, Subscribers = {{SubscriptionType = "EMAIL", Address = "a@example.com"}}}}}
local monitor = ensure.ce.anomaly_monitor {name = "faults", MonitorType = "DIMENSIONAL", MonitorDimension = "SERVICE"}
ensure.ce.anomaly_subscription {name = "faults", MonitorArnList = {monitor.arn}, Frequency = "DAILY",
  Subscribers = {{Type = "EMAIL", Address = "a@example.com"}},
  ThresholdExpression = {Dimensions = {Key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE", MatchOptions = {"GREATER_THAN_OR_EQUAL"},
    Values = {"100"}}}}
ensure.iam.role {name = "faults", AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow",
  Action = "sts:AssumeRole", Principal = {Service = "lambda.amazonaws.com"}}}}}
ensure.logs.group {name = "/faults", retentionInDays = 30}
ensure.cloudwatch.alarm {name = "faults", Namespace = "AWS/SQS", MetricName = "NumberOfMessagesSent",
  Statistic = "Sum", Period = 300, EvaluationPeriods = 1, Threshold = 1.0, AlarmActions = {topic.arn},
  ComparisonOperator = "GreaterThanThreshold"}
local bucket = ensure.s3.bucket {name = "faults-" .. account.id, PublicAccessBlockConfiguration = {
  BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true, RestrictPublicBuckets = true}}
ensure.cloudtrail.trail {name = "faults", S3BucketName = "faults-" .. account.id, after = bucket}
