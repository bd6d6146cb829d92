--- What a playbook owns by its tags and no longer declares: the candidates of --prune and destroy.
local engine_of = require "playbook.engine"
local fault = require "playbook.fault"
local planner = require "playbook.planner"
local resources = require "resources"

local prune = {}

local function owners_of(engine)
  local seen, out = {[engine.program.header.name] = true}, {engine.program.header.name}
  for _, node in ipairs(engine.nodes) do
    if not seen[node.owner] then
      seen[node.owner] = true
      out[#out + 1] = node.owner
    end
  end
  return out
end

-- The type and name behind an ARN, or nil where no type says that it is one of its own.
local function recognise(arn)
  for _, name in ipairs(resources.names()) do
    local t = resources.find(name)
    local key = t.arns and arn:match(t.arns)
    if key then return t, key end
  end
end

local function orphan(engine, t, name, owner, arn)
  local address = t.type .. "/" .. name
  if engine.by_address[address] then return nil end
  return {type = t, name = name, address = address, want = {name = name}, deps = {}, owner = owner, arn = arn,
    action = "delete", why = ("%s owns it and no longer declares it"):format(owner),
    index = 100000 + #engine.nodes}
end

--- Nodes to delete, read already. What is not recognised is told to `engine.emit`, and left alone.
function prune.find(engine)
  if engine.narrowed then
    fault.fail(64, "--prune looks at the whole playbook; it cannot be used with --target or --exclude.")
  end
  local aws, out = engine.recorder:client(), {}
  for _, owner in ipairs(owners_of(engine)) do
    for row in aws.resourcegroupstaggingapi:items("get_resources",
      {TagFilters = {{Key = engine_of.OWNER_TAG, Values = {owner}}}}) do
      local t, name = recognise(row.ResourceARN)
      if t then
        out[#out + 1] = orphan(engine, t, name, owner, row.ResourceARN)
      else
        engine.emit {kind = "note", line = ("    %s is owned by %s, but is of no type that can be pruned"):format(
          row.ResourceARN, owner)}
      end
    end
  end
  planner.read(engine, out)
  local live = {}
  for _, node in ipairs(out) do
    if node.read_error then error(node.read_error, 0) end
    if node.live then live[#live + 1] = node end
  end
  return live
end

--- Turns a plan into one that deletes all that exists of it; what another playbook owns stays.
function prune.everything(engine)
  for _, node in ipairs(engine.nodes) do
    local tags = node.live and node.live.Tags
    local owner = tags and tags[engine_of.OWNER_TAG]
    if not node.live then
      node.action, node.why = "none", "there is none"
    elseif node.type.tagged and owner ~= node.owner then
      node.action = "none"
      node.why = owner and "it belongs to playbook " .. owner or "no playbook owns it by its tag"
    else
      node.action, node.why = "delete", "destroy"
    end
    node.changes = nil
  end
end

--- Sentences on what refuses to be deleted: nothing is begun while there is one.
function prune.protected(nodes)
  local out = {}
  for _, node in ipairs(nodes) do
    if node.action == "delete" then
      local why = node.protect and "the playbook says protect = true"
        or node.type.protected and node.type.protected(node.live)
      if why then out[#out + 1] = ("%s: %s"):format(node.address, why) end
    end
  end
  return out
end

return prune
