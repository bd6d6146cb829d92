--- What is a part of a whole that others have written too: statements of a policy by their Sid, rules by their ID.
local merge = {}

local function by(list, key)
  local out = {}
  for _, item in ipairs(list or {}) do out[item[key] or false] = item end
  out[false] = nil
  return out
end

--- Statements as a list: a document with one may give it without.
function merge.listed(statements)
  return type(statements) == "table" and statements.Effect and {statements} or statements or {}
end

--- `had` with those of `mine` put in the place of what has the same name, at the end what is new: the rest stays.
function merge.into(had, mine, key)
  local names, out = by(mine, key), {}
  for _, item in ipairs(had) do
    if not names[item[key]] then out[#out + 1] = item end
  end
  return table.move(mine, 1, #mine, #out + 1, out)
end

--- Of `had`, what `wanted` names.
function merge.taken(had, wanted, key)
  local names, out = by(wanted, key), {}
  for _, item in ipairs(had) do
    if names[item[key]] then out[#out + 1] = item end
  end
  return out
end

--- Of `had`, what `wanted` does not name.
function merge.without(had, wanted, key)
  local names, out = by(wanted, key), {}
  for _, item in ipairs(had) do
    if not names[item[key]] then out[#out + 1] = item end
  end
  return out
end

--- Statements written as a list, as a policy of their own: so they compare by meaning.
function merge.as_policy(statements)
  if statements and not statements.Statement then return {Statement = statements} end
  return statements
end

--- Of the live policy, the statements that are asked for.
function merge.statements_in(policy, wanted)
  return {Version = wanted.Version, Statement = merge.taken(merge.listed(policy and policy.Statement),
    wanted.Statement, "Sid")}
end

--- The live policy with the wanted statements in it.
function merge.policy(live, wanted)
  live, wanted = live or {}, merge.as_policy(wanted)
  return {Version = live.Version or "2012-10-17", Id = live.Id,
    Statement = merge.into(merge.listed(live.Statement), wanted.Statement, "Sid")}
end

--- A sentence on the first of the list that has no name to be found again by, or nil.
function merge.nameless(list, member, key, why)
  for i, item in ipairs(list or {}) do
    if type(item) ~= "table" or type(item[key]) ~= "string" then
      return ("%s[%d] needs %s, by which it is found again"):format(member, i, why)
    end
  end
end

--- What was read, with its policy in the form that was asked for: whole, or the statements that are named.
function merge.seen(live, want)
  if want.PolicyStatements then
    live.PolicyStatements, live.Policy = merge.statements_in(live.Policy, merge.as_policy(want.PolicyStatements)), nil
  end
  return live
end

--- Sentences on a policy that cannot be meant: given whole and in part, or in statements that are not found again.
function merge.faults(want)
  local out = {}
  if want.Policy and want.PolicyStatements then
    out[1] = "Policy is the whole policy and PolicyStatements a part of it: give one of them"
  end
  out[#out + 1] = merge.nameless(want.PolicyStatements, "PolicyStatements", "Sid", "a Sid")
  return out
end

--- Statements alone as a policy of their own.
function merge.normal(want)
  want.PolicyStatements = merge.as_policy(want.PolicyStatements)
  return want
end

--- A structure for an API that replaces it whole: what `want` does not give of it stays as it is live. Lists are taken
-- whole.
function merge.structure(live, want)
  if type(want) ~= "table" or #want > 0 or type(live) ~= "table" then return want end
  local out = {}
  for name, value in pairs(live) do out[name] = value end
  for name, value in pairs(want) do out[name] = merge.structure(live[name], value) end
  return out
end

return merge
