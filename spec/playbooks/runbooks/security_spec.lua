-- runbooks/security, criteria 8.1 to 8.5: on the unhardened account it says of each what is not so; put right by a
-- playbook and by hand, it says that it is.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"

local IDS <const> = {"8.1", "8.2", "8.3", "8.4", "8.5"}

describe("the security runbook", function()
  local host, session, names
  -- {id = {result, evidence, findings}} of the five criteria.
  local function run()
    local _, text = host:run("run", "playbooks/runbooks/security.lua", hardening.ACCOUNT, "--output", "json")
    local out = {}
    for _, check in ipairs(json.decode(text:match "{\n.*").checks) do
      local id = check.name:match "^(%d+%.%d+) "
      if id then out[id] = check end
    end
    return out
  end
  -- The subjects that a check found fault with, sorted, as its evidence names them.
  local function faulty(check)
    local out = {}
    for name in check.evidence:gmatch "\n        (example%-[%w.-]+): %l[^\n]+" do out[#out + 1] = name end
    table.sort(out)
    return out
  end

  setup(function()
    host = hardening.start()
    session = host.session
    names = account.build(host, {only = {"tables", "queues", "data"}})
    session.rds:create_db_parameter_group {DBParameterGroupName = "theirs", DBParameterGroupFamily = "postgres16",
      Description = "theirs"}
    session.rds:modify_db_parameter_group {DBParameterGroupName = "theirs", Parameters = {
      {ParameterName = "rds.force_ssl", ParameterValue = "0", ApplyMethod = "immediate"}}}
    session.rds:modify_db_instance {DBInstanceIdentifier = names.database, DBParameterGroupName = "theirs",
      ApplyImmediately = true}
  end)
  teardown(function() host:close() end)

  describe("before anything is done", function()
    local before
    setup(function() before = run() end)

    for _, id in ipairs(IDS) do
      it(id .. " is not so", function() assert.equal("fail", before[id].result, json.encode(before[id])) end)
    end
    it("8.1 lists the tables that are missing", function()
      assert.same({"example-ai-costs-production", "example-cost-alerts-production"}, faulty(before["8.1"]))
    end)
    it("8.2 lists the queues that are missing", function()
      assert.same({"example-hybrid-workflows-dlq.fifo", "example-hybrid-workflows.fifo", "example-rate-limiter-queue",
        "example-rate-limiter-queue-dlq"}, faulty(before["8.2"]))
    end)
    it("8.3 names the cache, at rest and in transit", function()
      assert.same({names.cache, names.cache}, faulty(before["8.3"]))
    end)
    it("8.5 names the database", function() assert.same({names.database}, faulty(before["8.5"])) end)
  end)

  describe("when it is put right", function()
    local after
    setup(function()
      local code, text = host:apply "provision/messaging"
      assert.equal(0, code, text)
      session.elasticache:create_replication_group {ReplicationGroupId = "example-redis",
        ReplicationGroupDescription = "encrypted", Engine = "redis", AtRestEncryptionEnabled = true,
        TransitEncryptionEnabled = true, AuthToken = "a-token-of-some-length-0001", CacheNodeType = "cache.t3.micro"}
      session.elasticache:delete_cache_cluster {CacheClusterId = names.cache}
      session.s3:create_bucket {Bucket = "example-trail-" .. host.account}
      session.s3:put_bucket_policy {Bucket = "example-trail-" .. host.account, Policy = json.encode {
        Version = "2012-10-17", Statement = {
          {Effect = "Allow", Principal = {Service = "cloudtrail.amazonaws.com"}, Action = "s3:GetBucketAcl",
            Resource = "arn:aws:s3:::example-trail-" .. host.account},
          {Effect = "Allow", Principal = {Service = "cloudtrail.amazonaws.com"}, Action = "s3:PutObject",
            Resource = ("arn:aws:s3:::example-trail-%s/AWSLogs/%s/*"):format(host.account, host.account),
            Condition = {StringEquals = {["s3:x-amz-acl"] = "bucket-owner-full-control"}}}}}}
      session.cloudtrail:create_trail {Name = "all", S3BucketName = "example-trail-" .. host.account,
        IsMultiRegionTrail = true}
      session.cloudtrail:start_logging {Name = "all"}
      session.rds:modify_db_parameter_group {DBParameterGroupName = "theirs", Parameters = {
        {ParameterName = "rds.force_ssl", ParameterValue = "1", ApplyMethod = "immediate"}}}
      session.rds:reboot_db_instance {DBInstanceIdentifier = names.database}
      after = run()
    end)

    for _, id in ipairs(IDS) do
      it(id .. " is so", function() assert.equal("pass", after[id].result, json.encode(after[id])) end)
    end
  end)
end)
