--- iam.role: who may take it on (trust), and what it may do: where they are given, all inline and all managed policies
-- that there shall be; else those that it has stay.
local compare = require "resources.compare"
local resource = require "resources"

-- Some answers bring documents as percent-encoded JSON, some as JSON.
local function document(text)
  if type(text) == "table" then return text end
  if text and text:find "^%%7B" then
    text = text:gsub("%+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  end
  return resource.document(text)
end

local function inline(aws, name)
  local out = {}
  for policy in aws.iam:items("list_role_policies", {RoleName = name}) do
    out[policy] = document(aws.iam:get_role_policy {RoleName = name, PolicyName = policy}.PolicyDocument)
  end
  return out
end

local function attached(aws, name)
  local out = {}
  for policy in aws.iam:items("list_attached_role_policies", {RoleName = name}) do out[#out + 1] = policy.PolicyArn end
  table.sort(out)
  return out
end

local function converge_inline(aws, name, live, want)
  for policy, body in pairs(want) do
    if not live[policy] or not compare.equal(body, live[policy], "policy") then
      aws.iam:put_role_policy {RoleName = name, PolicyName = policy, PolicyDocument = resource.encode(body)}
    end
  end
  for policy in pairs(live) do
    if not want[policy] then aws.iam:delete_role_policy {RoleName = name, PolicyName = policy} end
  end
end

local function converge_attached(aws, name, live, want)
  local have, need = {}, {}
  for _, arn in ipairs(live) do have[arn] = true end
  for _, arn in ipairs(want) do
    need[arn] = true
    if not have[arn] then aws.iam:attach_role_policy {RoleName = name, PolicyArn = arn} end
  end
  for _, arn in ipairs(live) do
    if not need[arn] then aws.iam:detach_role_policy {RoleName = name, PolicyArn = arn} end
  end
end

-- What is known only after apply is in it, which must not be walked.
local function is_open(value)
  if type(value) ~= "table" then return false end
  local meta = getmetatable(value)
  if meta == "unknown" or meta == "handle" then return true end
  for _, inner in next, value do
    if is_open(inner) then return true end
  end
  return false
end

-- A map of policies in the one form that equal policies share, so that the map compares by meaning.
local function spelt(want)
  if is_open(want.InlinePolicies) then return want end
  local out = {}
  for name, body in pairs(want.InlinePolicies or {}) do out[name] = compare.policy(body) end
  want.InlinePolicies = out
  return want
end

return resource {
  type = "iam.role",
  about = "A role: trust, inline and managed policies",
  model = "create_role", key = "RoleName",
  properties = {InlinePolicies = {"map", "document"}, ManagedPolicyArns = {"list", "string"}},
  arns = "^arn:[^:]+:iam::%d+:role/(.+)$",
  provides = {"arn", "id"},
  replaces = {"Path"},
  sets = {"ManagedPolicyArns"},
  documents = {AssumeRolePolicyDocument = "policy"},
  defaults = {Path = "/", Description = "", MaxSessionDuration = 3600, InlinePolicies = {}, ManagedPolicyArns = {}},
  guards = {"InlinePolicies", "ManagedPolicyArns"},
  absent = {"NoSuchEntity", "NoSuchEntityException"},
  normal = spelt,

  read = function(aws, want)
    local role = aws.iam:get_role {RoleName = want.name}.Role
    local got = resource.all {
      inline = function() return inline(aws, want.name) end,
      attached = function() return attached(aws, want.name) end,
    }
    return spelt {name = role.RoleName, arn = role.Arn, id = role.RoleId, Path = role.Path,
      Description = role.Description or "", MaxSessionDuration = role.MaxSessionDuration or 3600,
      AssumeRolePolicyDocument = document(role.AssumeRolePolicyDocument),
      PermissionsBoundary = role.PermissionsBoundary and role.PermissionsBoundary.PermissionsBoundaryArn,
      InlinePolicies = got.inline, ManagedPolicyArns = got.attached, Tags = resource.tag_map(role.Tags)}
  end,

  list = function(aws)
    local out = {}
    for role in aws.iam:items("list_roles", {}) do
      if not role.Path:find "^/aws%-" then                     -- AWS's own, which nobody may delete
        out[#out + 1] = {name = role.RoleName,
          Tags = resource.tag_map(aws.iam:list_role_tags {RoleName = role.RoleName}.Tags)}
      end
    end
    return out
  end,

  all = function(aws)
    local out = {}
    for role in aws.iam:items("list_roles", {}) do
      out[#out + 1] = {name = role.RoleName,
        leave = role.Path:find "^/aws%-" and "an AWS service made it and looks after it" or nil}
    end
    return out
  end,

  create = function(aws, want)
    local role = aws.iam:create_role {RoleName = want.name, Path = want.Path, Description = want.Description,
      MaxSessionDuration = want.MaxSessionDuration, PermissionsBoundary = want.PermissionsBoundary,
      AssumeRolePolicyDocument = resource.encode(want.AssumeRolePolicyDocument),
      Tags = resource.tag_list(want.Tags)}.Role
    converge_inline(aws, want.name, {}, want.InlinePolicies or {})
    converge_attached(aws, want.name, {}, want.ManagedPolicyArns or {})
    return {arn = role.Arn, id = role.RoleId}
  end,

  update = function(aws, live, want, changed)
    local name = want.name
    if changed.AssumeRolePolicyDocument then
      aws.iam:update_assume_role_policy {RoleName = name,
        PolicyDocument = resource.encode(want.AssumeRolePolicyDocument)}
    end
    if changed.Description or changed.MaxSessionDuration then
      aws.iam:update_role {RoleName = name, Description = want.Description,
        MaxSessionDuration = want.MaxSessionDuration}
    end
    if changed.PermissionsBoundary then
      aws.iam:put_role_permissions_boundary {RoleName = name, PermissionsBoundary = want.PermissionsBoundary}
    end
    if changed.InlinePolicies then converge_inline(aws, name, live.InlinePolicies, want.InlinePolicies) end
    if changed.ManagedPolicyArns then converge_attached(aws, name, live.ManagedPolicyArns, want.ManagedPolicyArns) end
    if not changed.Tags then return end
    local set, gone = resource.tag_changes(live.Tags, want.Tags)
    if next(set) then aws.iam:tag_role {RoleName = name, Tags = resource.tag_list(set)} end
    if #gone > 0 then aws.iam:untag_role {RoleName = name, TagKeys = gone} end
  end,

  delete = function(aws, live)
    converge_inline(aws, live.name, live.InlinePolicies, {})
    converge_attached(aws, live.name, live.ManagedPolicyArns, {})
    aws.iam:delete_role {RoleName = live.name}
  end,
}
