--- From declared nodes and what is live to actions: reads only, side by side, then a pure diff in the graph's order.
local edges = require "playbook.edges"
local fault = require "playbook.fault"
local patience = require "playbook.patience"
local lent = require "playbook.seen"
local unknown = require "playbook.unknown"

local planner = {}

local OWNER_TAG <const> = require "playbook.declare".OWNER_TAG

local function open(value)
  local _, is_open = unknown.resolve(value)
  return is_open
end

local known_part <const> = unknown.known_part

local function key_is_known(node)
  for _, names in ipairs {node.type.keys, node.type.found_by or {}} do
    for _, name in ipairs(names) do
      if open(node.want[name]) then return false end
    end
  end
  return true
end

local function took(node, live)
  node.live, node.was_read = live, true
  if live then node.known = live end
end

local function read_one(engine, node)
  local ok, result = patience.read(function()
    return node.type.read(engine.recorder:client(node), known_part(node.want))
  end)
  if ok then
    took(node, result)
  else
    node.read_error = result
  end
end

local function read_together(engine, t, nodes)
  local wants = {}
  for i, node in ipairs(nodes) do wants[i] = known_part(node.want) end
  local ok, result = patience.read(function() return t.read_many(engine.recorder:client(nodes[1]), wants) end)
  for i, node in ipairs(nodes) do
    if ok then took(node, result[i] or nil) else node.read_error = result end
  end
end

-- Jobs of one wave: a function a request series, types with read_many in one.
local function jobs_of(engine, nodes)
  local jobs, together, order = {}, {}, {}
  for _, node in ipairs(nodes) do
    if node.type.read_many then
      if not together[node.type] then
        together[node.type] = {}
        order[#order + 1] = node.type
      end
      table.insert(together[node.type], node)
    else
      jobs[#jobs + 1] = function() read_one(engine, node) end
    end
  end
  for _, t in ipairs(order) do
    local group = together[t]
    jobs[#jobs + 1] = function()
      if #group == 1 and t.read then read_one(engine, group[1]) else read_together(engine, t, group) end
    end
  end
  return jobs
end

local function run_jobs(engine, jobs)
  if #jobs == 0 then return end
  require "task".map(jobs, function(job) job() end, {concurrency = engine.concurrency or 32})
end

local function owners_of(nodes)
  local seen, out = {}, {}
  for _, node in ipairs(nodes) do
    if node.owner and not seen[node.owner] then
      seen[node.owner] = true
      out[#out + 1] = node.owner
    end
  end
  return out
end

--- Reads what is live of every node whose key is known; keys that hang on other nodes wait for those.
function planner.read(engine, nodes)
  local left = nodes
  engine.tags, engine.all_owners = nil, owners_of(nodes)
  while #left > 0 do
    local ready, later = {}, {}
    for _, node in ipairs(left) do
      local known, live = lent.live(engine, node)
      if node.was_read then              -- luacheck: ignore
      elseif known then
        took(node, live)
      elseif key_is_known(node) then
        ready[#ready + 1] = node
      else
        later[#later + 1] = node
      end
    end
    if #ready == 0 and #later == #left then break end
    run_jobs(engine, jobs_of(engine, ready))
    left = later
  end
end

local function raise_read_errors(nodes)
  local list, exit = {}, nil
  for _, node in ipairs(nodes) do
    local err = node.read_error
    if err then
      list[#list + 1] = ("%s could not be read: %s"):format(node.address, tostring(err))
      exit = exit or (type(err) == "table" and err.exit) or 1
      if type(err) ~= "table" then exit = 70 end
    end
  end
  if #list == 0 then return end
  local seen, out = {}, {}
  for _, text in ipairs(list) do
    local what = text:match "could not be read: (.*)" or text
    if not seen[what] then
      seen[what] = true
      out[#out + 1] = text
    end
  end
  if #list > #out then out[#out + 1] = ("and %d more with the same reason"):format(#list - #out) end
  fault.fail(exit, "%s", table.concat(out, "\n"))
end

-- ## The diff

local function unchanged(node, n)
  node.action = "none"
  node.why = ("as declared (%d %s compared)"):format(n, n == 1 and "property" or "properties")
end

local function ignored(node, changes)
  if not node.ignore then return changes end
  local skip, out = {}, {}
  for _, name in ipairs(node.ignore) do skip[name] = true end
  for _, change in ipairs(changes) do
    if not skip[change.name] then out[#out + 1] = change end
  end
  return out
end

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

-- What an update renews of what the type provides is known only after it: who uses it changes with it.
local function renewed(node)
  local out = {}
  for name, value in pairs(node.live) do out[name] = value end
  for _, name in ipairs(node.type.renews) do out[name] = nil end
  return out
end

--- Decides what is to be done with one node: sets action, changes, why. Its dependencies are decided already.
function planner.decide(node)
  if node.retire then
    node.action, node.why = node.live and "delete" or "none", node.live and node.retire or "there is none any more"
    return
  end
  local given, some_open = unknown.resolve(node.want)
  local want = node.type:complete(given, node.live)
  node.changes = nil
  if not node.live then
    node.action, node.why = "create", node.was_read and "there is none" or "its key is known after apply"
    node.known = nil
    return
  end
  local changes = ignored(node, node.type:diff(node.live, want, some_open and open, unknown.is))
  if #changes == 0 then
    unchanged(node, count(want))
    local note = node.type.note and node.type.note(node.live)
    if note then node.why = node.why .. "; " .. note end
    return
  end
  node.changes, node.action = changes, "update"
  local names = {}
  for _, change in ipairs(changes) do
    if change.replaces and (change.differs or not change.unknown) then node.action = "replace" end
    names[#names + 1] = change.name
  end
  node.why = table.concat(names, ", ") .. (#names == 1 and " differs" or " differ")
  if node.action == "replace" then
    node.known = nil
  elseif node.type.renews and (#changes > 1 or changes[1].name ~= "Tags") then
    node.known = renewed(node)
  end
end

local function mark_owner(node)
  local tags = node.live and node.live.Tags
  if not tags then return end
  local owner = tags[OWNER_TAG]
  if node.free or node.retire then return end
  if owner == nil then node.adopts = true end
  if owner and owner ~= node.owner then node.taken_from = owner end
end

--- Plans some nodes: reads, decides, raises what could not be read.
function planner.plan(engine, nodes)
  planner.read(engine, nodes)
  raise_read_errors(nodes)
  local order, circle = edges.order(nodes)
  if not order then
    fault.fail(65, "These resources lean on each other in a circle: %s. Nothing of them was done.", circle)
  end
  for _, node in ipairs(order) do
    planner.decide(node)
    mark_owner(node)
  end
  return order
end

--- How many of each action.
function planner.counts(nodes)
  local out = {create = 0, update = 0, replace = 0, delete = 0, none = 0}
  for _, node in ipairs(nodes) do
    if node.action then out[node.action] = out[node.action] + 1 end
  end
  return out
end

--- Whether there is anything to write.
function planner.changes_anything(nodes)
  local n = planner.counts(nodes)
  return n.create + n.update + n.replace + n.delete > 0
end

return planner
