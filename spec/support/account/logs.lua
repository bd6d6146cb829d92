-- logs.lua -- sixty log groups, most of them kept for ever.
local SERVICES <const> = {"api", "worker", "playwright", "of-scraper", "of-sync", "of-messages", "orchestrator",
  "content", "chatbot", "analytics"}
local RETENTION <const> = {false, false, false, 7, 14, 30, 60, 365}

local function names_of(world)
  local out = {}
  local function add(name, ...) out[#out + 1] = name:format(...) end
  for _, service in ipairs(SERVICES) do
    add("/ecs/%s/%s", world.prefix, service)
    add("/aws/lambda/%s-%s", world.prefix, service)
    add("/aws/apigateway/%s-%s", world.prefix, service)
    add("/aws/codebuild/%s-%s", world.prefix, service)
  end
  for n = 1, 8 do add("/aws/amplify/app-%d", n) end
  for _, kind in ipairs {"postgresql", "upgrade"} do
    add("/aws/rds/instance/%s-postgres-production/%s", world.prefix, kind)
  end
  for _, name in ipairs {"/aws/guardduty/malware-scan", "/aws/vpc/flowlogs", "/aws/cloudtrail/old", "RDSOSMetrics",
    "/aws/waf/front", "/aws/events/all", "/aws/ecs/containerinsights/ai-team/performance", "/aws/sns/delivery",
    "/aws/stepfunctions/imports", "/aws/synthetics/api-health"} do add("%s", name) end
  return out
end

local function make(world, name, n)
  world.aws.logs:create_log_group {logGroupName = name}
  local days = RETENTION[(n - 1) % #RETENTION + 1]
  if days then world.aws.logs:put_retention_policy {logGroupName = name, retentionInDays = days} end
  return name
end

-- A few lines, so that some of them hold bytes.
local function write(world, name)
  world.aws.logs:create_log_stream {logGroupName = name, logStreamName = "one"}
  world.aws.logs:put_log_events {logGroupName = name, logStreamName = "one", logEvents = {
    {timestamp = os.time() * 1000, message = ("x"):rep(4096)}}}
end

return function(world)
  local groups = world.each(names_of(world), function(name, n) return make(world, name, n) end)
  assert(#groups == 60, #groups .. " log groups, not 60")
  world.each({groups[1], groups[2], groups[5]}, function(name) write(world, name) end)
  return {groups = groups}
end
