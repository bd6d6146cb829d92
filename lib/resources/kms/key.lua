--- kms.key: a customer key, with all of its policy or some statements of it. Keys have no names of their own: the alias
-- is the name, and is made with the key.
local merge = require "resources.merge"
local resource = require "resources"

local TAG <const> = {key = "TagKey", value = "TagValue"}      -- what a tag's members are called here
local MARK <const> = "tidelock:alias"      -- finds a key whose alias was not made before a kill

local function tags_of(list) return resource.tag_map(list, TAG.key, TAG.value) end

local function tag_list(tags) return resource.tag_list(tags, TAG.key, TAG.value) end

-- A key that an earlier, stopped run made and gave no alias: never a second one. Only keys without an alias can be it.
local function find_marked(aws, name)
  local aliased = {}
  for alias in aws.kms:items("list_aliases", {}) do
    if alias.TargetKeyId then aliased[alias.TargetKeyId] = true end
  end
  for row in aws.kms:items("list_keys", {}) do
    if not aliased[row.KeyId] then
      local tags = resource.unless({"AccessDeniedException"}, function()
        return tags_of(aws.kms:list_resource_tags {KeyId = row.KeyId}.Tags)
      end, {})
      local key = tags[MARK] == name and aws.kms:describe_key {KeyId = row.KeyId}.KeyMetadata
      if key and key.KeyState == "Enabled" then return key end
    end
  end
end

local function set_rotation(aws, id, want)
  if want.EnableKeyRotation then
    aws.kms:enable_key_rotation {KeyId = id, RotationPeriodInDays = want.RotationPeriodInDays}
  else
    aws.kms:disable_key_rotation {KeyId = id}
  end
end

local function with_mark(tags, name)
  local out = {[MARK] = name}
  for k, v in pairs(tags or {}) do out[k] = v end
  return out
end

return resource {
  type = "kms.key",
  about = "A customer key and its alias: policy, rotation",
  model = "create_key", without = {"CustomKeyStoreId", "XksKeyId", "CustomerMasterKeySpec"},
  properties = {name = {type = "string", required = true}, EnableKeyRotation = "boolean",
    PolicyStatements = "document",
    RotationPeriodInDays = {type = "integer", min = 90, max = 2560},
    PendingWindowInDays = {type = "integer", min = 7, max = 30}},
  once = {"create_key"},
  provides = {"arn", "id", "alias_arn"},
  replaces = {"KeySpec", "KeyUsage", "Origin", "MultiRegion"},
  documents = {Policy = "policy", PolicyStatements = "policy"},
  defaults = {EnableKeyRotation = false, Description = ""},
  guards = {"EnableKeyRotation"},
  secrets = {"PendingWindowInDays", "BypassPolicyLockoutSafetyCheck"},
  absent = {"NotFoundException"},
  arns = "^arn:[^:]+:kms:[^:]+:%d+:(key/.+)$",
  kept = "what it has encrypted is lost with a key, so only destroy deletes one",

  check = function(want)
    local out, name = merge.faults(want), tostring(want.name)
    if type(want.name) == "string" and not name:find "^alias/" then out[#out + 1] = 'name must begin with "alias/"' end
    if name:find "^alias/aws/" then out[#out + 1] = "alias/aws/ belongs to AWS" end
    return out
  end,
  normal = merge.normal,

  read = function(aws, want)
    local key = aws.kms:describe_key {KeyId = want.name}.KeyMetadata
    local id = key.KeyId
    local got = resource.all {
      policy = function() return aws.kms:get_key_policy {KeyId = id, PolicyName = "default"} end,
      rotation = function()
        return resource.unless({"UnsupportedOperationException"}, function()
          return aws.kms:get_key_rotation_status {KeyId = id}
        end, {})
      end,
      tags = function() return aws.kms:list_resource_tags {KeyId = id} end,
    }
    local tags = tags_of(got.tags.Tags)
    tags[MARK] = nil
    return merge.seen({name = want.name, id = id, arn = key.Arn, alias_arn = aws.arn("kms", want.name),
      state = key.KeyState,
      Description = key.Description or "", KeySpec = key.KeySpec, KeyUsage = key.KeyUsage, Origin = key.Origin,
      MultiRegion = key.MultiRegion, Policy = resource.document(got.policy.Policy),
      EnableKeyRotation = got.rotation.KeyRotationEnabled or false,
      RotationPeriodInDays = got.rotation.RotationPeriodInDays, Tags = tags}, want)
  end,

  note = function(live) return live.state ~= "Enabled" and "the key's state is " .. tostring(live.state) end,

  -- The first alias of a key is its name; the others are kms.alias. A key without one has no name to be found by.
  all = function(aws)
    local out, named = {}, {}
    for alias in aws.kms:items("list_aliases", {}) do
      local id = alias.TargetKeyId
      if id and not named[id] and not alias.AliasName:find "^alias/aws/" then
        out[#out + 1] = {name = alias.AliasName}
      end
      named[id or ""] = true
    end
    for row in aws.kms:items("list_keys", {}) do
      local key = not named[row.KeyId] and aws.kms:describe_key {KeyId = row.KeyId}.KeyMetadata
      if key and key.KeyManager ~= "AWS" then
        out[#out + 1] = {name = row.KeyId, leave = key.KeyState == "PendingDeletion" and "it is to be deleted"
          or "it has no alias, and a key is known by that"}
      end
    end
    return out
  end,

  create = function(aws, want)
    local key = find_marked(aws, want.name)
    local policy = want.PolicyStatements and merge.policy(nil, want.PolicyStatements) or want.Policy
    if not key then
      key = aws.kms:create_key {Description = want.Description, KeySpec = want.KeySpec, KeyUsage = want.KeyUsage,
        Origin = want.Origin, MultiRegion = want.MultiRegion, Policy = policy and resource.encode(policy),
        BypassPolicyLockoutSafetyCheck = want.BypassPolicyLockoutSafetyCheck,
        Tags = tag_list(with_mark(want.Tags, want.name))}.KeyMetadata
    end
    aws.kms:create_alias {AliasName = want.name, TargetKeyId = key.KeyId}
    if want.EnableKeyRotation then set_rotation(aws, key.KeyId, want) end
    return {arn = key.Arn, id = key.KeyId, alias_arn = aws.arn("kms", want.name)}
  end,

  update = function(aws, live, want, changed)
    local policy = changed.Policy and want.Policy
    if changed.PolicyStatements then
      local had = aws.kms:get_key_policy {KeyId = live.id, PolicyName = "default"}.Policy
      policy = merge.policy(resource.document(had), want.PolicyStatements)
    end
    if policy then
      aws.kms:put_key_policy {KeyId = live.id, PolicyName = "default", Policy = resource.encode(policy)}
    end
    if changed.Description then
      aws.kms:update_key_description {KeyId = live.id, Description = want.Description}
    end
    if changed.EnableKeyRotation or changed.RotationPeriodInDays then set_rotation(aws, live.id, want) end
    if changed.Tags then resource.retag(aws.kms, {KeyId = live.id}, live, want, TAG) end
  end,

  delete = function(aws, live, want)
    aws.kms:delete_alias {AliasName = live.name}
    aws.kms:schedule_key_deletion {KeyId = live.id, PendingWindowInDays = want.PendingWindowInDays or 30}
  end,
}
