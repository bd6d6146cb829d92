--- Containers that are seen, that grow with their load and come back from a bad release; what they run is
-- harden/tasks, which is included. Clusters and services are found, not listed, and stay their makers': nothing of them
-- is tagged or deleted, and what somebody has set stricter stays.
playbook {
  name = "harden/containers",
  about = "ECS: Container Insights, circuit breakers, autoscaling; roles and secrets of tasks",
  vars = {
    insights = {"string", default = "enhanced", choices = {"enhanced", "enabled"},
      about = "Container Insights of clusters, now and to come; enhanced shows tasks and containers too"},
    failures = {"integer", default = 2, min = 1, about = "tasks that may fail before a release is rolled back"},
    least = {"integer", default = 1, min = 1, about = "tasks that a service always has"},
    most = {"integer", default = 10, min = 1, about = "tasks that it may grow to"},
    cpu = {"number", default = 70, min = 1, max = 100, about = "percent of its CPU at which a service grows"},
    memory = {"number", default = 80, min = 1, max = 100, about = "percent of its memory at which it grows"},
    scale_in = {"seconds", default = 300, about = "pause after a service has shrunk"},
    scale_out = {"seconds", default = 60, about = "pause after it has grown"},
    limits = {"string", default = "keep", choices = {"keep", "replace"},
      about = "limits of autoscaling that are there already: kept, or replaced by least and most"},
    roles = {"string", default = "ask", choices = {"ask", "leave"},
      about = "tasks without two roles of their own: given them when asked, or only shown"},
    secrets = {"string", default = "ask", choices = {"ask", "leave"},
      about = "secrets in task definitions: moved to Secrets Manager when asked, or only shown"},
    propagation = {"seconds", default = 5, about = "how old a new role must be before tasks start with it"},
    skip = {"list", default = {}, about = "services to leave alone: cluster/service"},
  },
}

local METRICS = {cpu = "ECSServiceAverageCPUUtilization", memory = "ECSServiceAverageMemoryUtilization"}
local DIMENSION = "ecs:service:DesiredCount"

-- ## What there is

local function insights_of(cluster)
  for _, s in ipairs(cluster.settings or {}) do
    if s.name == "containerInsights" then return s.value end
  end
end

local function clusters()
  local arns, out = {}, {}
  for arn in aws.ecs:items("list_clusters", {}) do arns[#arns + 1] = arn end
  for from = 1, #arns, 100 do                                        -- as many as a request takes
    local some = table.move(arns, from, math.min(from + 99, #arns), 1, {})
    for _, c in ipairs(aws.ecs:describe_clusters {clusters = some, include = {"SETTINGS"}}.clusters) do
      if c.status == "ACTIVE" then out[#out + 1] = {name = c.clusterName, insights = insights_of(c)} end
    end
  end
  table.sort(out, function(a, b) return a.name < b.name end)
  return out
end

local function scaling()
  local out = {targets = {}, policies = {}, names = {}}
  for t in aws.application_autoscaling:items("describe_scalable_targets", {ServiceNamespace = "ecs",
    ScalableDimension = DIMENSION}) do
    out.targets[t.ResourceId] = {least = t.MinCapacity, most = t.MaxCapacity}
  end
  for p in aws.application_autoscaling:items("describe_scaling_policies", {ServiceNamespace = "ecs"}) do
    local how = p.TargetTrackingScalingPolicyConfiguration
    local metric = how and (how.PredefinedMetricSpecification or {}).PredefinedMetricType
    if metric then
      out.policies[p.ResourceId .. " " .. metric] = {name = p.PolicyName, value = how.TargetValue}
    else
      out.names[p.ResourceId .. " " .. p.PolicyName] = true          -- of another kind: its name is taken
    end
  end
  return out
end

-- The account's default; hidden from one who has a setting of one's own.
local function default()
  local s = aws.ecs:list_account_settings {name = "containerInsights", effectiveSettings = true}.settings[1] or {}
  local own = s.principalArn and not s.principalArn:find ":root$"
  return {value = s.value, own = own and s.principalArn or nil}
end

local found = find "clusters and how their services scale" {run = function()
  return task.all {clusters = clusters, scaling = scaling, default = default}
end}

local services = {}
for _, s in ipairs(include("harden/services", {whose = "containers"}).services) do
  if not contains(var.skip, s.label) then services[#services + 1] = s end
end

-- ## Seen: Container Insights, of the clusters there are and of those to come

local function insights(live)
  return {name = "containerInsights", value = live == "enhanced" and live or var.insights}
end

for _, c in ipairs(found.clusters or {}) do
  ensure.ecs.cluster_settings {name = c.name, settings = {insights(c.insights)}}
end

local whole = found.default or {}
if whole.own then
  print(("warning: %s has a setting containerInsights of its own, which hides the account's default: it is left. Take"
    .. " it away (tidelock call ecs delete-account-setting --name containerInsights), then run this again")
    :format(whole.own))
else
  ensure.ecs.account_setting(insights(whole.value))
end

-- ## Come back: a release whose tasks do not start is rolled back

-- Failed tasks that a breaker lets pass, as ECS counts them; its own default is half of the tasks, and at least three.
local function allowed(breaker, desired)
  local how = breaker.thresholdConfiguration or {type = "BOUNDED_PERCENT", value = 50}
  local part = math.ceil(how.value * desired / 100)
  if how.type == "COUNT" then return how.value end
  if how.type == "BOUNDED_PERCENT" then return math.max(3, math.min(200, part)) end
  return math.max(1, part)
end

local function breaker(s)
  local wanted = {enable = true, rollback = true, thresholdConfiguration = {type = "COUNT", value = var.failures}}
  if s.breaker.enable and allowed(s.breaker, s.desired) < var.failures then
    print(("warning: %s gives a release up after %d failed task(s), sooner than after %d; that stays"):format(s.label,
      allowed(s.breaker, s.desired), var.failures))
    wanted.thresholdConfiguration = nil
  end
  return {deploymentCircuitBreaker = wanted}
end

local left = 0
for _, s in ipairs(services) do
  if s.controller == "ECS" then
    ensure.ecs.service {cluster = s.cluster, service = s.name, deploymentConfiguration = breaker(s)}
  else
    left = left + 1
    print(("%s is released by %s, which rolls back in its own way: its releases are left as they are"):format(s.label,
      s.controller == "CODE_DEPLOY" and "CodeDeploy" or "something else than ECS"))
  end
end

-- ## Grow: within limits, at a load

-- Why a service is not scaled, or nil.
local function fixed(s, target)
  if s.daemon then return "it runs one task on each machine" end
  if s.desired == 0 and not target then return "it runs no task; run this again when it does" end
  if s.desired == 1 and (s.maximum or 200) <= 100 and not target then
    return ("never more than one task shall run (maximumPercent is %d)"):format(s.maximum)
  end
end

-- The limits that a service gets: what somebody has set stays, and nothing that runs is stopped.
local function limits(s, target)
  local least, most = var.least, math.max(var.most, s.desired)
  if target and var.limits == "keep" and (target.least ~= least or target.most ~= var.most) then
    print(("warning: %s has limits of its own, %d to %d instead of %d to %d; they stay (limits=replace)")
      :format(s.label, target.least, target.most, var.least, var.most))
    return target.least, target.most
  end
  if most > var.most then
    print(("warning: %s runs %d tasks, more than %d: it may grow to no more than these"):format(s.label, s.desired,
      var.most))
  end
  return least, most
end

local function policy(s, id, what, after)
  local metric, value = METRICS[what], var[what]
  local theirs = found.scaling.policies[id .. " " .. metric]
  local name = s.name .. "-" .. what .. "-scaling"
  if found.scaling.names[id .. " " .. name] then name = name .. "-target" end
  if theirs and theirs.value < value then
    print(("warning: %s grows at %g %% of its %s already, sooner than at %g %%; that stays"):format(s.label,
      theirs.value, what, value))
    value = theirs.value
  end
  local how = {TargetValue = value * 1.0}
  if not theirs or theirs.name == name then
    how.ScaleInCooldown, how.ScaleOutCooldown = var.scale_in, var.scale_out
    how.PredefinedMetricSpecification = {PredefinedMetricType = metric}
  end
  ensure.application_autoscaling.policy {PolicyName = theirs and theirs.name or name, ServiceNamespace = "ecs",
    ResourceId = id, ScalableDimension = DIMENSION, PolicyType = "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration = how, after = after}
end

for _, s in ipairs(services) do
  local id = "service/" .. s.label
  local target = found.scaling.targets[id]
  local why = fixed(s, target)
  if why then
    print(("%s is not scaled: %s"):format(s.label, why))
  else
    local least, most = limits(s, target)
    local handle = ensure.application_autoscaling.target {ServiceNamespace = "ecs", ResourceId = id,
      ScalableDimension = DIMENSION, MinCapacity = least, MaxCapacity = most, ignore = {"Tags"}}
    for _, what in ipairs {"cpu", "memory"} do policy(s, id, what, handle) end
  end
end

-- ## What they run: two roles, no secret in plain sight; by now a release that does not come up is rolled back

local tasks = include("harden/tasks", {roles = var.roles, secrets = var.secrets, skip = var.skip,
  propagation = var.propagation})

-- A cluster that the account file names and that is not there is told, not passed over.
check "2.4 the clusters of the account file are there" {controls = "ecs-clusters-expected"}

output {clusters = #(found.clusters or {}), services = #services, left = left,
  to_change = tasks.to_change}
