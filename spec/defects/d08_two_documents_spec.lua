-- D8: two lifecycle documents for one bucket and two policies for one endpoint, each undoing the other for ever.
local account = require "support.account"
local hardening = require "support.hardening"

describe("D8", function()
  local host, names
  setup(function()
    host = hardening.start()
    names = account.build(host, {only = {"network", "storage"}})
    for _, name in ipairs {"harden/storage", "harden/costs"} do
      local code, text = host:apply(name, "--approve", "close open buckets")
      assert.equal(0, code, text)
    end
  end)
  teardown(function() host:close() end)

  it("is avoided: a bucket has one lifecycle, with the rules of all who care", function()
    local ids = {}
    for i, rule in ipairs(host.session.s3:get_bucket_lifecycle_configuration {Bucket = names.tiering[2]}.Rules) do
      ids[i] = rule.ID
    end
    assert.same({"videos", "tiering"}, ids)
  end)
  it("is avoided: a VPC has one endpoint a service, with one policy", function()
    local seen = {}
    for _, endpoint in ipairs(host.session.ec2:describe_vpc_endpoints {}.VpcEndpoints) do
      assert.is_nil(seen[endpoint.ServiceName])
      seen[endpoint.ServiceName] = endpoint.PolicyDocument
    end
    assert.is_string(seen["com.amazonaws.us-east-1.s3"])
    assert.is_string(seen["com.amazonaws.us-east-1.dynamodb"])
  end)
  it("is avoided: neither of the two playbooks finds anything to do after the other", function()
    for _, name in ipairs {"harden/storage", "harden/costs"} do
      local code, text = host:apply(name)
      assert.equal(0, code, text)
      assert.matches(" reads, 0 writes", text)
    end
  end)
end)
