--- What is new since the last time: failures that were not there, and those that are gone. Pure.
local change = {}

local BAD <const> = {fail = true, error = true, warn = true}

--- The key under which a result is known again.
function change.key(result)
  return table.concat({result.id, result.account or "", result.region or "", result.subject.name or ""}, "|")
end

local function remembered(result, since)
  return {result = result.result, severity = result.severity, title = result.title, since = since,
    name = result.subject.name, id = result.id}
end

--- Compares results with what was remembered of the time before: {[key] = {result=, since= (epoch), ...}}, or nil where
-- nothing is remembered. What failed then and is in no result now is gone: its subject is.
function change.between(before, results, now)
  local out = {new = {}, gone = {}, same = 0, memory = {}}
  for _, result in ipairs(results) do
    if BAD[result.result] then
      local key = change.key(result)
      local old = before and before[key]
      local known = old and old.result == result.result
      if known then out.same = out.same + 1 else table.insert(out.new, result) end
      out.memory[key] = remembered(result, old and old.since or now)
    end
  end
  for key, old in pairs(before or {}) do
    if not out.memory[key] then table.insert(out.gone, setmetatable({key = key}, {__index = old})) end
  end
  table.sort(out.gone, function(a, b) return a.key < b.key end)
  return out
end

return change
