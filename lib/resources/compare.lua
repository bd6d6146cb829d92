--- Whether what is live equals what is wanted: by meaning, not by text. Pure.
local compare = {}

local TAG_OWNED_BY_AWS <const> = "^aws:"

local function before(a, b)
  if type(a) == type(b) and type(a) ~= "boolean" then return a < b end
  return tostring(a) < tostring(b)
end

local function sorted_keys(t)
  local keys, n, texts = {}, 0, true
  for k in next, t do
    n = n + 1
    keys[n], texts = k, texts and type(k) == "string"
  end
  if n > 1 then table.sort(keys, not texts and before or nil) end
  return keys
end
compare.sorted_keys = sorted_keys

--- One text for equal values: keys sorted, numbers and the text of them alike, true and "true" alike.
function compare.canon(value)
  local kind = type(value)
  if kind == "number" then return ("%q"):format(tostring(math.tointeger(value) or value)) end
  if kind == "boolean" then return ("%q"):format(tostring(value)) end
  if kind == "string" then return ("%q"):format(value) end
  if kind ~= "table" then return tostring(value) end
  local out = {}
  for i, key in ipairs(sorted_keys(value)) do
    out[i] = ("%s=%s"):format(math.type(key) and "#" or ("%q"):format(tostring(key)), compare.canon(value[key]))
  end
  return "{" .. table.concat(out, ",") .. "}"
end
local canon <const> = compare.canon

-- ## Policies

local function as_set(value, map)
  local list = type(value) == "table" and value or {value}
  local out, seen = {}, {}
  for _, item in ipairs(list) do
    item = map and map(item) or tostring(item)
    if not seen[item] then
      seen[item] = true
      out[#out + 1] = item
    end
  end
  table.sort(out)
  return out
end

-- An account by its number, or by its root: AWS stores one and shows the other.
local function principal(text)
  text = tostring(text)
  return text:match "^(%d%d%d%d%d%d%d%d%d%d%d%d)$" or text:match "^arn:[%w-]+:iam::(%d+):root$" or text
end

local function principals(value)
  if value == "*" then return {AWS = {"*"}} end
  if type(value) ~= "table" then return value end
  local out = {}
  for kind, who in pairs(value) do out[kind] = as_set(who, principal) end
  return out
end

local function action(text) return tostring(text):lower() end

local function conditions(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for operator, keys in pairs(value) do
    out[operator] = {}
    for key, values in pairs(keys) do out[operator][key:lower()] = as_set(values) end
  end
  return out
end

local CLAUSE <const> = {
  Action = function(v) return as_set(v, action) end,
  NotAction = function(v) return as_set(v, action) end,
  Resource = as_set, NotResource = as_set,
  Principal = principals, NotPrincipal = principals, Condition = conditions,
}

local function statement(value)
  local out = {}
  for key, v in pairs(value) do
    local rule = CLAUSE[key]
    if rule then out[key] = rule(v) else out[key] = v end
  end
  if out.Sid == "" then out.Sid = nil end
  return out
end

--- A policy in the one form that equal policies share.
function compare.policy(document)
  if type(document) ~= "table" then return document end
  local out = {}
  for key, value in pairs(document) do out[key] = value end
  local given = document.Statement
  if type(given) == "table" then
    if given.Effect then given = {given} end
    local list = {}
    for i, s in ipairs(given) do list[i] = statement(s) end
    table.sort(list, function(a, b) return canon(a) < canon(b) end)
    out.Statement = list
  end
  return out
end

-- ## The general rule

local equal

-- Lists whose order means nothing: compared item by item under a key, or as whole values.
local function same_set(want, live, by)
  if #want ~= #live then return false end
  local rest = {}
  for _, item in ipairs(live) do
    local id = type(by) == "string" and type(item) == "table" and canon(item[by]) or canon(item)
    rest[id] = rest[id] or {}
    table.insert(rest[id], item)
  end
  for _, item in ipairs(want) do
    local id = type(by) == "string" and type(item) == "table" and canon(item[by]) or canon(item)
    local found = rest[id] and table.remove(rest[id])
    if found == nil or not equal(item, found) then return false end
  end
  return true
end

-- A structure's members that are not wanted are AWS's own business; lists count whole.
function equal(want, live, by)
  if type(want) ~= "table" or type(live) ~= "table" then
    return want == live or (want ~= nil and live ~= nil and type(want) ~= "table" and type(live) ~= "table"
      and canon(want) == canon(live))
  end
  if by then return same_set(want, live, by) end
  if #want > 0 or (next(want) == nil and #live > 0) then
    if #want ~= #live then return false end
    for i, item in ipairs(want) do
      if not equal(item, live[i]) then return false end
    end
    return true
  end
  for key, value in next, want do
    if not equal(value, live[key]) then return false end
  end
  return true
end

local function whole_map(want, live)
  for key, value in pairs(want) do
    if canon(value) ~= canon(live[key]) then return false end
  end
  for key in pairs(live) do
    if want[key] == nil and not tostring(key):find(TAG_OWNED_BY_AWS) then return false end
  end
  return true
end

--- Whether two values are the same member for member, which by every rule means that they are equal.
local function identical(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for key, value in next, a do
    if not identical(value, rawget(b, key)) then return false end
  end
  for key in next, b do
    if rawget(a, key) == nil then return false end
  end
  return true
end
compare.identical = identical

--- Whether the parts of `want` that are known may still be as `live` has them; `is_unknown(value)` finds the others.
function compare.may_equal(want, live, is_unknown)
  if is_unknown(want) then return true end
  if type(want) ~= "table" or type(live) ~= "table" then return equal(want, live) end
  if #want > 0 and #want ~= #live then return false end
  for key, value in next, want do
    if not compare.may_equal(value, live[key], is_unknown) then return false end
  end
  return true
end

--- Whether `live` is as `want` says. `rule`: nil, "policy", "json", "map" (no key more), "set", or
-- {set = "IndexName"} (a list that is a set, its items known by that member).
function compare.equal(want, live, rule)
  if want == nil and live == nil then return true end
  if type(live) == "table" and next(live) == nil and want == nil then return true end
  if type(want) == "table" and next(want) == nil and live == nil then return true end
  if rule and identical(want, live) then return true end          -- as a rule nothing has changed
  if rule == "policy" then
    return live ~= nil and want ~= nil and canon(compare.policy(want)) == canon(compare.policy(live))
  elseif rule == "json" then
    return canon(want) == canon(live)
  elseif rule == "map" and type(want) == "table" then
    return type(live) == "table" and whole_map(want, live)
  elseif rule == "set" then
    return equal(want, live, true)
  elseif type(rule) == "table" then
    return equal(want, live, rule.set)
  end
  return equal(want, live)
end

return compare
