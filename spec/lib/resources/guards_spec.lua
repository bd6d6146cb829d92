-- Nothing that exists is weakened: what guards something and was set by somebody stays as it is where a playbook that
-- declares the resource does not speak of it. Held over every type, through plans and applies against moto.
local elf = require "support.elf"
local fs = require "tidelock.fs"
local models = require "tidelock.models"
local moto = require "support.moto"
local playbook = require "playbook"
local resource = require "resources"
local things = require "support.things"
local zip = require "resources.lambda.package".zip

local server <const> = moto.start()
local ACCOUNT <const> = "123456789012"                    -- stands for the account that a reset gives
local FOLDER <const> = fs.tempdir "guards"
local PROGRAM <const> = elf.write(FOLDER .. "/bootstrap")

-- Defaults that a property goes back to when a playbook says nothing of it: taking them takes nothing away that guards,
-- records or tells. Every other default of a type is one of its guards; a new one is written down here or there.
local GOES_BACK <const> = {
  ["chatbot.slack_channel"] = "", ["budgets.budget"] = "",
  ["cloudtrail.trail"] = "Logging IncludeGlobalServiceEvents",                -- on: going back makes it stronger
  ["cloudwatch.alarm"] = "ActionsEnabled AlarmDescription",
  ["cloudwatch.composite_alarm"] = "ActionsEnabled AlarmDescription ActionsSuppressor",
  ["dynamodb.table"] = "BillingMode TableClass",
  ["ecs.task_definition"] = "volumes",
  ["events.rule"] = "EventBusName State Description",
  ["guardduty.detector"] = "Enable",
  ["iam.role"] = "Path Description MaxSessionDuration",                       -- the shortest session there is
  ["kms.key"] = "Description",
  ["lambda.alias"] = "Description RoutingConfig",
  ["lambda.event_source_mapping"] = "Enabled BatchSize MaximumBatchingWindowInSeconds FilterCriteria",
  ["lambda.func"] = "Description Timeout MemorySize Architectures EphemeralStorage Environment SnapStart",
  ["lambda.url"] = "InvokeMode Cors",                                         -- none: no other site's page may call it
  ["logs.group"] = "logGroupClass",
  ["logs.metric_filter"] = "applyOnTransformedLogs",
  ["s3.object"] = "ContentType",
  ["scheduler.schedule"] = "GroupName State ScheduleExpressionTimezone Description ActionAfterCompletion",
  ["secretsmanager.secret"] = "Description",
  ["securityhub.finding_aggregator"] = "Regions",                             -- part of the mode, which must be given
  ["sns.subscription"] = "RawMessageDelivery FilterPolicy",
  ["sns.topic"] = "DisplayName FifoTopic",
  ["sqs.queue"] = "DelaySeconds ReceiveMessageWaitTimeSeconds VisibilityTimeout FifoQueue ContentBasedDeduplication"
    .. " DeduplicationScope FifoThroughputLimit",
}

local function allow(action, principal)
  return {Version = "2012-10-17", Statement = {{Sid = "a", Effect = "Allow", Action = action, Resource = "*",
    Principal = principal}}}
end

local TRUST <const> = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
  Principal = {Service = "lambda.amazonaws.com"}}}}

local function arn(service, name) return ("arn:aws:%s:eu-west-1:%s:%s"):format(service, ACCOUNT, name) end

local TOPIC <const> = {arn("sns", "t")}
local LOST <const>, JOBS <const> = arn("sqs", "lost"), arn("sqs", "jobs")
local FUNCTION <const> = arn("lambda", "function:g")

local function a_queue(session)
  session.sqs:create_queue {QueueName = "lost"}
  session.sqs:create_queue {QueueName = "jobs", Attributes = {VisibilityTimeout = "180"}}
end

local function a_function(session)
  a_queue(session)
  local role = session.iam:create_role {RoleName = "fn", AssumeRolePolicyDocument = resource.encode(TRUST)}.Role.Arn
  session.lambda:create_function {FunctionName = "g", Role = role, Runtime = "provided.al2023", Handler = "h",
    Code = {ZipFile = zip {bootstrap = "x"}}, Timeout = 30}
end

local NOTIFIED <const> = {{Notification = {NotificationType = "ACTUAL", ComparisonOperator = "GREATER_THAN",
  Threshold = 80}, Subscribers = {{SubscriptionType = "EMAIL", Address = "a@x.org"}}}}

-- A row a type with guards: what it is made with, what somebody has set, and another change of it.
local ROWS <const> = {
  {type = "sqs.queue", before = a_queue, want = {name = "q"}, other = {VisibilityTimeout = 77},
    set = {MessageRetentionPeriod = 1209600, RedriveAllowPolicy = {redrivePermission = "denyAll"},
      RedrivePolicy = {deadLetterTargetArn = LOST, maxReceiveCount = 5}}},
  {type = "dynamodb.table", want = {name = "t", BillingMode = "PAY_PER_REQUEST",
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}},
    set = {SSESpecification = {Enabled = true}}, other = {tags = {a = "1"}}},
  {type = "sns.topic", want = {name = "t"}, set = {KmsMasterKeyId = "alias/aws/sns"}, other = {DisplayName = "U"}},
  {type = "sns.subscription", before = function(session)
      a_queue(session)
      session.sns:create_topic {Name = "t"}
    end,
    want = {TopicArn = TOPIC[1], Protocol = "sqs", Endpoint = JOBS}, other = {RawMessageDelivery = true},
    set = {RedrivePolicy = {deadLetterTargetArn = LOST}}},
  {type = "kms.key", want = {name = "alias/k"}, set = {EnableKeyRotation = true}, other = {Description = "d"}},
  {type = "logs.group", want = {name = "/x"}, other = {tags = {a = "1"}},
    set = {retentionInDays = 30, kmsKeyId = arn("kms", "key/1")}},
  {type = "iam.role", want = {name = "r", AssumeRolePolicyDocument = TRUST}, other = {Description = "d"},
    set = {InlinePolicies = {p = allow "s3:GetObject"},
      ManagedPolicyArns = {"arn:aws:iam::aws:policy/ReadOnlyAccess"}}},
  {type = "events.rule", want = {name = "r", EventPattern = {source = {"aws.s3"}}}, other = {Description = "d"},
    set = {Targets = {{Id = "q", Arn = JOBS}}}},
  {type = "cloudwatch.alarm", want = {name = "a", Namespace = "n", MetricName = "m", Statistic = "Sum", Period = 60,
      EvaluationPeriods = 1, Threshold = 1.0, ComparisonOperator = "GreaterThanThreshold"}, other = {Threshold = 5.0},
    set = {TreatMissingData = "breaching", OKActions = TOPIC, AlarmActions = TOPIC, InsufficientDataActions = TOPIC}},
  {type = "cloudwatch.composite_alarm", before = function(session)
      session.cloudwatch:put_metric_alarm {AlarmName = "a", Namespace = "n", MetricName = "m", Period = 60,
        Statistic = "Sum", EvaluationPeriods = 1, Threshold = 1, ComparisonOperator = "GreaterThanThreshold"}
    end, want = {name = "c", AlarmRule = 'ALARM("a")'}, other = {AlarmDescription = "d"},
    set = {OKActions = TOPIC, AlarmActions = TOPIC, InsufficientDataActions = TOPIC}},
  {type = "cloudtrail.trail", before = function(session)
      session.s3:create_bucket {Bucket = "trail-" .. server.account,
        CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
    end, want = {name = "trail", S3BucketName = "trail-" .. ACCOUNT}, other = {S3KeyPrefix = "p"},
    set = {IsMultiRegionTrail = true, EnableLogFileValidation = true}},
  {type = "chatbot.slack_channel", want = {name = "s", SlackTeamId = "T0123ABCD", SlackChannelId = "C0123ABCD",
      IamRoleArn = "arn:aws:iam::" .. ACCOUNT .. ":role/chat"}, other = {SlackChannelId = "C0123ABCE"},
    set = {LoggingLevel = "ERROR", SnsTopicArns = TOPIC, UserAuthorizationRequired = true}},
  {type = "budgets.budget", want = {name = "b", BudgetType = "COST", TimeUnit = "MONTHLY",
      BudgetLimit = {Amount = "500", Unit = "USD"}}, other = {BudgetLimit = {Amount = "600", Unit = "USD"}},
    set = {NotificationsWithSubscribers = NOTIFIED}},
  {type = "lambda.func", before = function(session)
      session.iam:create_role {RoleName = "fn", AssumeRolePolicyDocument = resource.encode(TRUST)}
      session.lambda:publish_layer_version {LayerName = "watch", Content = {ZipFile = zip {["extensions/w"] = "x"}}}
    end,
    want = {name = "f", Runtime = "provided.al2023", Handler = "h", Role = "arn:aws:iam::" .. ACCOUNT .. ":role/fn",
      Package = {bootstrap = PROGRAM}}, other = {Timeout = 30},
    set = {TracingConfig = {Mode = "Active"}, VpcConfig = {SubnetIds = {"subnet-1"}, SecurityGroupIds = {"sg-1"}},
      DeadLetterConfig = {TargetArn = LOST}, LoggingConfig = {LogFormat = "JSON", LogGroup = "/all"},
      Layers = {arn("lambda", "layer:watch:1")}}},
  {type = "lambda.event_source_mapping", before = a_function,
    want = {FunctionName = FUNCTION, EventSourceArn = JOBS},
    other = {BatchSize = 2},
    set = {FunctionResponseTypes = {"ReportBatchItemFailures"}, ScalingConfig = {MaximumConcurrency = 2}}},
  {type = "secretsmanager.secret", before = a_function, want = {name = "s", Value = {random = 32}},
    other = {Description = "d"}, set = {Policy = allow("secretsmanager:GetSecretValue", {AWS = ACCOUNT}),
      Rotation = {RotationLambdaARN = FUNCTION,
        RotationRules = {AutomaticallyAfterDays = 30}}}},
}

local function words(text)
  local out = {}
  for word in text:gmatch "%S+" do out[word] = true end
  return out
end

local function names_of(set)
  local out = {}
  for name in pairs(set) do out[#out + 1] = name end
  table.sort(out)
  return out
end

describe("the defaults of every type", function()
  for _, name in ipairs(resource.names()) do
    local t = resource.find(name)
    if name:find "^test%." == nil and (t.defaults or t.guards) then
      it("are decided: " .. name, function()
        local all, split = {}, words(GOES_BACK[name] or "")
        for default in pairs(t.defaults or {}) do all[default] = true end
        for _, guard in ipairs(t.guards or {}) do
          assert.is_nil(split[guard], guard .. " is both")
          split[guard] = true
        end
        assert.same(names_of(all), names_of(split))
      end)
    end
  end
  it("are held below, each that guards", function()
    local rows = {}
    for _, row in ipairs(ROWS) do
      rows[row.type] = true
      assert.same(names_of(words(table.concat(resource.find(row.type).guards, " "))), names_of(row.set), row.type)
    end
    for _, name in ipairs(resource.names()) do
      assert.equal(resource.find(name).guards ~= nil, rows[name] == true, name)
    end
  end)
end)

local function source(value)
  if type(value) ~= "table" then return ("%q"):format(value) end
  local out = {}
  for key, inner in pairs(value) do
    out[#out + 1] = ("[%s] = %s"):format(source(key), source(inner))
  end
  return "{" .. table.concat(out, ", ") .. "}"
end

local function together(...)
  local out = {}
  for _, t in ipairs {...} do
    for name, value in pairs(t) do out[name] = value end
  end
  return out
end

describe("what guards something", function()
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. FOLDER .. "'")
  end)

  local session

  -- Applies a playbook that declares one resource so: its node.
  local function apply(type_name, want)
    local text = ('playbook {name = "spec/guards"} ensure.%s %s'):format(type_name, source(want))
    local context = things.context {session = session}
    context.models = models
    local engine = playbook.apply(playbook.plan(things.load((text:gsub(ACCOUNT, server.account))), context))
    local node = playbook.all_nodes(engine)[1]
    assert.is_nil(node.failed, tostring(node.failed and node.failed.message))
    return node
  end

  for _, row in ipairs(ROWS) do
    it("stays where a playbook does not speak of it: " .. row.type, function()
      server:reset()
      session = server:session()
      if row.before then row.before(session) end
      apply(row.type, row.want)
      assert.equal("update", apply(row.type, together(row.want, row.set)).action)
      assert.equal("none", apply(row.type, row.want).action)
      assert.equal("update", apply(row.type, together(row.want, row.other)).action)
      local again = apply(row.type, together(row.want, row.other, row.set))
      assert.equal("none", again.action, again.why)
    end)
  end

  -- The defaults that guard, as a playbook says them: none of a structure is {}.
  local function none_of(row)
    local out, t = {}, resource.find(row.type)
    for name in pairs(row.set) do
      local value = t.defaults[name]
      if type(value) == "function" then value = value(row.want) end
      if value == false and type(row.set[name]) == "table" then value = {} end
      out[name] = value
    end
    return out
  end

  for _, row in ipairs(ROWS) do
    it("is never made, or is taken away, where that is said: " .. row.type, function()
      server:reset()
      session = server:session()
      if row.before then row.before(session) end
      local none = together(row.want, none_of(row))
      assert.equal("create", apply(row.type, none).action)
      assert.equal("none", apply(row.type, none).action)
      apply(row.type, together(row.want, row.set))
      assert.equal("update", apply(row.type, none).action)
      local again = apply(row.type, none)
      assert.equal("none", again.action, again.why)
    end)
  end

  -- Rows of what an update sends whole: what is there, and a part of it that a playbook changes.
  local FLAGS <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
    RestrictPublicBuckets = false}
  local KEY <const> = arn("kms", "key/1")
  local function rule(name) return {Resources = {[name] = {Type = "AWS::Config::ConfigRule"}}} end
  local WHOLE <const> = {
    {type = "s3.bucket", want = {name = "guarded-" .. ACCOUNT}, there = {PublicAccessBlockConfiguration = FLAGS},
      part = {PublicAccessBlockConfiguration = {RestrictPublicBuckets = true}},
      after = {PublicAccessBlockConfiguration = together(FLAGS, {RestrictPublicBuckets = true})}},
    {type = "ecs.cluster", want = {name = "c"},
      there = {configuration = {executeCommandConfiguration = {kmsKeyId = KEY, logging = "DEFAULT"}}},
      part = {configuration = {executeCommandConfiguration = {logging = "NONE"}}},
      after = {configuration = {executeCommandConfiguration = {kmsKeyId = KEY, logging = "NONE"}}}},
    {type = "config.conformance_pack", want = {name = "p"},
      there = {DeliveryS3Bucket = "awsconfigconforms-b", TemplateBody = rule "One"},
      part = {TemplateBody = rule "Two"},
      after = {DeliveryS3Bucket = "awsconfigconforms-b", TemplateBody = rule "Two"}},
  }
  for _, row in ipairs(WHOLE) do
    it("stays beside the part of it that changes: " .. row.type, function()
      server:reset()
      session = server:session()
      apply(row.type, together(row.want, row.there))
      assert.equal("update", apply(row.type, together(row.want, row.part)).action)
      local after = apply(row.type, together(row.want, row.after))
      assert.equal("none", after.action, after.why)
    end)
  end
end)
