-- Every type on moto: created, read back equal, each property changed alone with no difference after, deleted.
local compare = require "resources.compare"
local elf = require "support.elf"
local fs = require "tidelock.fs"
local models = require "tidelock.models"
local moto = require "support.moto"
local package_of = require "resources.lambda.package"
local place = require "playbook.place"
local recorder_of = require "playbook.recorder"
local resources = require "resources"
local schema = require "resources.schema"

local FOLDER <const> = fs.tempdir "roundtrip"
local PROGRAM <const> = elf.write(FOLDER .. "/bootstrap")
local TRUST <const> = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
  Principal = {Service = "lambda.amazonaws.com"}}}}
local TRUST2 <const> = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
  Principal = {Service = "ecs-tasks.amazonaws.com"}}}}

local function read_only(resource)
  return {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = {"s3:GetObject"}, Resource = resource}}}
end

local function key_policy(account, more)
  local statements = {{Sid = "root", Effect = "Allow", Principal = {AWS = account}, Action = "kms:*", Resource = "*"}}
  statements[2] = more
  return {Version = "2012-10-17", Statement = statements}
end

local function notification(kind, percent, address)
  return {Notification = {NotificationType = kind, ComparisonOperator = "GREATER_THAN", Threshold = percent},
    Subscribers = {{SubscriptionType = "EMAIL", Address = address}}}
end

local function threshold(amount)
  return {Dimensions = {Key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE", MatchOptions = {"GREATER_THAN_OR_EQUAL"},
    Values = {amount}}}
end

local function bucket_statement(account, sid, action)
  return {Sid = sid, Effect = "Allow", Principal = {Service = "cloudtrail.amazonaws.com"}, Action = action,
    Resource = "arn:aws:s3:::b-" .. account}
end

local function queue_statement(sid, action)
  return {Sid = sid, Effect = "Deny", Principal = "*", Action = action or "sqs:*", Resource = "*",
    Condition = {Bool = {["aws:SecureTransport"] = "false"}}}
end

local function container(more)
  local out = {name = "run", image = "tidelock:1", command = {"version"},
    mountPoints = {{sourceVolume = "work", containerPath = "/work"}}}
  for name, value in pairs(more) do out[name] = value end
  return out
end

local function run_task(account, age)
  local function arn(service, name) return ("arn:aws:%s:eu-west-1:%s:%s"):format(service, account, name) end
  return {Arn = arn("ecs", "cluster/c"), RoleArn = ("arn:aws:iam::%s:role/scheduler"):format(account),
    RetryPolicy = {MaximumEventAgeInSeconds = age, MaximumRetryAttempts = 3},
    DeadLetterConfig = {Arn = arn("sqs", "dlq")},
    EcsParameters = {TaskDefinitionArn = arn("ecs", "task-definition/f:1"), LaunchType = "FARGATE", TaskCount = 1,
      NetworkConfiguration = {awsvpcConfiguration = {Subnets = {"subnet-b", "subnet-a"}}}}}
end

-- A function that a resource needs beside it: its ARN. It has so many versions, and an alias on the first; a queue too.
local function function_of(session, versions)
  local role = session.iam:create_role {RoleName = "fn", AssumeRolePolicyDocument = resources.encode(TRUST)}.Role.Arn
  session.sqs:create_queue {QueueName = "g", Attributes = {VisibilityTimeout = "180"}}
  local arn = session.lambda:create_function {FunctionName = "g", Role = role, Runtime = "provided.al2023",
    Handler = "h", Code = {ZipFile = package_of.zip {bootstrap = "x"}}, Timeout = 30}.FunctionArn
  for i = 1, versions do
    session.lambda:update_function_configuration {FunctionName = "g", Description = tostring(i)}
    session.lambda:publish_version {FunctionName = "g"}
  end
  if versions == 1 then session.lambda:create_alias {FunctionName = "g", Name = "live", FunctionVersion = "1"} end
  return arn
end

local function network(session)
  local ec2 = session.ec2
  local vpc = ec2:create_vpc {CidrBlock = "10.0.0.0/16"}.Vpc.VpcId
  local function route_table() return ec2:create_route_table {VpcId = vpc}.RouteTable.RouteTableId end
  local function group(name)
    return ec2:create_security_group {VpcId = vpc, GroupName = name, Description = name}.GroupId
  end
  return {vpc = vpc, a = route_table(), b = route_table(), group = group "one", other = group "other",
    subnet = ec2:create_subnet {VpcId = vpc, CidrBlock = "10.0.1.0/24"}.Subnet.SubnetId}
end

-- One row a type: what it is made with, and each change alone; `always` is a property that says nothing of what is
-- live. Functions get the account and what `before` returned.
local CASES <const> = {
  {type = "sqs.queue", want = {name = "q", VisibilityTimeout = 40, Tags = {a = "1"}},
    changes = {{VisibilityTimeout = 41}, {DelaySeconds = 3}, {MessageRetentionPeriod = 120},
      {ReceiveMessageWaitTimeSeconds = 20}, {Tags = {a = "2"}},
      {SqsManagedSseEnabled = false},
      {Policy = function(account)
        return {Version = "2012-10-17", Statement = {{Effect = "Allow", Principal = {AWS = account},
          Action = "SQS:SendMessage", Resource = ("arn:aws:sqs:eu-west-1:%s:q"):format(account)}}}
      end}, {VisibilityTimeout = 42}}},
  {type = "sqs.queue", label = "FIFO", want = {name = "q.fifo", FifoQueue = true, ContentBasedDeduplication = true,
      DeduplicationScope = "messageGroup", FifoThroughputLimit = "perMessageGroupId", Tags = {}},
    changes = {{ContentBasedDeduplication = false}}},
  {type = "dynamodb.table", want = {name = "t", BillingMode = "PAY_PER_REQUEST", Tags = {a = "1"},
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
      TimeToLiveSpecification = {Enabled = true, AttributeName = "ttl"},
      PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true}, SSESpecification = {Enabled = true}},
    changes = {{PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = false}},
      {DeletionProtectionEnabled = true}, {DeletionProtectionEnabled = false}, {Tags = {a = "1", b = "2"}},
      {SSESpecification = {Enabled = false}}}},
  {type = "dynamodb.time_to_live",
    before = function(session)
      session.dynamodb:create_table {TableName = "theirs", BillingMode = "PAY_PER_REQUEST",
        AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
        KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}}
    end,
    want = {TableName = "theirs", Enabled = true, AttributeName = "ttl"}, changes = {}},
  {type = "sns.topic", want = {name = "topic", DisplayName = "T", Tags = {a = "1"}},
    changes = {{DisplayName = "U"}, {KmsMasterKeyId = "alias/aws/sns"}, {Tags = {b = "1"}, calls = 2},
      {Policy = function(account)
        return {Version = "2012-10-17", Statement = {{Sid = "b", Effect = "Allow", Action = "sns:Publish",
          Principal = {Service = {"budgets.amazonaws.com", "costalerts.amazonaws.com"}},
          Resource = ("arn:aws:sns:eu-west-1:%s:topic"):format(account),
          Condition = {StringEquals = {["aws:SourceAccount"] = account}}}}}
      end}}},
  {type = "sns.subscription",
    before = function(session) return session.sns:create_topic {Name = "s"}.TopicArn end,
    want = {TopicArn = function(_, arn) return arn end, Protocol = "sqs",
      Endpoint = function(account) return ("arn:aws:sqs:eu-west-1:%s:q"):format(account) end},
    changes = {{RawMessageDelivery = true}, {FilterPolicy = {kind = {"a", "b"}}}}},
  {type = "budgets.budget", want = {name = "b", BudgetType = "COST", TimeUnit = "MONTHLY", Tags = {a = "1"},
      BudgetLimit = {Amount = "500", Unit = "USD"},
      NotificationsWithSubscribers = {notification("FORECASTED", 80, "a@x.org"),
        notification("ACTUAL", 100, "a@x.org")}},
    changes = {{BudgetLimit = {Amount = "600", Unit = "USD"}}, {CostFilters = {Region = {"eu-west-1"}}},
      {NotificationsWithSubscribers = {notification("FORECASTED", 80, "a@x.org"),
        notification("ACTUAL", 90, "a@x.org")}, calls = 2},
      {NotificationsWithSubscribers = {notification("FORECASTED", 80, "b@x.org"),
        notification("ACTUAL", 90, "a@x.org")}, calls = 2}, {Tags = {a = "2"}}}},
  {type = "ce.anomaly_monitor", want = {name = "m", MonitorType = "DIMENSIONAL", MonitorDimension = "SERVICE",
      Tags = {a = "1"}}, changes = {{Tags = {a = "2"}}}},
  {type = "ce.anomaly_subscription",
    before = function(session)
      return session.ce:create_anomaly_monitor {AnomalyMonitor = {MonitorName = "for", MonitorType = "DIMENSIONAL",
        MonitorDimension = "SERVICE"}}.MonitorArn
    end,
    want = {name = "s", MonitorArnList = function(_, arn) return {arn} end, Frequency = "DAILY", Tags = {a = "1"},
      Subscribers = {{Type = "EMAIL", Address = "a@x.org"}}, ThresholdExpression = threshold "100"},
    changes = {{ThresholdExpression = threshold "200"}, {Frequency = "WEEKLY"},
      {Subscribers = {{Type = "EMAIL", Address = "b@x.org"}}}, {Tags = {a = "2"}}}},
  {type = "kms.key", want = {name = "alias/k", Description = "d", Tags = {a = "1"}, Policy = key_policy,
      EnableKeyRotation = true},
    changes = {{Description = "e"}, {EnableKeyRotation = false}, {Tags = {a = "2"}},
      {Policy = function(account) return key_policy(account, {Sid = "s", Effect = "Allow", Resource = "*",
        Principal = {Service = "sns.amazonaws.com"}, Action = {"kms:Decrypt", "kms:GenerateDataKey*"}}) end}}},
  {type = "kms.alias",
    before = function(session)
      return {session.kms:create_key {}.KeyMetadata.KeyId, session.kms:create_key {}.KeyMetadata.KeyId}
    end,
    want = {name = "alias/second", TargetKeyId = function(_, keys) return keys[1] end},
    changes = {{TargetKeyId = function(_, keys) return keys[2] end}}},
  {type = "iam.role",
    before = function(session)
      return session.iam:create_policy {PolicyName = "p", PolicyDocument = resources.encode(read_only "*")}.Policy.Arn
    end,
    want = {name = "r", AssumeRolePolicyDocument = TRUST, Tags = {a = "1"},
      InlinePolicies = {read = read_only "arn:aws:s3:::b/*"},
      ManagedPolicyArns = function(_, arn) return {arn} end},
    changes = {{AssumeRolePolicyDocument = TRUST2}, {Description = "d"}, {MaxSessionDuration = 7200},
      {InlinePolicies = {read = read_only "arn:aws:s3:::c/*"}}, {ManagedPolicyArns = {}}, {Tags = {a = "2"}}}},
  {type = "iam.password_policy", want = {MinimumPasswordLength = 14, RequireSymbols = true},
    changes = {{PasswordReusePrevention = 24}, {MinimumPasswordLength = 16}, {RequireNumbers = true},
      {RequireUppercaseCharacters = true}, {RequireLowercaseCharacters = true}, {RequireSymbols = false},
      {AllowUsersToChangePassword = true}, {MaxPasswordAge = 90}, {HardExpiry = true}}},
  {type = "sqs.queue_policy",
    before = function(session, account)
      session.sqs:create_queue {QueueName = "theirs", Attributes = {Policy = resources.encode {Version = "2012-10-17",
        Statement = {{Sid = "Theirs", Effect = "Allow", Action = "sqs:SendMessage", Principal = {AWS = account},
          Resource = "*"}}}}}
    end,
    want = {name = "theirs", PolicyStatements = function() return {queue_statement "Ours"} end},
    changes = {{PolicyStatements = function() return {queue_statement("Ours", "sqs:SendMessage")} end},
      {PolicyStatements = function() return {queue_statement "Ours", queue_statement "More"} end}}},
  {type = "cloudwatch.alarm", want = {name = "a", Namespace = "AWS/SQS",
      MetricName = "ApproximateNumberOfMessagesVisible", Statistic = "Maximum", Period = 300, EvaluationPeriods = 2,
      Threshold = 1.0, Tags = {a = "1"},
      ComparisonOperator = "GreaterThanOrEqualToThreshold", Dimensions = {{Name = "QueueName", Value = "q"}}},
    changes = {{Threshold = 5.0}, {Period = 60}, {EvaluationPeriods = 3}, {TreatMissingData = "notBreaching"},
      {AlarmDescription = "why"}, {AlarmActions = {"arn:aws:sns:eu-west-1:123456789012:t"}}, {ActionsEnabled = false},
      {Statistic = "Sum"}, {Dimensions = {{Name = "QueueName", Value = "r"}}}, {Tags = {a = "2"}}}},
  {type = "cloudwatch.composite_alarm",
    before = function(session)
      for _, name in ipairs {"a", "b"} do
        session.cloudwatch:put_metric_alarm {AlarmName = name, Namespace = "n", MetricName = "m", Period = 60,
          Statistic = "Sum", EvaluationPeriods = 1, Threshold = 1, ComparisonOperator = "GreaterThanThreshold"}
      end
    end,
    want = {name = "both", AlarmRule = 'ALARM("a") AND ALARM("b")', Tags = {a = "1"}},
    changes = {{AlarmRule = 'ALARM("a") OR NOT OK("b")'}, {AlarmDescription = "why"}, {ActionsEnabled = false},
      {AlarmActions = {"arn:aws:sns:eu-west-1:123456789012:t"}}, {OKActions = {"arn:aws:sns:eu-west-1:123456789012:t"}},
      {AlarmActions = {}}, {Tags = {a = "2"}}, {Tags = {b = "2"}, calls = 2}}},
  {type = "cloudwatch.dashboard", want = {name = "d", Tags = {a = "1"}, DashboardBody = {widgets = {
      {type = "text", properties = {markdown = "# Hello"}}}}},
    changes = {{DashboardBody = {widgets = {}}}, {DashboardBody = {start = "-PT6H", widgets = {
      {type = "metric", x = 0, y = 0, width = 12, height = 6, properties = {region = "eu-west-1", view = "timeSeries",
        metrics = {{"AWS/SQS", "NumberOfMessagesSent", "QueueName", "q", {stat = "Sum"}}, {"...", "r"}}}}}}},
      {Tags = {a = "2"}}, {Tags = {b = "2"}, calls = 2}}},
  {type = "s3.bucket", want = {name = function(account) return "b-" .. account end, Tags = {a = "1"},
      PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
        RestrictPublicBuckets = true},
      ServerSideEncryptionConfiguration = {Rules = {{ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "AES256"}}}},
      PolicyStatements = function(account) return {bucket_statement(account, "mine", "s3:GetBucketAcl")} end},
    changes = {{VersioningConfiguration = {Status = "Enabled"}}, {VersioningConfiguration = {Status = "Suspended"}},
      {PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
        RestrictPublicBuckets = false}},
      {LifecycleConfiguration = {Rules = {{ID = "old", Status = "Enabled", Filter = {Prefix = ""},
        Expiration = {Days = 90}}}}},
      {OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}}},
      {PolicyStatements = function(account) return {bucket_statement(account, "mine", "s3:ListBucket")} end},
      {LifecycleConfiguration = {Rules = {}}}, {Tags = {a = "2"}}}},
  {type = "s3.intelligent_tiering",
    before = function(session, account)
      session.s3:create_bucket {Bucket = "cold-" .. account,
        CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
      return "cold-" .. account
    end,
    want = {Bucket = function(_, bucket) return bucket end, Id = "EntireBucket", Status = "Enabled",
      Tierings = {{Days = 90, AccessTier = "ARCHIVE_ACCESS"}, {Days = 180, AccessTier = "DEEP_ARCHIVE_ACCESS"}}},
    changes = {{Tierings = {{Days = 270, AccessTier = "DEEP_ARCHIVE_ACCESS"}, {Days = 90,
      AccessTier = "ARCHIVE_ACCESS"}}}, {Status = "Disabled"}, {Filter = {Prefix = "old/"}}}},
  {type = "ec2.vpc_endpoint", before = network,
    want = {VpcId = function(_, n) return n.vpc end, ServiceName = "com.amazonaws.eu-west-1.s3",
      VpcEndpointType = "Gateway", Tags = {a = "1"}, RouteTableIds = function(_, n) return {n.a} end},
    changes = {{RouteTableIds = function(_, n) return {n.a, n.b} end},
      {PolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Principal = "*", Resource = "*",
        Action = "s3:GetObject"}}}},
      {RouteTableIds = function(_, n) return {n.b} end}, {Tags = {a = "2"}}, {Tags = {b = "1"}, calls = 2}}},
  {type = "ec2.vpc_endpoint", label = "interface", before = network,
    want = {VpcId = function(_, n) return n.vpc end, ServiceName = "com.amazonaws.eu-west-1.secretsmanager",
      VpcEndpointType = "Interface", PrivateDnsEnabled = true, SubnetIds = function(_, n) return {n.subnet} end,
      SecurityGroupIds = function(_, n) return {n.group} end, Tags = {}},
    changes = {{SecurityGroupIds = function(_, n) return {n.other} end}}},
  {type = "ec2.vpc_endpoint_route",
    before = function(session)
      local n = network(session)
      return {session.ec2:create_vpc_endpoint {VpcId = n.vpc, ServiceName = "com.amazonaws.eu-west-1.dynamodb",
        VpcEndpointType = "Gateway", RouteTableIds = {n.a}}.VpcEndpoint.VpcEndpointId, n.b}
    end,
    want = {VpcEndpointId = function(_, made) return made[1] end, RouteTableId = function(_, made) return made[2] end},
    changes = {}},
  {type = "cloudtrail.trail",
    before = function(session, account)
      session.s3:create_bucket {Bucket = "trail-" .. account,
        CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
      return "trail-" .. account
    end,
    want = {name = "trail", S3BucketName = function(_, bucket) return bucket end, Tags = {a = "1"}},
    changes = {{IsMultiRegionTrail = true}, {EnableLogFileValidation = true}, {Logging = false}, {Logging = true},
      {EventSelectors = {{ReadWriteType = "WriteOnly", IncludeManagementEvents = true}}}, {Tags = {a = "2"}}}},
  {type = "chatbot.slack_channel", want = {name = "alerts", SlackTeamId = "T0123ABCD", SlackChannelId = "C0123ABCD",
      IamRoleArn = "arn:aws:iam::123456789012:role/chat", SnsTopicArns = {"arn:aws:sns:eu-west-1:123456789012:a"},
      Tags = {a = "1"}},
    changes = {{SnsTopicArns = {"arn:aws:sns:eu-west-1:123456789012:b"}}, {LoggingLevel = "ERROR"},
      {UserAuthorizationRequired = true}, {SlackChannelId = "C0123ABCE"},
      {IamRoleArn = "arn:aws:iam::123456789012:role/chat2"},
      {GuardrailPolicyArns = {"arn:aws:iam::aws:policy/ReadOnlyAccess"}}, {Tags = {b = "2"}, calls = 2}}},
  {type = "ecs.task_definition", want = {name = "task", cpu = "256", memory = "512", networkMode = "awsvpc",
      requiresCompatibilities = {"FARGATE"}, executionRoleArn = "arn:aws:iam::123456789012:role/execution",
      taskRoleArn = "arn:aws:iam::123456789012:role/task", volumes = {{name = "work"}}, Tags = {a = "1"},
      containerDefinitions = {container {}}},
    changes = {{memory = "1024"}, {taskRoleArn = "arn:aws:iam::123456789012:role/other"},
      {containerDefinitions = {container {image = "tidelock:2"}}},
      {containerDefinitions = {container {environment = {{name = "B", value = "2"}, {name = "A", value = "1"}}}}},
      {containerDefinitions = {container {environment = {{name = "B", value = "2"}}}}},
      {containerDefinitions = {container {readonlyRootFilesystem = true}}}, {Tags = {a = "2"}},
      {runtimePlatform = {cpuArchitecture = "ARM64", operatingSystemFamily = "LINUX"}}}},
  {type = "logs.metric_filter",
    before = function(session) session.logs:create_log_group {logGroupName = "/runs"} end,
    want = {logGroupName = "/runs", filterName = "failed", filterPattern = '{ $.kind = "summary" && $.exit != 0 }',
      metricTransformations = {{metricName = "failed", metricNamespace = "tidelock", metricValue = "1"}}},
    changes = {{filterPattern = '{ $.kind = "summary" }'},
      {metricTransformations = {{metricName = "ended", metricNamespace = "tidelock", metricValue = "1"}}}}},
  {type = "s3.object",
    before = function(session, account)
      session.s3:create_bucket {Bucket = "o-" .. account,
        CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
      return "o-" .. account
    end,
    want = {Bucket = function(_, bucket) return bucket end, Key = "a/b.json", Body = "{}"}, differs = {Body = "Hash"},
    changes = {{Body = "[]"}, {ContentType = "application/json"}}},
  {type = "scheduler.group", want = {name = "g", Tags = {a = "1"}}, changes = {{Tags = {a = "2"}}}},
  {type = "scheduler.schedule",
    want = {name = "s", ScheduleExpression = "rate(1 day)", FlexibleTimeWindow = {Mode = "OFF"},
      Target = function(account) return run_task(account, 3600) end},
    changes = {{ScheduleExpression = "cron(0 6 * * ? *)"}, {ScheduleExpressionTimezone = "Europe/Berlin"},
      {State = "DISABLED"}, {Description = "d"}, {FlexibleTimeWindow = {Mode = "FLEXIBLE", MaximumWindowInMinutes = 5}},
      {ActionAfterCompletion = "DELETE"}, {Target = function(account) return run_task(account, 7200) end}}},
  {type = "logs.group", want = {name = "/x/y", retentionInDays = 30, Tags = {a = "1"}},
    changes = {{retentionInDays = 60}, {Tags = {a = "2"}}}},
  {type = "lambda.func", differs = {Package = "CodeSha256"}, always = "Publish",
    before = function(session)
      return session.iam:create_role {RoleName = "fn", AssumeRolePolicyDocument = resources.encode(TRUST)}.Role.Arn
    end,
    want = {name = "f", Runtime = "provided.al2023", Handler = "h", Role = function(_, arn) return arn end,
      Package = {bootstrap = PROGRAM, ["h.lua"] = {text = "return 1"}}, ReservedConcurrentExecutions = 1,
      Tags = {a = "1"}},
    changes = {{Package = {bootstrap = PROGRAM, ["h.lua"] = {text = "return 2"}}},
      {Timeout = 30}, {MemorySize = 256}, {Handler = "g"}, {Description = "d"},
      {Environment = {Variables = {AA = "1", BB = "2"}}}, {Environment = {Variables = {AA = "1"}}},
      {VpcConfig = {SubnetIds = {"subnet-1"}, SecurityGroupIds = {"sg-1"}}}, {VpcConfig = {}},
      {DeadLetterConfig = {TargetArn = "arn:aws:sqs:eu-west-1:123456789012:q"}}, {TracingConfig = {Mode = "Active"}},
      {LoggingConfig = {LogFormat = "JSON", LogGroup = "/aws/lambda/f"}}, {EphemeralStorage = {Size = 600}},
      {ReservedConcurrentExecutions = 2}, {Tags = {a = "2"}}, {Publish = true}, {Timeout = 31, calls = 2},
      {Tags = {a = "3"}}, {ReservedConcurrentExecutions = 1}}},
  {type = "lambda.alias", before = function(session) return function_of(session, 2) end,
    want = {FunctionName = "g", Name = "live", FunctionVersion = "1"},
    changes = {{FunctionVersion = "2"}, {Description = "d"},
      {RoutingConfig = {AdditionalVersionWeights = {["1"] = 0.1}}}, {RoutingConfig = {}}, {FunctionVersion = "1"}}},
  {type = "lambda.event_source_mapping", before = function(session) return function_of(session, 1) end,
    want = {FunctionName = function(_, arn) return arn .. ":live" end, BatchSize = 1, Tags = {a = "1"},
      EventSourceArn = function(account) return ("arn:aws:sqs:eu-west-1:%s:g"):format(account) end,
      FunctionResponseTypes = {"ReportBatchItemFailures"}},
    changes = {{Enabled = false}, {Enabled = true}, {BatchSize = 2}, {ScalingConfig = {MaximumConcurrency = 2}},
      {ScalingConfig = {}}, {FunctionResponseTypes = {}}, {MaximumBatchingWindowInSeconds = 1},
      {FilterCriteria = {Filters = {{Pattern = '{"body":{"a":[1]}}'}}}}, {Tags = {a = "2"}}}},
  {type = "lambda.url", before = function(session) return function_of(session, 1) end,
    want = {FunctionName = "g", Qualifier = "live", AuthType = "AWS_IAM"},
    changes = {{AuthType = "NONE"}, {Cors = {AllowOrigins = {"https://x.org"}}}, {Cors = {}},
      {InvokeMode = "RESPONSE_STREAM"}}},
  {type = "lambda.permission", before = function(session) return function_of(session, 1) end,
    want = {FunctionName = "g", Qualifier = "live", StatementId = "s", Action = "lambda:InvokeFunctionUrl",
      Principal = "123456789012", FunctionUrlAuthType = "AWS_IAM"}, changes = {}},
  {type = "secretsmanager.secret",
    before = function(session) return function_of(session, 1) end,
    want = {name = "a/token", Value = {random = 32}, Tags = {a = "1"}},
    changes = {{Description = "d"}, {Description = ""}, {KmsKeyId = "alias/k"},
      {Rotation = function(_, arn)
        return {RotationLambdaARN = arn, RotationRules = {AutomaticallyAfterDays = 30}}
      end},
      {Rotation = function(_, arn)
        return {RotationLambdaARN = arn, RotationRules = {ScheduleExpression = "rate(10 days)"}}
      end}, {Rotation = {}},
      {Policy = function(account)
        return {Version = "2012-10-17", Statement = {{Sid = "r", Effect = "Allow", Resource = "*",
          Principal = {AWS = account}, Action = "secretsmanager:GetSecretValue"}}}
      end}, {Policy = {}}, {Tags = {a = "2"}}}},
}

local function resolved(value, account, before)
  if type(value) == "function" then return value(account, before) end
  return value
end

-- Types whose round trip stands in a spec of their own.
local ELSEWHERE <const> = {["s3.bucket_settings"] = "s3/bucket_settings_spec.lua", ["rds.instance"] = "rds_spec.lua",
  ["rds.parameter_group"] = "rds_spec.lua", ["dynamodb.table_settings"] = "dynamodb/table_settings_spec.lua",
  ["ecs.account_setting"] = "ecs/settings_spec.lua", ["ecs.cluster_settings"] = "ecs/settings_spec.lua",
  ["ecs.service"] = "ecs/settings_spec.lua"}
for name in ([[accessanalyzer.analyzer application_autoscaling.policy application_autoscaling.target
  config.conformance_pack config.delivery_channel config.recorder config.recording ecs.cluster events.rule
  guardduty.detector iam.service_linked_role s3.account_public_access_block securityhub.finding_aggregator
  securityhub.hub securityhub.standard]]):gmatch "%S+" do
  ELSEWHERE[name] = "security_spec.lua"
end

-- What was seen of each type, for the table at the end: "made, read back", changes one by one, "deleted".
local seen <const> = {}

local function saw(name, what)
  seen[name] = seen[name] or {changes = 0}
  if what == "changed" then seen[name].changes = seen[name].changes + 1 else seen[name][what] = true end
end

local function print_table()
  print(("%-34s %-10s %8s %8s  on moto with the extension"):format("type", "read back", "changes", "deleted"))
  for _, name in ipairs(resources.names()) do
    local row = seen[name]
    if row then
      print(("%-34s %-10s %8d %8s"):format(name, row.made and "equal" or "no", row.changes, row.gone and "yes" or "no"))
    elseif ELSEWHERE[name] then
      print(("%-34s in spec/lib/resources/%s"):format(name, ELSEWHERE[name]))
    end
  end
end

-- ## What a playbook does not speak of

local function changed_properties(t, case)
  local out, known = {}, {calls = true, Tags = true}
  for _, change in ipairs(case.changes) do
    for name in pairs(change) do
      if not known[name] and not t.hidden[name] then out[#out + 1] = name end
      known[name] = true
    end
  end
  return out
end

-- A value that the case gives the property, other than what is live; nil where it has none.
local function another(t, case, name, live, account, before)
  for _, given in ipairs {case.want, table.unpack(case.changes)} do
    local value = resolved(given[name], account, before)
    if value ~= nil then
      local want = t:complete({[name] = value}, live)
      if not compare.equal(want[name], live[name], t.rules[name]) then return value end
    end
  end
end

-- The least that a playbook can say of what is live, and the defaults that it would go back to.
local function unspoken(t, case, want, live)
  local out = {}
  for name, property in pairs(t:schema(models)) do
    if property.required or t.is_key[name] or case.always == name then
      out[name] = live[name] == nil and want[name] or live[name]
    end
  end
  for name in pairs(t.defaults or {}) do
    if not t.is_guard[name] then out[name] = live[name] end
  end
  return out
end

-- What of `want` is not as it was, but for the property that was changed.
local function lost(t, want, was, is, but)
  local out = {}
  for name in pairs(want) do
    if name ~= but and not t.hidden[name] and not compare.equal(was[name], is[name], t.rules[name]) then
      out[#out + 1] = but .. " took " .. name
    end
  end
  return table.concat(out, ", ")
end

describe("the catalog", function()
  it("has no type without a round trip, here or where it says", function()
    local held = {}
    for _, case in ipairs(CASES) do held[case.type] = true end
    for _, name in ipairs(resources.names()) do
      if not held[name] then
        local file = assert(io.open("spec/lib/resources/" .. tostring(ELSEWHERE[name])), name .. " has no round trip")
        local text = file:read "a"
        file:close()
        assert.matches('"' .. name .. '"', text, 1, true)
      end
    end
  end)
end)

describe("on moto", function()
  local server <const> = moto.start()
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. FOLDER .. "'")
    print_table()
  end)

  for _, case in ipairs(CASES) do
    local t = resources.find(case.type)
    describe(case.type .. (case.label and " (" .. case.label .. ")" or ""), function()
      local recorder, client, before, want

      setup(function()
        server:reset()
        local session = server:session()
        recorder = recorder_of.new(session)
        recorder.place = place.of {region = server.region, identity = {known = {id = server.account}}}
        client = recorder:client()
        before = case.before and case.before(session, server.account)
        want = {}
        for name, value in pairs(case.want) do want[name] = resolved(value, server.account, before) end
      end)

      local function difference()
        local live = t.read(client, want)
        assert.is_table(live, "it is not there")
        local names = {}
        for i, change in ipairs(t:diff(live, t:complete(want))) do names[i] = change.name end
        return table.concat(names, ", ")
      end

      it("is not there at first", function() assert.is_nil(t.read(client, want)) end)
      it("takes what it is made with for valid", function()
        local function no() return false end
        assert.same({}, schema.faults(t:schema(models), want, {unknown = no, handle = no, secret = no}))
        assert.same({}, t.check and t.check(want) or {})
      end)
      it("reads back as it was made", function()
        local made = t.create(client, want)
        local live = t.read(client, want)
        for name, value in pairs(made) do assert.same(value, live[name], name) end
        assert.equal("", difference())
        saw(case.type, "made")
      end)
      for i, change in ipairs(case.changes) do
        local names = {}
        for name in pairs(change) do
          if name ~= "calls" then names[#names + 1] = name end
        end
        it(("changes %s alone (%d)"):format(table.concat(names, ", "), i), function()
          for _, name in ipairs(names) do want[name] = resolved(change[name], server.account, before) end
          local shown = case.differs and case.differs[names[1]]
          assert.equal(shown or table.concat(names, ", "), difference())
          local changed = {}
          for _, name in ipairs(names) do changed[shown or name] = true end
          local writes = recorder.writes
          t.update(client, t.read(client, want), t:complete(want), changed)
          assert.equal(change.calls or 1, recorder.writes - writes)
          assert.equal("", difference())
          saw(case.type, "changed")
        end)
      end
      local function update(said, live, names) t.update(client, live, t:complete(said, live), names) end

      it("leaves what a playbook does not speak of, whatever else it changes", function()
        for _, name in ipairs(changed_properties(t, case)) do
          local live = t.read(client, want)
          local value = another(t, case, name, live, server.account, before)
          if value ~= nil then
            local said = unspoken(t, case, want, live)
            said[name] = value
            update(said, live, {[name] = true})
            assert.equal("", lost(t, want, live, t.read(client, want), name))
          end
        end
        local live, names = t.read(client, want), {}
        for _, change in ipairs(t:diff(live, t:complete(want, live))) do names[change.name] = true end
        if next(names) then update(want, live, names) end
        assert.equal("", difference())
      end)
      it("is gone when deleted", function()
        t.delete(client, t.read(client, want), want)
        assert.is_nil(t.read(client, want))
        saw(case.type, "gone")
      end)
    end)
  end
end)
