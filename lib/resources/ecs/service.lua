--- ecs.service: settings of a service that is there already, whoever made it. It is adjusted, never made, scaled or
-- deleted, and not tagged: how many tasks run is autoscaling's business.
local merge = require "resources.merge"
local resource = require "resources"

local BATCH <const> = 10                                 -- services that one call describes
local SHOWN <const> = {"taskDefinition", "deploymentConfiguration", "networkConfiguration", "platformVersion",
  "healthCheckGracePeriodSeconds", "enableExecuteCommand", "enableECSManagedTags", "propagateTags",
  "availabilityZoneRebalancing"}

-- ## Reading: services of a cluster together

local function grouped(wants)
  local clusters, order = {}, {}
  for _, want in ipairs(wants) do
    if not clusters[want.cluster] then
      clusters[want.cluster], order[#order + 1] = {}, want.cluster
    end
    table.insert(clusters[want.cluster], want.service)
  end
  return clusters, order
end

local function describe(aws, cluster, names, out)
  local got = resource.unless({"ClusterNotFoundException"}, function()
    return aws.ecs:describe_services {cluster = cluster, services = names}
  end, {})
  for _, s in ipairs(got.services or {}) do
    if s.status ~= "INACTIVE" then out[cluster .. "/" .. s.serviceName] = s end
  end
end

local function described(aws, wants)
  local clusters, order = grouped(wants)
  local out, jobs = {}, {}
  for _, cluster in ipairs(order) do
    local names = clusters[cluster]
    for from = 1, #names, BATCH do
      local some = table.move(names, from, math.min(from + BATCH - 1, #names), 1, {})
      jobs[#jobs + 1] = function() describe(aws, cluster, some, out) end
    end
  end
  resource.all(jobs)
  return out
end

-- A release that failed, in ECS's own words.
local function failure(s)
  for _, d in ipairs(s.deployments or {}) do
    if d.rolloutState == "FAILED" then return d.rolloutStateReason or "without a reason" end
  end
end

-- The revision in the words in which the playbook names it: as an ARN, or as family:revision.
local function revision(s, want)
  local asked = want.taskDefinition
  if type(asked) == "string" and not asked:find "^arn:" then return s.taskDefinition:match "[^/]+$" end
  return s.taskDefinition
end

local function shown(s, want)
  if not s then return false end
  local live = {cluster = want.cluster, service = want.service, arn = s.serviceArn, failure = failure(s)}
  for _, name in ipairs(SHOWN) do live[name] = s[name] end
  live.taskDefinition = revision(s, want)
  return live
end

local function read_many(aws, wants)
  local found, out = described(aws, wants), {}
  for i, want in ipairs(wants) do out[i] = shown(found[want.cluster .. "/" .. want.service], want) end
  return out
end

return resource {
  type = "ecs.service",
  about = "Settings of a service that exists, such as its circuit breaker; it is never made, scaled or deleted",
  model = "update_service", key = {"cluster", "service"}, required = {"cluster"}, tags = false,
  without = {"desiredCount", "forceNewDeployment", "capacityProviderStrategy", "placementConstraints",
    "placementStrategy", "deploymentController", "loadBalancers", "serviceRegistries", "serviceConnectConfiguration",
    "volumeConfigurations", "vpcLatticeConfigurations", "gatewayConnectors", "monitoring"},
  provides = {"arn", "failure"},
  absent = {"ServiceNotFoundException", "ClusterNotFoundException"},

  check = function(want)
    local asked = want.taskDefinition
    if type(asked) == "string" and not asked:find ":%d+$" then
      return {("taskDefinition %q names no revision: say family:revision, or use a task definition's arn")
        :format(asked)}
    end
  end,
  note = function(live) return live.failure and "its last release failed: " .. live.failure end,
  protected = function() return "a service is never deleted from here" end,

  read = function(aws, want) return read_many(aws, {want})[1] or nil end,
  read_many = read_many,

  all = function(aws)
    local out = {}
    for cluster in aws.ecs:items("list_clusters", {}) do
      for arn in aws.ecs:items("list_services", {cluster = cluster}) do
        out[#out + 1] = {cluster = cluster:match "[^/]+$", service = arn:match "[^/]+$", deploymentConfiguration = {}}
      end
    end
    return out
  end,

  create = function(_, want)
    error({code = "ServiceNotFoundException", message = ("there is no service %s in cluster %s, and ecs.service adjusts"
      .. " what exists: make it first, or mend the name"):format(want.service, want.cluster)}, 0)
  end,

  -- What the playbook does not give of a structure stays as it is.
  update = function(aws, live, want, changed)
    local input = {cluster = want.cluster, service = want.service}
    for name in pairs(changed) do input[name] = merge.structure(live[name], want[name]) end
    aws.ecs:update_service(input)
  end,

  delete = function() error({code = "Protected", message = "a service is never deleted from here"}, 0) end,
}
