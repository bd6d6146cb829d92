--- tidelock drift: a plan that also says who changed what, and when, as far as CloudTrail tells.
local planner = require "playbook.planner"
local playbook = require "playbook"
local playing = require "cli.playing"

local MANY <const> = 3

local function changed(engine)
  local out = {}
  for _, node in ipairs(engine.nodes) do
    if node.action ~= "none" and (node.live or node.action == "create") then out[#out + 1] = node end
  end
  return out
end

local function events(engine, node)
  local out = {}
  for event in engine.recorder:client().cloudtrail:items("lookup_events", {
    LookupAttributes = {{AttributeKey = "ResourceName", AttributeValue = node.live and node.live.arn or node.name}}}) do
    if event.ReadOnly ~= "true" then
      out[#out + 1] = {name = event.EventName, user = event.Username or "?", time = event.EventTime}
      if #out == MANY then break end
    end
  end
  return out
end

local function who(engine, node)
  local ok, found = pcall(events, engine, node)
  if not ok then return {"CloudTrail could not be read: " .. tostring(found)} end
  if #found == 0 then return {"CloudTrail has no write to it in the last 90 days"} end
  local out = {}
  for i, event in ipairs(found) do
    out[i] = ("%s by %s, %s"):format(event.name, event.user,
      type(event.time) == "number" and os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(event.time)) or "?")
  end
  return out
end

local function run(args, ctx)
  local loaded, context = playing.load(playing.file(args, "drift"), args, ctx)
  local engine = playbook.plan(loaded, context, {target = args.target, exclude = args.exclude})
  local nodes = changed(engine)
  for _, node in ipairs(nodes) do node.changed_by = who(engine, node) end
  playing.show(engine, args, ctx)
  playing.close(context, ctx)
  if not ctx:wants_json() then
    for _, node in ipairs(nodes) do
      ctx:print("  " .. node.address)
      for _, line in ipairs(node.changed_by) do ctx:print("      " .. line) end
    end
  end
  return planner.changes_anything(engine.nodes) and 2 or 0
end

return {
  name = "drift",
  about = "What is not as the playbook says, and who changed it",
  usage = "tidelock drift FILE.lua [--account FILE]; exits 2 where there is drift",
  options = playing.options {},
  run = run,
}
