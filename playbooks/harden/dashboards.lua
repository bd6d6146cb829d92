--- The dashboards: clusters, alarms, databases, queues and functions, the rate limiter, storage. They show what there
-- is when this runs; harden/alarms includes it, and names the alarms.
playbook {
  name = "harden/dashboards",
  about = "CloudWatch dashboards of everything found; of alarms too where harden/alarms includes it",
  vars = {
    critical = {"list", default = {}, about = "names of the alarms that wake people"},
    services = {"list", default = {}, about = "names of alarms of services"},
    databases = {"list", default = {}, about = "names of alarms of databases"},
    queues = {"list", default = {}, about = "names of alarms of queues"},
    clusters = {"list", default = {}, about = "clusters to show; where none is given all that there are"},
    running = {"list", default = {}, about = "services to show, as cluster/service, likewise"},
    work = {"list", default = {}, about = "queues to work off, likewise"},
    dead = {"list", default = {}, about = "queues of dead letters, likewise"},
    slow = {"number", default = 1000, min = 1, about = "milliseconds from which a statement is shown as slow"},
  },
}

local METRICS_OF_LIMITER = "Tidelock/RateLimiter"                    -- what workers/rate-limiter.lua writes
local METRICS_OF_DATABASES = "Tidelock/Database"                     -- what runbooks/database-insights.lua publishes
local VISIBLE, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
local limiter = account.prefix .. "-rate-limiter-queue"

-- ## What there is

local function names_of(service, operation, input, name)
  local out = {}
  for item in aws[service]:items(operation, input) do out[#out + 1] = name(item) end
  table.sort(out)
  return out
end

local found = find "what there is to show" {run = function()
  local out = {}
  task.all {
    function()
      out.databases = names_of("rds", "describe_db_instances", {}, function(i) return i.DBInstanceIdentifier end)
    end,
    function()
      out.functions = names_of("lambda", "list_functions", {}, function(f) return f.FunctionName end)
    end,
    function()
      out.logs = names_of("logs", "describe_log_groups", {logGroupNamePrefix = "/ecs/"},
        function(g) return g.logGroupName end)
    end,
    function()
      out.decisions = names_of("logs", "describe_log_groups", {logGroupNamePattern = "rate-limiter"},
        function(g) return g.logGroupName end)
    end,
  }
  return out
end}

local lists = {clusters = var.clusters, services = var.running, queues = var.work, dead = var.dead,
  databases = found.databases, functions = found.functions}
if #var.clusters == 0 then
  local ecs = include("harden/services", {whose = "dashboards"})
  lists.clusters, lists.services = ecs.clusters, {}
  for i, s in ipairs(ecs.services) do lists.services[i] = s.label end
end
if #var.work + #var.dead == 0 then
  local sqs = include("harden/dead-letters", {whose = "dashboards"})
  lists.queues, lists.dead = sqs.queues, sqs.dead
end

local function each(what) return ipairs(lists[what] or {}) end

-- ## Dashboards: two widgets a row

local function widget(kind, title, properties)
  properties.title, properties.region = title, account.region
  return {type = kind, properties = properties}
end

local function graph(title, metrics, more)
  local properties = more or {}
  properties.metrics, properties.view = metrics, properties.view or "timeSeries"
  return widget("metric", title, properties)
end

local function lines(title, groups, rest)
  local sources = {}
  for i = 1, math.min(#groups, 50) do sources[i] = "SOURCE '" .. groups[i] .. "' | " end
  return widget("log", title, {query = table.concat(sources) .. rest, view = "table"})
end

local function dashboard(name, widgets)
  if #widgets == 0 then return end
  for i, w in ipairs(widgets) do
    w.x, w.y, w.width, w.height = (i - 1) % 2 * 12, (i - 1) // 2 * 6, 12, 6
  end
  ensure.cloudwatch.dashboard {name = account.prefix .. "-" .. name, DashboardBody = {widgets = widgets}}
end

-- One line for each thing: namespace, metric, then the dimensions that `of(thing)` gives, options last.
local function rows(what, namespace, metrics, of)
  local out = {}
  for _, thing in each(what) do
    for _, metric in ipairs(metrics) do
      local row = table.move(of(thing), 1, #of(thing), 3, {namespace, metric[1]})
      row[#row + 1] = {stat = metric[2], label = metric.label}
      out[#out + 1] = row
    end
  end
  return out
end

local function some(widgets, title, metrics, more)
  if #metrics > 0 then widgets[#widgets + 1] = graph(title, metrics, more) end
end

local INSIGHTS = "ECS/ContainerInsights"
local function cluster(name) return {"ClusterName", name} end
local function service(path)
  return {"ClusterName", path:match "^[^/]+", "ServiceName", path:match "[^/]+$"}
end
local function database(name) return {"DBInstanceIdentifier", name} end
local function queue(name) return {"QueueName", name} end
local function func(name) return {"FunctionName", name} end

local page = {}
some(page, "CPU used (units)", rows("clusters", INSIGHTS, {{"CpuUtilized", "Average"}}, cluster))
some(page, "Memory used (MB)", rows("clusters", INSIGHTS, {{"MemoryUtilized", "Average"}}, cluster))
some(page, "Running tasks", rows("services", INSIGHTS, {{"RunningTaskCount", "Average"}}, service))
some(page, "Restarts", rows("services", INSIGHTS, {{"RestartCount", "Sum"}}, service))
if #page > 0 and #(found.logs or {}) > 0 then
  page[#page + 1] = lines("Errors", found.logs,
    "fields @timestamp, @log, @message | filter @message like /ERROR/ | sort @timestamp desc | limit 20")
end
dashboard("ecs-container-insights", page)

page = {}
for _, place in ipairs {"critical", "services", "databases", "queues"} do
  local arns = {}
  for i, name in ipairs(var[place]) do
    arns[i] = "arn:" .. account.partition .. ":cloudwatch:" .. account.region .. ":" .. account.id .. ":alarm:" .. name
  end
  for from = 1, #arns, 100 do                                        -- as many as a widget takes
    page[#page + 1] = {type = "alarm", properties = {title = place,
      alarms = table.move(arns, from, math.min(from + 99, #arns), 1, {})}}
  end
end
dashboard("alarms-overview", page)

page = {}
some(page, "Load (sessions)", rows("databases", "AWS/RDS", {{"DBLoad", "Average"}, {"DBLoad", "Maximum"}}, database))
some(page, "CPU", rows("databases", "AWS/RDS", {{"CPUUtilization", "Average"}}, database))
some(page, "Free memory", rows("databases", "AWS/RDS", {{"FreeableMemory", "Average"}}, database))
some(page, "Latency", rows("databases", "AWS/RDS", {{"ReadLatency", "Average"}, {"WriteLatency", "Average"}}, database))
some(page, "Connections", rows("databases", "AWS/RDS", {{"DatabaseConnections", "Average"},
  {"DatabaseConnections", "Maximum"}}, database))
some(page, "Operations", rows("databases", "AWS/RDS", {{"ReadIOPS", "Average"}, {"WriteIOPS", "Average"}}, database))
some(page, "Slowest statement and waits for locks (ms)", rows("databases", METRICS_OF_DATABASES,
  {{"SlowestStatementLatency", "Maximum"}, {"LockWaitTime", "Maximum"}}, database))
some(page, "Free storage", rows("databases", "AWS/RDS", {{"FreeStorageSpace", "Average"}}, database))
for _, name in each "databases" do
  page[#page + 1] = lines("Slow statements of " .. name, {"/aws/rds/instance/" .. name .. "/postgresql"},
    'parse @message "duration: * ms" as ms | filter ms > ' .. math.floor(var.slow) .. " | sort ms desc | limit 20")
end
dashboard("rds-performance", page)

page = {}
some(page, "Messages waiting", rows("queues", "AWS/SQS", {{VISIBLE, "Maximum"}}, queue))
some(page, "Oldest message (s)", rows("queues", "AWS/SQS", {{AGE, "Maximum"}}, queue))
some(page, "Dead letters", rows("dead", "AWS/SQS", {{VISIBLE, "Maximum"}}, queue))
some(page, "Calls", rows("functions", "AWS/Lambda", {{"Invocations", "Sum"}, {"Errors", "Sum"}, {"Throttles", "Sum"}},
  func))
some(page, "Duration (ms)", rows("functions", "AWS/Lambda", {{"Duration", "Average"}, {"Duration", "p99"}}, func))
some(page, "Concurrent calls", rows("functions", "AWS/Lambda", {{"ConcurrentExecutions", "Maximum"}}, func))
dashboard("queues-and-functions", page)

for _, name in each "queues" do
  if name == limiter then
    local function counted(metric, stat, more)
      local options = more or {}
      options.stat = stat
      return {METRICS_OF_LIMITER, metric, "Environment", account.env, options}
    end
    local function sums(...)
      local out = {}
      for i, metric in ipairs {...} do out[i] = counted(metric, "Sum") end
      return out
    end
    page = {
      graph("Messages", sums("MessagesReceived", "MessagesSent", "MessagesFailed", "RateLimitedMessages",
        "MessagesDuplicate", "MessagesDeadLettered")),
      graph("Received, by priority", sums("MessagesOfHighPriority", "MessagesOfMediumPriority",
        "MessagesOfLowPriority"), {stacked = true}),
      graph("From queue to platform (ms)", {counted("QueueLatency", "Average"), counted("QueueLatency", "Maximum"),
        counted("QueueLatency", "p99")}),
      graph("Waiting and in flight", {{"AWS/SQS", VISIBLE, "QueueName", name},
        {"AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", name}}, {stacked = true}),
      graph("Oldest message (s)", {{"AWS/SQS", AGE, "QueueName", name, {stat = "Maximum"}}}),
      graph("Through the queue", {{"AWS/SQS", "NumberOfMessagesSent", "QueueName", name, {stat = "Sum"}},
        {"AWS/SQS", "NumberOfMessagesReceived", "QueueName", name, {stat = "Sum"}},
        {"AWS/SQS", "NumberOfMessagesDeleted", "QueueName", name, {stat = "Sum"}}}),
      graph("Sent and failed of what was received (%)", {
        {{expression = "100 * sent / received", label = "sent"}},
        {{expression = "100 * failed / received", label = "failed"}},
        counted("MessagesReceived", "Sum", {id = "received", visible = false}),
        counted("MessagesSent", "Sum", {id = "sent", visible = false}),
        counted("MessagesFailed", "Sum", {id = "failed", visible = false})}, {yAxis = {left = {min = 0, max = 100}}}),
    }
    if #found.decisions > 0 then
      page[#page + 1] = lines("Decisions", found.decisions,
        "fields @timestamp, event, @message | sort @timestamp desc | limit 50")
    end
    dashboard("rate-limiter", page)
  end
end

-- Buckets by search, so that new ones are in it: size is told a storage class, once a day.
dashboard("s3-storage", {
  graph("Bytes", {{{id = "bytes", label = "", expression = "SEARCH('{AWS/S3,BucketName,StorageType}"
    .. " MetricName=\"BucketSizeBytes\"', 'Average', 86400)"}}}, {period = 86400}),
  graph("Objects", {{{id = "objects", label = "", expression = "SEARCH('{AWS/S3,BucketName,StorageType}"
    .. " MetricName=\"NumberOfObjects\"', 'Average', 86400)"}}}, {period = 86400}),
})
