-- Settings of a table that others made: each changed alone in one write, and never taken back. And sqs.queue_policy,
-- which is beside others' statements in a queue's policy.
local json = require "tidelock.json"
local models = require "tidelock.models"
local moto = require "support.moto"
local place = require "playbook.place"
local queue_policy = require "resources.sqs.queue_policy"
local recorder_of = require "playbook.recorder"
local schema = require "resources.schema"
local settings = require "resources.dynamodb.table_settings"

local function no() return false end
local IS <const> = {unknown = no, handle = no, secret = no}
local RECOVERY <const> = {PointInTimeRecoveryEnabled = true}

describe("settings of what others made", function()
  local server <const> = moto.start()
  local session, recorder, client
  before_each(function()
    server:reset()
    session = server:session()
    recorder = recorder_of.new(session)
    recorder.place = place.of {region = server.region, identity = {known = {id = server.account}}}
    client = recorder:client()
  end)
  teardown(function() server:stop() end)

  local function differs(t, want)
    local names = {}
    for i, change in ipairs(t:diff(t.read(client, want), t:complete(want))) do names[i] = change.name end
    return table.concat(names, ", ")
  end

  describe("dynamodb.table_settings", function()
    before_each(function()
      session.dynamodb:create_table {TableName = "theirs", BillingMode = "PAY_PER_REQUEST",
        AttributeDefinitions = {{AttributeName = "id", AttributeType = "S"}},
        KeySchema = {{AttributeName = "id", KeyType = "HASH"}}, Tags = {{Key = "team", Value = "them"}}}
    end)

    for property, value in pairs {PointInTimeRecoverySpecification = RECOVERY, DeletionProtectionEnabled = true} do
      it("sets " .. property .. " alone, in one write, and then finds no difference", function()
        local want = {name = "theirs", [property] = value}
        assert.same({}, schema.faults(settings:schema(models), want, IS))
        assert.equal(property, differs(settings, want))
        settings.update(client, settings.read(client, want), settings:complete(want), {[property] = true})
        assert.equal("", differs(settings, want))
        assert.equal(1, recorder.writes)
      end)
    end
    it("leaves what it does not name, and the table's tags", function()
      local want = {name = "theirs", PointInTimeRecoverySpecification = RECOVERY}
      settings.update(client, settings.read(client, want), want, {PointInTimeRecoverySpecification = true})
      local live = session.dynamodb:describe_table {TableName = "theirs"}.Table
      assert.is_not_true(live.DeletionProtectionEnabled)
      assert.equal("team", session.dynamodb:list_tags_of_resource {ResourceArn = live.TableArn}.Tags[1].Key)
    end)
    it("says that there is no such table, and takes nothing back", function()
      local ok, err = pcall(settings.create, client, {name = "nowhere"})
      assert.is_false(ok)
      assert.matches("there is no table nowhere", err.message)
      assert.is_nil(settings.read(client, {name = "nowhere", PointInTimeRecoverySpecification = RECOVERY}))
      assert.is_nil(settings.read(client, {name = "nowhere", DeletionProtectionEnabled = true}))
      ok, err = pcall(settings.delete, client, {name = "theirs"})
      assert.is_false(ok)
      assert.matches("are not taken back", err.message)
      assert.is_string(settings.protected {})
    end)
  end)

  describe("sqs.queue_policy", function()
    local OURS <const> = {Sid = "Ours", Effect = "Deny", Principal = "*", Action = "sqs:*", Resource = "*",
      Condition = {Bool = {["aws:SecureTransport"] = "false"}}}
    local url
    local function live()
      local text = session.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"Policy"}}.Attributes
      text = text and text.Policy
      local sids = {}
      for i, s in ipairs((text or "") ~= "" and json.decode(text).Statement or {}) do sids[i] = s.Sid end
      return table.concat(sids, " ")
    end
    local function make(policy)
      local attributes = policy and {Policy = json.encode(policy)} or {}
      url = session.sqs:create_queue({QueueName = "theirs", Attributes = attributes}).QueueUrl
    end

    it("puts its statements beside those of others, and takes away its own alone", function()
      make {Version = "2012-10-17", Statement = {Sid = "Theirs", Effect = "Allow", Action = "sqs:SendMessage",
        Principal = {AWS = server.account}, Resource = "*"}}
      local want = {name = "theirs", PolicyStatements = {OURS}}
      queue_policy.create(client, want)
      assert.equal("Theirs Ours", live())
      queue_policy.delete(client, queue_policy.read(client, want))
      assert.equal("Theirs", live())
    end)
    it("takes the whole policy away where no statement is left", function()
      make()
      local want = {name = "theirs", PolicyStatements = {OURS}}
      queue_policy.create(client, want)
      assert.equal("Ours", live())
      queue_policy.delete(client, queue_policy.read(client, want))
      assert.equal("", live())
    end)
    it("refuses a statement without a Sid: it could not find it again", function()
      assert.matches("needs a Sid", queue_policy.check {PolicyStatements = {{Effect = "Deny"}}}[1])
    end)
  end)
end)
