-- containers.lua -- three clusters, ten services: one role for everything, secrets in plain sight, no circuit breaker.
local json = require "tidelock.json"

-- Cluster and service; which cluster is the prefix's.
local SERVICES <const> = {
  {"PREFIX-cluster", "api"}, {"PREFIX-cluster", "worker"}, {"PREFIX-cluster", "playwright"},
  {"PREFIX-of-fargate", "of-scraper"}, {"PREFIX-of-fargate", "of-sync"}, {"PREFIX-of-fargate", "of-messages"},
  {"ai-team", "orchestrator"}, {"ai-team", "content"}, {"ai-team", "chatbot"}, {"ai-team", "analytics"},
}

local function role_of(world)
  return world.aws.iam:create_role {RoleName = world.prefix .. "-ecs", AssumeRolePolicyDocument = json.encode {
    Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
      Principal = {Service = "ecs-tasks.amazonaws.com"}}}}}.Role.Arn
end

local function container(world, name)
  local environment = {{name = "NODE_ENV", value = "production"}, {name = "AWS_REGION", value = world.region}}
  if name == "api" then
    environment[3] = {name = "DATABASE_URL",
      value = ("postgresql://app:Plain-Sight-7@%s-postgres-production.local:5432/app"):format(world.prefix)}
    environment[4] = {name = "API_KEY", value = "sk-live-0f7c11d2a9b84e6fb3"}
  end
  return {name = name, image = ("%s.dkr.ecr.%s.amazonaws.com/%s:latest"):format(world.id, world.region, name),
    essential = true, environment = environment, portMappings = {{containerPort = 3000, protocol = "tcp"}},
    logConfiguration = {logDriver = "awslogs", options = {["awslogs-group"] = "/ecs/" .. world.prefix .. "/" .. name,
      ["awslogs-region"] = world.region, ["awslogs-stream-prefix"] = name}}}
end

local function place(names)
  if not names.subnets then
    return {subnets = {"subnet-0123456789abcdef0"}, securityGroups = {"sg-0123456789abcdef0"}}
  end
  return {subnets = names.subnets.private, securityGroups = {names.security_group}}
end

local function service(world, names, role, row)
  local cluster, name = row[1]:gsub("PREFIX", world.prefix), row[2]
  local family = world.prefix .. "-" .. name
  world.aws.ecs:register_task_definition {family = family, requiresCompatibilities = {"FARGATE"}, cpu = "256",
    memory = "512", networkMode = "awsvpc", executionRoleArn = role, taskRoleArn = role,
    containerDefinitions = {container(world, name)}}
  local balanced = name == "api" and names.target_group
    and {{targetGroupArn = names.target_group, containerName = name, containerPort = 3000}} or nil
  world.aws.ecs:create_service {cluster = cluster, serviceName = name, taskDefinition = family, desiredCount = 1,
    launchType = "FARGATE", loadBalancers = balanced,
    networkConfiguration = {awsvpcConfiguration = place(names)}}
  return {cluster = cluster, name = name, family = family}
end

return function(world, names)
  local clusters = {"ai-team", world.prefix .. "-cluster", world.prefix .. "-of-fargate"}
  for _, name in ipairs(clusters) do world.aws.ecs:create_cluster {clusterName = name} end
  local role = role_of(world)
  local services = world.each(SERVICES, function(row) return service(world, names, role, row) end)
  return {clusters = clusters, services = services, role = role, secret_family = world.prefix .. "-api"}
end
