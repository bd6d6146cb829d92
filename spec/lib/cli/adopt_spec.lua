-- tidelock adopt on an account that people have lived in: a plan of what it writes is empty, and later shows changes.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local lived_in = require "support.lived_in"
local oracle = require "support.oracle"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function texts(folder)
  local out = {}
  for _, name in ipairs(require "tidelock.fs".list(folder)) do out[name] = read(folder .. "/" .. name) end
  return out
end

describe("adopt", function()
  local host, boto, made, folder, code, said, files
  local function plan(...)
    return host:run("plan", folder .. "/adopted.lua", "--account", folder .. "/account.lua", ...)
  end
  -- Addresses and actions of all that a plan would do.
  local function changes()
    local exit, text = plan("--output", "json", "--detailed-exitcode")
    local out = {}
    for _, resource in ipairs(json.decode(text).resources) do
      if resource.action ~= "none" then
        local names = {}
        for i, change in ipairs(resource.changes or {}) do names[i] = change.property end
        out[resource.address] = resource.action .. " " .. table.concat(names, ",")
      end
    end
    return out, exit
  end

  setup(function()
    host, boto = hardening.start(), oracle.start()
    account.build(host)
    made = lived_in.build(host)
    folder = require "tidelock.fs".tempdir "adopt" .. "/account"
    code, said = host:run("adopt", "--out", folder)
    files = texts(folder)
  end)
  teardown(function()
    os.execute("rm -rf '" .. folder:match "^(.*)/" .. "'")
    boto:stop()
    host:close()
  end)

  it("reads all there is, and writes nothing in the account", function()
    assert.equal(0, code, said)
    local n, requests = said:match "adopted: (%d+).-(%d+) requests in"
    assert.is_true(tonumber(n) >= 165, said)
    assert.is_true(tonumber(requests) < 700, said)
    assert.matches("none of them a write", said)
    assert.matches("24 sqs%.queue", (said:gsub("25 sqs", "24 sqs")))
    for _, what in ipairs {"23 dynamodb%.table", "12 s3%.bucket", "61 logs%.group", "2 lambda%.func"} do
      assert.matches(what, said)
    end
  end)

  it("writes what a first plan finds nothing to do of, and no write", function()
    local exit, text = plan "--detailed-exitcode"
    assert.equal(0, exit, text)
    assert.matches("Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, %d+ unchanged", text)
    assert.matches(" 0 writes", text)
  end)

  it("writes no secret, not where people have put one in plain sight", function()
    for name, text in pairs(files) do
      for _, secret in ipairs {"Plain%-Sight%-7", "sk%-live", "kept%-in%-plain", "kept%-in%-the%-vault"} do
        assert.is_nil(text:find(secret), name)
      end
    end
    assert.matches("Environment is left alone, because of what looks like a secret: Environment.Variables.API_TOKEN",
      files["lambda.lua"])
    assert.matches('ignore = {"Environment", "Package"}', files["lambda.lua"])
    assert.matches("containerDefinitions.environment.DATABASE_URL", files["ecs.lua"] .. (files["ecs-2.lua"] or ""))
  end)

  it("names what leans on others by handles, within a file and across files", function()
    assert.matches('local billing_dlq = ensure.sqs.queue {name = "example%-billing%-dlq"', files["sqs.lua"])
    assert.matches("RedrivePolicy = {deadLetterTargetArn = billing_dlq.arn, maxReceiveCount = 5}", files["sqs.lua"])
    assert.matches("KmsMasterKeyId = var.kms.messages,", files["sns.lua"])
    assert.matches("Role = var.iam.worker_role,", files["lambda.lua"])
    assert.matches("EventSourceArn = var.sqs.alerts,", files["lambda.lua"])
    assert.matches("AlarmActions = {var.sns.alerts}", files["cloudwatch.lua"])
    assert.matches('include%("lambda", {iam = iam, sns = sns, sqs = sqs}%)', files["adopted.lua"])
  end)

  it("leaves out what goes without saying, and takes account and region from the account file", function()
    assert.matches('ensure.logs.group {name = "/ecs/example/api"}\n', files["logs.lua"])
    assert.is_nil(files["sqs.lua"]:find("DelaySeconds", 1, true))
    for name, text in pairs(files) do
      if name ~= "account.lua" and name ~= "adopted.lua" then
        assert.is_nil(text:find(made.account, 1, true), name .. " has the account's number")
      end
    end
    assert.matches('\n  id = "' .. made.account .. '",\n', files["account.lua"])
    assert.matches('\n  prefix = "example",\n', files["account.lua"])
    assert.matches('"arn:aws:sqs:" .. account.region .. ":" .. account.id .. ":example%-alerts"', files["sns.lua"])
  end)

  it("says what it leaves and why, in the command's answer and in the file", function()
    for _, text in ipairs {said, files["adopted.lua"]} do
      assert.matches("kms.key %(1%), because it has no alias", text)
      assert.matches("ec2.vpc %(%d%), because there is no resource type for it: vpc%-", text)
      assert.matches("iam.role %(1%), because an AWS service made it and looks after it: AWSServiceRoleForECS", text)
      assert.matches("cloudwatch.alarm %(1%), because Application Auto Scaling makes it", text)
    end
  end)

  it("overwrites nothing", function()
    local before = files["sqs.lua"]
    local exit, text = host:run("adopt", "--out", folder)
    assert.equal(64, exit)
    assert.matches("adopt overwrites nothing, and these are there already: .*account.lua", text)
    assert.equal(before, read(folder .. "/sqs.lua"))
  end)

  it("later shows what somebody has changed, and that alone", function()
    local where = {url = host.server.url, region = "us-east-1", account = host.account}
    local function change(service, operation, input)
      local answer = boto:call(where, service, operation, input)
      assert.is_nil(answer.error, answer.error and answer.error.message)
    end
    change("sqs", "SetQueueAttributes", {QueueUrl = made.queue, Attributes = {VisibilityTimeout = "45"}})
    change("logs", "PutRetentionPolicy", {logGroupName = "/aws/codebuild/example-worker", retentionInDays = 90})
    change("logs", "PutRetentionPolicy", {logGroupName = "/ecs/example/api", retentionInDays = 90})    -- not spoken of
    change("sns", "SetTopicAttributes", {TopicArn = made.topic, AttributeName = "DisplayName",
      AttributeValue = "Other"})
    change("sqs", "DeleteQueue", {QueueUrl = (made.queue:gsub("example%-alerts", "example-audit"))})
    change("dynamodb", "TagResource", {ResourceArn = ("arn:aws:dynamodb:us-east-1:%s:table/example-fans"):format(
      made.account), Tags = {{Key = "team", Value = "new"}}})
    local found, exit = changes()
    assert.equal(2, exit)
    assert.same({["sqs.queue/example-alerts"] = "update VisibilityTimeout",
      ["logs.group//aws/codebuild/example-worker"] = "update retentionInDays",
      ["sns.topic/example-alerts"] = "update DisplayName",
      ["sqs.queue/example-audit"] = "create ", ["dynamodb.table/example-fans"] = "update Tags"}, found)
  end)

  it("is put right by an apply, which sets no owner; and a destroy deletes nothing of it", function()
    local exit, text = host:run("apply", folder .. "/adopted.lua", "--account", folder .. "/account.lua", "--yes")
    assert.equal(0, exit, text)
    assert.same({}, (changes()))
    local tags = host.session.sqs:list_queue_tags {QueueUrl = made.queue}.Tags
    assert.same({team = "platform"}, tags)
    exit, text = host:run("destroy", folder .. "/adopted.lua", "--account", folder .. "/account.lua", "--confirm",
      "adopted")
    assert.equal(0, exit, text)
    assert.matches("There is nothing to delete", text)
    assert.equal(made.topic, host.session.sns:get_topic_attributes {TopicArn = made.topic}.Attributes.TopicArn)
  end)

  it("leaves alone in an update what is left to others", function()
    host.session["lambda"]:update_function_configuration {FunctionName = "example-worker", Timeout = 90}
    assert.same({["lambda.func/example-worker"] = "update Timeout"}, (changes()))
    local exit, text = host:run("apply", folder .. "/adopted.lua", "--account", folder .. "/account.lua", "--yes")
    assert.equal(0, exit, text)
    local live = host.session["lambda"]:get_function_configuration {FunctionName = "example-worker"}
    assert.equal(60, live.Timeout)
    assert.equal("kept-in-plain-sight-11", live.Environment.Variables.API_TOKEN)
  end)

  describe("narrowed", function()
    it("looks at one service, one type, one name, one tag", function()
      local exit, text = host:run("adopt", "--service", "sns", "--output", "json")
      assert.equal(0, exit, text)
      assert.same({"sns.subscription/example-alerts/sqs/" .. made.queue_arn, "sns.topic/example-alerts"},
        json.decode(text).adopted)
      exit, text = host:run("adopt", "--type", "sqs.queue", "--name", "example-b*-dlq", "--output", "json")
      assert.equal(0, exit, text)
      assert.same({"sqs.queue/example-billing-dlq"}, json.decode(text).adopted)
      exit, text = host:run("adopt", "--tag", "team=platform", "--type", "sqs.queue", "--output", "json")
      assert.equal(0, exit, text)
      assert.same({"sqs.queue/example-alerts"}, json.decode(text).adopted)
    end)

    it("prints the lines where no folder is given", function()
      local exit, text = host:run("adopt", "--type", "sqs.queue", "--name", "example-billing*")
      assert.equal(0, exit)
      assert.matches('^local example_billing_dlq = ensure.sqs.queue {name = "example%-billing%-dlq"', text)
      assert.matches("deadLetterTargetArn = example_billing_dlq.arn", text)
    end)

    it("says so where nothing is called so, and prints nothing", function()
      local exit, text = host:run("adopt", "--type", "sqs.queue", "--name", "nothing-*")
      assert.equal(0, exit)
      assert.equal(1, text:find("Nothing was found to adopt by --type sqs.queue --name nothing-*.\naccount ", 1, true))
    end)

    it("prints the one resource that an ARN names", function()
      for arn, expected in pairs {[made.queue_arn] = '^ensure.sqs.queue {\n  name = "example%-alerts",',
        [made.topic] = '^ensure.sns.topic {\n  name = "example%-alerts",',
        [made.key.Arn] = '^ensure.kms.key {\n  name = "alias/example%-messages",',
        [made.func] = '^ensure.lambda.func {\n  name = "example%-worker",'} do
        local exit, text = host:run("adopt", arn)
        assert.equal(0, exit, text)
        local lines = text:gsub("^%-%-[^\n]*\n", "")
        assert.matches(expected, lines)
      end
    end)
  end)

  describe("refuses", function()
    for _, case in ipairs {
      {{"--service", "sqss"}, 'there is no service with resource types called sqss; did you mean "?sqs'},
      {{"--type", "sqs.queues"}, 'there is no resource type sqs.queues; did you mean "?sqs.queue'},
      {{"--type", "s3.bucket_settings"}, "s3.bucket_settings is not adopted"},
      {{"arn:aws:sqs:us-east-1:1:x", "--out", "y"}, "an ARN stands alone"},
    } do
      it(table.concat(case[1], " "), function()
        local exit, text = host:run("adopt", table.unpack(case[1]))
        assert.equal(64, exit)
        assert.matches(case[2], text)
      end)
    end

    it("an ARN of nothing, and what is no ARN", function()
      local exit, text = host:run("adopt", ("arn:aws:sqs:us-east-1:%s:nothing"):format(made.account))
      assert.equal(1, exit)
      assert.matches("cannot be adopted: nothing with that ARN was found", text)
      exit, text = host:run("adopt", "example-alerts")
      assert.equal(1, exit)
      assert.matches("it is no ARN", text)
    end)
  end)
end)
