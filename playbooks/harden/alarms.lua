--- Who hears of it, and how soon: alarms on every service, queue, database and function there is, each in the unit that
-- its metric has; composites for what wakes people. Run it again on a schedule, and new things follow.
playbook {
  name = "harden/alarms",
  about = "Alarms and dashboards for every service, queue, database and function found; says how soon each tells",
  vars = {
    evaluations = {"integer", default = 4, min = 1, max = 15, about = "minutes that a load must last to be told"},
    cpu = {"number", default = 70, min = 1, max = 100, about = "percent of a service's or cluster's CPU"},
    memory = {"number", default = 80, min = 1, max = 100, about = "percent of its memory"},
    capacity = {"integer", default = 10, min = 1, about = "tasks at which a service without a scaling target is full"},
    requests = {"number", default = 6000, min = 1, about = "requests a minute to a service behind a load balancer"},
    age = {"seconds", default = 300, about = "how long a message may wait"},
    depth = {"integer", default = 1000, min = 1, about = "messages that may wait in a queue"},
    dead = {"integer", default = 10, min = 0, about = "messages that may lie in a dead-letter queue"},
    db_cpu = {"number", default = 80, min = 1, max = 100, about = "percent of a database's CPU"},
    db_memory = {"number", default = 10, min = 1, max = 50, about = "percent of a database's memory that must be free"},
    db_connections = {"number", default = 80, min = 1, max = 100, about = "percent of its most connections"},
    db_storage = {"number", default = 15, min = 1, max = 50, about = "percent of its storage that must be free"},
    db_load = {"number", default = 80, min = 1, about = "percent of its vCPUs that sessions may keep busy"},
    slow = {"number", default = 1000, min = 1, about = "milliseconds that a statement may take on average"},
    locks = {"number", default = 100, min = 1, about = "milliseconds a second that sessions may wait for locks"},
    errors = {"number", default = 5, min = 0, max = 100, about = "percent of a function's calls that may fail"},
    duration = {"number", default = 80, min = 1, max = 100, about = "percent of a function's time limit"},
    tightened = {"string", default = "keep", choices = {"keep", "replace"},
      about = "alarms of these names that are stricter than they would be made: kept, or replaced"},
  },
}

local CRITICAL = 300                         -- seconds within which people must hear of what is critical
local GIB = 1024 ^ 3
local limiter = account.prefix .. "-rate-limiter-queue"
local METRICS_OF_LIMITER = "Tidelock/RateLimiter"                    -- what workers/rate-limiter.lua writes
local METRICS_OF_DATABASES = "Tidelock/Database"                     -- what runbooks/database-insights.lua publishes

-- ## What there is

local ecs = include("harden/services", {whose = "alarms"})
local sqs = include("harden/dead-letters", {whose = "alarms"})

-- With the two dimensions of its target group's metrics, where a load balancer uses it.
local function watched(s)
  local out = {cluster = s.cluster, name = s.name, desired = s.desired,
    group = s.group and s.group:match ":(targetgroup/.+)$"}
  if not s.group then return out end
  local ok, groups = pcall(function() return aws.elbv2:describe_target_groups {TargetGroupArns = {s.group}} end)
  if not ok and not (type(groups) == "table" and groups.code == "TargetGroupNotFound") then error(groups, 0) end
  local balancer = ok and groups.TargetGroups[1] and groups.TargetGroups[1].LoadBalancerArns[1]
  out.balancer = balancer and balancer:match ":loadbalancer/(app/.+)$"
  return out
end

local function look_at_services(out)
  out.services = task.map(ecs.services, watched, {concurrency = 8})
  if #out.services == 0 then return end
  for t in aws.application_autoscaling:items("describe_scalable_targets", {ServiceNamespace = "ecs"}) do
    out.most[t.ResourceId] = t.MaxCapacity
  end
end

-- What the parameter group says of max_connections where somebody set it: a number, or a formula over the memory.
local function connections_of(instance)
  local group = instance.DBParameterGroups and instance.DBParameterGroups[1]
  if not group then return nil end
  local input = {DBParameterGroupName = group.DBParameterGroupName, Source = "user"}
  for p in aws.rds:items("describe_db_parameters", input) do
    if p.ParameterName == "max_connections" then return p.ParameterValue end
  end
end

-- Machines by class: db.t3.micro is EC2's t3.micro.
local function machines_of(instances)
  local types, out = {}, {}
  for _, i in ipairs(instances) do
    local name = i.DBInstanceClass:match "^db%.([%w-]+%.[%w-]+)$"
    if name and not out[name] then types[#types + 1], out[name] = name, {} end
  end
  if #types == 0 then return out end
  -- by filter: a class that EC2 does not know is then left out, not an error
  for t in aws.ec2:items("describe_instance_types", {Filters = {{Name = "instance-type", Values = types}}}) do
    out[t.InstanceType] = {vcpu = t.VCpuInfo.DefaultVCpus, memory = t.MemoryInfo.SizeInMiB * 1024 * 1024}
  end
  return out
end

local function look_at_databases(out)
  local instances = {}
  for i in aws.rds:items("describe_db_instances", {}) do instances[#instances + 1] = i end
  local machines = machines_of(instances)
  out.databases = task.map(instances, function(i)
    local machine = machines[i.DBInstanceClass:match "^db%.(.+)$"] or {}
    return {name = i.DBInstanceIdentifier, class = i.DBInstanceClass, engine = i.Engine, vcpu = machine.vcpu,
      memory = machine.memory, storage = (i.AllocatedStorage or 0) * GIB, connections = connections_of(i)}
  end, {concurrency = 8})
  table.sort(out.databases, function(a, b) return a.name < b.name end)
end

local function look_at_functions(out)
  for f in aws["lambda"]:items("list_functions", {}) do
    out.functions[#out.functions + 1] = {name = f.FunctionName, timeout = f.Timeout or 3}
  end
  table.sort(out.functions, function(a, b) return a.name < b.name end)
end

local ACTIONS = {"AlarmActions", "OKActions", "InsufficientDataActions"}

-- Alarms that are there already under names that begin as ours do: somebody may have made them stricter, or have them
-- tell others too.
local function look_at_alarms(out)
  for page in aws.cloudwatch:pages("describe_alarms", {AlarmNamePrefix = account.prefix .. "-", MaxRecords = 100,
    AlarmTypes = {"MetricAlarm", "CompositeAlarm"}}) do
    for _, list in ipairs {page.MetricAlarms or {}, page.CompositeAlarms or {}} do
      for _, a in ipairs(list) do
        local row = {operator = a.ComparisonOperator, threshold = a.Threshold, period = a.Period,
          evaluations = a.EvaluationPeriods}
        for _, when in ipairs(ACTIONS) do row[when] = a[when] end
        out.alarms[a.AlarmName] = row
      end
    end
  end
end

local found = find "what there is to watch" {run = function()
  local out = {most = {}, functions = {}, alarms = {}}
  task.all {
    function() look_at_services(out) end, function() look_at_databases(out) end,
    function() look_at_functions(out) end, function() look_at_alarms(out) end,
  }
  return out
end}

local function each(what) return ipairs(found[what] or {}) end

-- ## Whom it tells: a topic whose key and policy let CloudWatch publish, or no alarm would ever be heard

local topic_name = account.prefix .. "-ops-alerts"
local ARN = "arn:" .. account.partition .. ":"
local topic_arn = ARN .. "sns:" .. account.region .. ":" .. account.id .. ":" .. topic_name
local of_account = {StringEquals = {["aws:SourceAccount"] = account.id}}

local key = ensure.kms.key {
  name = "alias/" .. topic_name, Description = "Operational alerts", EnableKeyRotation = true,
  PolicyStatements = {
    {Sid = "Owner", Effect = "Allow", Principal = {AWS = ARN .. "iam::" .. account.id .. ":root"}, Action = "kms:*",
      Resource = "*"},
    {Sid = "Alarms", Effect = "Allow", Principal = {Service = "cloudwatch.amazonaws.com"}, Resource = "*",
      Action = {"kms:Decrypt", "kms:GenerateDataKey*"}, Condition = of_account},
  },
}

local ops = ensure.sns.topic {
  name = topic_name, DisplayName = "Operational alerts", KmsMasterKeyId = key.arn,
  PolicyStatements = {
    {Sid = "Owner", Effect = "Allow", Principal = {AWS = account.id}, Resource = topic_arn,
      Action = {"sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:Subscribe", "sns:ListSubscriptionsByTopic",
        "sns:Publish", "sns:AddPermission", "sns:RemovePermission", "sns:DeleteTopic"}},
    {Sid = "Alarms", Effect = "Allow", Principal = {Service = "cloudwatch.amazonaws.com"}, Action = "sns:Publish",
      Resource = topic_arn, Condition = of_account},
  },
  tags = {Purpose = "alarms of operations"},
}

ensure.sns.subscription {TopicArn = ops.arn, Protocol = "email", Endpoint = account.emails.ops}

-- ## How an alarm is made

local made, times, order = {}, {}, {}        -- name -> handle; kind -> {seconds, count}; kinds in turn

local function timed(kind, seconds, critical)
  local row = times[kind]
  if not row then
    row = {kind = kind, count = 0, seconds = 0}
    times[kind], order[#order + 1] = row, row
  end
  row.count, row.seconds, row.critical = row.count + 1, math.max(row.seconds, seconds), row.critical or critical
  if critical and seconds >= CRITICAL then
    error(("%s is critical, and people would hear of it after %d seconds, where it must be under %d: lower the var"
      .. " evaluations"):format(kind, seconds, CRITICAL), 0)
  end
end

local function stricter(operator, live, ours)
  if operator:find "^Less" then return live > ours end
  return live < ours
end

-- What a person tightened stays: a threshold, or the time that it must last.
local function loosened(name, a)
  local live = (found.alarms or {})[name]
  if not live or var.tightened == "replace" or live.operator ~= a.ComparisonOperator then return a end
  if live.threshold and stricter(a.ComparisonOperator, live.threshold, a.Threshold) then
    print(("warning: %s tells at %g where it would be made with %g; the stricter one stays (tightened=replace)"):format(
      name, live.threshold, a.Threshold))
    a.Threshold = live.threshold
  end
  if a.Period and live.period and live.period * live.evaluations < a.Period * a.EvaluationPeriods then
    print(("warning: %s tells within %d s where it would be made with %d s; the sooner one stays (tightened=replace)")
      :format(name, live.period * live.evaluations, a.Period * a.EvaluationPeriods))
    a.Period, a.EvaluationPeriods = live.period, live.evaluations
  end
  return a
end

-- Whom an alarm tells: ours, and whom somebody has it tell too. AWS lets it have five, and theirs come first.
local function told(name, when)
  local others, live = {}, (found.alarms or {})[name] or {}
  for _, arn in ipairs(live[when] or {}) do
    if arn ~= topic_arn then others[#others + 1] = arn end
  end
  if #others < 5 then return {ops.arn, table.unpack(others)} end
  print(("%s: %s has five others already, as many as AWS takes, so %s is not told"):format(name, when, topic_name))
  return others
end

local function dimensions_of(map)
  local out = {}
  for name, value in pairs(map) do out[#out + 1] = {Name = name, Value = value} end
  return out
end

-- One item of an expression's metrics: not drawn, only counted with.
local function part(id, a)
  return {Id = id, ReturnData = false, MetricStat = {Stat = a.stat, Period = a.period or 60,
    Metric = {Namespace = a.namespace, MetricName = a.metric, Dimensions = dimensions_of(a.of)}}}
end

-- a: namespace, metric, of (dimensions), stat; or expression and parts. above or below; minutes it lasts, or period and
-- times; missing; critical; about.
local function alarm(kind, whose, a)
  local name = account.prefix .. "-" .. whose .. "-" .. kind
  local period, times_ = a.period or 60, a.times or var.evaluations
  local want = loosened(name, {
    AlarmDescription = a.about, EvaluationPeriods = times_, Threshold = a.above or a.below or a.from,
    ComparisonOperator = a.above and "GreaterThanThreshold" or a.below and "LessThanThreshold"
      or "GreaterThanOrEqualToThreshold",
    TreatMissingData = a.missing or "missing", AlarmActions = told(name, "AlarmActions"),
    OKActions = told(name, "OKActions"),
    Period = not a.expression and period or nil,
  })
  want.name = name
  if a.expression then
    want.Metrics = table.move(a.parts, 1, #a.parts, 2, {{Id = "value", Expression = a.expression, Label = kind,
      ReturnData = true}})
  else
    want.Namespace, want.MetricName, want.Dimensions = a.namespace, a.metric, dimensions_of(a.of)
    if a.stat:find "^p%d" then want.ExtendedStatistic = a.stat else want.Statistic = a.stat end
  end
  if a.silence then want.InsufficientDataActions = told(name, "InsufficientDataActions") end
  made[name] = ensure.cloudwatch.alarm(want)
  timed(whose:match "^%a+" .. " " .. kind, (want.Period or period) * want.EvaluationPeriods, a.critical)
  return {name = name, handle = made[name], seconds = (want.Period or period) * want.EvaluationPeriods}
end

-- An alarm on others, told as soon as the slowest of those that make it up.
local function composite(kind, whose, rule, parts, about)
  local name, seconds, after = account.prefix .. "-" .. whose .. "-" .. kind, 0, {}
  for i, p in ipairs(parts) do seconds, after[i] = math.max(seconds, p.seconds), p.handle end
  made[name] = ensure.cloudwatch.composite_alarm {
    name = name, AlarmDescription = about, AlarmRule = rule, AlarmActions = told(name, "AlarmActions"),
    OKActions = told(name, "OKActions"), after = after,
  }
  timed(whose:match "^%a+" .. " " .. kind, seconds, true)
  return {name = name, handle = made[name]}
end

local function on(p) return 'ALARM("' .. p.name .. '")' end

local overview = {critical = {}, ecs = {}, rds = {}, sqs = {}}        -- alarms by the place they are shown in

local function shown(place, ...)
  for _, a in ipairs {...} do table.insert(overview[place], a.name) end
end

-- ## Services

for _, s in each "services" do
  local whose = "ecs-" .. s.cluster .. "-" .. s.name
  local of = {ClusterName = s.cluster, ServiceName = s.name}
  local cpu = alarm("cpu-high", whose, {namespace = "AWS/ECS", metric = "CPUUtilization", of = of, stat = "Average",
    above = var.cpu, critical = true, about = "The service is short of CPU. Does it scale?"})
  local memory = alarm("memory-high", whose, {namespace = "AWS/ECS", metric = "MemoryUtilization", of = of,
    stat = "Average", above = var.memory, critical = true, about = "The service is short of memory: tasks die next."})
  shown("ecs", cpu, memory)
  -- Running tasks send one sample a minute each; none at all is what no running task looks like, with Container
  -- Insights or without. A service that is scaled to nothing on purpose is not missed.
  if s.desired > 0 then
    local none = alarm("no-running-tasks", whose, {namespace = "AWS/ECS", metric = "CPUUtilization", of = of,
      stat = "SampleCount", below = 1, times = 2, missing = "breaching", critical = true,
      about = "No task of the service runs. Look at its events and at the logs of stopped tasks."})
    local rule = on(none) .. " OR (" .. on(cpu) .. " AND " .. on(memory) .. ")"
    shown("critical", none, composite("unhealthy", whose, rule, {none, cpu, memory},
      "The service does not run, or is short of everything."))
  else
    print(("%s/%s is scaled to 0: nobody is told when no task of it runs"):format(s.cluster, s.name))
  end
  alarm("restarts-high", whose, {namespace = "ECS/ContainerInsights", metric = "RestartCount", of = of, stat = "Sum",
    period = 300, times = 1, above = 5, missing = "notBreaching", about = "Containers of the service keep dying."})
  alarm("max-capacity", whose, {namespace = "ECS/ContainerInsights", metric = "DesiredTaskCount", of = of,
    stat = "Average", period = 300, times = 1, missing = "notBreaching",
    from = found.most["service/" .. s.cluster .. "/" .. s.name] or var.capacity,
    about = "The service cannot scale further."})
  if s.balancer then
    alarm("requests-high", whose, {namespace = "AWS/ApplicationELB", metric = "RequestCount", stat = "Sum",
      of = {LoadBalancer = s.balancer, TargetGroup = s.group}, above = var.requests, missing = "notBreaching",
      about = "More requests than usual: a campaign, a crawler or an attack."})
  end
end

-- ## Clusters: CPU units and megabytes are no percent, so they are counted against what is reserved

for _, name in ipairs(ecs.clusters) do
  local function percent(kind, used, reserved, limit, about)
    local function value(metric) return {namespace = "ECS/ContainerInsights", metric = metric, stat = "Sum",
      of = {ClusterName = name}} end
    alarm(kind, "ecs-" .. name, {expression = "100 * used / reserved", above = limit, missing = "notBreaching",
      parts = {part("used", value(used)), part("reserved", value(reserved))}, about = about})
  end
  percent("cpu-high", "CpuUtilized", "CpuReserved", var.cpu, "The cluster's tasks use most of the CPU they reserve.")
  percent("memory-high", "MemoryUtilized", "MemoryReserved", var.memory,
    "The cluster's tasks use most of the memory they reserve.")
end

-- ## Queues

local function queue_alarm(kind, name, metric, a)
  a.namespace, a.metric, a.of, a.stat = "AWS/SQS", metric, {QueueName = name}, "Maximum"
  return alarm(kind, "sqs-" .. name, a)
end

local VISIBLE, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"

for _, name in ipairs(sqs.queues) do
  shown("sqs", queue_alarm("age-high", name, AGE, {above = var.age, times = 3,
    about = "The oldest message waits too long: is the consumer alive?"}))
  shown("sqs", queue_alarm("depth-high", name, VISIBLE, {above = var.depth,
    about = "Messages come faster than they are read."}))
end
for _, name in ipairs(sqs.dead) do
  shown("critical", queue_alarm("dead-letters", name, VISIBLE, {above = var.dead, times = 1, missing = "notBreaching",
    critical = true, about = "Messages failed for good. Read one, mend the cause, then redrive the queue."}))
end

-- Where provision/rate-limiter has made its own alarms, those stand.
local has_own = (found.alarms or {})[account.prefix .. "-rate-limiter-fails"]

for _, name in ipairs(sqs.queues) do
  if name == limiter and not has_own then
    local of = {Environment = account.env}
    local function metric(called, stat)
      return {namespace = METRICS_OF_LIMITER, metric = called, of = of, stat = stat, period = 300, times = 1,
        missing = "notBreaching"}
    end
    local function with(a, more)
      for k, v in pairs(more) do a[k] = v end
      return a
    end
    queue_alarm("limiter-depth-high", name, VISIBLE, {above = 100, about = "More waits than ten minutes can send."})
    queue_alarm("limiter-age-high", name, AGE, {above = 600, times = 1, about = "A message has waited ten minutes."})
    alarm("error-rate-high", "limiter", {expression = "100 * failed / received", period = 300, times = 1, above = 5,
      missing = "notBreaching", about = "Messages that were taken could not be sent.",
      parts = {part("failed", metric("MessagesFailed", "Sum")), part("received", metric("MessagesReceived", "Sum"))}})
    alarm("latency-high", "limiter", with(metric("QueueLatency", "Average"), {above = 5000,
      about = "Messages take more than five seconds from the queue to the platform."}))
    alarm("deferred-high", "limiter", with(metric("RateLimitedMessages", "Sum"), {above = 50,
      about = "Many messages had to wait for their turn. It is no fault: somebody sends a lot."}))
  end
end

-- ## Databases: what is much depends on the machine

-- PostgreSQL's own default is a connection for each 9531392 bytes; the machine keeps some memory to itself.
local function most_connections(db)
  local said = tonumber(db.connections)
  if said or not db.memory then return said end
  local usable = db.memory - math.max(300 * 1024 ^ 2, 0.08 * db.memory)
  local bytes = tonumber((db.connections or ""):match "DBInstanceClassMemory/(%d+)")
    or (db.engine:find "postgres" and 9531392 or 12582880)
  local cap = tonumber((db.connections or ""):match "LEAST%b{},?%s*(%d+)" or (db.connections or ""):match ",%s*(%d+)%)")
  return math.floor(math.min(usable / bytes, cap or 5000))
end

for _, db in each "databases" do
  local whose, of = "rds-" .. db.name, {DBInstanceIdentifier = db.name}
  local function watch(kind, metric, a)
    a.namespace, a.metric, a.of, a.stat = a.namespace or "AWS/RDS", metric, of, a.stat or "Average"
    local one = alarm(kind, whose, a)
    shown("rds", one)
    return one
  end
  local aurora = db.engine:find "^aurora"                             -- whose storage grows by itself
  local parts = {
    watch("cpu-high", "CPUUtilization", {above = var.db_cpu, critical = true, about = "The database is short of CPU."}),
  }
  if not aurora then
    parts[2] = watch("storage-low", "FreeStorageSpace", {below = math.floor(db.storage * var.db_storage / 100),
      critical = true, about = "The disk is nearly full: the database stops when it is."})
  end
  if db.memory then
    parts[#parts + 1] = watch("memory-low", "FreeableMemory", {below = math.floor(db.memory * var.db_memory / 100),
      critical = true, about = "The database swaps next."})
    parts[#parts + 1] = watch("connections-high", "DatabaseConnections", {critical = true,
      above = math.floor(most_connections(db) * var.db_connections / 100),
      about = "Soon nobody can connect any more: who holds connections?"})
    watch("load-high", "DBLoad", {above = db.vcpu * var.db_load / 100,
      about = "More sessions are active than there are vCPUs. Performance Insights shows the statements."})
  else
    print(("%s is of class %s, which EC2 does not know: no alarm on memory, connections and load"):format(db.name,
      db.class))
  end
  local rules = {}
  for i, p in ipairs(parts) do rules[i] = on(p) end
  shown("critical", composite("unhealthy", whose, table.concat(rules, " OR "), parts,
    "The database is short of something it cannot do without."))
  watch("read-latency-high", "ReadLatency", {above = 0.1, about = "A read takes more than 100 ms."})
  watch("write-latency-high", "WriteLatency", {above = 0.1, about = "A write takes more than 100 ms."})
  if not aurora then watch("disk-queue-high", "DiskQueueDepth", {above = 10, about = "The disk does not keep up."}) end
  if db.engine:find "postgres" then
    -- Published by runbooks/database-insights.lua on a schedule; where that stops, people are told too.
    watch("slow-statement", "SlowestStatementLatency", {namespace = METRICS_OF_DATABASES, stat = "Maximum",
      above = var.slow, period = 300, times = 1, silence = true, about = "A statement is slow. The schedule's log"
      .. " names it."})
    watch("lock-waits-high", "LockWaitTime", {namespace = METRICS_OF_DATABASES, stat = "Maximum", above = var.locks,
      period = 300, times = 1, silence = true, about = "Sessions wait for each other's locks."})
  end
end

-- ## Functions

for _, f in each "functions" do
  local function value(metric, stat) return {namespace = "AWS/Lambda", metric = metric, stat = stat,
    of = {FunctionName = f.name}, period = 300} end
  alarm("errors-high", "lambda-" .. f.name, {expression = "100 * errors / invocations", period = 300, times = 1,
    above = var.errors, missing = "notBreaching", about = "Calls of the function fail.",
    parts = {part("errors", value("Errors", "Sum")), part("invocations", value("Invocations", "Sum"))}})
  alarm("throttled", "lambda-" .. f.name, {namespace = "AWS/Lambda", metric = "Throttles", stat = "Sum", times = 1,
    of = {FunctionName = f.name}, above = 0, missing = "notBreaching",
    about = "Calls are refused: concurrency is used up."})
  alarm("duration-high", "lambda-" .. f.name, {namespace = "AWS/Lambda", metric = "Duration", stat = "p95",
    of = {FunctionName = f.name}, above = f.timeout * 1000 * var.duration / 100, missing = "notBreaching",
    about = "The function comes near its time limit."})
end

local running = {}
for i, s in ipairs(ecs.services) do running[i] = s.label end

include("harden/dashboards", {critical = overview.critical, services = overview.ecs, databases = overview.rds,
  queues = overview.sqs, clusters = ecs.clusters, running = running, work = sqs.queues, dead = sqs.dead,
  slow = math.floor(var.slow)})

-- ## How soon people hear of it

local count = 0
for _, row in ipairs(order) do
  count = count + row.count
  print(("%-26s %3d  within %4d s of the first bad minute%s"):format(row.kind, row.count, row.seconds,
    row.critical and "  critical" or ""))
end
if count > 0 then
  print(("%d alarms, the critical ones told in under %d s; about %.0f USD a month"):format(count, CRITICAL,
    count * 0.1))
else
  print(("There is nothing to watch in %s yet: no cluster, queue, database or function. Is it the right region?"
    .. " Run this again when there is something."):format(account.region))
end
