--- The rate limiter in the account: queue, sender, front door, alarms. The sender is a function that runs once at a
-- time or, with consumer = "worker" in the account file, `tidelock worker` on ECS; never both.
playbook {
  name = "provision/rate-limiter",
  about = "Queue, sending function, front door, roles, alarms and dashboard of the rate limiter",
  vars = {
    program = {"string", default = "self", about = "the program that the functions run, built with make dist"},
    architecture = {"string", default = "x86_64", choices = {"x86_64", "arm64"}, about = "what it is built for"},
    worker = {"string", default = "playbooks/workers/rate-limiter.lua", about = "the playbook that the functions run"},
    version = {"string", default = "", about = "a published version to send with, for a rollback; else the newest"},
    front = {"string", default = "AWS_IAM", choices = {"AWS_IAM", "NONE", "off"},
      about = "who may call the front door: those with AWS credentials, anybody, or there is none"},
    token = {"string", default = "", about = "the environment variable with the site's token, the first time"},
    topic = {"string", default = "", about = "ARN of the topic that alarms tell; else PREFIX-ops-alerts"},
    keep = {"integer", default = 30, about = "days that log lines are kept"},
  },
}

local TIMEOUT = 30                                  -- seconds of a function's run; the queue hides for six times that
local name = account.prefix .. "-rate-limiter"
local by_function = account.consumer == "lambda"
local site = account.limiter
local tries = site.tries or 5                       -- sends after which a message is a dead letter

local function arn(service, rest)
  return "arn:" .. account.partition .. ":" .. service .. ":" .. account.region .. ":" .. account.id .. ":" .. rest
end

local queue_name = name .. "-queue"

local function topic_arn() return var.topic ~= "" and var.topic or arn("sns", account.prefix .. "-ops-alerts") end

-- ## One consumer: two kinds side by side would each think that it is alone

local function refuse(text, ...) error({exit = 1, message = text:format(...)}, 0) end

local function mapping_in_force()
  for one in aws.lambda:items("list_event_source_mappings", {EventSourceArn = arn("sqs", queue_name)}) do
    if one.State ~= "Disabled" and one.State ~= "Deleting" then return one end
  end
end

local function runs_the_worker(task_definition)
  for _, container in ipairs(aws.ecs:describe_task_definition {taskDefinition = task_definition}.taskDefinition
    .containerDefinitions) do
    local words = table.concat(container.command or {}, " ")
    if words:find "%f[%w]worker%f[%W]" and words:find("rate-limiter", 1, true) then return true end
  end
  return false
end

local function service_in_force()
  for cluster in aws.ecs:items("list_clusters", {}) do
    for service in aws.ecs:items("list_services", {cluster = cluster}) do
      local live = aws.ecs:describe_services {cluster = cluster, services = {service}}.services[1]
      if live and live.desiredCount > 0 and runs_the_worker(live.taskDefinition) then return live, cluster end
    end
  end
end

find "who sends already" {run = function()
  if not by_function then
    local one = mapping_in_force()
    if one then
      refuse('The account file says consumer = "worker", but the function %s still reads %s: two kinds of consumer'
        .. " would send side by side. Stop it first: tidelock call lambda update-event-source-mapping --uuid %s"
        .. " --no-enabled", one.FunctionArn, queue_name, one.UUID)
    end
    return "no function"
  end
  local service, cluster = service_in_force()
  if service then
    refuse('The account file says consumer = "lambda", but the service %s of %s runs the worker: two kinds of consumer'
      .. " would send side by side. Stop it first: tidelock call ecs update-service --cluster %s --service %s"
      .. " --desired-count 0", service.serviceName, cluster:match "[^/]+$", cluster:match "[^/]+$", service.serviceName)
  end
  return "no service"
end}

find "who is told" {run = function()
  local topic = topic_arn()
  local ok, err = pcall(function() return aws.sns:get_topic_attributes {TopicArn = topic} end)
  if ok then return topic end
  if err.code ~= "NotFound" and err.code ~= "NotFoundException" then error(err, 0) end
  refuse("There is no topic %s, so no alarm of the limiter would be heard. Make it with: tidelock apply"
    .. " playbooks/harden/alarms.lua --account %s, or name another with --var topic=ARN.", topic, account.file)
end}

-- ## Queue, secret

local queue = include("provision/limiter-queue", {tries = tries})

local site_secret
if site.site_secret then
  site_secret = ensure.secretsmanager.secret {
    name = site.site_secret, Description = "What the rate limiter sends with",
    Value = var.token ~= "" and {env = var.token} or nil,
    tags = {Purpose = "the site's token"}, ignore = {"Rotation", "Policy"},     -- whoever owns the site sets these
  }
end

-- ## Functions: what they run, what they may

-- The account as the functions need it, and no more of it.
local function account_file(consumer)
  local out = {"return {prefix = ", ("%q"):format(account.prefix), ", env = ", ("%q"):format(account.env)}
  if consumer then out[#out + 1] = ", consumer = " .. ("%q"):format(consumer) end
  out[#out + 1] = "}\n"
  return table.concat(out)
end

local function package(consumer)
  return {bootstrap = var.program, ["rate-limiter.lua"] = var.worker, ["account.lua"] = {text = account_file(consumer)}}
end

local settings = json.encode({
  url = site.url, verify = site.verify, secret = site.site_secret, redis = site.redis, redis_secret = site.redis_secret,
  limit = site.limit, window = site.window, burst = site.burst, timeout = site.timeout, lag = site.lag,
  tries = tries,
}, {sort = true})

local function allow(sid, actions, resources, condition)
  return {Sid = sid, Effect = "Allow", Action = actions, Resource = resources, Condition = condition}
end

-- The site's token is ours, so its ARN is known; Redis's is made elsewhere: six letters of AWS's choice end its ARN.
local function secrets(with_site)
  local out = {}
  if with_site and site_secret then out[1] = site_secret.arn end
  if site.redis_secret then
    out[#out + 1] = arn("secretsmanager", "secret:" .. site.redis_secret .. "-??????")
  end
  return #out > 0 and {allow("Secrets", "secretsmanager:GetSecretValue", out)} or {}
end

-- Interfaces are made by Lambda in the function's name: what the function itself runs may not.
local function network(of)
  if not site.subnets then return {} end
  local actions = {"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"}
  return {allow("Network", actions, "*"), {Sid = "NotTheProgram", Effect = "Deny", Action = actions, Resource = "*",
    Condition = {ArnEquals = {["lambda:SourceFunctionArn"] = {arn("lambda", "function:" .. of)}}}}}
end

local function role(of, statements, more)
  local all = {allow("Logs", {"logs:CreateLogStream", "logs:PutLogEvents"},
    arn("logs", "log-group:/aws/lambda/" .. of .. ":*")),
    allow("Traces", {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}, "*")}
  for _, list in ipairs {statements, more, network(of)} do table.move(list, 1, #list, #all + 1, all) end
  return ensure.iam.role {
    name = of .. "-role", Description = "What the function " .. of .. " may do",
    AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
      Principal = {Service = "lambda.amazonaws.com"}, Condition = {StringEquals = {["aws:SourceAccount"] = account.id}},
    }}},
    ManagedPolicyArns = {}, InlinePolicies = {limiter = {Version = "2012-10-17", Statement = all}},
    tags = {Purpose = "rate limiter"},
  }
end

local function func(of, consumer, its_role, concurrency)
  local lines = ensure.logs.group {name = "/aws/lambda/" .. of, retentionInDays = var.keep,
    tags = {Purpose = "rate limiter"}}
  return ensure.lambda.func {
    name = of, Description = "Rate limiter, run by tidelock",
    Runtime = "provided.al2023", Handler = "rate-limiter", Package = package(consumer), Role = its_role.arn,
    Architectures = {var.architecture}, Timeout = TIMEOUT, MemorySize = 256, ReservedConcurrentExecutions = concurrency,
    Environment = {Variables = {TIDELOCK_ACCOUNT = "/var/task/account.lua", TIDELOCK_VARS = settings}},
    VpcConfig = site.subnets and {SubnetIds = site.subnets, SecurityGroupIds = site.security_groups or {}} or nil,
    LoggingConfig = {LogFormat = "Text", LogGroup = "/aws/lambda/" .. of},
    TracingConfig = {Mode = "Active"}, Publish = true,
    tags = {Purpose = "rate limiter"}, after = lines,
  }
end

local function live(of, version)
  return ensure.lambda.alias {FunctionName = of, Name = "live", FunctionVersion = version,
    Description = "the version that is in use"}
end

-- ## The sender: one message at a time

local sender
if by_function then
  local may = role(name, {
    allow("Queue", {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl", "sqs:SendMessage"}, queue.arn),
    allow("DeadLetters", {"sqs:GetQueueUrl", "sqs:SendMessage"}, queue.dlq_arn),
  }, secrets(true))
  sender = func(name, "lambda", may, 1)
  local in_use = live(name, var.version ~= "" and var.version or sender.version)
  ensure.lambda.event_source_mapping {
    FunctionName = in_use.arn, EventSourceArn = queue.arn,
    BatchSize = 1, FunctionResponseTypes = {"ReportBatchItemFailures"},
    ScalingConfig = {MaximumConcurrency = 2},       -- the least there is: without it five would ask, and be refused
    tags = {Purpose = "rate limiter"},
  }
end

-- ## The front door: it looks, and answers 202, 429 or 503; only the sender takes a turn

local door
if var.front ~= "off" then
  local front_name = name .. "-front"
  local may = role(front_name, {
    allow("Queue", {"sqs:GetQueueUrl", "sqs:SendMessage"}, queue.arn),
    allow("DeadLetters", "sqs:GetQueueUrl", queue.dlq_arn),
  }, secrets(false))
  local front = func(front_name, nil, may, nil)
  local in_use = live(front_name, front.version)
  door = ensure.lambda.url {FunctionName = front_name, Qualifier = "live", AuthType = var.front, after = in_use}
  if var.front == "NONE" then
    for action, id in pairs {["lambda:InvokeFunctionUrl"] = "Anybody", ["lambda:InvokeFunction"] = "AnybodyByUrl"} do
      ensure.lambda.permission {FunctionName = front_name, Qualifier = "live", StatementId = id, Action = action,
        Principal = "*", FunctionUrlAuthType = action == "lambda:InvokeFunctionUrl" and "NONE" or nil,
        InvokedViaFunctionUrl = action == "lambda:InvokeFunction" or nil, after = in_use}
    end
  end
end

-- ## Alarms: on the metrics that the sender writes, in the dimension it writes them in

local METRICS = "Tidelock/RateLimiter"
local topic = topic_arn()
local of_env = {{Name = "Environment", Value = account.env}}

local function alarm(kind, a)
  a.name = name .. "-" .. kind
  a.EvaluationPeriods, a.TreatMissingData = a.EvaluationPeriods or 1, a.TreatMissingData or "notBreaching"
  a.ComparisonOperator = a.ComparisonOperator or "GreaterThanThreshold"
  a.AlarmActions, a.OKActions = {topic}, {topic}
  a.tags = {Purpose = "rate limiter"}
  return ensure.cloudwatch.alarm(a)
end

local function counted(kind, metric, above, about)
  return alarm(kind, {Namespace = METRICS, MetricName = metric, Dimensions = of_env, Statistic = "Sum", Period = 60,
    Threshold = above, AlarmDescription = about})
end

local function queued(kind, whose, metric, above, times, about)
  return alarm(kind, {Namespace = "AWS/SQS", MetricName = metric, Dimensions = {{Name = "QueueName", Value = whose}},
    Statistic = "Maximum", Period = 60, EvaluationPeriods = times, Threshold = above, AlarmDescription = about})
end

local function ran(kind, metric, statistic, above, about)
  return alarm(kind, {Namespace = "AWS/Lambda", MetricName = metric, Statistic = statistic, Period = 60,
    Dimensions = {{Name = "FunctionName", Value = name}}, Threshold = above, AlarmDescription = about})
end

local function metric(id, called, statistic)
  return {Id = id, ReturnData = false, MetricStat = {Stat = statistic, Period = 300, Metric = {Namespace = METRICS,
    MetricName = called, Dimensions = of_env}}}
end

counted("stopped-by-the-site", "PlatformRateLimited", 0,
  "The site itself answered 429: the account's sends stop by themselves. Who else sends? Is the limit still right?")
counted("cannot-decide", "LimiterUnavailable", 2,
  "Nothing is sent, because the limit cannot be asked. Look at Redis; sends go on by themselves.")
counted("dead-letters-come", "MessagesDeadLettered", 0, "A message became a dead letter: tidelock limit dlq list")
alarm("many-wait", {Namespace = METRICS, MetricName = "RateLimitedMessages", Dimensions = of_env, Statistic = "Sum",
  Period = 300, Threshold = 50, AlarmDescription = "Many messages wait for their turn: somebody sends a lot."})
alarm("fails", {EvaluationPeriods = 2, Threshold = 5, AlarmDescription = "More than 5 % of what was taken failed.",
  Metrics = {{Id = "percent", Expression = "100 * failed / received", Label = "failed, %", ReturnData = true},
    metric("failed", "MessagesFailed", "Sum"), metric("received", "MessagesReceived", "Sum")}})
alarm("decides-slowly", {Namespace = METRICS, MetricName = "DecisionLatency", Dimensions = of_env, Period = 300,
  ExtendedStatistic = "p99", Threshold = 500, AlarmDescription = "A decision takes more than 500 ms: is Redis slow?"})
alarm("waits-long", {Namespace = METRICS, MetricName = "QueueLatency", Dimensions = of_env, Period = 300,
  ExtendedStatistic = "p50", EvaluationPeriods = 2, Threshold = 60000,
  AlarmDescription = "Half of all messages wait a minute and longer."})
queued("old", queue_name, "ApproximateAgeOfOldestMessage", 600, 5,
  "The oldest message has waited ten minutes: does anybody send?")
queued("full", queue_name, "ApproximateNumberOfMessagesVisible", 100, 10, "More waits than ten minutes can send.")
queued("dead-letters", queue_name .. "-dlq", "ApproximateNumberOfMessagesVisible", 10, 1,
  "Dead letters lie there: tidelock limit dlq list")
if by_function then
  ran("errors", "Errors", "Sum", 0, "The sender failed as a whole: its log says why.")
  ran("throttled", "Throttles", "Sum", 5, "Messages are offered faster than one run at a time can take: use a worker.")
  ran("slow", "Duration", "Maximum", 25000, "The sender comes near its time limit of 30 seconds.")
end

-- ## A page to look at

local function graph(title, x, y, metrics, more)
  local properties = {title = title, region = account.region, metrics = metrics, period = 60, stat = "Sum"}
  for key, value in pairs(more or {}) do properties[key] = value end
  return {type = "metric", x = x, y = y, width = 12, height = 6, properties = properties}
end

local function line(called, options) return {METRICS, called, "Environment", account.env, options} end

local function percentiles(called)
  local out = {}
  for i, stat in ipairs {"p50", "p90", "p99"} do out[i] = line(called, {stat = stat, label = stat}) end
  return out
end

local function of_queue(called, whose, label)
  return {"AWS/SQS", called, "QueueName", whose, {stat = "Maximum", label = label}}
end

local widgets = {
  graph("Messages", 0, 0, {line "MessagesReceived", line "MessagesSent", line "MessagesFailed",
    line "RateLimitedMessages", line "MessagesDuplicate", line "MessagesDeadLettered"}),
  graph("Nothing is sent", 12, 0, {line "LimiterUnavailable", line "PlatformRateLimited"}),
  graph("From queue to site (ms)", 0, 6, percentiles "QueueLatency"),
  graph("A decision (ms)", 12, 6, percentiles "DecisionLatency"),
  graph("Waiting", 0, 12, {of_queue("ApproximateNumberOfMessagesVisible", queue_name, "visible"),
    of_queue("ApproximateNumberOfMessagesNotVisible", queue_name, "in flight"),
    of_queue("ApproximateNumberOfMessagesVisible", queue_name .. "-dlq", "dead letters")}, {stacked = true}),
  graph("Oldest message (s)", 12, 12, {of_queue("ApproximateAgeOfOldestMessage", queue_name, "age")}),
  graph("Received, by priority", 0, 18, {line "MessagesOfHighPriority", line "MessagesOfMediumPriority",
    line "MessagesOfLowPriority"}, {stacked = true}),
}
if by_function then
  local function of_function(called, stat)
    return {"AWS/Lambda", called, "FunctionName", name, {stat = stat, label = called}}
  end
  widgets[#widgets + 1] = graph("The sender", 12, 18, {of_function("Invocations", "Sum"), of_function("Errors", "Sum"),
    of_function("Throttles", "Sum"), of_function("ConcurrentExecutions", "Maximum")})
  widgets[#widgets + 1] = graph("A run (ms)", 0, 24, {of_function("Duration", "Average"),
    of_function("Duration", "Maximum")})
  widgets[#widgets + 1] = {type = "log", x = 0, y = 30, width = 24, height = 6, properties = {
    title = "What became of messages", region = account.region, view = "table",
    query = "SOURCE '/aws/lambda/" .. name .. "' | fields @timestamp, event, messageId, userId, detail, wait"
      .. " | filter ispresent(event) | sort @timestamp desc | limit 50"}}
end
ensure.cloudwatch.dashboard {name = name .. "-messages", DashboardBody = {widgets = widgets}}

output {
  queue = queue.url, consumer = account.consumer, door = door and door.url or nil,
  version = sender and sender.version or nil,
}
