--- The set that spec/bench/apply.lua measures: queues, tables, a topic, a budget, alarms, a trail with its bucket.
-- luacheck: read globals playbook ensure account days
playbook {name = "bench/set", about = "4 queues, 2 tables, topic, budget, 12 alarms, trail with bucket"}

local queues = {}
for _, name in ipairs {"orders", "mail"} do
  local dlq = ensure.sqs.queue {name = "bench-" .. name .. "-dlq", MessageRetentionPeriod = days(14)}
  queues[#queues + 1] = "bench-" .. name
  ensure.sqs.queue {name = "bench-" .. name, VisibilityTimeout = 180, ReceiveMessageWaitTimeSeconds = 20,
    RedrivePolicy = {deadLetterTargetArn = dlq.arn, maxReceiveCount = 5}}
end

for _, name in ipairs {"costs", "alerts"} do
  ensure.dynamodb.table {name = "bench-" .. name, BillingMode = "PAY_PER_REQUEST",
    AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
    KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
    TimeToLiveSpecification = {Enabled = true, AttributeName = "ttl"},
    PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true}}
end

local topic_arn = "arn:aws:sns:" .. account.region .. ":" .. account.id .. ":bench-alerts"
local topic = ensure.sns.topic {name = "bench-alerts", Policy = {Version = "2012-10-17", Statement = {
  {Sid = "alarms", Effect = "Allow", Principal = {Service = "cloudwatch.amazonaws.com"}, Action = "sns:Publish",
    Resource = topic_arn}}}}

local function told(kind, percent)
  return {Notification = {NotificationType = kind, ComparisonOperator = "GREATER_THAN", Threshold = percent},
    Subscribers = {{SubscriptionType = "EMAIL", Address = "costs@example.com"}}}
end
ensure.budgets.budget {name = "bench-monthly", BudgetType = "COST", TimeUnit = "MONTHLY",
  BudgetLimit = {Amount = "500", Unit = "USD"},
  NotificationsWithSubscribers = {told("FORECASTED", 80), told("ACTUAL", 100)}}

for i = 1, 12 do
  ensure.cloudwatch.alarm {name = ("bench-alarm-%02d"):format(i), Namespace = "AWS/SQS", Period = 300,
    MetricName = "ApproximateNumberOfMessagesVisible", Statistic = "Maximum", EvaluationPeriods = 2,
    Threshold = 10.0 * i, ComparisonOperator = "GreaterThanThreshold", AlarmActions = {topic.arn},
    Dimensions = {{Name = "QueueName", Value = queues[i % 2 + 1]}}}
end

local name = "bench-trail-" .. account.id
local function may(sid, action, resource)
  return {Sid = sid, Effect = "Allow", Principal = {Service = "cloudtrail.amazonaws.com"}, Action = action,
    Resource = resource}
end
local bucket = ensure.s3.bucket {name = name,
  PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
    RestrictPublicBuckets = true},
  PolicyStatements = {may("acl", "s3:GetBucketAcl", "arn:aws:s3:::" .. name),
    may("write", "s3:PutObject", "arn:aws:s3:::" .. name .. "/AWSLogs/" .. account.id .. "/*")}}
ensure.cloudtrail.trail {name = "bench-trail", S3BucketName = name, IsMultiRegionTrail = true, after = bucket}
