--- All that one playbook needs to run by itself on ECS Fargate: when, what, as whom, and who is told when a run fails
-- or does not happen. `tidelock schedule add` works its vars out and applies it; `tidelock schedule remove` takes it
-- away again.
playbook {
  name = "schedule/fargate",
  about = "A playbook run by EventBridge Scheduler on ECS Fargate",
  vars = {
    name = {"string", about = "the schedule's name"},
    expression = {"string", about = "rate(...), cron(...) or at(...)"},
    timezone = {"string", default = "UTC"},
    silence = {"seconds", default = 0, about = "so long without a finished run is an alarm; 0 for none"},
    image = {"string", about = "the image of make image, in a registry that ECS can pull from"},
    subnets = {"list"}, security_groups = {"list", default = {}},
    public_ip = {"boolean", default = false, about = "for subnets without a NAT gateway or endpoints"},
    cpu = {"string", default = "256"}, memory = {"string", default = "512"},
    architecture = {"string", default = "X86_64", choices = {"X86_64", "ARM64"}},
    statements = {"string", about = "what the task may do, beside its store: statements of a policy, as JSON"},
    bucket = {"string"}, prefix = {"string", default = "runs"},
    bundle = {"string", about = "what the task runs"}, bundle_key = {"string"},
    retention = {"integer", default = 90, about = "days for which the log is kept"},
    email = {"string", default = ""},
  },
}

local base = include("base", {bucket = var.bucket, email = var.email})
local arn = "arn:" .. account.partition .. ":"
local here = account.region .. ":" .. account.id
local full = "tidelock-" .. var.name
local store = arn .. "s3:::" .. var.bucket

-- ## What runs

ensure.s3.object {Bucket = base.bucket, Key = var.prefix .. "/" .. var.bundle_key, Body = var.bundle,
  ContentType = "application/json"}

local log = ensure.logs.group {name = "/tidelock/" .. var.name, retentionInDays = var.retention}

local function for_tasks()
  return {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
    Principal = {Service = "ecs-tasks.amazonaws.com"},
    Condition = {StringEquals = {["aws:SourceAccount"] = account.id},
      ArnLike = {["aws:SourceArn"] = arn .. "ecs:" .. here .. ":*"}}}}}
end

-- What ECS itself needs to start the task: the image and the log.
local starter = ensure.iam.role {
  name = full .. "-start", Description = "ECS pulls the image and writes the log of " .. var.name,
  AssumeRolePolicyDocument = for_tasks(), ManagedPolicyArns = {},
  InlinePolicies = {start = {Version = "2012-10-17", Statement = {
    {Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*"},
    {Effect = "Allow", Action = {"ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"},
      Resource = arn .. "ecr:" .. here .. ":repository/*"},
    {Effect = "Allow", Action = {"logs:CreateLogStream", "logs:PutLogEvents"}, Resource = log.arn .. ":*"},
  }}},
}

-- What the playbook does, and its store; nothing else.
local allowed = json.decode(var.statements)
table.insert(allowed, {Sid = "Journal", Effect = "Allow", Action = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
  Resource = store .. "/" .. var.prefix .. "/*"})
table.insert(allowed, {Sid = "Runs", Effect = "Allow", Action = "s3:ListBucket", Resource = store,
  Condition = {StringLike = {["s3:prefix"] = var.prefix .. "/*"}}})
table.insert(allowed, {Sid = "Lock", Effect = "Allow", Action = {"dynamodb:DescribeTable", "dynamodb:GetItem",
  "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
  Resource = arn .. "dynamodb:" .. here .. ":table/tidelock-locks"})
local role = ensure.iam.role {
  name = full .. "-task", Description = "What the scheduled playbook " .. var.name .. " may do",
  AssumeRolePolicyDocument = for_tasks(), ManagedPolicyArns = {},
  InlinePolicies = {task = {Version = "2012-10-17", Statement = allowed}},
}

local url = "s3://" .. var.bucket .. "/" .. var.prefix
local task = ensure.ecs.task_definition {
  name = full, requiresCompatibilities = {"FARGATE"}, networkMode = "awsvpc", cpu = var.cpu, memory = var.memory,
  executionRoleArn = starter.arn, taskRoleArn = role.arn,
  runtimePlatform = {cpuArchitecture = var.architecture, operatingSystemFamily = "LINUX"},
  volumes = {{name = "work"}},
  containerDefinitions = {{
    name = "tidelock", image = var.image, command = {"schedule", "task", var.bundle_key}, essential = true,
    user = "65532:65532", readonlyRootFilesystem = true, stopTimeout = 120,
    linuxParameters = {capabilities = {drop = {"ALL"}}},
    mountPoints = {{sourceVolume = "work", containerPath = "/work"}},
    environment = {{name = "AWS_REGION", value = account.region}, {name = "TIDELOCK_STORE", value = url}},
    logConfiguration = {logDriver = "awslogs", options = {["awslogs-group"] = log.name,
      ["awslogs-region"] = account.region, ["awslogs-stream-prefix"] = "run"}},
  }},
}

-- ## When

local lost = ensure.sqs.queue {
  name = full .. "-dlq", MessageRetentionPeriod = days(14), SqsManagedSseEnabled = true,
  PolicyStatements = {{Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "sqs:*",
    Resource = arn .. "sqs:" .. here .. ":" .. full .. "-dlq",
    Condition = {Bool = {["aws:SecureTransport"] = "false"}}}},
}

local caller = ensure.iam.role {
  name = full .. "-schedule", Description = "EventBridge Scheduler starts the task of " .. var.name,
  AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
    Principal = {Service = "scheduler.amazonaws.com"},
    Condition = {StringEquals = {["aws:SourceAccount"] = account.id, ["aws:SourceArn"] = base.group}}}}},
  ManagedPolicyArns = {}, InlinePolicies = {start = {Version = "2012-10-17", Statement = {
    {Effect = "Allow", Action = "ecs:RunTask",
      Resource = arn .. "ecs:" .. here .. ":task-definition/" .. full .. ":*",
      Condition = {ArnEquals = {["ecs:cluster"] = base.cluster}}},
    {Effect = "Allow", Action = "ecs:TagResource", Resource = arn .. "ecs:" .. here .. ":task/tidelock/*",
      Condition = {StringEquals = {["ecs:CreateAction"] = "RunTask"}}},
    {Effect = "Allow", Action = "iam:PassRole", Resource = {starter.arn, role.arn},
      Condition = {StringEquals = {["iam:PassedToService"] = "ecs-tasks.amazonaws.com"}}},
    {Effect = "Allow", Action = "sqs:SendMessage", Resource = lost.arn},
  }}},
}

local network = {Subnets = var.subnets, AssignPublicIp = var.public_ip and "ENABLED" or "DISABLED"}
if #var.security_groups > 0 then network.SecurityGroups = var.security_groups end
local schedule = ensure.scheduler.schedule {
  name = var.name, GroupName = "tidelock", after = "scheduler.group/tidelock",
  Description = "tidelock: " .. var.bundle_key, State = "ENABLED",
  ScheduleExpression = var.expression, ScheduleExpressionTimezone = var.timezone,
  FlexibleTimeWindow = {Mode = "OFF"},
  Target = {
    Arn = base.cluster, RoleArn = caller.arn, DeadLetterConfig = {Arn = lost.arn},
    RetryPolicy = {MaximumRetryAttempts = 5, MaximumEventAgeInSeconds = hours(1)},
    EcsParameters = {TaskDefinitionArn = task.arn, TaskCount = 1, LaunchType = "FARGATE", PlatformVersion = "LATEST",
      PropagateTags = "TASK_DEFINITION", EnableECSManagedTags = true,
      NetworkConfiguration = {awsvpcConfiguration = network}},
  },
}

-- ## Who is told, when it fails

-- A task that ends with another code than 0 (done) and 75 (parked, or another run is at it), or that never came up.
ensure.events.rule {
  name = full .. "-failed", Description = "A run of " .. var.name .. " failed",
  EventPattern = {source = {"aws.ecs"}, ["detail-type"] = {"ECS Task State Change"}, detail = {
    lastStatus = {"STOPPED"}, group = {"family:" .. full},
    ["$or"] = {{containers = {exitCode = {{["anything-but"] = {0, 75}}}}},
      {stopCode = {"TaskFailedToStart", "SpotInterruption", "TerminationNotice"}}}}},
  Targets = {{Id = "tell", Arn = base.topic, InputTransformer = {
    InputPathsMap = {why = "$.detail.stoppedReason", task = "$.detail.taskArn",
      exit = "$.detail.containers[0].exitCode"},
    InputTemplate = '"The scheduled run of ' .. var.name .. ' ended with exit code <exit> (<why>), task <task>. See: '
      .. 'tidelock schedule logs ' .. var.name .. '"'}}},
}

-- Every run that came to its end writes a summary line. None for too long is an alarm, whatever the reason. Before the
-- first run there is no data, which breaches: so the alarm warms up for as long as that run has, at most the two days
-- that CloudWatch lets it, and only then looks; a first run that never came is told like any other.
-- docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
ensure.logs.metric_filter {
  logGroupName = log.name, filterName = "ended", filterPattern = '{ ($.kind = "summary") && ($.result != "overlap") }',
  metricTransformations = {{metricNamespace = "tidelock", metricName = var.name .. ".ended", metricValue = "1"}},
}
if var.silence > 0 then
  local period = var.silence < hours(2) and minutes(5) or hours(1)
  local periods = -(-var.silence // period)
  ensure.cloudwatch.alarm {
    name = full .. "-silent",
    AlarmDescription = "No run of " .. var.name .. " has come to its end. See: tidelock schedule logs " .. var.name,
    Namespace = "tidelock", MetricName = var.name .. ".ended", Statistic = "Sum", Period = period,
    EvaluationPeriods = periods, DatapointsToAlarm = periods,
    WarmUpConfiguration = {WarmUpPeriodDurationInMinutes = math.min(periods * period // 60, 2880),
      OnlyStartEvaluatingAfterWarmUpPeriodEnds = true},
    Threshold = 1, ComparisonOperator = "LessThanThreshold", TreatMissingData = "breaching",
    AlarmActions = {base.topic}, OKActions = {base.topic},
  }
end
ensure.cloudwatch.alarm {
  name = full .. "-not-started",
  AlarmDescription = "EventBridge Scheduler could not start the task of " .. var.name .. "; the queue " .. full
    .. "-dlq says why",
  Namespace = "AWS/SQS", MetricName = "ApproximateNumberOfMessagesVisible", Statistic = "Maximum", Period = 300,
  Dimensions = {{Name = "QueueName", Value = full .. "-dlq"}}, EvaluationPeriods = 1, Threshold = 1,
  ComparisonOperator = "GreaterThanOrEqualToThreshold", TreatMissingData = "notBreaching",
  AlarmActions = {base.topic},
}

output {schedule = schedule.arn, task = task.arn, log = log.name, store = url}
