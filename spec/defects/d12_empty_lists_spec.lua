-- D12: lists of buckets, tables, services and route tables that are empty unless somebody fills them: large parts did
-- nothing.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D12", function()
  local host, names
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"network", "containers", "tables", "storage"}})
  end)
  teardown(function() host:close() end)

  local function planned(name)
    local code, text = host:run("plan", "playbooks/" .. name .. ".lua", hardening.ACCOUNT)
    assert.equal(0, code, text)
    return text
  end

  it("is avoided: an account file without any list has every bucket hardened", function()
    local text = planned "harden/storage"
    for _, bucket in ipairs(names.buckets) do
      assert.matches("s3.bucket_settings/" .. bucket .. " ", text, 1, true)
    end
  end)
  it("is avoided: it has every volatile table looked at, and every route table behind a NAT gateway", function()
    local text = planned "harden/costs"
    for name in pairs(names.volatile) do assert.matches(name, text, 1, true) end
    assert.matches(names.route_tables.private_a, text, 1, true)
    assert.matches(names.route_tables.private_b, text, 1, true)
  end)
  it("is avoided: it has every service grow and roll back, and every cluster seen", function()
    local text = planned "harden/containers"
    for _, s in ipairs(names.services) do
      assert.matches(("ecs.service/%s/%s "):format(s.cluster, s.name), text, 1, true)
      assert.matches(("application_autoscaling.target/service/%s/%s "):format(s.cluster, s.name), text, 1, true)
    end
    for _, cluster in ipairs(names.clusters) do assert.matches("ecs.cluster_settings/" .. cluster, text, 1, true) end
  end)
  it("is avoided: what is made tomorrow is found tomorrow", function()
    host.session.s3:create_bucket {Bucket = "new-" .. host.account}
    host.session.dynamodb:create_table {TableName = "new-events", BillingMode = "PAY_PER_REQUEST",
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}}
    host.session.ecs:create_cluster {clusterName = "new"}
    assert.matches("s3.bucket_settings/new-" .. host.account, planned "harden/storage", 1, true)
    assert.matches("ecs.cluster_settings/new ", planned "harden/containers", 1, true)
    assert.matches("dynamodb.time_to_live/new-events", planned "harden/costs", 1, true)
  end)
end)
