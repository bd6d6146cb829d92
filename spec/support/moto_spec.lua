-- moto_spec.lua -- the extension of moto: what it remembers, what it refuses as the service's page says, signatures.
local moto = require "support.moto"
local oracle = require "support.oracle"
local proc = require "tidelock.proc"
local server = require "support.server"

local bytes = function(s) return {["$raw"] = s} end

describe("the sandbox's AWS", function()
  local boto3, m
  lazy_setup(function() boto3 = oracle.start() end)
  lazy_teardown(function() boto3:stop() end)
  before_each(function() m = moto.start() end)
  after_each(function() m:stop() end)

  local function ask(service, operation, input)
    local answer = boto3:call(m, service, operation, input or {})
    assert(not answer.error, answer.error and answer.error.code .. ": " .. answer.error.message)
    return oracle.plain(answer.output)
  end

  local function refused(code, service, operation, input)
    local answer = boto3:call(m, service, operation, input or {})
    assert.is_not_nil(answer.error, operation .. " was not refused")
    assert.equal(code, answer.error.code)
    return answer.error
  end

  describe("sqs", function()
    it("gives RedriveAllowPolicy and DeduplicationScope back", function()
      local allow = '{"redrivePermission":"denyAll"}'
      local url = ask("sqs", "CreateQueue", {QueueName = "f.fifo", Attributes = {FifoQueue = "true",
        FifoThroughputLimit = "perMessageGroupId", DeduplicationScope = "messageGroup"}}).QueueUrl
      ask("sqs", "SetQueueAttributes", {QueueUrl = url, Attributes = {RedriveAllowPolicy = allow}})
      local found = ask("sqs", "GetQueueAttributes", {QueueUrl = url, AttributeNames = {"All"}}).Attributes
      assert.equal(allow, found.RedriveAllowPolicy)
      assert.equal("messageGroup", found.DeduplicationScope)
      ask("sqs", "SetQueueAttributes", {QueueUrl = url, Attributes = {RedriveAllowPolicy = ""}})
      assert.is_nil(ask("sqs", "GetQueueAttributes", {QueueUrl = url, AttributeNames = {"All"}})
        .Attributes.RedriveAllowPolicy)
    end)

    it("refuses unknown attributes and values out of range", function()
      local url = ask("sqs", "CreateQueue", {QueueName = "q"}).QueueUrl
      local function set(name, value) return {QueueUrl = url, Attributes = {[name] = value}} end
      refused("InvalidAttributeName", "sqs", "SetQueueAttributes", set("Nope", "1"))
      refused("InvalidAttributeName", "sqs", "SetQueueAttributes", set("DeduplicationScope", "queue"))
      refused("InvalidAttributeValue", "sqs", "SetQueueAttributes", set("MessageRetentionPeriod", "59"))
      refused("InvalidAttributeValue", "sqs", "SetQueueAttributes",
        set("RedriveAllowPolicy", '{"redrivePermission":"x"}'))
    end)

    it("moves messages out of a dead-letter queue", function()
      local dlq = ask("sqs", "CreateQueue", {QueueName = "d"}).QueueUrl
      local arn = ask("sqs", "GetQueueAttributes", {QueueUrl = dlq, AttributeNames = {"QueueArn"}}).Attributes.QueueArn
      refused("AWS.SimpleQueueService.UnsupportedOperation", "sqs", "StartMessageMoveTask", {SourceArn = arn})
      local main = ask("sqs", "CreateQueue", {QueueName = "m", Attributes = {
        RedrivePolicy = ('{"deadLetterTargetArn":"%s","maxReceiveCount":"5"}'):format(arn)}}).QueueUrl
      ask("sqs", "SendMessage", {QueueUrl = dlq, MessageBody = "x"})
      ask("sqs", "StartMessageMoveTask", {SourceArn = arn})
      assert.equal("x", ask("sqs", "ReceiveMessage", {QueueUrl = main}).Messages[1].Body)
      local task = ask("sqs", "ListMessageMoveTasks", {SourceArn = arn}).Results[1]
      assert.equal("COMPLETED", task.Status)
      assert.equal(1, task.ApproximateNumberOfMessagesMoved)
    end)
  end)

  describe("ce", function()
    local monitor
    local function subscription(changes)
      local s = {SubscriptionName = "s", MonitorArnList = {monitor}, Frequency = "IMMEDIATE",
        Subscribers = {{Type = "SNS", Address = "arn:aws:sns:us-east-1:123456789012:t"}}, Threshold = 100}
      for k, v in pairs(changes) do s[k] = v or nil end
      return {AnomalySubscription = s}
    end
    local EXPRESSION = {Dimensions = {Key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE", MatchOptions = {"GREATER_THAN_OR_EQUAL"},
      Values = {"100"}}}
    before_each(function()
      monitor = ask("ce", "CreateAnomalyMonitor", {AnomalyMonitor = {MonitorName = "m", MonitorType = "DIMENSIONAL",
        MonitorDimension = "SERVICE"}}).MonitorArn
    end)

    it("sends to SNS at once only, by mail daily or weekly only", function()
      local mail = {{Type = "EMAIL", Address = "a@example.com"}}
      refused("ValidationException", "ce", "CreateAnomalySubscription", subscription {Frequency = "DAILY"})
      refused("ValidationException", "ce", "CreateAnomalySubscription", subscription {Subscribers = mail})
      ask("ce", "CreateAnomalySubscription", subscription {Frequency = "DAILY", Subscribers = mail})
    end)

    it("takes Threshold or ThresholdExpression, and turns the deprecated one into the other", function()
      refused("ValidationException", "ce", "CreateAnomalySubscription", subscription {ThresholdExpression = EXPRESSION})
      refused("ValidationException", "ce", "CreateAnomalySubscription", subscription {Threshold = false})
      ask("ce", "CreateAnomalySubscription", subscription {})
      local got = ask("ce", "GetAnomalySubscriptions", {}).AnomalySubscriptions[1]
      assert.same(EXPRESSION, got.ThresholdExpression)
    end)

    it("has one monitor a dimension, and knows which do not exist", function()
      refused("LimitExceededException", "ce", "CreateAnomalyMonitor", {AnomalyMonitor = {MonitorName = "n",
        MonitorType = "DIMENSIONAL", MonitorDimension = "SERVICE"}})
      refused("UnknownMonitorException", "ce", "GetAnomalyMonitors",
        {MonitorArnList = {"arn:aws:ce::123456789012:anomalymonitor/00000000-0000-0000-0000-000000000000"}})
    end)
  end)

  describe("budgets", function()
    local NOTE = {NotificationType = "ACTUAL", ComparisonOperator = "GREATER_THAN", Threshold = 80,
      ThresholdType = "PERCENTAGE"}
    local MAIL = {SubscriptionType = "EMAIL", Address = "a@example.com"}
    local function of(more)
      local input = {AccountId = m.account, BudgetName = "b"}
      for k, v in pairs(more or {}) do input[k] = v end
      return input
    end
    before_each(function()
      ask("budgets", "CreateBudget", {AccountId = m.account, Budget = {BudgetName = "b", BudgetType = "COST",
        TimeUnit = "MONTHLY", BudgetLimit = {Amount = "500", Unit = "USD"}},
        NotificationsWithSubscribers = {{Notification = NOTE, Subscribers = {MAIL}}}})
    end)

    it("converges its limit, notifications and subscribers each by itself", function()
      ask("budgets", "UpdateBudget", {AccountId = m.account, NewBudget = {BudgetName = "b", BudgetType = "COST",
        TimeUnit = "MONTHLY", BudgetLimit = {Amount = "600", Unit = "USD"}}})
      assert.equal("600.0", ask("budgets", "DescribeBudget", of()).Budget.BudgetLimit.Amount)
      local other = {SubscriptionType = "EMAIL", Address = "b@example.com"}
      ask("budgets", "CreateSubscriber", of {Notification = NOTE, Subscriber = other})
      ask("budgets", "DeleteSubscriber", of {Notification = NOTE, Subscriber = MAIL})
      assert.same({other}, ask("budgets", "DescribeSubscribersForNotification", of {Notification = NOTE}).Subscribers)
      refused("InvalidParameterException", "budgets", "DeleteSubscriber", of {Notification = NOTE, Subscriber = other})
      ask("budgets", "DeleteNotification", of {Notification = NOTE})
      assert.same({}, ask("budgets", "DescribeNotificationsForBudget", of()).Notifications)
    end)

    it("refuses doubles, other accounts and what is no amount", function()
      refused("DuplicateRecordException", "budgets", "CreateNotification",
        of {Notification = NOTE, Subscribers = {MAIL}})
      refused("AccessDeniedException", "budgets", "DescribeBudgets", {AccountId = "999999999999"})
      refused("InvalidParameterException", "budgets", "CreateBudget", {AccountId = m.account, Budget = {
        BudgetName = "c", BudgetType = "COST", TimeUnit = "MONTHLY", BudgetLimit = {Amount = "0", Unit = "USD"}}})
    end)
  end)

  it("leaves a mail subscription pending until it is confirmed", function()
    local topic = ask("sns", "CreateTopic", {Name = "t"}).TopicArn
    local function listed() return ask("sns", "ListSubscriptionsByTopic", {TopicArn = topic}).Subscriptions[1] end
    assert.equal("pending confirmation", ask("sns", "Subscribe", {TopicArn = topic, Protocol = "email",
      Endpoint = "a@example.com"}).SubscriptionArn)
    assert.equal("PendingConfirmation", listed().SubscriptionArn)
    ask("sns", "ConfirmSubscription", {TopicArn = topic, Token = "a@example.com"})
    assert.matches("^arn:", listed().SubscriptionArn)
  end)

  it("delivers to an unreachable address without failing the publisher", function()
    local topic = ask("sns", "CreateTopic", {Name = "t"}).TopicArn
    ask("sns", "Subscribe", {TopicArn = topic, Protocol = "https", Endpoint = "https://127.0.0.1:1/hook"})
    ask("sns", "Publish", {TopicArn = topic, Message = "m"})
  end)

  it("says ResourceNotFoundException of a missing table's time to live, and refuses to enable it twice", function()
    refused("ResourceNotFoundException", "dynamodb", "DescribeTimeToLive", {TableName = "absent"})
    ask("dynamodb", "CreateTable", {TableName = "t", BillingMode = "PAY_PER_REQUEST",
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}})
    local ttl = {TableName = "t", TimeToLiveSpecification = {Enabled = true, AttributeName = "ttl"}}
    ask("dynamodb", "UpdateTimeToLive", ttl)
    refused("ValidationException", "dynamodb", "UpdateTimeToLive", ttl)
  end)

  it("remembers a key's rotation period and refuses a retention that is none", function()
    local key = ask("kms", "CreateKey").KeyMetadata.KeyId
    ask("kms", "EnableKeyRotation", {KeyId = key, RotationPeriodInDays = 180})
    assert.equal(180, ask("kms", "GetKeyRotationStatus", {KeyId = key}).RotationPeriodInDays)
    ask("logs", "CreateLogGroup", {logGroupName = "g"})
    refused("InvalidParameterException", "logs", "PutRetentionPolicy", {logGroupName = "g", retentionInDays = 31})
  end)

  it("opens no object behind a policy whose condition does not hold, and blocks a public one", function()
    local bucket = "spec-" .. m.account
    ask("s3", "CreateBucket", {Bucket = bucket, CreateBucketConfiguration = {LocationConstraint = m.region}})
    local function policy(effect, condition)
      return {Bucket = bucket, Policy = ('{"Version":"2012-10-17","Statement":[{"Effect":"%s","Principal":"*",'
        .. '"Action":"s3:*","Resource":"arn:aws:s3:::%s/*"%s}]}'):format(effect, bucket, condition)}
    end
    ask("s3", "PutBucketPolicy", policy("Deny", ',"Condition":{"Bool":{"aws:SecureTransport":"false"}}'))
    ask("s3", "PutObject", {Bucket = bucket, Key = "k", Body = bytes "x"})
    ask("s3", "PutPublicAccessBlock", {Bucket = bucket, PublicAccessBlockConfiguration = {BlockPublicPolicy = true}})
    refused("AccessDenied", "s3", "PutBucketPolicy", policy("Allow", ""))
  end)

  it("finds in CloudTrail who changed a resource", function()
    ask("sqs", "CreateQueue", {QueueName = "watched"})
    local events = ask("cloudtrail", "LookupEvents", {LookupAttributes = {
      {AttributeKey = "ResourceName", AttributeValue = "watched"}}}).Events
    assert.equal("CreateQueue", events[1].EventName)
    assert.equal("sqs.amazonaws.com", events[1].EventSource)
  end)

  it("has a service that moto has not", function()
    ask("accessanalyzer", "CreateAnalyzer", {analyzerName = "a", type = "ACCOUNT"})
    refused("ConflictException", "accessanalyzer", "CreateAnalyzer", {analyzerName = "a", type = "ACCOUNT"})
  end)

  it("says plainly what it cannot do, with a status that no client retries", function()
    assert.equal(501, refused("NotImplemented", "cloudwatch", "PutAnomalyDetector", {}).status)
  end)

  it("refuses a wrong secret, an unknown key and a tampered body", function()
    local script = [[
import boto3, sys, botocore.exceptions
def code(key, secret, change=None):
    c = boto3.client("sqs", endpoint_url=sys.argv[1], region_name="eu-west-1",
                     aws_access_key_id=key, aws_secret_access_key=secret)
    if change:
        c.meta.events.register("before-send.sqs", change)
    try:
        c.list_queues()
        return "ok"
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
def tamper(request, **_):
    request.body = b'{"MaxResults":9}'
    request.headers["Content-Length"] = str(len(request.body))
print(code("test", "test"), code("test", "wrong"), code("AKIANOBODYKNOWSTHIS0", "x"), code("test", "test", tamper))
]]
    local out = assert(proc.run {server.PYTHON, "-c", script, m.url})
    assert.equal("ok SignatureDoesNotMatch UnrecognizedClientException SignatureDoesNotMatch\n",
      out.stdout .. out.stderr)
  end)

  describe("lambda", function()
    local role
    before_each(function()
      role = ask("iam", "CreateRole", {RoleName = "r", AssumeRolePolicyDocument = "{}"}).Role.Arn
    end)
    local function make(more)
      local input = {FunctionName = "f", Role = role, Runtime = "provided.al2023", Handler = "h", Timeout = 30,
        Code = {ZipFile = bytes "PK\5\6"}}
      for name, value in pairs(more or {}) do input[name] = value end
      return input
    end

    it("keeps what moto forgets of a function, for each version what it had", function()
      ask("lambda", "CreateFunction", make {TracingConfig = {Mode = "Active"}, EphemeralStorage = {Size = 600}})
      assert.equal("1", ask("lambda", "PublishVersion", {FunctionName = "f"}).Version)
      ask("lambda", "UpdateFunctionConfiguration", {FunctionName = "f", TracingConfig = {Mode = "PassThrough"},
        LoggingConfig = {LogFormat = "JSON"}})
      local now = ask("lambda", "GetFunctionConfiguration", {FunctionName = "f"})
      assert.same({"PassThrough", "JSON", "/aws/lambda/f"},
        {now.TracingConfig.Mode, now.LoggingConfig.LogFormat, now.LoggingConfig.LogGroup})
      local was = ask("lambda", "GetFunctionConfiguration", {FunctionName = "f", Qualifier = "1"})
      assert.same({"Active", "Text"}, {was.TracingConfig.Mode, was.LoggingConfig.LogFormat})
    end)
    it("refuses a mapping of a queue that hides a message for less than a run, and a second one", function()
      ask("lambda", "CreateFunction", make())
      local url = ask("sqs", "CreateQueue", {QueueName = "q", Attributes = {VisibilityTimeout = "29"}}).QueueUrl
      local arn = ("arn:aws:sqs:%s:%s:q"):format(m.region, m.account)
      local input = {FunctionName = "f", EventSourceArn = arn}
      refused("InvalidParameterValueException", "lambda", "CreateEventSourceMapping", input)
      ask("sqs", "SetQueueAttributes", {QueueUrl = url, Attributes = {VisibilityTimeout = "180"}})
      ask("lambda", "CreateEventSourceMapping", input)
      refused("ResourceConflictException", "lambda", "CreateEventSourceMapping", input)
      ask("sqs", "SendMessage", {QueueUrl = url, MessageBody = "kept, not handed to a function"})
      assert.equal(1, #ask("sqs", "ReceiveMessage", {QueueUrl = url}).Messages)
    end)
    it("refuses reserved names and 4 KB of environment, and another package than the one that is published", function()
      refused("InvalidParameterValueException", "lambda", "CreateFunction",
        make {Environment = {Variables = {AWS_REGION = "x"}}})
      refused("InvalidParameterValueException", "lambda", "CreateFunction",
        make {Environment = {Variables = {LONG = ("x"):rep(4093)}}})
      ask("lambda", "CreateFunction", make())
      refused("InvalidParameterValueException", "lambda", "PublishVersion", {FunctionName = "f",
        CodeSha256 = ("A"):rep(43) .. "="})
    end)
    it("has an address and a policy for each alias", function()
      ask("lambda", "CreateFunction", make())
      ask("lambda", "PublishVersion", {FunctionName = "f"})
      ask("lambda", "CreateAlias", {FunctionName = "f", Name = "live", FunctionVersion = "1"})
      ask("lambda", "CreateFunctionUrlConfig", {FunctionName = "f", Qualifier = "live", AuthType = "AWS_IAM"})
      refused("ResourceNotFoundException", "lambda", "GetFunctionUrlConfig", {FunctionName = "f"})
      ask("lambda", "AddPermission", {FunctionName = "f", Qualifier = "live", StatementId = "s", Principal = "*",
        Action = "lambda:InvokeFunctionUrl", FunctionUrlAuthType = "NONE"})
      refused("ResourceNotFoundException", "lambda", "GetPolicy", {FunctionName = "f"})
      refused("ResourceConflictException", "lambda", "AddPermission", {FunctionName = "f", Qualifier = "live",
        StatementId = "s", Principal = "*", Action = "lambda:InvokeFunctionUrl"})
    end)
  end)

  it("secretsmanager: keeps rotation without running it, and a name until its secret is gone", function()
    ask("secretsmanager", "CreateSecret", {Name = "s", SecretString = "x"})
    refused("InvalidRequestException", "secretsmanager", "RotateSecret", {SecretId = "s",
      RotationRules = {AutomaticallyAfterDays = 30}})
    ask("secretsmanager", "RotateSecret", {SecretId = "s", RotationRules = {AutomaticallyAfterDays = 30},
      RotationLambdaARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"})
    local live = ask("secretsmanager", "DescribeSecret", {SecretId = "s"})
    assert.same({true, 30}, {live.RotationEnabled, live.RotationRules.AutomaticallyAfterDays})
    ask("secretsmanager", "DeleteSecret", {SecretId = "s"})
    refused("InvalidRequestException", "secretsmanager", "CreateSecret", {Name = "s", SecretString = "y"})
  end)

  it("extends only operations that the models have", function()
    local out = assert(proc.run {server.PYTHON, "spec/support/moto/server.py", "--check"})
    local operations, services = out.stdout:match "^(%d+) operations of (%d+) services\n"
    assert.is_not_nil(operations, out.stderr)
    assert.is_true(tonumber(operations) >= 150 and tonumber(services) >= 25)
  end)

  it("with --slow makes a database wait before it is available", function()
    local slow <close> = moto.start {slow = 1}
    local input = {DBInstanceIdentifier = "db", DBInstanceClass = "db.t3.micro", Engine = "postgres",
      MasterUsername = "u", MasterUserPassword = "password1", AllocatedStorage = 20}
    assert.equal("creating", boto3:call(slow, "rds", "CreateDBInstance", input).output.DBInstance.DBInstanceStatus)
    require "tidelock.loop".sleep(1.1)
    local later = boto3:call(slow, "rds", "DescribeDBInstances", {}).output.DBInstances[1]
    assert.equal("available", later.DBInstanceStatus)
  end)
end)
