--- Carries out decided actions along the graph: independent ones side by side, what leans on a failed one left alone.
local patience = require "playbook.patience"
local planner = require "playbook.planner"
local unknown = require "playbook.unknown"
local walk = require "playbook.walk"

local applier = {}

local OWNER_TAG <const> = require "playbook.declare".OWNER_TAG

local function merged(...)
  local out = {}
  for _, t in ipairs {...} do
    for name, value in pairs(t) do out[name] = value end
  end
  return out
end

local function now() return require "tidelock.loop".now() end

local function create(aws, t, want)
  local made = t.create(aws, want)
  if t.settle then made = t.settle(aws, want, made) or made end
  if made == nil then
    made = t.read(aws, want)
    if made == nil then
      error({code = "NotFound", message = "it was created, but reading it back finds none"}, 0)
    end
  end
  return merged(want, made)
end

local function update(aws, t, live, want, changes)
  local changed = {}
  for _, change in ipairs(changes) do changed[change.name] = true end
  local after = t.update(aws, live, want, changed)
  if t.settle then after = t.settle(aws, want, live) or after end
  return merged(live, want, after or {})
end

local function delete(aws, node)
  local t, live, protect = node.type, node.live, node.protect
  local why = protect and "the playbook says protect" or t.protected and t.protected(live)
  if why then error({code = "Protected", message = "it is protected and was not deleted: " .. why}, 0) end
  t.delete(aws, live, (unknown.resolve(node.want)))
end

-- Whether what it leans on is as it was when it was decided.
local function stands(node)
  for other in pairs(node.deps) do
    if other.action ~= "none" then return false end
  end
  return true
end

-- Values that were unknown at plan time are known by now: what was an update may be none, and what was none may not.
local function decide_again(node)
  local had = node.action
  if had == "delete" or had == "create" or node.stays or had == "none" and stands(node) then return end
  planner.decide(node)
  if node.action == "replace" and had ~= "replace" and not node.replace_agreed then
    error({code = "Replace", message = "now that its inputs are known it would have to be replaced, which the plan did"
      .. " not show; plan and apply again"}, 0)
  end
end

-- What is left to others is as it is live, in updates too that send all of a resource.
local function with_ignored(node, want)
  for _, name in ipairs(node.ignore or {}) do want[name] = node.live[name] end
  return want
end

local function act(engine, node)
  local t, aws = node.type, engine.recorder:client(node)
  if node.action == "delete" then
    delete(aws, node)
    return
  end
  decide_again(node)
  if node.action == "none" then
    node.known = node.live
    return
  end
  local want, still = unknown.resolve(node.want)
  if still then
    error({code = "Unknown", message = "a value it needs is still not known: what it leans on did not provide it"}, 0)
  end
  if node.action == "create" then
    node.known = create(aws, t, want)
  elseif node.action == "replace" then
    delete(aws, node)
    node.known = create(aws, t, t:in_place_of(node.live, want))
  else
    node.known = update(aws, t, node.live, with_ignored(node, t:complete(want, node.live)), node.changes)
  end
end

-- What became of a write that failed: reads anew and decides by that. True where nothing is left to be done.
local function look(engine, node, planned)
  engine.tags = {}                                     -- what was read for the plan is old now
  node.live = node.type.read(engine.recorder:client(node), unknown.known_part(node.want))
  node.was_read = true
  if planned == "delete" then return node.live == nil end
  planner.decide(node)
  node.known = node.live
  if node.action == "replace" and planned ~= "replace" then
    error({code = "Replace", message = "what was made is not what was asked for, and would have to be replaced; plan"
      .. " and apply again"}, 0)
  end
  return node.action == "none"
end

-- That it exists already, where the plan found none: ours if it bears our tag or is just what is asked for (an earlier
-- try whose answer was lost below us), somebody else's otherwise.
local function exists(err)
  local code = type(err) == "table" and tostring(err.code) or ""
  return code:find "Already" ~= nil or code:find "Duplicate" ~= nil or code:find "InUse" ~= nil
end

local function carry_out(engine, node, planned)
  local function again() return look(engine, node, planned) end
  local function stopped() return engine.recorder.interrupted end
  local ok, err = patience.write(function() act(engine, node) end, again, stopped)
  if ok or planned ~= "create" or not exists(err) then return ok, err end
  local seen, done = pcall(again)
  if not seen then return false, err end
  if done then return true end
  local tags = node.live and node.live.Tags
  if not tags or tags[OWNER_TAG] ~= node.owner then return false, err end
  return pcall(act, engine, node)
end

local function perform(engine, node)
  local quiet = node.action == "none"
  local began = now()
  if not quiet then engine.emit {kind = "resource.start", node = node, action = node.action} end
  local planned = node.action
  local ok, err = carry_out(engine, node, planned)
  node.seconds = now() - began
  if ok then
    -- what is left to do after a lost answer may be less, but what was done is what was planned
    if planned == "create" or planned == "replace" then node.action = planned end
    node.done, node.result = true, node.action
    engine.emit {kind = quiet and node.action == "none" and "resource.same" or "resource.done", node = node,
      action = node.action, seconds = node.seconds}
  else
    if err == require "tidelock.loop".CANCELLED then error(err, 0) end
    node.failed, node.result = err, "failed"
    engine.emit {kind = "resource.fail", node = node, action = planned, error = err, seconds = node.seconds}
  end
end

-- What keeps a node from being done, and why: what it needs was not done; of a deletion, what leans on it is there yet.
local function blocked_by(node, before)
  if node.action == "delete" then
    for _, other in ipairs(before) do
      if other.action == "delete" and (other.failed or other.skipped) then return other, "%s leans on it, which %s" end
    end
    return nil
  end
  for other in pairs(node.deps) do
    if other.failed or other.skipped then return other, "it needs %s, which %s" end
  end
end

local function skip(engine, node, other, sentence)
  node.skipped, node.result = other, "skipped"
  engine.emit {kind = "resource.skip", node = node, action = node.action,
    why = sentence:format(other.address, other.failed and "failed" or "was not done")}
end

local function visit(engine, node, before)
  local blocker, sentence = blocked_by(node, before)
  if blocker then
    skip(engine, node, blocker, sentence)
  elseif engine.recorder.interrupted then
    skip(engine, node, {address = "the run"}, "it needs %s, which %s")
  else
    perform(engine, node)
  end
end

-- Nobody's turn came: they wait for each other, or for one of those. That is told at plan; none is ever left silently.
local function left_over(engine, nodes)
  local _, circle = require "playbook.edges".order(nodes)
  for _, node in ipairs(nodes) do
    local err = {code = "Circle", message = ("it was not done: it waits for resources that lean on each other in a"
      .. " circle (%s); take one of these edges out of the playbook"):format(circle or "of deletions")}
    node.failed, node.result = err, "failed"
    engine.emit {kind = "resource.fail", node = node, action = node.action, error = err, seconds = 0}
  end
end

--- Does what was decided for `nodes`. Failures stay on the nodes (`failed`, `skipped`); nothing new begins once the
-- recorder is interrupted.
function applier.apply(engine, nodes)
  local left = walk.along(nodes, engine.concurrency or 16, function(node, before) visit(engine, node, before) end)
  if #left > 0 then left_over(engine, left) end
end

return applier
