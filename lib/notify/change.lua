--- What is new since the last time: failures that were not there, and those that are gone. What could not be looked at
-- again is neither: it stays remembered. Pure.
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

-- Control, account and region of a key.
local function scope_of(key) return key:match "^[^|]*|[^|]*|[^|]*" end

-- How far the look went: the keys that were judged, and by control, account and region whether all of it could be.
local function looked_at(results)
  local keys, scopes = {}, {}
  for _, result in ipairs(results) do
    local key = change.key(result)
    local of = scope_of(key)
    keys[key] = true
    scopes[of] = scopes[of] ~= false and result.result ~= "error"
  end
  return keys, scopes
end

-- A subject without a result is gone only where its control could look at all there is: a list that AWS refuses, or a
-- run that ended before it came to the control, says nothing of it.
local function end_of(out, before, results)
  local keys, scopes = looked_at(results)
  for key, old in pairs(before or {}) do
    if not out.memory[key] and (keys[key] or scopes[scope_of(key)]) then
      table.insert(out.gone, setmetatable({key = key}, {__index = old}))
    elseif not out.memory[key] then
      out.memory[key], out.unseen = old, out.unseen + 1
    end
  end
  table.sort(out.gone, function(a, b) return a.key < b.key end)
end

--- Compares results with what was remembered of the time before: {[key] = {result=, since= (epoch), ...}}, or nil where
-- nothing is remembered.
-- @return {new = results, gone = remembered, same = n, unseen = n (remembered, and could not be looked at), memory =}
function change.between(before, results, now)
  local out = {new = {}, gone = {}, same = 0, unseen = 0, memory = {}}
  for _, result in ipairs(results) do
    if BAD[result.result] then
      local key = change.key(result)
      local old = before and before[key]
      local known = old and old.result == result.result
      if known then out.same = out.same + 1 else table.insert(out.new, result) end
      out.memory[key] = remembered(result, old and old.since or now)
    end
  end
  end_of(out, before, results)
  return out
end

return change
