-- Settings of a bucket that others made: each changed alone in one write, merged into theirs, and never taken back.
local json = require "tidelock.json"
local models = require "tidelock.models"
local moto = require "support.moto"
local place = require "playbook.place"
local recorder_of = require "playbook.recorder"
local schema = require "resources.schema"
local settings = require "resources.s3.bucket_settings"

local BLOCK <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = true}

local function no() return false end
local IS <const> = {unknown = no, handle = no, secret = no}

local function statement(name, sid, action)
  return {Sid = sid, Effect = "Deny", Principal = "*", Action = action, Resource = "arn:aws:s3:::" .. name .. "/*",
    Condition = {Bool = {["aws:SecureTransport"] = "false"}}}
end

local function encrypted(algorithm)
  return {Rules = {{ApplyServerSideEncryptionByDefault = {SSEAlgorithm = algorithm}}}}
end

local function rule(id, days)
  return {ID = id, Status = "Enabled", Filter = {Prefix = "old/"}, Expiration = {Days = days}}
end

describe("s3.bucket_settings", function()
  local server <const> = moto.start()
  local session, recorder, client, name
  before_each(function()
    server:reset()
    session = server:session()
    recorder = recorder_of.new(session)
    recorder.place = place.of {region = server.region, identity = {known = {id = server.account}}}
    client, name = recorder:client(), "theirs-" .. server.account
    session.s3:create_bucket {Bucket = name, CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
  end)
  teardown(function() server:stop() end)

  local function differs(want)
    local names = {}
    for i, change in ipairs(settings:diff(settings.read(client, want), settings:complete(want))) do
      names[i] = change.name
    end
    return table.concat(names, ", ")
  end

  for property, value in pairs {PublicAccessBlockConfiguration = BLOCK,
    ServerSideEncryptionConfiguration = encrypted "aws:kms", VersioningConfiguration = {Status = "Enabled"},
    OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}},
    LifecycleConfiguration = {Rules = {rule("all", 9)}}, LifecycleRules = {rule("ours", 3)},
    PolicyStatements = {statement("x", "Ours", "s3:*")}} do
    it("sets " .. property .. " alone, in one write, and then finds no difference", function()
      local want = {name = name, [property] = value}
      assert.same({}, schema.faults(settings:schema(models), want, IS))
      assert.equal(property, differs(want))
      settings.update(client, settings.read(client, want), settings:complete(want), {[property] = true})
      assert.equal(1, recorder.writes)
      assert.equal("", differs(want))
    end)
  end
  it("leaves statements and rules of others where they are, and their document's Id and Version", function()
    session.s3:put_bucket_policy {Bucket = name, Policy = json.encode {Version = "2008-10-17", Id = "theirs",
      Statement = statement(name, "Theirs", "s3:GetObject")}}
    session.s3:put_bucket_lifecycle_configuration {Bucket = name,
      LifecycleConfiguration = {Rules = {rule("theirs", 1), rule("ours", 2)}}}
    local want = {name = name, PolicyStatements = {statement(name, "Ours", "s3:*")}, LifecycleRules = {rule("ours", 3)}}
    assert.equal("LifecycleRules, PolicyStatements", differs(want))
    settings.update(client, settings.read(client, want), settings:complete(want),
      {PolicyStatements = true, LifecycleRules = true})
    assert.equal("", differs(want))
    local policy = json.decode(session.s3:get_bucket_policy {Bucket = name}.Policy)
    assert.same({"2008-10-17", "theirs", "Theirs", "Ours"},
      {policy.Version, policy.Id, policy.Statement[1].Sid, policy.Statement[2].Sid})
    local rules = session.s3:get_bucket_lifecycle_configuration {Bucket = name}.Rules
    assert.same({"theirs", 1, "ours", 3},
      {rules[1].ID, rules[1].Expiration.Days, rules[2].ID, rules[2].Expiration.Days})
  end)
  it("is not there where the bucket is not, cannot make it, and says so", function()
    local want = {name = "nowhere-" .. server.account, VersioningConfiguration = {Status = "Enabled"}}
    assert.is_nil(settings.read(client, want))
    assert.is_nil(settings.read(client, {name = want.name}))
    local ok, err = pcall(settings.create, client, want)
    assert.is_false(ok)
    assert.matches("there is no bucket nowhere%-%d+ whose settings could be changed", err.message)
  end)
  it("is never taken back", function()
    local want = {name = name, VersioningConfiguration = {Status = "Enabled"}}
    assert.matches("stay as they are", settings.protected(settings.read(client, want)))
    assert.is_false((pcall(settings.delete, client, {name = name})))
  end)
  it("needs names by which its parts are found again", function()
    assert.same({"PolicyStatements[1] needs a Sid, by which it is found again",
      "LifecycleRules[2] needs an ID, by which it is found again"},
      settings.check {PolicyStatements = {{Effect = "Deny"}}, LifecycleRules = {rule("a", 1), {Status = "Enabled"}}})
    assert.matches("is the whole lifecycle", settings.check {LifecycleConfiguration = {}, LifecycleRules = {}}[1])
  end)
end)
