-- What a role must allow is found without anybody writing it down: held to the text of the types and to the controls.
local action_of = require "aws.action".of
local actions = require "schedule.actions"
local checks = require "checks"
local models = require "tidelock.models"
local resources = require "resources"

local function set_of(list)
  local out = {}
  for _, item in ipairs(list) do out[item] = true end
  return out
end

local function source_of(name)
  local file <close> = assert(io.open("lib/resources/" .. name:gsub("%.", "/") .. ".lua"))
  return (file:read "a":gsub("%-%-[^\n]*", ""):gsub("\n  all = function.-\n  end,", ""))      -- that is of adopt alone
end

describe("the actions of a type", function()
  for _, name in ipairs(resources.names()) do
    it("hold every call in the text of " .. name, function()
      local found, n = set_of(actions.needed({name}, {}, {})), 0
      for service, word in source_of(name):gmatch "aws%.([%w_]+):([%w_]+)" do
        local named = service:gsub("_", "-")
        local op = models.service(named) and models.service(named):operation(word)
        if op then
          n = n + 1
          assert.is_true(found[action_of(named, op.name)], name .. " calls " .. service .. "." .. word)
        end
      end
      for service, word in source_of(name):gmatch 'aws%.([%w_]+):items%("([%w_]+)"' do
        local named = service:gsub("_", "-")
        n = n + 1
        assert.is_true(found[action_of(named, models.service(named):operation(word).name)], name .. ": " .. word)
      end
      assert.is_true(n > 0 or next(found, next(found)) ~= nil, "no action was found")
    end)
  end
  it("are those of the type alone", function()
    assert.same({"scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:GetSchedule",
      "scheduler:UpdateSchedule", "tag:GetResources"}, actions.needed({"scheduler.schedule"}, {}, {}))
    for _, action in ipairs(actions.needed({"logs.group"}, {}, {})) do
      assert.matches("^logs:", action == "tag:GetResources" and "logs:" or action)
    end
  end)
  it("hold the setting and taking away of tags, wherever resource.retag does that", function()
    local n = 0
    for _, name in ipairs(resources.names()) do
      for service in source_of(name):gmatch "resource%.retag%(aws%.([%w_]+)," do
        local found, named = set_of(actions.needed({name}, {}, {})), service:gsub("_", "-")
        for _, word in ipairs {"tag_resource", "untag_resource"} do
          n = n + 1
          assert.is_true(found[action_of(named, models.service(named):operation(word).name)], name .. ": " .. word)
        end
      end
    end
    assert.is_true(n >= 30, n)
  end)
  it("hold calls whose names are put together", function()
    local found = set_of(actions.needed({"s3.bucket"}, {}, {}))
    for _, action in ipairs {"GetEncryptionConfiguration", "PutEncryptionConfiguration", "GetLifecycleConfiguration",
      "GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketOwnershipControls"} do
      assert.is_true(found["s3:" .. action], action)
    end
  end)
end)

describe("a playbook's calls", function()
  it("are found in its text, not in its comments", function()
    assert.same({"rds:CreateDBSnapshot", "s3:ListBucket", "secretsmanager:GetSecretValue"}, actions.needed({}, {}, {[[
      step "copy" {run = function(token)
        aws.rds:create_db_snapshot {DBSnapshotIdentifier = token}   -- aws.rds:delete_db_instance {}
        for o in aws.s3:items("list_objects_v2", {Bucket = "b"}) do print(o) end
        return aws.secretsmanager:get_secret_value {SecretId = "x"}.ARN
      end}]]}))
  end)
end)

describe("a playbook's calls in another region", function()
  it("are found too, and settings of others' buckets delete none", function()
    assert.same({"cost-optimization-hub:ListRecommendations"}, actions.needed({}, {}, {[[
      for r in aws:client("cost-optimization-hub", {region = "us-east-1"}):items("list_recommendations", {}) do end]]}))
    local found = set_of(actions.needed({"s3.bucket_settings"}, {}, {}))
    assert.is_true(found["s3:PutEncryptionConfiguration"])
    assert.is_nil(found["s3:DeleteBucket"])
  end)
end)

describe("the statements", function()
  it("pass roles on to those services alone that get one", function()
    local out = actions.statements {"ecs:RegisterTaskDefinition", "iam:PassRole", "lambda:CreateFunction",
      "sqs:GetQueueUrl"}
    assert.same({"ecs:RegisterTaskDefinition", "lambda:CreateFunction", "sqs:GetQueueUrl"}, out[1].Action)
    assert.same({StringEquals = {["iam:PassedToService"] = {"ecs-tasks.amazonaws.com", "lambda.amazonaws.com"}}},
      out[2].Condition)
    assert.equal(1, #actions.statements {"sqs:GetQueueUrl"})
    assert.same({}, actions.statements {})
  end)
  it("fit into a role, however much a playbook does", function()
    local list = actions.needed(resources.names(), checks.actions(checks.select {}), {})
    assert.is_true(#list > 250)
    local text = require "tidelock.json".encode({Statement = actions.statements(list)})
    assert.is_true(#text < 9000, #text .. " characters")
  end)
end)

describe("whom notify names", function()
  local place <const> = {partition = "aws", region = "eu-west-1", account = "123456789012"}
  local function by_sid(account)
    local out = {}
    for _, one in ipairs(actions.of_notify(account, place)) do out[one.Sid] = one end
    return out
  end
  it("may be told, and no other topic, secret or table is touched", function()
    local found = by_sid {slack = {webhook_secret = "slack"}, notify = {topic = "alerts", slack = true,
      webhooks = {"hook", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:own-a1b2c3"}, table = "untold"}}
    assert.same({"sns:Publish", "arn:aws:sns:eu-west-1:123456789012:alerts"},
      {found.TellTopic.Action, found.TellTopic.Resource})
    assert.same({"arn:aws:secretsmanager:eu-west-1:123456789012:secret:hook-??????",
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:own-a1b2c3",
      "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-??????"}, found.TellWeb.Resource)
    assert.equal("arn:aws:dynamodb:eu-west-1:123456789012:table/untold", found.KeepUntold.Resource)
    assert.is_nil(found.TellHub)
  end)
  it("may be named by ARN, the table too", function()
    local arn = "arn:aws:dynamodb:eu-central-1:210987654321:table/untold"
    assert.equal(arn, by_sid {notify = {table = arn}}.KeepUntold.Resource)
  end)
  it("may use the keys that they are encrypted with, through their services alone", function()
    local keys = by_sid {notify = {topic = "alerts"}}.TellKeys
    assert.same({"kms:Decrypt", "kms:GenerateDataKey*"}, keys.Action)
    assert.same({"dynamodb.*", "secretsmanager.*", "sns.*"}, keys.Condition.StringLike["kms:ViaService"])
    assert.same({}, actions.of_notify({}, place))
    assert.same({}, actions.of_notify({notify = {}}, place))
  end)
end)
