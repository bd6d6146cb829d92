-- A bucket whose properties hold what another resource or a step provides: applied twice, and then without drift.
local fs = require "tidelock.fs"
local models = require "tidelock.models"
local moto = require "support.moto"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

local BUCKET <const> = [[
local name = "kept-" .. account.id
ensure.s3.bucket {name = name,
  ServerSideEncryptionConfiguration = {Rules = {{ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "aws:kms",
    KMSMasterKeyID = KEY}, BucketKeyEnabled = true}}},
  PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
    RestrictPublicBuckets = true},
  Policy = {Version = "2012-10-17", Statement = {
    {Sid = "Reader", Effect = "Allow", Principal = {AWS = ROLE}, Action = "s3:GetObject",
      Resource = "arn:aws:s3:::" .. name .. "/*"}}}}
]]

local HANDLES <const> = [[
local key = ensure.kms.key {name = "alias/kept", Description = "for the bucket"}
local role = ensure.iam.role {name = "reader", AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {
  {Effect = "Allow", Principal = {Service = "ec2.amazonaws.com"}, Action = "sts:AssumeRole"}}}}
]]

local STEP <const> = [[
local key = step "key" {run = function()
  for alias in aws.kms:items("list_aliases", {}) do
    if alias.AliasName == "alias/spec" then
      return {arn = aws.kms:describe_key({KeyId = alias.TargetKeyId}).KeyMetadata.Arn}
    end
  end
end}
local role = step "role" {run = function() return {arn = aws.iam:get_role({RoleName = "reader"}).Role.Arn} end}
]]

describe("s3.bucket with a property that holds an unknown part", function()
  local server <const> = moto.start()
  local dir, session, kept
  before_each(function()
    server:reset()
    dir = fs.tempdir "bucket_spec"
    kept = store.open(dir)
    session = server:session()
  end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)
  teardown(function() server:stop() end)

  local function plan(text)
    text = text .. BUCKET:gsub("KEY", "key.arn"):gsub("ROLE", "role.arn")
    return playbook.plan(things.load(text), {session = session, models = models, region = server.region,
      emit = function() end})
  end

  -- The actions that were shown, the run's outcome and how often anything was written.
  local function apply(text)
    local engine = plan(text)
    local shown = things.actions(engine)
    local out = run.execute(engine, {store = kept, new = true})
    assert.equal("done", out.result, out.message)
    return shown, out.engine.recorder.writes
  end

  local function bucket(actions)
    for address, action in pairs(actions) do
      if address:find "^s3.bucket/" then return action end
    end
  end

  it("is made as it is declared", function()
    assert.equal("create", bucket((apply(HANDLES))))
    local name = "kept-" .. server.account
    local by = session.s3:get_bucket_encryption({Bucket = name}).ServerSideEncryptionConfiguration.Rules[1]
      .ApplyServerSideEncryptionByDefault
    assert.matches("^arn:aws:kms:", by.KMSMasterKeyID)
    assert.matches(":role/reader", session.s3:get_bucket_policy({Bucket = name}).Policy, 1, true)
  end)
  it("shows and makes no change at the second apply, though the part came from other resources", function()
    apply(HANDLES)
    local shown, writes = apply(HANDLES)
    for address, action in pairs(shown) do assert.equal("none", action, address) end
    assert.equal(0, writes)
  end)
  it("makes no change at the second apply, though the part comes from a step that no plan can know", function()
    local key = session.kms:create_key({}).KeyMetadata
    session.kms:create_alias {AliasName = "alias/spec", TargetKeyId = key.KeyId}
    session.iam:create_role {RoleName = "reader", AssumeRolePolicyDocument = [[{"Version": "2012-10-17", "Statement":
      [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}]]}
    local shown, writes = apply(STEP)
    assert.equal("create", bucket(shown))
    assert.is_true(writes > 0)
    shown, writes = apply(STEP)
    assert.not_equal("create", bucket(shown))
    assert.equal(0, writes)
  end)
  it("shows a change of a known part beside it, and makes that alone", function()
    apply(HANDLES)
    local name = "kept-" .. server.account
    session.s3:put_public_access_block {Bucket = name, PublicAccessBlockConfiguration = {BlockPublicAcls = true,
      IgnorePublicAcls = true, BlockPublicPolicy = true, RestrictPublicBuckets = false}}
    local shown, writes = apply(HANDLES)
    assert.equal("update", bucket(shown))
    assert.equal(1, writes)
  end)
end)
