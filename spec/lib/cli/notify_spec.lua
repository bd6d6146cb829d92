-- --notify through the commands: who hears of what a check or a runbook finds, and what the exit code says.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local program = require "support.program"

local ACCOUNT <const> = [[return {name = "mine", prefix = "mine", env = "test", region = "us-east-1",
  notify = {topic = "security-alerts"}}]]

local BOOK <const> = [[playbook {name = "look", about = "looks"}
check "queues are encrypted" {controls = "sqs-encryption"}
check "the sky is up" {test = function() return true, "up" end}]]

describe("--notify", function()
  local server <const> = moto.start {region = "us-east-1"}
  local state, session, ear, restore

  setup(function()
    state = fs.tempdir "notify_spec"
    assert(fs.write(state .. "/mine.lua", ACCOUNT))
    assert(fs.write(state .. "/nobody.lua", 'return {prefix = "mine", env = "test", region = "us-east-1"}'))
    assert(fs.write(state .. "/look.lua", BOOK))
  end)
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. state .. "'")
  end)
  before_each(function()
    server:reset()
    os.execute(("rm -rf '%s/state'"):format(state))
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = state .. "/state"}))
    session = server:session()
    session.sqs:create_queue {QueueName = "plain", Attributes = {SqsManagedSseEnabled = "false"}}
    local topic = session.sns:create_topic {Name = "security-alerts"}.TopicArn
    ear = session.sqs:create_queue {QueueName = "ear", Attributes = {SqsManagedSseEnabled = "true"}}.QueueUrl
    session.sns:subscribe {TopicArn = topic, Protocol = "sqs", Endpoint = ("arn:aws:sqs:%s:%s:ear"):format(
      server.region, server.account)}
  end)
  after_each(function() restore() end)

  local run <const> = program.run

  local function heard()
    local out = {}
    for i, m in ipairs(session.sqs:receive_message {QueueUrl = ear, MaxNumberOfMessages = 10}.Messages or {}) do
      out[i] = json.decode(m.Body)
      session.sqs:delete_message {QueueUrl = ear, ReceiptHandle = m.ReceiptHandle}
    end
    return out
  end

  local function encrypt()
    local url = session.sqs:get_queue_url {QueueName = "plain"}.QueueUrl
    session.sqs:set_queue_attributes {QueueUrl = url, Attributes = {SqsManagedSseEnabled = "true"}}
  end

  it("of check: told once, then only of what changes", function()
    local words = {"check", "sqs-encryption", "--account", state .. "/mine.lua", "--notify", "changes"}
    local code, _, err = run(table.unpack(words))
    assert.equal(2, code, err)
    assert.is_truthy(err:find("Told: topic security-alerts", 1, true))
    assert.is_truthy(heard()[1].Message:find("plain", 1, true))
    code, _, err = run(table.unpack(words))
    assert.equal(2, code)
    assert.is_truthy(err:find("Nobody was told", 1, true))
    assert.equal(0, #heard())
    encrypt()
    code = run(table.unpack(words))
    assert.equal(0, code)
    assert.equal("tidelock: mine: 1 gone", heard()[1].Subject)
  end)

  it("of an organization: an account that left it is told of once, and forgotten", function()
    encrypt()
    session.organizations:create_organization {FeatureSet = "ALL"}
    local id = session.organizations:create_account({AccountName = "second", Email = "second@example.com"})
      .CreateAccountStatus.AccountId
    local inside = require "checks.organization".session(session, {id = id}, "auditor",
      session.sts:get_caller_identity {})
    inside.sqs:create_queue {QueueName = "theirs", Attributes = {SqsManagedSseEnabled = "false"}}
    local words = {"check", "sqs-encryption", "--org", "--org-role", "auditor", "--account", state .. "/mine.lua",
      "--notify", "changes"}
    assert.equal(2, (run(table.unpack(words))))
    assert.is_truthy(heard()[1].Message:find("theirs", 1, true))
    session.organizations:remove_account_from_organization {AccountId = id}
    local code, _, err = run(table.unpack(words))
    assert.equal(0, code, err)
    local told = heard()[1]
    assert.equal("tidelock: mine: 1 account left", told.Subject)
    assert.is_truthy(told.Message:find(("left the organization: account %s; 1 failure was told"):format(id), 1, true))
    code, _, err = run(table.unpack(words))
    assert.equal(0, code, err)
    assert.is_truthy(err:find("Nobody was told", 1, true))
  end)

  it("of a runbook: its controls one by one, its own checks too", function()
    local words = {"run", state .. "/look.lua", "--account", state .. "/mine.lua", "--notify", "changes"}
    local code, _, err = run(table.unpack(words))
    assert.equal(2, code, err)
    local told = heard()[1]
    assert.equal("tidelock: mine: 1 new failure", told.Subject)
    assert.is_truthy(told.Message:find("plain", 1, true))
    run(table.unpack(words))
    assert.equal(0, #heard())
    encrypt()
    assert.equal(0, (run(table.unpack(words))))
    assert.equal("tidelock: mine: 1 gone", heard()[1].Subject)
  end)

  it("of a run that is parked: somebody may have to look, and nothing has failed", function()
    assert(fs.write(state .. "/soak.lua", 'playbook {name = "soak"}\npark {"24h", why = "soak"}\n'))
    local code, _, err = run("run", state .. "/soak.lua", "--account", state .. "/mine.lua", "--notify", "changes",
      "--yes")
    assert.equal(75, code, err)
    local told = heard()[1].Message
    assert.is_truthy(told:find("MEDIUM  The run comes to its end", 1, true), told)
    assert.is_truthy(told:find("look at it: ", 1, true), told)
  end)

  it("of a store in S3: the next run knows what the last one told, whatever machine it runs on", function()
    session.s3:create_bucket {Bucket = "state-" .. server.account}
    local words = {"check", "sqs-encryption", "--account", state .. "/mine.lua", "--notify", "changes", "--store",
      "s3://state-" .. server.account .. "/runs"}
    run(table.unpack(words))
    assert.equal(1, #heard())
    os.execute(("rm -rf '%s/state'"):format(state))
    run(table.unpack(words))
    assert.equal(0, #heard())
  end)

  it("that reaches nobody is no success: exit 69 where all else is well, and it is told next time", function()
    encrypt()
    session.sns:delete_topic {TopicArn = ("arn:aws:sns:us-east-1:%s:security-alerts"):format(server.account)}
    local code, _, err = run("check", "sqs-encryption", "--account", state .. "/mine.lua", "--notify", "always")
    assert.equal(69, code)
    assert.is_truthy(err:find("Not told: topic security-alerts", 1, true))
  end)

  it("with nobody to tell is refused before anything is read", function()
    for _, account in ipairs {"/nobody.lua"} do
      local code, _, err = run("check", "sqs-encryption", "--account", state .. account, "--notify", "changes")
      assert.equal(64, code)
      assert.is_truthy(err:find("names nobody to tell", 1, true))
      code, _, err = run("run", state .. "/look.lua", "--account", state .. account, "--notify", "changes")
      assert.equal(64, code)
      assert.is_truthy(err:find("names nobody to tell", 1, true))
    end
    local code, _, err = run("check", "sqs-encryption", "--notify", "changes")
    assert.equal(64, code)
    assert.is_truthy(err:find("needs an account file", 1, true))
  end)
end)
