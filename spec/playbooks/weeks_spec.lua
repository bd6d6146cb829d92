-- The plans of week one and week two: criteria 10.1, 10.3, 10.4 and 10.5, out of the plan and before anything is done.
-- (10.2 stands with harden/security-services; the cache of 10.1 has no playbook yet.)
local account = require "support.account"
local elf = require "support.elf"
local fs = require "tidelock.fs"
local hardening = require "support.hardening"
local json = require "tidelock.json"

describe("the plan of", function()
  local host, folder
  -- {address = action} of a playbook's plan, which makes no write.
  local function planned(file, ...)
    local code, text = host:run("plan", "playbooks/" .. file .. ".lua", "--output", "json", ...)
    assert.equal(0, code, text)
    local plan, out = json.decode(text:match "{\n.*"), {}
    for _, resource in ipairs(plan.resources) do
      out[resource.address] = {action = resource.action, changes = {}}
      for _, change in ipairs(resource.changes or {}) do
        out[resource.address].changes[change.property] = change.after
      end
    end
    return out
  end
  local function is_new(plan, address)
    assert.is_not_nil(plan[address], address .. " is not in the plan")
    assert.equal("create", plan[address].action, address)
  end

  setup(function()
    host, folder = hardening.start(), fs.tempdir "weeks"
    account.build(host)
    host.session.sns:create_topic {Name = "example-ops-alerts"}
  end)
  teardown(function()
    host:close()
    os.execute("rm -rf '" .. folder .. "'")
  end)

  it("week one: 10.1 makes queues, tables, topic and budget", function()
    local plan = planned("provision/all", hardening.ACCOUNT)
    for _, address in ipairs {"sqs.queue/example-hybrid-workflows.fifo", "sqs.queue/example-rate-limiter-queue",
      "dynamodb.table/example-ai-costs-production", "dynamodb.table/example-cost-alerts-production",
      "sns.topic/example-cost-alerts", "budgets.budget/example-monthly"} do is_new(plan, address) end
  end)

  it("week one: 10.3 turns on Container Insights of three clusters, and gives log groups a retention", function()
    local plan = planned("harden/containers", hardening.ACCOUNT)
    for _, cluster in ipairs {"ai-team", "example-cluster", "example-of-fargate"} do
      local row = plan["ecs.cluster_settings/" .. cluster]
      assert.is_not_nil(row, cluster)
      assert.equal("update", row.action)
    end
    local code, text = host:run("plan", "playbooks/harden/logs.lua", hardening.ACCOUNT)
    assert.equal(0, code, text)
    assert.matches('step "shorten log retention"', text)
    assert.matches("retention", text)
  end)

  it("week two: 10.4 makes the limiter's function, which runs once at a time and knows its Redis", function()
    local program = elf.write(folder .. "/program")
    local file = folder .. "/account.lua"
    local out <close> = assert(io.open(file, "w"))
    out:write [[
return {name = "example", prefix = "example", env = "production", region = "us-east-1", consumer = "lambda",
  emails = {ops = "ops@example.com"},
  limiter = {url = "https://site.example.com/{userId}", site_secret = "example/site-token",
    redis = "rediss://redis.example.com:6379", redis_secret = "example/redis/auth-token"}}
]]
    out:close()
    local plan = planned("provision/rate-limiter", "--account=" .. file, "--var", "program=" .. program)
    is_new(plan, "lambda.func/example-rate-limiter")
    is_new(plan, "sqs.queue/example-rate-limiter-queue")
    is_new(plan, "secretsmanager.secret/example/site-token")
    local _, text = host:run("plan", "playbooks/provision/rate-limiter.lua", "--account=" .. file, "--var",
      "program=" .. program)
    local func = text:match "lambda%.func/example%-rate%-limiter%s+create.-\n%+"
    assert.matches("ReservedConcurrentExecutions%s+1\n", func)
    assert.matches("redis/auth%-token", text)                -- which its role may read
  end)

  it("week two: 10.5 turns on Performance Insights, makes alarms, and lets services grow", function()
    local plan = planned("harden", hardening.ACCOUNT)
    local alarms, targets = 0, 0
    for address, row in pairs(plan) do
      if row.action == "create" and address:find "^cloudwatch%.alarm/example%-rds%-" then alarms = alarms + 1 end
      if row.action == "create" and address:find "^application_autoscaling%.target/" then targets = targets + 1 end
    end
    assert.equal(10, targets)
    assert.is_true(alarms >= 8, alarms .. " alarms of the database")
    local database = plan["rds.instance/example-postgres-production"]
    assert.equal("update", database and database.action)
    assert.is_true(database.changes.EnablePerformanceInsights)
  end)
end)
