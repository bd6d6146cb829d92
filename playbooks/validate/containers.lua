--- Proves what harden/containers was for. The checks only read. Two drills prove it by doing, each on one service that
-- is named, after that name has been typed: a service is made to grow (load), a broken release is given out (release).
-- A drill puts everything back, also where it fails or is interrupted; one that was killed is put back on resume.
playbook {
  name = "validate/containers",
  about = "Clusters are seen, services grow and roll back, tasks have two roles and no secret; drills by choice",
  vars = {
    load = {"string", default = "", about = "drill: cluster/service that must grow"},
    metric = {"string", default = "cpu", choices = {"cpu", "memory"}, about = "load: by which of its two policies"},
    url = {"string", default = "", about = "load: address to send requests to; without one the policy's target is"
      .. " lowered under what the service uses now"},
    rate = {"integer", default = 50, min = 1, max = 500, about = "load: requests a second"},
    errors = {"number", default = 1, min = 0, max = 100, about = "load: percent of requests that may fail"},
    release = {"string", default = "", about = "drill: cluster/service to give a broken release, which must be rolled"
      .. " back"},
    patience = {"seconds", default = 1200, about = "how long a drill may take"},
    every = {"seconds", default = 10, min = 1, about = "how often a drill looks"},
  },
}

local METRICS = {cpu = "CPUUtilization", memory = "MemoryUtilization"}
local DIMENSION = "ecs:service:DesiredCount"

-- ## What is so

check "2.4 Container Insights is on" {controls = "ecs-container-insights"}

check "2.4 figures of clusters with tasks come in" {severity = "warning", test = function()
  local seen, silent, n = {}, {}, 0
  for m in aws.cloudwatch:items("list_metrics", {Namespace = "ECS/ContainerInsights", RecentlyActive = "PT3H"}) do
    for _, d in ipairs(m.Dimensions) do
      if d.Name == "ClusterName" then seen[d.Value] = true end
    end
  end
  local arns = {}
  for arn in aws.ecs:items("list_clusters", {}) do arns[#arns + 1] = arn end
  for from = 1, #arns, 100 do
    local some = table.move(arns, from, math.min(from + 99, #arns), 1, {})
    for _, c in ipairs(aws.ecs:describe_clusters {clusters = some}.clusters) do
      if c.runningTasksCount > 0 then
        n = n + 1
        if not seen[c.clusterName] then silent[#silent + 1] = c.clusterName end
      end
    end
  end
  if n == 0 then return "skip", "no cluster runs a task" end
  if #silent > 0 then return false, "none in three hours from " .. table.concat(silent, ", ") end
  return true, ("from %d cluster(s)"):format(n)
end}

check "6.1/6.2 services grow with their load" {controls = "ecs-scaling"}

-- Autoscaling acts by alarms of its own. People delete them for clutter, and then nothing ever grows.
check "6.1/6.2 the alarms of autoscaling are there and act" {test = function()
  local wanted, lost, n = {}, {}, 0
  for p in aws.application_autoscaling:items("describe_scaling_policies", {ServiceNamespace = "ecs"}) do
    if p.PolicyType == "TargetTrackingScaling" then                -- alarms of the other kinds are people's own
      local label = p.ResourceId:match "^service/(.+)$"
      n = n + 1
      for _, a in ipairs(p.Alarms or {}) do wanted[a.AlarmName] = label end
      if #(p.Alarms or {}) == 0 then lost[label .. " has none"] = true end
    end
  end
  if n == 0 then return "skip", "no service is scaled" end
  for a in aws.cloudwatch:items("describe_alarms", {AlarmNamePrefix = "TargetTracking-service/", MaxRecords = 100}) do
    if a.ActionsEnabled and #(a.AlarmActions or {}) > 0 then wanted[a.AlarmName] = nil end
  end
  for name, whose in pairs(wanted) do lost[whose .. " lacks " .. name] = true end
  local list = {}
  for line in pairs(lost) do list[#list + 1] = line end
  if #list == 0 then return true, ("of %d policies"):format(n) end
  table.sort(list)
  return false, table.concat(list, "; ") .. ": delete these policies (tidelock call application-autoscaling"
    .. " delete-scaling-policy), then apply harden/containers"
end}

check "6.3 a broken release is rolled back" {controls = "ecs-circuit-breaker"}
check "1.5 tasks have two roles" {controls = "ecs-task-roles"}
check "1.5 no secret stands in a task definition" {controls = "ecs-no-literal-secrets"}

-- ## What drills share

local function place(label)
  local cluster, name = label:match "^([^/]+)/([^/]+)$"
  if not cluster then error(("%q is no cluster/service, such as main/api"):format(label), 0) end
  return {label = label, cluster = cluster, name = name, id = "service/" .. label}
end

local function look(row)
  local live = aws.ecs:describe_services {cluster = row.cluster, services = {row.name}}.services[1]
  if not live or live.status ~= "ACTIVE" then error(("there is no service %s"):format(row.label), 0) end
  for _, d in ipairs(live.deployments or {}) do
    if d.status == "PRIMARY" then return live, d end
  end
  return live, {}
end

-- Asks until it is so: the seconds that it took. `each` fills the time until the next look.
local function until_so(what, test, each)
  local waited = 0
  while not test() do
    if waited >= var.patience then error(("%s within %d s"):format(what, var.patience), 0) end
    if each then each(var.every) else task.sleep(var.every) end
    waited = waited + var.every
  end
  return waited
end

-- Does it and always takes it back, whatever comes between; what takes it back is kept beside the journals meanwhile,
-- for a run that is killed.
local function drill(name, undoing, undo, run)
  keep(name, undoing)
  local ok, result = pcall(run)
  local undone, why = pcall(undo, undoing)
  if undone then keep(name, {over = true}) end
  if not ok then error(result, 0) end
  if not undone then error(why, 0) end
  return result
end

local function put_back(name, undo)
  return function()
    local undoing = recall(name)
    if undoing and not undoing.over then
      undo(undoing)
      keep(name, {over = true})
    end
    return false
  end
end

-- ## 6.1, 6.2: a service grows

local function policy_of(row)
  for p in aws.application_autoscaling:items("describe_scaling_policies", {ServiceNamespace = "ecs",
    ResourceId = row.id, ScalableDimension = DIMENSION}) do
    local how = p.TargetTrackingScalingPolicyConfiguration
    local metric = how and (how.PredefinedMetricSpecification or {}).PredefinedMetricType or ""
    if metric:lower():find("average" .. var.metric, 1, true) then return p, how end
  end
  error(("%s has no policy that tracks its %s: apply harden/containers first"):format(row.label, var.metric), 0)
end

local function put(p, how)
  aws.application_autoscaling:put_scaling_policy {PolicyName = p.PolicyName, ServiceNamespace = "ecs",
    ResourceId = p.ResourceId, ScalableDimension = DIMENSION, PolicyType = "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration = how}
end

local function target_back(undoing) put(undoing, undoing.how) end

-- What the service uses: percent, the newest of the last ten minutes.
local function usage(row)
  local at = now()
  local found = aws.cloudwatch:get_metric_statistics {Namespace = "AWS/ECS", MetricName = METRICS[var.metric],
    Period = 60, Statistics = {"Average"}, StartTime = at - 600, EndTime = at + 60,
    Dimensions = {{Name = "ClusterName", Value = row.cluster}, {Name = "ServiceName", Value = row.name}}}
  local newest
  for _, point in ipairs(found.Datapoints or {}) do
    if not newest or point.Timestamp > newest.Timestamp then newest = point end
  end
  if not newest then
    error(("CloudWatch has no figure of %s for the %s of ten minutes: does it run?"):format(row.label, var.metric), 0)
  end
  return newest.Average
end

local function room(row, live)
  local target = aws.application_autoscaling:describe_scalable_targets {ServiceNamespace = "ecs",
    ResourceIds = {row.id}, ScalableDimension = DIMENSION}.ScalableTargets[1]
  if not target then error(row.label .. " is not scaled: apply harden/containers first", 0) end
  if live.desiredCount >= target.MaxCapacity then
    error(("%s runs %d tasks already, and may have no more"):format(row.label, live.desiredCount), 0)
  end
end

local function grown(row, before)
  return function()
    row.after = look(row).desiredCount
    return row.after > before
  end
end

-- The policy's own figures, alarm and rule, at a target that the service is above now.
local function by_target(row, before)
  local p, how = policy_of(row)
  local used = usage(row)
  local lower = math.floor(used / 2)
  if lower < 1 then
    error(("%s uses %.1f %% of its %s, too little for a drill: give it load with url"):format(row.label, used,
      var.metric), 0)
  end
  local undoing = {PolicyName = p.PolicyName, ResourceId = p.ResourceId, how = how}
  local lowered = {}
  for name, value in pairs(how) do lowered[name] = value end
  lowered.TargetValue = math.min(lower, how.TargetValue) * 1.0
  row.words = ("at a target of %g %%, where it used %.1f %% of its %s; the target is %g %% again"):format(
    lowered.TargetValue, used, var.metric, how.TargetValue)
  return drill("drill: target of " .. row.label, undoing, target_back, function()
    put(p, lowered)
    return until_so(row.label .. " did not grow", grown(row, before))
  end)
end

-- Requests, so many a second, until it has grown.
local function by_requests(row, before)
  policy_of(row)
  local pace, sent, failed = tokenbucket.new {windows = {{limit = var.rate, ms = 1000}}}, 0, 0
  local function one()
    local go, ms = pace:take "load"
    while not go do
      task.sleep(ms / 1000)
      go, ms = pace:take "load"
    end
    local ok, answer = pcall(http.get, {url = var.url, timeout = 10})
    sent = sent + 1
    if not ok or answer.status >= 500 then failed = failed + 1 end
  end
  local seconds = until_so(row.label .. " did not grow", grown(row, before), function(seconds)
    local ones = {}
    for i = 1, var.rate * seconds do ones[i] = i end
    task.map(ones, one, {concurrency = 2 * var.rate})
  end)
  local percent = sent > 0 and failed / sent * 100 or 0
  row.words = ("under %d requests, %d a second, %.1f %% of which failed"):format(sent, var.rate, percent)
  if percent > var.errors then
    error(("%s grew %s: more than %g %% may not"):format(row.label, row.words, var.errors), 0)
  end
  return seconds
end

if var.load ~= "" then
  local proof = step("6.1/6.2 load: " .. var.load) {
    confirm = var.load, probe = put_back("drill: target of " .. var.load, target_back),
    run = function()
      local row = place(var.load)
      local live = look(row)
      room(row, live)
      local seconds = (var.url ~= "" and by_requests or by_target)(row, live.desiredCount)
      print(("%s grew from %d to %d tasks in %d s %s; it shrinks by itself when it has been quiet"):format(row.label,
        live.desiredCount, row.after, seconds, row.words))
      return {from = live.desiredCount, to = row.after, seconds = seconds}
    end,
  }
  output {load = proof}
end

-- ## 6.3: a broken release is rolled back, and nobody notices

local MEMBERS = {"taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes",
  "placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration",
  "inferenceAccelerators", "ephemeralStorage", "runtimePlatform", "enableFaultInjection"}

-- What would make a drill an outage.
local function harmless(row, live, primary)
  local how = live.deploymentConfiguration or {}
  local breaker = how.deploymentCircuitBreaker or {}
  local function refuse(why) error(("%s gets no broken release: %s"):format(row.label, why), 0) end
  if not (breaker.enable and breaker.rollback) then
    refuse "it would not be rolled back; apply harden/containers first"
  end
  if (how.minimumHealthyPercent or 100) < 100 then refuse "its tasks may be stopped before new ones run" end
  if live.desiredCount < 1 then refuse "it runs no task" end
  if primary.rolloutState ~= "COMPLETED" then refuse "a release is under way" end
end

-- The same tasks, but for a program that is not there; of another family, so that nobody starts one unawares. Values of
-- the environment travel as secrets.
local function broken_of(arn)
  local d = aws.ecs:describe_task_definition {taskDefinition = arn}.taskDefinition
  local input = {family = d.family .. "-drill"}
  for _, name in ipairs(MEMBERS) do input[name] = d[name] end
  for _, c in ipairs(input.containerDefinitions) do
    c.entryPoint = {"/no/such/program"}
    for _, e in ipairs(c.environment or {}) do e.value = secret(e.value or "") end
  end
  return aws.ecs:register_task_definition(input).taskDefinition.taskDefinitionArn
end

local function release_back(undoing)
  if look(undoing).taskDefinition == undoing.broken then
    aws.ecs:update_service {cluster = undoing.cluster, service = undoing.name, taskDefinition = undoing.before}
  end
  aws.ecs:deregister_task_definition {taskDefinition = undoing.broken}
end

local function rolled_back(row, before)
  return function()
    local live, primary = look(row)
    row.least = math.min(row.least, live.runningCount)
    for _, d in ipairs(live.deployments) do
      if d.taskDefinition == row.broken then row.failed = math.max(row.failed, d.failedTasks or 0) end
    end
    return live.taskDefinition == before and primary.rolloutState == "COMPLETED"
  end
end

local function release_broken(row)
  local live, primary = look(row)
  harmless(row, live, primary)
  row.before, row.least, row.failed = live.taskDefinition, live.runningCount, 0
  row.broken = broken_of(row.before)
  return drill("drill: release of " .. row.label, {label = row.label, cluster = row.cluster, name = row.name,
    before = row.before, broken = row.broken}, release_back, function()
    aws.ecs:update_service {cluster = row.cluster, service = row.name, taskDefinition = row.broken}
    local seconds = until_so(row.label .. " was not rolled back", rolled_back(row, row.before))
    if row.least < live.runningCount then
      error(("%s was rolled back, but only %d of %d tasks ran meanwhile"):format(row.label, row.least,
        live.runningCount), 0)
    end
    return seconds
  end)
end

if var.release ~= "" then
  local proof = step("6.3 broken release: " .. var.release) {
    confirm = var.release, probe = put_back("drill: release of " .. var.release, release_back),
    run = function()
      local row = place(var.release)
      local seconds = release_broken(row)
      print(("%s was rolled back to %s after %d failed task(s), in %d s; never fewer than %d ran"):format(row.label,
        row.before:match "[^/]+$", row.failed, seconds, row.least))
      return {seconds = seconds, failed = row.failed, least = row.least}
    end,
  }
  output {release = proof}
end
