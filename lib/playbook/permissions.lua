--- Whether whoever plans may also apply: what the plan's resources write, held to IAM's own simulation, beforehand.
local permissions = {}

local MANY <const> = 50                                  -- actions in one question
-- What IAM allows on no single resource, or on others than the one that is made.
local ON_ALL <const> = {["iam:CreateServiceLinkedRole"] = true, ["kms:CreateKey"] = true}
local ABOUT <const> = {explicitDeny = "explicitly denied", implicitDeny = "not allowed"}

-- ## What is needed

-- The pattern that takes a name out of an ARN, turned round: the ARN of that name. "*" where it cannot be, as where
-- AWS gives the name only when it is made (a key's).
local function arn_of(node, place)
  if node.live and type(node.live.arn) == "string" then return node.live.arn end
  local pattern = node.type.arns
  if not pattern or not pattern:find "%((%[%^[^%]]+%]%+)%)" and not pattern:find "%(%.%+%)" then return "*" end
  local text = pattern:gsub("^%^", ""):gsub("%$$", "")
  text = text:gsub("^arn:%[%^:%]%+:", "arn:" .. place.partition .. ":", 1)
  text = text:gsub("^(arn:[^:]+:[^:]+:)%[%^:%][*+]:", function(head) return head .. place.region .. ":" end, 1)
  text = text:gsub(":%%d%+:", ":" .. place.account .. ":", 1)
  text = text:gsub("%b()", function() return (node.name:gsub("%%", "%%%%")) end, 1):gsub("%%(%p)", "%1")
  return text:find "[%[%]()+^]" and "*" or text
end

-- The roles that the resource hands on to a service: known ones by their ARN.
local function roles_of(want)
  local out = {}
  for name, value in pairs(want) do
    local key = name:lower()
    if key:find "role$" or key:find "rolearn$" then
      out[#out + 1] = type(value) == "string" and value:find "^arn:[^:]+:iam::" and value or "*"
    end
  end
  return out
end

--- What the planned nodes write: a list of {action =, resource =, of = {addresses}}, each pair once.
function permissions.needed(nodes, models, place)
  local of = require "playbook.writes".of
  local out, seen = {}, {}
  local function need(action, resource, node)
    local key = action .. " " .. resource
    if not seen[key] then
      seen[key] = {action = action, resource = resource, of = {}}
      out[#out + 1] = seen[key]
    end
    table.insert(seen[key].of, node.address)
  end
  for _, node in ipairs(nodes) do
    if node.action and node.action ~= "none" then
      local arn = arn_of(node, place)
      for _, action in ipairs(of(node.type, node.action, models)) do
        need(action, ON_ALL[action] and "*" or arn, node)
      end
      for _, role in ipairs(node.action ~= "delete" and roles_of(node.want) or {}) do
        need("iam:PassRole", role, node)
      end
    end
  end
  return out
end

-- ## What IAM says

-- Whom a session's ARN stands for: IAM simulates users and roles. nil and why it cannot.
local function principal(aws, arn)
  if arn:find ":root$" then
    return nil, "these are the account's root credentials, which IAM does not simulate: they may do all that no"
      .. " policy of the organisation forbids"
  end
  local role = arn:match ":assumed%-role/([^/]+)/"
  if role then return aws.iam:get_role {RoleName = role}.Role.Arn end
  if arn:find ":iam::%d+:user/" or arn:find ":iam::%d+:role/" then return arn end
  return nil, "IAM simulates users and roles, and these credentials are of neither: " .. arn
end

local function by_resource(needed)
  local order, groups = {}, {}
  for _, row in ipairs(needed) do
    local group = groups[row.resource]
    if not group or #group == MANY then
      group = {}
      groups[row.resource], order[#order + 1] = group, group
    end
    group[#group + 1] = row
  end
  return order
end

local function simulate(aws, source, group)
  local names, by_name = {}, {}
  for i, row in ipairs(group) do names[i], by_name[row.action:lower()] = row.action, row end
  for result in aws.iam:items("simulate_principal_policy", {PolicySourceArn = source, ActionNames = names,
    ResourceArns = {group[1].resource}}) do
    local row = by_name[result.EvalActionName:lower()]
    row.decision = result.EvalDecision
    row.organization = (result.OrganizationsDecisionDetail or {}).AllowedByOrganizations == false
    row.boundary = (result.PermissionsBoundaryDecisionDetail or {}).AllowedByPermissionsBoundary == false
  end
end

--- Asks IAM whether the caller may do what is needed: {source =, rows =, missing = rows}; {why =} where it cannot say.
function permissions.ask(aws, arn, needed)
  local source, why = principal(aws, arn)
  if not source then return {why = why, rows = needed, missing = {}} end
  require "task".map(by_resource(needed), function(group) simulate(aws, source, group) end, {concurrency = 4})
  local missing = {}
  for _, row in ipairs(needed) do
    if row.decision ~= "allowed" then missing[#missing + 1] = row end
  end
  return {source = source, rows = needed, missing = missing}
end

-- ## What to say

local function reason(row)
  if row.organization then return "denied by a policy of the organisation: ask whoever looks after it" end
  if row.boundary then return "outside the permissions boundary" end
  if row.decision == "explicitDeny" then return "explicitly denied: a statement that allows it does not help" end
  return ABOUT[row.decision] or "not simulated"
end

--- The statements that allow what is missing, as IAM takes them: one or two a service. Of what is denied, none.
function permissions.statements(missing)
  local json = require "tidelock.json"
  local resources, by_service, out = {}, {}, {}
  for _, row in ipairs(missing) do
    if row.decision ~= "explicitDeny" and not row.organization then
      local key = row.action:match "^[^:]+:" .. (row.resource == "*" and "*" or "")
      local group = by_service[key] or {actions = {}, resources = {}, seen = {}}
      if not by_service[key] then by_service[key], resources[#resources + 1] = group, group end
      for kind, value in pairs {actions = row.action, resources = row.resource} do
        if not group.seen[kind .. value] then table.insert(group[kind], value) end
        group.seen[kind .. value] = true
      end
    end
  end
  for i, group in ipairs(resources) do
    table.sort(group.actions)
    table.sort(group.resources)
    out[i] = {Effect = "Allow", Action = json.array(group.actions), Resource = json.array(group.resources)}
  end
  return json.array(out)
end

--- The answer of `ask` as lines for people.
function permissions.lines(answer)
  if answer.why then return {"Permissions were not looked at: " .. answer.why .. "."} end
  local n = #answer.missing
  local out = {("Permissions of %s: %d action%s looked at, %d missing%s"):format(answer.source, #answer.rows,
    #answer.rows == 1 and "" or "s", n, n == 0 and "." or ":")}
  local lines = {}
  for _, row in ipairs(answer.missing) do
    local rest = (" on %s: %s (%s%s)"):format(row.resource, reason(row), row.of[1],
      #row.of > 1 and (" and %d more"):format(#row.of - 1) or "")
    if not lines[rest] then
      out[#out + 1] = rest
      lines[rest] = {at = #out}
    end
    table.insert(lines[rest], row.action)
  end
  for rest, actions in pairs(lines) do out[actions.at] = "  " .. table.concat(actions, ", ") .. rest end
  local statements = permissions.statements(answer.missing)
  if #statements > 0 then
    out[#out + 1] = "Add to a policy of these credentials:"
    for _, statement in ipairs(statements) do
      out[#out + 1] = "  " .. require "tidelock.json".encode(statement, {sort = true})
    end
  end
  return out
end

return permissions
