-- fleet.lua -- the sandbox account's clusters and services for specs of harden/containers and harden/tasks: what boto3
-- reads of them, and more of them.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local oracle = require "support.oracle"

--- host (the emulator with the account), names (of what is there), of the account that was started last.
local fleet = {}

local boto

--- Starts an account with its network and services: host, names, the session's ecs.
function fleet.start()
  boto = boto or oracle.start()
  fleet.host = hardening.start()
  fleet.names = account.build(fleet.host, {only = {"network", "containers"}})
  return fleet.host, fleet.names, fleet.host.session.ecs
end

function fleet.stop()
  boto:stop()
  boto = nil
end

--- What boto3 reads.
function fleet.read(service, operation, input)
  local host = fleet.host
  local answer = boto:call({url = host.server.url, region = "us-east-1", account = host.account}, service, operation,
    input)
  assert(not answer.error, answer.error and answer.error.message)
  return oracle.plain(answer.output)
end

function fleet.live(cluster, name)
  return fleet.read("ecs", "DescribeServices", {cluster = cluster, services = {name}}).services[1]
end

function fleet.definition(arn)
  return fleet.read("ecs", "DescribeTaskDefinition", {taskDefinition = arn}).taskDefinition
end

--- What Container Insights is set to on a cluster.
function fleet.insights(cluster)
  for _, s in ipairs(fleet.read("ecs", "DescribeClusters", {clusters = {cluster}, include = {"SETTINGS"}}).clusters[1]
    .settings) do
    if s.name == "containerInsights" then return s.value end
  end
end

--- The statements of a role's own policy, by Sid.
function fleet.statements(role)
  local names_of = fleet.read("iam", "ListRolePolicies", {RoleName = role}).PolicyNames
  if #names_of == 0 then return {} end
  local text = fleet.read("iam", "GetRolePolicy", {RoleName = role, PolicyName = names_of[1]}).PolicyDocument
  local out = {}
  for _, s in ipairs((type(text) == "string" and json.decode(text) or text).Statement) do out[s.Sid] = s end
  return out
end

--- A container, with more members.
function fleet.container(more)
  local out = {name = "app", image = "app:1", essential = true, environment = {{name = "PORT", value = "80"}}}
  for name, value in pairs(more or {}) do out[name] = value end
  return out
end

--- A task definition of that family: its ARN. A member that is false is left out.
function fleet.register(family, more)
  local input = {family = family, requiresCompatibilities = {"FARGATE"}, networkMode = "awsvpc", cpu = "256",
    memory = "512", executionRoleArn = fleet.names.role, taskRoleArn = fleet.names.role,
    containerDefinitions = {fleet.container()}}
  for name, value in pairs(more or {}) do input[name] = value or nil end
  return fleet.host.session.ecs:register_task_definition(input).taskDefinition.taskDefinitionArn
end

--- A service in ai-team that runs it.
function fleet.serve(family, more)
  local input = {cluster = "ai-team", serviceName = family, taskDefinition = family, desiredCount = 1,
    launchType = "FARGATE", networkConfiguration = {awsvpcConfiguration = {subnets = fleet.names.subnets.private,
      securityGroups = {fleet.names.security_group}}}}
  for name, value in pairs(more or {}) do input[name] = value end
  return fleet.host.session.ecs:create_service(input)
end

return fleet
