--- The services of ECS that there are. Who asks has them looked at anew: the playbook before may have changed them.
playbook {
  name = "harden/services",
  about = "The clusters and services of ECS that there are, and how they are released; changes nothing",
  vars = {whose = {"string", default = "anybody", about = "who asks: what was found is kept by this name"}},
}

-- A release that is under way is its maker's: nothing is put on top of it.
local function busy(s)
  for _, d in ipairs(s.deployments or {}) do
    if d.status == "PRIMARY" then return d.rolloutState == "IN_PROGRESS" end
  end
end

local function service(cluster, s)
  local how, balancer = s.deploymentConfiguration or {}, (s.loadBalancers or {})[1] or {}
  return {cluster = cluster, name = s.serviceName, label = cluster .. "/" .. s.serviceName, uses = s.taskDefinition,
    desired = s.desiredCount, daemon = s.schedulingStrategy == "DAEMON", group = balancer.targetGroupArn,
    controller = (s.deploymentController or {}).type or "ECS", busy = busy(s), maximum = how.maximumPercent,
    breaker = how.deploymentCircuitBreaker or {}}
end

local function arns_of(cluster)
  local out = {}
  local ok, err = pcall(function()
    for arn in aws.ecs:items("list_services", {cluster = cluster}) do out[#out + 1] = arn end
  end)
  if not ok and not (type(err) == "table" and err.code == "ClusterNotFoundException") then error(err, 0) end
  return out
end

-- One that is being deleted is none any more, with its cluster or without.
local function services_of(cluster)
  local arns, out = arns_of(cluster), {}
  for from = 1, #arns, 10 do                                         -- as many as a request takes
    local some = table.move(arns, from, math.min(from + 9, #arns), 1, {})
    for _, s in ipairs(aws.ecs:describe_services {cluster = cluster, services = some}.services) do
      if s.status == "ACTIVE" then out[#out + 1] = service(cluster, s) end
    end
  end
  return out
end

local found = find("services, for " .. var.whose) {run = function()
  local out = {clusters = {}, services = {}}
  for arn in aws.ecs:items("list_clusters", {}) do table.insert(out.clusters, arn:match "[^/]+$") end
  table.sort(out.clusters)
  for _, list in ipairs(task.map(out.clusters, services_of, {concurrency = 8})) do
    table.move(list, 1, #list, #out.services + 1, out.services)
  end
  table.sort(out.services, function(a, b) return a.label < b.label end)
  return out
end}

output {clusters = found.clusters or {}, services = found.services or {}}
