--- What is new since the last time: failures that were not there, and those that are gone. What could not be looked at
-- again is neither: it stays remembered, unless its account has left the organization. Pure.
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

-- Control, account and region of a key; its account alone.
local function scope_of(key) return key:match "^[^|]*|[^|]*|[^|]*" end
local function account_of(key) return key:match "^[^|]*|([^|]*)" end

-- That an account could not be entered is over when anything else is said of it.
local ENTERED <const> = "^" .. ("organization-account-readable"):gsub("%-", "%%-") .. "|"

-- How far the look went: the keys that were judged, by control, account and region whether all of it could be, and the
-- accounts that were entered.
local function looked_at(results)
  local keys, scopes, entered = {}, {}, {}
  for _, result in ipairs(results) do
    local key = change.key(result)
    local of = scope_of(key)
    keys[key] = true
    scopes[of] = scopes[of] ~= false and result.result ~= "error"
    if not key:find(ENTERED) then entered[account_of(key)] = true end
  end
  return keys, scopes, entered
end

-- Of an account that is no member any more nothing will be known again.
local function has_left(key, members)
  local account = account_of(key)
  return members and account ~= "" and not members[account]
end

-- A subject without a result is gone only where its control could look at all there is: a list that AWS refuses, or a
-- run that ended before it came to the control, says nothing of it.
local function end_of(out, before, results, members)
  local keys, scopes, entered = looked_at(results)
  local function over(key)
    return keys[key] or scopes[scope_of(key)] or key:find(ENTERED) and entered[account_of(key)]
  end
  for key, old in pairs(before or {}) do
    local list = has_left(key, members) and out.left or over(key) and out.gone
    if not out.memory[key] and list then
      table.insert(list, setmetatable({key = key, account = account_of(key)}, {__index = old}))
    elseif not out.memory[key] then
      out.memory[key], out.unseen = old, out.unseen + 1
    end
  end
  for _, list in ipairs {out.gone, out.left} do
    table.sort(list, function(a, b) return a.key < b.key end)
  end
end

--- The accounts that have left, each with how many of its failures were remembered: {{account =, failures =}, ...}.
function change.leavers(changed)
  local out, by_account = {}, {}
  for _, old in ipairs(changed.left) do
    local one = by_account[old.account]
    if not one then
      one = {account = old.account, failures = 0}
      by_account[old.account], out[#out + 1] = one, one
    end
    one.failures = one.failures + 1
  end
  table.sort(out, function(a, b) return a.account < b.account end)
  return out
end

--- Compares results with what was remembered of the time before: {[key] = {result=, since= (epoch), ...}}, or nil where
-- nothing is remembered. `members`: the numbers of all accounts of the organization, as a set, or nil where it was not
-- asked for them.
-- @return {new = results, gone = remembered, left = remembered, of accounts that are no members any more, same = n,
--   unseen = n (remembered, and could not be looked at), memory =}
function change.between(before, results, now, members)
  local out = {new = {}, gone = {}, left = {}, same = 0, unseen = 0, memory = {}}
  for _, result in ipairs(results) do
    if BAD[result.result] then
      local key = change.key(result)
      local old = before and before[key]
      local known = old and old.result == result.result
      if known then out.same = out.same + 1 else table.insert(out.new, result) end
      out.memory[key] = remembered(result, old and old.since or now)
    end
  end
  end_of(out, before, results, members)
  return out
end

return change
