--- The sub-resources of a bucket: how each is read, set and taken away; and what is merged into what others have put.
local merge = require "resources.merge"
local resource = require "resources"

local parts = {}

-- Operations are named in full, so that what a role must allow can be read from here; the property's value is their
-- member of the same name. whole: the answer itself is the value; none: the code that says "none". Where there is no
-- delete it cannot be taken away, only set.
local PARTS <const> = {
  ServerSideEncryptionConfiguration = {get = "get_bucket_encryption", put = "put_bucket_encryption",
    delete = "delete_bucket_encryption", none = "ServerSideEncryptionConfigurationNotFoundError"},
  PublicAccessBlockConfiguration = {get = "get_public_access_block", put = "put_public_access_block",
    delete = "delete_public_access_block", none = "NoSuchPublicAccessBlockConfiguration"},
  VersioningConfiguration = {get = "get_bucket_versioning", put = "put_bucket_versioning", whole = true},
  LifecycleConfiguration = {get = "get_bucket_lifecycle_configuration", put = "put_bucket_lifecycle_configuration",
    delete = "delete_bucket_lifecycle", whole = true, rules = true, none = "NoSuchLifecycleConfiguration"},
  OwnershipControls = {get = "get_bucket_ownership_controls", put = "put_bucket_ownership_controls",
    delete = "delete_bucket_ownership_controls", none = "OwnershipControlsNotFoundError"},
  BucketLoggingStatus = {get = "get_bucket_logging", put = "put_bucket_logging", whole = true},
}

-- The order in which they are set: what forbids first, and the policy last, because the block may refuse it.
local ORDER <const> = {"OwnershipControls", "PublicAccessBlockConfiguration", "ServerSideEncryptionConfiguration",
  "VersioningConfiguration", "LifecycleConfiguration", "BucketLoggingStatus"}

--- The operations whose members are these properties, as a type's `also` wants them.
parts.OPERATIONS = {put_bucket_encryption = {"ServerSideEncryptionConfiguration"},
  put_public_access_block = {"PublicAccessBlockConfiguration"},
  put_bucket_versioning = {"VersioningConfiguration"},
  put_bucket_lifecycle_configuration = {"LifecycleConfiguration"},
  put_bucket_ownership_controls = {"OwnershipControls"}, put_bucket_logging = {"BucketLoggingStatus"}}

--- The row of LifecycleRules: rules of which each has an ID.
parts.RULES = {"list", "document"}

local function part_of(aws, bucket, name)
  local part = PARTS[name]
  return resource.unless({part.none}, function()
    local answer = aws.s3[part.get](aws.s3, {Bucket = bucket})
    if not part.whole then return answer[name] end
    answer.ResponseMetadata = nil
    return answer
  end, part.rules and {Rules = {}} or nil)
end

--- The bucket's policy as a table, or nil.
function parts.policy_of(aws, bucket)
  return resource.unless({"NoSuchBucketPolicy"}, function()
    return resource.document(aws.s3:get_bucket_policy {Bucket = bucket}.Policy)
  end, nil)
end

-- No rules, or nothing at all, takes the sub-resource away; versioning and logging cannot be, they are set.
local function set_part(aws, bucket, name, value)
  local part = PARTS[name]
  if part.delete and (next(value) == nil or value.Rules and #value.Rules == 0) then
    aws.s3[part.delete](aws.s3, {Bucket = bucket})
  else
    aws.s3[part.put](aws.s3, {Bucket = bucket, [name] = value})
  end
end

local function set_policy(aws, bucket, policy)
  if policy == nil or next(policy) == nil or #policy.Statement == 0 then
    aws.s3:delete_bucket_policy {Bucket = bucket}
  else
    aws.s3:put_bucket_policy {Bucket = bucket, Policy = resource.encode(policy)}
  end
end

local function merge_policy(aws, bucket, wanted)
  set_policy(aws, bucket, merge.policy(parts.policy_of(aws, bucket), wanted))
end

-- A put replaces the whole, and what is a header of it too.
local function merge_lifecycle(aws, bucket, wanted)
  local live = part_of(aws, bucket, "LifecycleConfiguration")
  aws.s3:put_bucket_lifecycle_configuration {Bucket = bucket,
    TransitionDefaultMinimumObjectSize = live.TransitionDefaultMinimumObjectSize,
    LifecycleConfiguration = {Rules = merge.into(live.Rules or {}, wanted, "ID")}}
end

-- ## All of it

--- Functions, each a request, for what `want` gives: under the property's name, and Policy for either form of it.
function parts.readers(aws, want)
  local name, out = want.name, {}
  for part in pairs(PARTS) do
    if want[part] ~= nil or part == "LifecycleConfiguration" and want.LifecycleRules then
      out[part] = function() return part_of(aws, name, part) end
    end
  end
  if want.Policy or want.PolicyStatements then
    out.Policy = function() return parts.policy_of(aws, name) end
  end
  return out
end

--- What was read, in the form that was asked for: a whole policy or statements of it, a whole lifecycle or rules of it.
function parts.seen(live, want)
  merge.seen(live, want)
  if want.LifecycleRules then
    live.LifecycleRules = merge.taken((live.LifecycleConfiguration or {}).Rules or {}, want.LifecycleRules, "ID")
    live.LifecycleConfiguration = nil
  end
  return live
end

-- A put replaces all four flags: of those that the playbook does not give, what blocks goes on blocking.
local function whole(name, value, live)
  if name ~= "PublicAccessBlockConfiguration" or next(value) == nil then return value end
  return merge.structure(live and live[name], value)
end

--- Sets what `changed` names of a bucket that is so `live`, or new.
function parts.set(aws, want, changed, live)
  for _, name in ipairs(ORDER) do
    if changed[name] and want[name] ~= nil then set_part(aws, want.name, name, whole(name, want[name], live)) end
  end
  if changed.LifecycleRules and want.LifecycleRules then merge_lifecycle(aws, want.name, want.LifecycleRules) end
  if changed.Policy then
    set_policy(aws, want.name, want.Policy)
  elseif changed.PolicyStatements and want.PolicyStatements then
    merge_policy(aws, want.name, merge.as_policy(want.PolicyStatements))
  end
end

--- Sentences on what cannot be meant.
function parts.check(want)
  local out = merge.faults(want)
  if want.LifecycleConfiguration and want.LifecycleRules then
    out[#out + 1] = "LifecycleConfiguration is the whole lifecycle and LifecycleRules a part of it: give one of them"
  end
  out[#out + 1] = merge.nameless(want.LifecycleRules, "LifecycleRules", "ID", "an ID")
  return out
end

return parts
