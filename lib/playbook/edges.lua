--- The graph's edges that are given by address, and the order that all edges together allow.
local fault = require "playbook.fault"
local suggest = require "suggest"

local edges = {}

-- Why a node cannot come after the one at `address`, or nil.
local function no_edge(engine, node, address)
  local other = engine.by_address[address]
  if not other then
    return ("%s: after names %s, which is not declared%s"):format(node.address, address,
      suggest.phrase(address, require "playbook.vars".names(engine.by_address)))
  end
  if (other.segment or 0) > (node.segment or math.huge) then
    return ("%s: after names %s, which is declared further down, behind a step, approve, park or find; what stands"
      .. " above that is done before it, so declare %s above it too"):format(node.address, address, address)
  end
end

--- Makes edges of the addresses that `after` names; those that cannot be are faults.
function edges.link(engine)
  for _, node in ipairs(engine.nodes) do
    for _, address in ipairs(node.after or {}) do
      local why = no_edge(engine, node, address)
      if not why then node.deps[engine.by_address[address]] = true end
      if why then fault.add(engine.faults, node.file, node.line, why) end
    end
  end
end

local function cycle_text(path, node)
  local out, on = {}, false
  for _, step in ipairs(path) do
    on = on or step == node
    if on then out[#out + 1] = step.address end
  end
  out[#out + 1] = node.address
  return table.concat(out, " -> ")
end

--- The nodes in an order in which each comes after what it leans on; nil, the path of a cycle, and the node it is at.
function edges.order(nodes)
  local state, out, path, inside = {}, {}, {}, {}
  for _, node in ipairs(nodes) do inside[node] = true end
  local function visit(node)
    if state[node] == "done" or not inside[node] then return true end
    if state[node] == "open" then return nil, cycle_text(path, node), node end
    state[node] = "open"
    path[#path + 1] = node
    local deps = {}
    for other in pairs(node.deps) do
      if other.index then deps[#deps + 1] = other end
    end
    table.sort(deps, function(a, b) return a.index < b.index end)
    for _, other in ipairs(deps) do
      local ok, cycle, at = visit(other)
      if not ok then return nil, cycle, at end
    end
    path[#path] = nil
    state[node] = "done"
    out[#out + 1] = node
    return true
  end
  for _, node in ipairs(nodes) do
    local ok, cycle, at = visit(node)
    if not ok then return nil, cycle, at end
  end
  return out
end

return edges
