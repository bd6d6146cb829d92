--- The graph of a playbook as dot or mermaid text: resources and their edges, and the steps between them.
local graph = {}

local function ids(engine)
  local out = {}
  for i, node in ipairs(engine.nodes) do out[node] = "n" .. i end
  return out
end

local function deps_of(node, id)
  local out = {}
  for other in pairs(node.deps) do
    if id[other] then out[#out + 1] = other end
  end
  table.sort(out, function(a, b) return a.index < b.index end)
  return out
end

-- Chain of barriers: each follows what was declared above it.
local function walk(engine, id, on_group, on_edge)
  local before
  for i, entry in ipairs(engine.sequence) do
    if entry.kind == "resources" then
      on_group(i, entry.nodes)
      for _, node in ipairs(entry.nodes) do
        local deps = deps_of(node, id)
        for _, other in ipairs(deps) do on_edge(id[other], id[node]) end
        if before and #deps == 0 then on_edge(before, id[node], true) end
      end
    else
      local name = "s" .. i
      on_group(i, entry, name)
      local above = engine.sequence[i - 1]
      for _, node in ipairs(above and above.nodes or {}) do on_edge(id[node], name, true) end
      if before and not (above and above.nodes) then on_edge(before, name, true) end
      before = name
    end
  end
end

--- Graphviz text.
function graph.dot(engine)
  local id, out = ids(engine), {}
  local function add(text, ...) out[#out + 1] = text:format(...) end
  add("digraph %q {", engine.program.header.name)
  add '  rankdir = LR; node [shape = box, style = rounded, fontname = "sans-serif", fontsize = 11];'
  walk(engine, id, function(_, what, name)
    if name then
      add('  %s [label = "%s\\n%s", shape = hexagon];', name, what.kind, (what.name:gsub('"', '\\"')))
    else
      for _, node in ipairs(what) do
        add('  %s [label = "%s\\n%s"];', id[node], node.type.type, (node.name:gsub('"', '\\"')))
      end
    end
  end, function(from, to, dashed) add("  %s -> %s%s;", from, to, dashed and " [style = dashed]" or "") end)
  add "}"
  return table.concat(out, "\n")
end

local function quoted(text) return (text:gsub('"', "#quot;")) end

--- Mermaid text, for Markdown pages.
function graph.mermaid(engine)
  local id, out = ids(engine), {"flowchart LR"}
  local function add(text, ...) out[#out + 1] = text:format(...) end
  walk(engine, id, function(_, what, name)
    if name then
      add('  %s{{"%s: %s"}}', name, what.kind, quoted(what.name))
    else
      for _, node in ipairs(what) do add('  %s["%s<br/>%s"]', id[node], node.type.type, quoted(node.name)) end
    end
  end, function(from, to, dashed) add("  %s %s %s", from, dashed and "-.->" or "-->", to) end)
  return table.concat(out, "\n")
end

return graph
