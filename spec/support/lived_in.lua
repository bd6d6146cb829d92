-- lived_in.lua -- what people add to an account by hand over the years: things that name each other, secrets in plain
-- sight, and what is AWS's own. Nothing of it is tagged by tidelock.
local json = require "tidelock.json"

local lived_in = {}

local function assumed_by(service)
  return json.encode {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
    Principal = {Service = service}}}}
end

local function keys(aws, out)
  out.key = aws.kms:create_key {Description = "topics and queues", Policy = json.encode {Version = "2012-10-17",
    Statement = {{Sid = "Owner", Effect = "Allow", Action = "kms:*", Resource = "*",
      Principal = {AWS = "arn:aws:iam::" .. out.account .. ":root"}}}}}.KeyMetadata
  aws.kms:create_alias {AliasName = "alias/example-messages", TargetKeyId = out.key.KeyId}
  aws.kms:create_alias {AliasName = "alias/example-messages-old-name", TargetKeyId = out.key.KeyId}
  aws.kms:create_key {Description = "nobody named it"}
end

local function topics(aws, out)
  out.topic = aws.sns:create_topic {Name = "example-alerts", Tags = {{Key = "team", Value = "platform"}},
    Attributes = {KmsMasterKeyId = out.key.Arn, DisplayName = "Alerts"}}.TopicArn
  out.queue = aws.sqs:create_queue {QueueName = "example-alerts", Attributes = {VisibilityTimeout = "90",
    KmsMasterKeyId = "alias/example-messages"}, tags = {team = "platform"}}.QueueUrl
  out.queue_arn = ("arn:aws:sqs:us-east-1:%s:example-alerts"):format(out.account)
  aws.sqs:set_queue_attributes {QueueUrl = out.queue, Attributes = {Policy = json.encode {Version = "2012-10-17",
    Statement = {{Sid = "Alerts", Effect = "Allow", Principal = {Service = "sns.amazonaws.com"},
      Action = "sqs:SendMessage", Resource = out.queue_arn,
      Condition = {ArnEquals = {["aws:SourceArn"] = out.topic}}}}}}}
  aws.sns:subscribe {TopicArn = out.topic, Protocol = "sqs", Endpoint = out.queue_arn,
    Attributes = {RawMessageDelivery = "true"}}
end

local function alarms(aws, out)
  for _, name in ipairs {"example-alerts-old", "example-alerts-many"} do
    aws.cloudwatch:put_metric_alarm {AlarmName = name, Namespace = "AWS/SQS",
      MetricName = "ApproximateAgeOfOldestMessage", Dimensions = {{Name = "QueueName", Value = "example-alerts"}},
      Statistic = "Maximum", Period = 300, EvaluationPeriods = 2, Threshold = 600.5, AlarmActions = {out.topic},
      ComparisonOperator = "GreaterThanThreshold"}
  end
  aws.cloudwatch:put_metric_alarm {AlarmName = "TargetTracking-service/x/y-AlarmHigh-1", Namespace = "AWS/ECS",
    MetricName = "CPUUtilization", Statistic = "Average", Period = 60, EvaluationPeriods = 3, Threshold = 70,
    ComparisonOperator = "GreaterThanThreshold"}
  aws.cloudwatch:put_composite_alarm {AlarmName = "example-alerts-both",
    AlarmRule = 'ALARM("example-alerts-old") AND ALARM("example-alerts-many")', AlarmActions = {out.topic}}
  aws.cloudwatch:put_dashboard {DashboardName = "example", DashboardBody = json.encode {widgets = {{type = "metric",
    x = 0, y = 0, width = 12, height = 6, properties = {region = "us-east-1", title = "Age",
      metrics = {{"AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "example-alerts"}}}}}}}
end

local function functions(aws, out)
  local role = aws.iam:create_role {RoleName = "example-worker", AssumeRolePolicyDocument =
    assumed_by "lambda.amazonaws.com", Description = "what the worker may"}.Role.Arn
  aws.iam:put_role_policy {RoleName = "example-worker", PolicyName = "queue", PolicyDocument = json.encode {
    Version = "2012-10-17", Statement = {{Effect = "Allow", Resource = out.queue_arn,
      Action = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}}}}}
  aws.iam:create_service_linked_role {AWSServiceName = "ecs.amazonaws.com"}
  local zip = "PK\5\6" .. ("\0"):rep(18)
  local func = aws["lambda"]:create_function {FunctionName = "example-worker", Runtime = "python3.12", Role = role,
    Handler = "main.run", Code = {ZipFile = zip}, Timeout = 60, MemorySize = 512,
    Environment = {Variables = {STAGE = "production", API_TOKEN = "kept-in-plain-sight-11"}}}.FunctionArn
  aws["lambda"]:create_event_source_mapping {FunctionName = "example-worker", EventSourceArn = out.queue_arn,
    BatchSize = 5}
  aws["lambda"]:add_permission {FunctionName = "example-worker", StatementId = "by-topic", SourceArn = out.topic,
    Action = "lambda:InvokeFunction", Principal = "sns.amazonaws.com"}
  out.func = func
end

local function rules(aws, out)
  aws.events:put_rule {Name = "example-findings", EventPattern = json.encode {source = {"aws.guardduty"},
    detail = {severity = {{numeric = {">=", 7}}}}}, Description = "What is found"}
  aws.events:put_targets {Rule = "example-findings", Targets = {{Id = "topic", Arn = out.topic,
    InputTransformer = {InputPathsMap = {title = "$.detail.title"}, InputTemplate = '"<title>"'}}}}
  aws.events:put_rule {Name = "example-nightly", ScheduleExpression = "rate(1 day)"}
  aws.events:put_targets {Rule = "example-nightly", Targets = {{Id = "worker", Arn = out.func}}}
end

local function money(aws, out)
  aws.budgets:create_budget {AccountId = out.account, Budget = {BudgetName = "example-monthly", BudgetType = "COST",
    TimeUnit = "MONTHLY", BudgetLimit = {Amount = "250", Unit = "USD"}},
    NotificationsWithSubscribers = {{Notification = {NotificationType = "ACTUAL", ComparisonOperator = "GREATER_THAN",
      Threshold = 80, ThresholdType = "PERCENTAGE"}, Subscribers = {{SubscriptionType = "EMAIL",
        Address = "money@example.com"}}}}}
end

local function rest(aws, out)
  aws.secretsmanager:create_secret {Name = "example/database", SecretString = "kept-in-the-vault-12",
    Description = "the database's password"}
  aws.logs:create_log_group {logGroupName = "/example/app", tags = {team = "platform"}}
  aws.logs:put_metric_filter {logGroupName = "/example/app", filterName = "errors", filterPattern = "ERROR",
    metricTransformations = {{metricName = "Errors", metricNamespace = "Example", metricValue = "1"}}}
  aws.rds:create_db_parameter_group {DBParameterGroupName = "example-postgres16", DBParameterGroupFamily = "postgres16",
    Description = "ours"}
  aws.rds:modify_db_parameter_group {DBParameterGroupName = "example-postgres16", Parameters = {
    {ParameterName = "rds.force_ssl", ParameterValue = "1", ApplyMethod = "immediate"}}}
  aws.scheduler:create_schedule_group {Name = "example"}
  aws.scheduler:create_schedule {Name = "nightly", GroupName = "example", ScheduleExpression = "cron(0 3 * * ? *)",
    FlexibleTimeWindow = {Mode = "OFF"}, Target = {Arn = out.func, RoleArn = ("arn:aws:iam::%s:role/example-worker")
      :format(out.account)}}
  aws.s3control:put_public_access_block {AccountId = out.account, PublicAccessBlockConfiguration = {
    BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true, RestrictPublicBuckets = true}}
end

--- Makes it all; the names of what was made (account, key, topic, queue, queue_arn, func).
function lived_in.build(host)
  local aws, out = host.session, {account = host.account}
  for _, make in ipairs {keys, topics, alarms, functions, rules, money, rest} do make(aws, out) end
  return out
end

return lived_in
