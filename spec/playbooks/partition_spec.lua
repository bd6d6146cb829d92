-- partition_spec.lua -- the ARNs that playbooks and types build are of the partition that the region is of.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"

describe("the partition of an ARN", function()
  local server <const> = moto.start {region = "cn-north-1"}
  local dir, restore
  setup(function()
    dir = fs.tempdir "partition_spec"
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = dir}))
  end)
  teardown(function()
    restore()
    server:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function playbook(text)
    local path = dir .. "/p.lua"
    assert(fs.write(path, text))
    return path
  end

  it("is the region's, in what playbooks and types make", function()
    local path = playbook [[
      playbook {name = "moon/partition"}
      local bucket = ensure.s3.bucket {name = "moon-partition"}
      output {topic = "arn:" .. account.partition .. ":sns:" .. account.region, bucket = bucket.arn}]]
    local code, out, err = program.run("apply", path, "--yes", "--output", "json")
    assert.equal(0, code, err)
    local outputs = json.decode(out).outputs
    assert.equal("arn:aws-cn:sns:cn-north-1", outputs.topic)
    assert.equal("arn:aws-cn:s3:::moon-partition", outputs.bucket)
    code, out, err = program.run("apply", path, "--yes", "--output", "json")       -- now it is read, not made
    assert.equal(0, code, err)
    assert.equal("arn:aws-cn:s3:::moon-partition", json.decode(out).outputs.bucket)
  end)

  it("is that of the costs, which their own proof looks for", function()
    local ACCOUNT <const> = "--account=playbooks/accounts/example.lua"
    local code, _, err = program.run("apply", "playbooks/provision/costs.lua", ACCOUNT, "--region", "cn-north-1",
      "--yes", "--quiet")
    assert.equal(0, code, err)
    local topic = "arn:aws-cn:sns:cn-north-1:" .. server.account .. ":example-cost-alerts"
    local policy = json.decode(server:session().sns:get_topic_attributes {TopicArn = topic}.Attributes.Policy)
    for _, statement in ipairs(policy.Statement) do assert.equal(topic, statement.Resource) end
    local _, out = program.run("run", "playbooks/validate/provision.lua", ACCOUNT, "--region", "cn-north-1", "--var",
      "messages=false", "--output", "json")
    local results = {}
    for _, check in ipairs(json.decode(out).checks) do results[check.name] = check.result end
    assert.equal("pass", results["4.5 topic lets budgets, anomaly detection and alarms publish"])
  end)

  it("is no part of the name by which KMS knows a service: that ends alike in all partitions", function()
    local n = 0
    for _, path in ipairs {"playbooks/harden/storage.lua", "playbooks/harden/tasks.lua"} do
      for value in assert(io.open(path)):read "a":gmatch '%["kms:ViaService"%] = ([^\n]+)' do
        n = n + 1
        assert.matches('account%.region %.%. "%.amazonaws%.com"', value)
      end
    end
    assert.equal(2, n)
  end)

  it("is written out nowhere else", function()
    local out, fixed = assert(proc.run {"grep", "-rnE", [=[["']arn:aws(-[a-z-]+)?:]=], "lib", "playbooks"}), {}
    for line in out.stdout:gmatch "[^\n]+" do
      if not line:find "^[^:]+:%d+:%s*%-%-" then fixed[#fixed + 1] = line end    -- a comment may give an example
    end
    assert.same({}, fixed)
    assert.matches("lib/checks/policy.lua", out.stdout, 1, true)                 -- which is found, so the search works
  end)
end)
