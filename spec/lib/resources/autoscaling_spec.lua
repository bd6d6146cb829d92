-- Scalable targets and policies on moto: many are read together, and each is told from its neighbours.
local moto = require "support.moto"
local place = require "playbook.place"
local policy = require "resources.application_autoscaling.policy"
local recorder_of = require "playbook.recorder"
local target = require "resources.application_autoscaling.target"

local METRICS <const> = {cpu = "ECSServiceAverageCPUUtilization", memory = "ECSServiceAverageMemoryUtilization"}

local function of(service, more)
  local out = {ServiceNamespace = "ecs", ResourceId = "service/c/" .. service,
    ScalableDimension = "ecs:service:DesiredCount"}
  for name, value in pairs(more or {}) do out[name] = value end
  return out
end

local function tracking(service, what, value)
  return of(service, {PolicyName = service .. "-" .. what, PolicyType = "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration = {TargetValue = value,
      PredefinedMetricSpecification = {PredefinedMetricType = METRICS[what]}}})
end

describe("application autoscaling on moto", function()
  local server, session, client
  setup(function()
    server = moto.start {region = "us-east-1"}
    session = server:session()
    local recorder = recorder_of.new(session)
    recorder.place = place.of {region = server.region, identity = {known = {id = server.account}}}
    client = recorder:client()
    session.ecs:create_cluster {clusterName = "c"}
    session.ecs:register_task_definition {family = "t", containerDefinitions = {{name = "a", image = "a", memory = 64}}}
    for i, name in ipairs {"one", "two"} do
      session.ecs:create_service {cluster = "c", serviceName = name, taskDefinition = "t", desiredCount = 1}
      target.create(client, of(name, {MinCapacity = i, MaxCapacity = 10 + i}))
      for j, what in ipairs {"cpu", "memory"} do policy.create(client, tracking(name, what, 10.0 * i + j)) end
    end
  end)
  teardown(function() server:stop() end)

  -- The client, and a list of what was asked of the service.
  local function heard()
    local asked, real = {}, client.application_autoscaling
    return {application_autoscaling = {items = function(_, operation, input)
      asked[#asked + 1] = operation
      return real:items(operation, input)
    end}, tags = function() return {} end}, asked
  end

  it("reads many targets with one call", function()
    local ears, asked = heard()
    local found = target.read_many(ears, {of "two", of "gone", of "one"})
    assert.same({12, false, 11}, {found[1].MaxCapacity, found[2], found[3].MaxCapacity})
    assert.same({"describe_scalable_targets"}, asked)
  end)
  it("reads many policies with one call, each its own", function()
    local ears, asked = heard()
    local found = policy.read_many(ears, {tracking("two", "memory", 0), tracking("gone", "cpu", 0),
      tracking("one", "memory", 0), tracking("one", "cpu", 0)})
    local values = {}
    for i, p in ipairs(found) do values[i] = p and p.TargetTrackingScalingPolicyConfiguration.TargetValue end
    assert.same({22.0, false, 12.0, 11.0}, values)
    assert.same({"describe_scaling_policies"}, asked)
  end)
  it("reads one alone by its own name", function()
    assert.equal(12.0, policy.read(client, tracking("one", "memory", 0)).TargetTrackingScalingPolicyConfiguration
      .TargetValue)
    assert.is_nil(policy.read(client, tracking("one", "gone", 0)))
    assert.is_nil(target.read(client, of "gone"))
  end)
  it("keeps the ARN when a policy changes", function()
    local before = policy.read(client, tracking("one", "cpu", 0)).arn
    assert.equal(before, policy.create(client, tracking("one", "cpu", 15.0)).arn)
    assert.equal(before, policy.read(client, tracking("one", "cpu", 0)).arn)
  end)
end)
