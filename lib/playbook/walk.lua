--- Visits the nodes of a graph, each after what it waits for, side by side where they do not wait for each other.
local task = require "task"

local walk = {}

-- Who waits for whom. Deletions run against the arrows: what leans on a thing goes before it.
local function wiring(nodes)
  local inside, before, after = {}, {}, {}
  for _, node in ipairs(nodes) do inside[node], before[node], after[node] = true, {}, {} end
  local function arrow(first, second)
    table.insert(before[second], first)
    table.insert(after[first], second)
  end
  for _, node in ipairs(nodes) do
    for other in pairs(node.deps) do
      if inside[other] then
        if node.action == "delete" then arrow(node, other) else arrow(other, node) end
      end
    end
  end
  return before, after
end

-- The nodes whose turn has come: `take()` gives the next or nil, `done(node)` lets in those that waited for it alone,
-- `waiting()` says how many stand there.
local function queue(nodes, before, after)
  local ready, head, missing = {}, 1, {}
  local function enter(node) if missing[node] == 0 then ready[#ready + 1] = node end end
  for _, node in ipairs(nodes) do
    missing[node] = #before[node]
    enter(node)
  end
  local function take()
    local node = ready[head]
    if node then head = head + 1 end
    return node
  end
  local function done(node)
    for _, other in ipairs(after[node]) do
      missing[other] = missing[other] - 1
      enter(other)
    end
  end
  return take, done, function() return #ready - head + 1 end
end

-- Those whose turn never came.
local function never(nodes, visited)
  local out = {}
  for _, node in ipairs(nodes) do
    if not visited[node] then out[#out + 1] = node end
  end
  return out
end

--- Calls `visit(node, before)` for every node once what it waits for (the list `before`) has been visited, at most
-- `most` at a time. Nodes have `deps` (a set of nodes) and `action` ("delete" runs against the arrows). Raises what a
-- visit raises, and cancels the others.
-- @return the nodes that wait for each other in a circle, or for one of those: they are not visited
function walk.along(nodes, most, visit)
  local before, after = wiring(nodes)
  local take, done, waiting = queue(nodes, before, after)
  local active, starting, visited, worker = 0, 0, {}, nil
  local function help(mine)                    -- as many workers as there is work beside what this one takes itself
    for _ = 1, math.min(most - active, waiting() - starting - mine) do
      active, starting = active + 1, starting + 1
      task.spawn(worker)
    end
  end
  function worker()
    starting = starting - 1
    help(1)
    for node in take do
      visited[node] = true
      visit(node, before[node])
      done(node)
      help(1)
    end
    active = active - 1
  end
  if waiting() > 0 then
    active, starting = 1, 1
    task.all {worker}
  end
  return never(nodes, visited)
end

return walk
