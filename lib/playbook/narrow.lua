--- What --target and --exclude leave of a playbook: in its plan, and again in a run that goes by steps.
local fault = require "playbook.fault"
local fits = require "glob".fits
local planner = require "playbook.planner"
local suggest = require "suggest"
local vars = require "playbook.vars"

local narrow = {}

local function matches(list, address)
  for _, pattern in ipairs(list or {}) do
    if fits(pattern, address) then return true end
  end
  return false
end

local function not_there(engine, target)
  local meant = suggest.phrase(target[1], vars.names(engine.by_address))
  fault.fail(64, "No resource of %s is called %s%s", engine.program.path, table.concat(target, ", "),
    meant == "" and "." or meant)
end

-- Adds `node` to a set, and all that is reached from it by `next_of(node)`, a set of nodes, but for what is `spared`.
local function reach(set, node, next_of, spared)
  if set[node] or spared and spared(node) then return end
  set[node] = true
  for other in pairs(next_of(node)) do
    if other.index then reach(set, other, next_of, spared) end
  end
end

local function leaning_on(node) return node.deps end

-- node -> a set of those that lean on it
local function users_of(nodes)
  local users = {}
  for _, node in ipairs(nodes) do users[node] = users[node] or {} end
  for _, node in ipairs(nodes) do
    for other in pairs(node.deps) do
      if users[other] then users[other][node] = true end
    end
  end
  return function(node) return users[node] end
end

-- A set of those that are meant and what they lean on; of a deletion, what leans on them instead, and nothing that one
-- which stays leans on.
local function selected(engine, options)
  local keep, stay, deletes = {}, {}, options.purpose == "destroy"
  local next_of = deletes and users_of(engine.nodes) or leaning_on
  local function spared(node) return matches(options.exclude, node.address) end
  for _, node in ipairs(engine.nodes) do
    if deletes and spared(node) then reach(stay, node, leaning_on) end
    if not options.target or matches(options.target, node.address) then reach(keep, node, next_of, spared) end
  end
  if options.target and next(keep) == nil then not_there(engine, options.target) end
  for node in pairs(stay) do keep[node] = nil end
  return keep
end

local function filtered(nodes, keep)
  local out = {}
  for _, node in ipairs(nodes) do
    if keep[node] then out[#out + 1] = node end
  end
  return out
end

-- A target is made without the steps before it, so it must not need what one of them gives.
local function need_no_step(nodes)
  for _, node in ipairs(nodes) do
    for other in pairs(node.deps) do
      if other.barrier then
        fault.fail(64, "%s needs the value of %s, and --target makes resources only. Nothing was done. Apply the whole"
          .. " playbook, or leave others out with --exclude.", node.address, other.address)
      end
    end
  end
end

--- Leaves of a plan what the options let through: `target` the resources that it names and what they lean on, without
-- the playbook's steps; `exclude` all but those it names. `purpose` is "destroy" or "drift" where nothing is made.
function narrow.plan(engine, options)
  if not (options.target or options.exclude) then return end
  local keep, left, known = selected(engine, options), {}, {}
  for _, node in ipairs(engine.nodes) do
    known[node.address], left[node.address] = true, not keep[node] or nil
  end
  engine.narrowed = {exclude = options.exclude, left = left, known = known}
  engine.nodes = filtered(engine.nodes, keep)
  for _, entry in ipairs(engine.sequence) do
    if entry.nodes then entry.nodes = filtered(entry.nodes, keep) end
  end
  if options.target then
    if not options.purpose then need_no_step(engine.nodes) end
    engine.without_steps = true
  end
end

--- Reads what is left out and needed by what is not; where it is not there, what needs it cannot be made.
function narrow.look(engine)
  if not engine.narrowed then return end
  local needed, seen = {}, {}
  for _, node in ipairs(engine.nodes) do
    for other in pairs(node.deps) do
      if engine.narrowed.left[other.address] and not seen[other] then
        seen[other], needed[#needed + 1] = node, other
      end
    end
  end
  planner.read(engine, needed)
  for _, other in ipairs(needed) do
    if other.was_read and not other.live and not engine.options.purpose then
      fault.fail(64, "%s needs %s, which is left out and not there. Nothing was done. Leave both out, or neither.",
        seen[other].address, other.address)
    end
  end
end

--- Those of `nodes`, declared once more in a run, that its plan has let through. The others are read, so that steps may
-- use what is there of them, and left as they are.
function narrow.kept(engine, nodes)
  local how = engine.narrowed
  if not how then return nodes end
  local keep, rest = {}, {}
  for _, node in ipairs(nodes) do
    local new = not how.known[node.address]
    node.left_out = how.left[node.address] or new and matches(how.exclude, node.address) or nil
    table.insert(node.left_out and rest or keep, node)
  end
  planner.read(engine, rest)
  for _, node in ipairs(rest) do node.done = node.live ~= nil end
  return keep
end

return narrow
