-- From what is live to what a playbook says of it: defaults, what only the answer has, secrets, what cannot be said.
local models = require "tidelock.models"
local resources = require "resources"
local want = require "adopt.want"

local function said(kind, live, asked)
  return want.of(resources.find(kind), models, live, asked or {name = live.name})
end

describe("what a playbook says of a live resource", function()
  it("is what is not the default, without what AWS alone can say", function()
    local say = said("sqs.queue", {name = "q", arn = "arn:aws:sqs:us-east-1:1:q", url = "http://q", DelaySeconds = 0,
      VisibilityTimeout = 45, MessageRetentionPeriod = 345600, MaximumMessageSize = 1048576, FifoQueue = false,
      ReceiveMessageWaitTimeSeconds = 0,
      SqsManagedSseEnabled = true, Tags = {}})
    assert.same({name = "q", VisibilityTimeout = 45, SqsManagedSseEnabled = true}, say.given)
    assert.is_nil(say.ignore)
  end)
  it("has no member that only the answer has, and no structure that lacks what the input needs", function()
    local say = said("dynamodb.table", {name = "t", arn = "arn:aws:dynamodb:us-east-1:1:table/t", status = "ACTIVE",
      BillingMode = "PAY_PER_REQUEST", KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}}, TableClass = "STANDARD",
      ProvisionedThroughput = {NumberOfDecreasesToday = 0, ReadCapacityUnits = 0, WriteCapacityUnits = 0},
      TimeToLiveSpecification = {Enabled = false}, DeletionProtectionEnabled = true,
      SSESpecification = {Enabled = false},
      PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true, RecoveryPeriodInDays = 35}, Tags = {}})
    assert.same({name = "t", BillingMode = "PAY_PER_REQUEST", DeletionProtectionEnabled = true,
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true, RecoveryPeriodInDays = 35}}, say.given)
  end)
  it("has documents as tables", function()
    local say = said("events.rule", {name = "r", arn = "arn:aws:events:us-east-1:1:rule/r", EventBusName = "default",
      State = "ENABLED", EventPattern = '{"source":["aws.x"]}', Targets = {}, Description = "", Tags = {}})
    assert.same({name = "r", EventPattern = {source = {"aws.x"}}}, say.given)
  end)
  it("is nil with a sentence where the type refuses it", function()
    local say, why = said("dynamodb.table", {name = "t", arn = "a", BillingMode = "PROVISIONED", Tags = {},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}},
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}}})
    assert.is_nil(say)
    assert.matches("a playbook may not say it so: give BillingMode", why)
  end)

  describe("has no secret:", function()
    local function func(variables)
      return said("lambda.func", {name = "f", arn = "arn:aws:lambda:us-east-1:1:function:f", Description = "",
        Role = "arn:aws:iam::1:role/r", EphemeralStorage = {Size = 512}, SnapStart = {ApplyOn = "None"},
        TracingConfig = {Mode = "PassThrough"},
        Runtime = "python3.12", Handler = "a.b", Timeout = 3, MemorySize = 128, Architectures = {"x86_64"},
        Environment = {Variables = variables}, LoggingConfig = {LogFormat = "Text", LogGroup = "/aws/lambda/f"},
        Tags = {}})
    end
    for name, value in pairs {DB_PASS = "hunter2", STRIPE = "sk-live-1", DSN = "x", HASH_SALT = "pepper",
      DATABASE_URL = "postgres://a:b@host/db", SOME = "9f86d081884c7d659a2feaa0c55ad015", HOOK =
      "https://hooks.example.com/services/T01/B02/a1B2c3D4e5F6g7H8i9J0", SIGNING = "abc"} do
      it(name .. " leaves the whole property to others, and says its name", function()
        local say = func {STAGE = "production", [name] = value}
        assert.is_nil(say.given.Environment)
        assert.same({"Environment", "Package"}, say.ignore)
        assert.matches("Environment.Variables." .. name, say.notes[1])
        assert.is_nil(say.notes[1]:find(value, 1, true))
      end)
    end
    it("what is plainly none is written", function()
      local say = func {STAGE = "production", HOST = "db.example.com", LEVEL = "3", TOPIC = "arn:aws:sns:us-east-1:1:t",
        SECRET_ARN = "arn:aws:secretsmanager:us-east-1:1:secret:x-a1b2c3"}
      assert.equal("production", say.given.Environment.Variables.STAGE)
      assert.same({"Package"}, say.ignore)
    end)
    for what, definition in pairs {
      ["on a command line"] = {command = {"serve", "--password=hunter2"}},
      ["in the options of a log driver"] = {logConfiguration = {logDriver = "splunk",
        options = {["splunk-token"] = "hunter2"}}},
      ["in a variable"] = {environment = {{name = "DB_PASS", value = "hunter2"}}},
    } do
      it("it is found " .. what, function()
        definition.name, definition.image = "app", "app:1"
        local say = said("ecs.task_definition", {name = "t", arn = "arn:aws:ecs:us-east-1:1:task-definition/t:1",
          cpu = "256", memory = "512", containerDefinitions = {definition}, Tags = {}})
        assert.is_nil(say.given.containerDefinitions)
        assert.same({"containerDefinitions"}, say.ignore)
        assert.is_nil(table.concat(say.notes):find("hunter2", 1, true))
      end)
    end
    it("what only stands for one is none", function()
      local say = said("events.rule", {name = "r", arn = "arn:aws:events:us-east-1:1:rule/r", EventBusName = "default",
        State = "ENABLED", EventPattern = '{"source":["aws.x"]}', Description = "", Tags = {}, Targets = {{Id = "1",
          Arn = "arn:aws:sns:us-east-1:1:t", InputTransformer = {InputPathsMap = {token = "$.detail.token"},
            InputTemplate = '"the token: <token>"'}}}})
      assert.equal('"the token: <token>"', say.given.Targets[1].InputTransformer.InputTemplate)
    end)
    it("what cannot be named without one is not adopted", function()
      local say, why = said("sns.subscription", {TopicArn = "arn:aws:sns:us-east-1:1:t", Protocol = "https",
        Endpoint = "https://hooks.example.com/T01/a1B2c3D4e5F6g7H8i9J0", RawMessageDelivery = false},
        {TopicArn = "arn:aws:sns:us-east-1:1:t", Protocol = "https"})
      assert.is_nil(say)
      assert.equal("Endpoint, by which it is known, looks like a secret", why)
    end)
  end)
end)
