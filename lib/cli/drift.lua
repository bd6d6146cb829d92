--- tidelock drift: a plan that also says who changed what, and when, as far as CloudTrail tells.
local place = require "playbook.place"
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"
local visible = require "visible"

local MANY <const> = 3

local function changed(engine)
  local out = {}
  for _, node in ipairs(engine.nodes) do
    if node.action ~= "none" and (node.live or node.action == "create") then out[#out + 1] = node end
  end
  return out
end

-- Services of no region, whose events are kept in one of each partition.
local GLOBAL <const> = {budgets = true, ce = true, iam = true}
local HOME <const> = {aws = "us-east-1", ["aws-cn"] = "cn-north-1", ["aws-us-gov"] = "us-gov-west-1"}

local function trail_of(engine, node)
  local aws = engine.recorder:client()
  local home = GLOBAL[node.type.type:match "^[^.]+"] and HOME[place.partition(engine.region)]
  return home and home ~= engine.region and aws:client("cloudtrail", {region = home}) or aws.cloudtrail
end

-- The name under which CloudTrail files it is the service's own choice: the name first, then the ARN.
local function events_of(trail, name)
  local out = {}
  for event in trail:items("lookup_events", {
    LookupAttributes = {{AttributeKey = "ResourceName", AttributeValue = name}}}) do
    if event.ReadOnly ~= "true" then
      out[#out + 1] = {event = event.EventName, user = event.Username or "?", time = event.EventTime}
      if #out == MANY then break end
    end
  end
  return out
end

local function events(engine, node)
  local trail = trail_of(engine, node)
  local found = events_of(trail, node.name:match "[^/]*$")
  if #found == 0 and node.live and node.live.arn then return events_of(trail, node.live.arn) end
  return found
end

-- Who changed it, as rows {event, user, time}; or a sentence on why that is not known.
local function who(engine, node)
  local ok, found = pcall(events, engine, node)
  if not ok then return nil, "CloudTrail could not be read: " .. tostring(found) end
  if #found == 0 then return nil, "CloudTrail has no write to it in the last 90 days" end
  return found
end

local function when(event)
  return type(event.time) == "number" and os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(event.time)) or "?"
end

local function lines(ctx, nodes)
  for _, node in ipairs(nodes) do
    ctx:print("  " .. visible.line(node.address))
    for _, event in ipairs(node.changed_by or {}) do
      ctx:print("      " .. visible.line(("%s by %s, %s"):format(event.event, event.user, when(event))))
    end
    if node.changed_why then ctx:print("      " .. visible.line(node.changed_why)) end
  end
end

local function run(args, ctx)
  local loaded, context = playing.load(playing.file(args, "drift"), args, ctx)
  local engine = playbook.plan(loaded, context, {target = args.target, exclude = args.exclude,
    purpose = "drift"})
  local nodes = changed(engine)
  for _, node in ipairs(nodes) do node.changed_by, node.changed_why = who(engine, node) end
  playing.show(engine, args, ctx)
  if not ctx:wants_json() then lines(ctx, nodes) end
  return planner.changes_anything(engine.nodes) and 2 or 0
end

return {
  name = "drift",
  about = "What is not as the playbook says, and who changed it",
  usage = "tidelock drift FILE.lua [--account FILE]; exits 2 where there is drift",
  options = playing.options {},
  queries = true,
  run = playing.heard(run),
}
