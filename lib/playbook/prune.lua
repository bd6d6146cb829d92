--- What a playbook owns by its tags and no longer declares: the candidates of --prune and destroy.
local fault = require "playbook.fault"
local planner = require "playbook.planner"
local resources = require "resources"

local prune = {}

local OWNER_TAG <const> = require "playbook.declare".OWNER_TAG

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

-- The types and the name behind an ARN: more than one where ARNs look alike (alarms, and those composed of them); only
-- the right one finds it when it is read. None where no type says that it is one of its own.
local function recognise(arn)
  local types, key = {}, nil
  for _, name in ipairs(resources.names()) do
    local t = resources.find(name)
    local found = t.arns and arn:match(t.arns)
    if found then types[#types + 1], key = t, found end
  end
  return types, key
end

local function orphan(engine, t, name, owner)
  local address = t.type .. "/" .. name
  if engine.by_address[address] then return nil end
  return {type = t, name = name, address = address, want = {name = name}, deps = {}, owner = owner,
    action = "delete", why = ("%s owns it and no longer declares it"):format(owner),
    index = 100000 + #engine.nodes}
end

local function note(engine, text, ...)
  text = text:format(...)
  engine.notes = engine.notes or {}
  table.insert(engine.notes, text)
  engine.emit {kind = "note", line = "    " .. text}
end

-- By the account's own tag call, of this region.
local function by_tags(engine, aws, owners, add)
  for _, owner in ipairs(owners) do
    for row in aws.resourcegroupstaggingapi:items("get_resources",
      {TagFilters = {{Key = OWNER_TAG, Values = {owner}}}}) do
      local types, name = recognise(row.ResourceARN)
      local t = types[1]
      if engine.own_arns[row.ResourceARN] then  -- luacheck: ignore
      elseif t and not t.kept then
        for _, one in ipairs(types) do add(one, name, owner) end
      elseif t then
        note(engine, "%s is owned by %s and stays: %s", row.ResourceARN, owner, t.kept)
      elseif not t then
        note(engine, "%s is owned by %s, but is of no type that can be pruned", row.ResourceARN, owner)
      end
    end
  end
end

-- By the services whose resources that call does not know: each is asked for all it has, with tags.
local function by_service(engine, aws, owners, add)
  local mine = {}
  for _, owner in ipairs(owners) do mine[owner] = true end
  for _, type_name in ipairs(resources.names()) do
    local t = resources.find(type_name)
    if t.list then
      local ok, rows = pcall(t.list, aws)
      if not ok then note(engine, "%s could not be looked through: %s", type_name, tostring(rows)) end
      for _, row in ipairs(ok and rows or {}) do
        local owner = row.Tags[OWNER_TAG]
        if mine[owner] then add(t, row.name, owner) end
      end
    end
  end
end

-- What bears no tags says of nobody that he made it: of the types that the playbook has, that is told.
local function unseen(engine)
  local seen, names = {}, {}
  for _, node in ipairs(engine.nodes) do
    local t = node.type
    if not t.tagged and not seen[t] then
      seen[t] = true
      names[#names + 1] = t.type
    end
  end
  table.sort(names)
  if #names > 0 then
    note(engine, "--prune cannot see what is no longer declared of %s: it bears no tags, and goes with what it"
      .. " belongs to, or by hand", table.concat(names, ", "))
  end
end

-- ARNs of what the playbook declares, read already.
local function own_arns(engine)
  local out = {}
  for _, node in ipairs(engine.nodes) do
    if node.live and node.live.arn then out[node.live.arn] = true end
  end
  return out
end

local function names_of(value, visit)
  if type(value) == "string" then return visit(value) end
  if type(value) ~= "table" then return end
  for _, inner in next, value do names_of(inner, visit) end
end

local function leans(node, on)
  if node == on then return true end
  for other in pairs(node.deps) do
    if leans(other, on) then return true end
  end
  return false
end

-- What names another's ARN leans on it, and goes first; of two that name each other either may.
local function wire(nodes)
  local by_arn = {}
  for _, node in ipairs(nodes) do by_arn[node.live.arn or node] = node end
  for _, node in ipairs(nodes) do
    names_of(node.live, function(text)
      local other = by_arn[text]
      if other and not leans(other, node) then node.deps[other] = true end
    end)
  end
  return nodes
end

--- Nodes to delete, read already. What is not recognised is told to `engine.emit`, and left alone.
function prune.find(engine)
  if engine.narrowed then
    fault.fail(64, "--prune looks at the whole playbook; it cannot be used with --target or --exclude.")
  end
  local aws, out, seen = engine.recorder:client(), {}, {}
  local owners = owners_of(engine)
  local function add(t, name, owner)
    local node = orphan(engine, t, name, owner)
    if not node or seen[node.address] then return end
    seen[node.address] = true
    out[#out + 1] = node
  end
  engine.own_arns = own_arns(engine)
  by_tags(engine, aws, owners, add)
  by_service(engine, aws, owners, add)
  unseen(engine)
  planner.read(engine, out)
  local live = {}
  for _, node in ipairs(out) do
    if node.read_error then error(node.read_error, 0) end
    if node.live then live[#live + 1] = node end
  end
  return wire(live)
end

--- Turns a plan into one that deletes all that exists of it; what another playbook owns stays.
function prune.everything(engine)
  for _, node in ipairs(engine.nodes) do
    local tags = node.live and node.live.Tags
    local owner = tags and tags[OWNER_TAG]
    if not node.live then
      node.action, node.why = "none", "there is none"
    elseif node.free then
      node.action, node.why = "none", "its playbook says owns = false"
    elseif node.type.tagged and owner ~= node.owner then
      node.action = "none"
      node.why = owner and "it belongs to playbook " .. owner or "no playbook owns it by its tag"
    else
      node.action, node.why = "delete", node.type.tagged and "this playbook made it" or "this playbook declares it"
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
