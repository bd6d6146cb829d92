-- Settings of what others made in ECS, on moto: services, clusters, the account's defaults. Read back equal, each
-- property changed alone by one call, what the playbook does not give left as it is, nothing ever deleted.
local models = require "tidelock.models"
local moto = require "support.moto"
local place = require "playbook.place"
local recorder_of = require "playbook.recorder"
local schema = require "resources.schema"

local function no() return false end
local IS <const> = {unknown = no, handle = no, secret = no}

local server <const> = moto.start {region = "us-east-1"}
local session, recorder, client, place_of_tasks

local function network()
  local vpc = session.ec2:create_vpc {CidrBlock = "10.0.0.0/16"}.Vpc.VpcId
  local function subnet(range) return session.ec2:create_subnet {VpcId = vpc, CidrBlock = range}.Subnet.SubnetId end
  local group = session.ec2:create_security_group {VpcId = vpc, GroupName = "g", Description = "g"}.GroupId
  return function(range)
    return {awsvpcConfiguration = {subnets = {subnet(range)}, securityGroups = {group}, assignPublicIp = "DISABLED"}}
  end
end

local function breaker(count, more)
  local out = {enable = true, rollback = true, thresholdConfiguration = {type = "COUNT", value = count}}
  for name, value in pairs(more or {}) do out[name] = value end
  return {deploymentCircuitBreaker = out}
end

local function fresh()
  server:reset()
  session = server:session()
  recorder = recorder_of.new(session)
  recorder.place = place.of {region = server.region, identity = {known = {id = server.account}}}
  client = recorder:client()
  place_of_tasks = network()
  for _, cluster in ipairs {"c", "d"} do session.ecs:create_cluster {clusterName = cluster} end
  for _ = 1, 2 do
    session.ecs:register_task_definition {family = "t", networkMode = "awsvpc", cpu = "256", memory = "512",
      requiresCompatibilities = {"FARGATE"}, containerDefinitions = {{name = "a", image = "a"}}}
  end
  for _, row in ipairs {{"c", "s"}, {"c", "other"}, {"d", "s"}} do
    session.ecs:create_service {cluster = row[1], serviceName = row[2], taskDefinition = "t:1", desiredCount = 1,
      launchType = "FARGATE", networkConfiguration = place_of_tasks(("10.0.%d.0/24"):format(#row[1] + #row[2]
        + (row[1] == "d" and 10 or 0)))}
  end
end

local CASES <const> = {
  {type = "ecs.service", want = {cluster = "c", service = "s", deploymentConfiguration = breaker(2)},
    changes = {{deploymentConfiguration = breaker(3)},
      {deploymentConfiguration = {minimumHealthyPercent = 50, maximumPercent = 150}},
      {taskDefinition = "t:2"}, {enableExecuteCommand = true}, {healthCheckGracePeriodSeconds = 30},
      {platformVersion = "1.4.0"}, {enableECSManagedTags = true}, {propagateTags = "SERVICE"},
      {availabilityZoneRebalancing = "ENABLED"},
      {networkConfiguration = function() return place_of_tasks "10.0.200.0/24" end}}},
  {type = "ecs.cluster_settings", want = {name = "c", settings = {{name = "containerInsights", value = "enhanced"}}},
    changes = {{settings = {{name = "containerInsights", value = "enabled"}}}}},
  {type = "ecs.account_setting", want = {name = "containerInsights", value = "enhanced"},
    changes = {{value = "enabled"}}},
}

describe("on moto", function()
  setup(fresh)
  teardown(function() server:stop() end)

  for _, case in ipairs(CASES) do
    local t <const> = require("resources." .. case.type)
    describe(case.type, function()
      local want
      setup(function()
        fresh()
        want = {}
        for name, value in pairs(case.want) do want[name] = value end
      end)

      local function difference()
        local names = {}
        for i, change in ipairs(t:diff(t.read(client, want), t:complete(want))) do names[i] = change.name end
        return table.concat(names, ", ")
      end
      local function change(name, value)
        want[name] = type(value) == "function" and value() or value
        assert.same({}, schema.faults(t:schema(models), want, IS))
        assert.equal(name, difference())
        local writes = recorder.writes
        t.update(client, t.read(client, want), t:complete(want), {[name] = true})
        assert.equal(1, recorder.writes - writes)
        assert.equal("", difference())
      end

      it("takes what is wanted for valid, and sees that it is not so yet", function()
        assert.same({}, schema.faults(t:schema(models), want, IS))
        assert.same({}, t.check and t.check(want) or {})
        assert.is_not.equal("", difference())
      end)
      for name, value in pairs(case.want) do
        if type(value) == "table" or name == "value" then
          it("sets " .. name .. " on what is there", function() change(name, value) end)
        end
      end
      for i, one in ipairs(case.changes) do
        local name, value = next(one)
        it(("changes %s alone (%d)"):format(name, i), function() change(name, value) end)
      end
      it("is never deleted", function()
        assert.is_string(t.protected(t.read(client, want)))
        local writes = recorder.writes
        assert.is_false(pcall(t.delete, client, t.read(client, want), want))
        assert.equal(writes, recorder.writes)
      end)
    end)
  end

  describe("ecs.service", function()
    local t <const> = require "resources.ecs.service"
    setup(fresh)

    it("reads many of two clusters with one call for each, and none for what is not there", function()
      local reads = recorder.reads
      local found = t.read_many(client, {{cluster = "c", service = "s"}, {cluster = "d", service = "s"},
        {cluster = "c", service = "gone"}, {cluster = "c", service = "other"}, {cluster = "nowhere", service = "s"}})
      assert.equal(3, recorder.reads - reads)
      assert.same({"s", "s", false, "other", false}, {found[1].service, found[2].service, found[3],
        found[4].service, found[5]})
      assert.matches("/d/s$", found[2].arn)
    end)
    it("is nothing where there is none, and says so instead of making one", function()
      local want = {cluster = "c", service = "gone"}
      assert.is_nil(t.read(client, want))
      local _, err = pcall(t.create, client, want)
      assert.matches("there is no service gone in cluster c, and ecs.service adjusts what exists", err.message)
    end)
    it("leaves what is not given of the deployment's configuration as it is", function()
      session.ecs:update_service {cluster = "c", service = "s", deploymentConfiguration = {maximumPercent = 150,
        minimumHealthyPercent = 50, deploymentCircuitBreaker = {enable = false, rollback = false,
        resetOnHealthyTask = false}, alarms = {alarmNames = {"a"}, enable = true, rollback = true}}}
      local want = {cluster = "c", service = "s", deploymentConfiguration = breaker(2)}
      t.update(client, t.read(client, want), want, {deploymentConfiguration = true})
      local live = session.ecs:describe_services {cluster = "c", services = {"s"}}.services[1].deploymentConfiguration
      assert.same({maximumPercent = 150, minimumHealthyPercent = 50, alarms = {alarmNames = {"a"}, enable = true,
        rollback = true}, deploymentCircuitBreaker = {enable = true, rollback = true, resetOnHealthyTask = false,
        thresholdConfiguration = {type = "COUNT", value = 2}}}, live)
    end)
    it("tells of a release that failed", function()
      local broken = session.ecs:register_task_definition {family = "broken", containerDefinitions = {{name = "a",
        image = "a", memory = 64, entryPoint = {"/no/such"}}}}.taskDefinition.taskDefinitionArn
      session.ecs:update_service {cluster = "c", service = "s", taskDefinition = broken}
      local want = {cluster = "c", service = "s"}
      assert.is_nil(t.note(t.read(client, want)))
      assert.matches("its last release failed: .*tasks failed to start", t.note(t.read(client, want)))
    end)
    it("wants a revision, not a family alone", function()
      assert.matches("names no revision", t.check {taskDefinition = "t"}[1])
      assert.same({}, t.check {taskDefinition = "t:1"} or {})
      assert.same({}, t.check {taskDefinition = "arn:aws:ecs:us-east-1:1:task-definition/t:1"} or {})
    end)
  end)

  describe("ecs.cluster_settings", function()
    local t <const> = require "resources.ecs.cluster_settings"
    setup(fresh)
    it("reads many with one call, and says of one that is gone what to do", function()
      local settings, reads = {{name = "containerInsights", value = "enhanced"}}, recorder.reads
      local found = t.read_many(client, {{name = "c", settings = settings}, {name = "gone", settings = settings},
        {name = "d", settings = settings}})
      assert.equal(1, recorder.reads - reads)
      assert.same({"c", false, "d"}, {found[1].name, found[2], found[3].name})
      local _, err = pcall(t.create, client, {name = "gone"})
      assert.matches("there is no cluster gone", err.message)
    end)
  end)

  describe("ecs.account_setting", function()
    local t <const> = require "resources.ecs.account_setting"
    before_each(fresh)
    it("sees AWS's own default where nobody has set one", function()
      assert.equal("disabled", t.read(client, {name = "containerInsights"}).value)
    end)
    it("says so where the caller's own setting hides the account's", function()
      session.ecs:put_account_setting {name = "containerInsights", value = "disabled"}
      local ok, err = pcall(t.read, client, {name = "containerInsights"})
      assert.is_false(ok)
      assert.matches("user/moto has an account setting containerInsights of its own", err.message, 1)
      assert.matches("delete%-account%-setting %-%-name containerInsights", err.message)
    end)
  end)
end)
