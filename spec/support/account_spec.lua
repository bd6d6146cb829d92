-- The unhardened account is what its head says it is, and is built fast enough to begin a spec with.
local account = require "support.account"
local hardening = require "support.hardening"

local function count(session, service, operation, input)
  local n = 0
  for _ in session[service]:items(operation, input or {}) do n = n + 1 end
  return n
end

describe("the unhardened account", function()
  local host, names, seconds, session
  setup(function()
    host = hardening.start()
    session = host.session
    local began = os.clock()
    names = account.build(host)
    seconds = os.clock() - began
  end)
  teardown(function() host:close() end)

  it("has as many of each as the numbers are held to", function()
    assert.equal(3, count(session, "ecs", "list_clusters"))
    local services = 0
    for _, cluster in ipairs(names.clusters) do
      services = services + count(session, "ecs", "list_services", {cluster = cluster})
    end
    assert.equal(10, services)
    assert.equal(24, count(session, "sqs", "list_queues"))
    assert.equal(23, count(session, "dynamodb", "list_tables"))
    assert.equal(12, #session.s3:list_buckets {}.Buckets)
    assert.equal(60, count(session, "logs", "describe_log_groups"))
    assert.equal(1, count(session, "rds", "describe_db_instances"))
    assert.equal(1, count(session, "lambda", "list_functions"))
    assert.equal(1, count(session, "elasticache", "describe_cache_clusters"))
    assert.same({24, 9, 6}, {#names.queues, #names.dlqs, #names.alone})
  end)
  it("is as weak as it says", function()
    local live = session.rds:describe_db_instances {}.DBInstances[1]
    assert.matches("^default%.", live.DBParameterGroups[1].DBParameterGroupName)
    assert.equal("db.t3.micro", live.DBInstanceClass)
    local cache = session.elasticache:describe_cache_clusters {}.CacheClusters[1]
    assert.is_not_true(cache.TransitEncryptionEnabled)
    local task = session.ecs:describe_task_definition {taskDefinition = names.secret_family}.taskDefinition
    assert.equal(task.taskRoleArn, task.executionRoleArn)
    assert.equal("DATABASE_URL", task.containerDefinitions[1].environment[3].name)
    assert.equal(0, count(session, "ec2", "describe_vpc_endpoints"))
    assert.equal("expires", session.dynamodb:describe_time_to_live {TableName = names.wrong_ttl}
      .TimeToLiveDescription.AttributeName)
    assert.equal(404, select(2, pcall(function()
      return session.s3control:get_public_access_block {AccountId = host.account}
    end)).status)
    local grants = session.s3:get_bucket_acl {Bucket = names.shared}.Grants
    assert.equal("READ", grants[2].Permission)
  end)
  it("costs whoever builds it less than a second", function() assert.is_true(seconds < 1, seconds .. " s") end)
  it("builds single parts too, and knows no others", function()
    host.server:reset()
    assert.has_error(function() account.build(host, {only = {"storrage"}}) end, "the account has no part storrage")
  end)
end)
