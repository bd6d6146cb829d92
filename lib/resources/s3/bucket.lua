--- s3.bucket: a bucket with encryption, public access block, policy, versioning, lifecycle, ownership and logging.
local resource = require "resources"

-- Each property that is a sub-resource: how it is read, what the answer means, what says "none", how it is taken away.
-- `get` is the operation after get_, `put` after put_; the property's value is the member of the same name.
local PARTS <const> = {
  ServerSideEncryptionConfiguration = {get = "bucket_encryption",
    none = "ServerSideEncryptionConfigurationNotFoundError"},
  PublicAccessBlockConfiguration = {get = "public_access_block", none = "NoSuchPublicAccessBlockConfiguration"},
  VersioningConfiguration = {get = "bucket_versioning", whole = true, keep = true},
  LifecycleConfiguration = {get = "bucket_lifecycle_configuration", delete = "bucket_lifecycle", whole = true,
    rules = true, none = "NoSuchLifecycleConfiguration"},
  OwnershipControls = {get = "bucket_ownership_controls", none = "OwnershipControlsNotFoundError"},
  BucketLoggingStatus = {get = "bucket_logging", whole = true, keep = true},
}

local function part_of(aws, bucket, name)
  local part = PARTS[name]
  return resource.unless({part.none}, function()
    local answer = aws.s3["get_" .. part.get](aws.s3, {Bucket = bucket})
    if not part.whole then return answer[name] end
    answer.ResponseMetadata = nil
    return answer
  end, part.rules and {Rules = {}} or nil)
end

local function policy_of(aws, bucket)
  return resource.unless({"NoSuchBucketPolicy"}, function()
    return resource.document(aws.s3:get_bucket_policy {Bucket = bucket}.Policy)
  end, nil)
end

-- No rules, or nothing at all, takes the sub-resource away; versioning and logging cannot be, they are set.
local function set_part(aws, bucket, name, value)
  local part = PARTS[name]
  if not part.keep and (next(value) == nil or value.Rules and #value.Rules == 0) then
    aws.s3["delete_" .. (part.delete or part.get)](aws.s3, {Bucket = bucket})
  else
    aws.s3["put_" .. part.get](aws.s3, {Bucket = bucket, [name] = value})
  end
end

-- ## The policy: whole, or some statements of it

-- The live statements with those of the same Sid put in their place: what others have put there stays.
local function merged(policy, statements)
  local mine, out = {}, {}
  for _, s in ipairs(statements) do mine[s.Sid] = true end
  local had = policy and policy.Statement or {}
  for _, s in ipairs(had.Effect and {had} or had) do
    if not mine[s.Sid] then out[#out + 1] = s end
  end
  table.move(statements, 1, #statements, #out + 1, out)
  return {Version = policy and policy.Version or "2012-10-17", Id = policy and policy.Id, Statement = out}
end

-- Of the live policy, the statements that are asked for, as a policy of their own: it compares by meaning.
local function statements_in(policy, wanted)
  local out, mine = {}, {}
  for _, s in ipairs(wanted.Statement or {}) do mine[s.Sid] = true end
  local had = policy and policy.Statement or {}
  for _, s in ipairs(had.Effect and {had} or had) do
    if mine[s.Sid] then out[#out + 1] = s end
  end
  return {Version = wanted.Version, Statement = out}
end

local function set_policy(aws, bucket, policy)
  if policy == nil or next(policy) == nil or #policy.Statement == 0 then
    aws.s3:delete_bucket_policy {Bucket = bucket}
  else
    aws.s3:put_bucket_policy {Bucket = bucket, Policy = resource.encode(policy)}
  end
end

local function set_tags(aws, bucket, tags)
  if next(tags) == nil then
    aws.s3:delete_bucket_tagging {Bucket = bucket}
  else
    aws.s3:put_bucket_tagging {Bucket = bucket, Tagging = {TagSet = resource.tag_list(tags)}}
  end
end

-- The order in which they are set: what forbids first, and the policy last, because the block may refuse it.
local ORDER <const> = {"OwnershipControls", "PublicAccessBlockConfiguration", "ServerSideEncryptionConfiguration",
  "VersioningConfiguration", "LifecycleConfiguration", "BucketLoggingStatus"}

local function set_all(aws, want, changed, live_policy)
  for _, name in ipairs(ORDER) do
    if changed[name] and want[name] ~= nil then set_part(aws, want.name, name, want[name]) end
  end
  if changed.Policy then
    set_policy(aws, want.name, want.Policy)
  elseif changed.PolicyStatements and want.PolicyStatements then
    set_policy(aws, want.name, merged(live_policy, want.PolicyStatements.Statement))
  end
end

local function present(want)
  local out = {}
  for name, value in pairs(want) do
    if type(value) ~= "table" or next(value) ~= nil then out[name] = true end
  end
  return out
end

-- us-east-1 is the one region that must not be named.
local function place(aws, given)
  if given or aws.region == "us-east-1" then return given end
  return {LocationConstraint = aws.region}
end

-- The own tags as the account's tag call shows them, or the bucket's own answer.
local function tags_of(aws, name)
  return aws.tags("arn:aws:s3:::" .. name, function()
    return resource.unless({"NoSuchTagSet"}, function()
      return resource.tag_map(aws.s3:get_bucket_tagging {Bucket = name}.TagSet)
    end, {})
  end)
end

-- Only what the playbook gives is read: each is a request of its own.
local function readers(aws, want)
  local name = want.name
  local out = {there = function() return aws.s3:head_bucket {Bucket = name} end,
    tags = function() return tags_of(aws, name) end}
  for part in pairs(PARTS) do
    if want[part] ~= nil then out[part] = function() return part_of(aws, name, part) end end
  end
  if want.Policy or want.PolicyStatements then
    out.Policy = function() return policy_of(aws, name) end
  end
  return out
end

return resource {
  type = "s3.bucket",
  about = "A bucket: encryption, public access block, policy, versioning, lifecycle",
  model = "create_bucket", key = "Bucket",
  without = {"ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP", "BucketNamespace",
    "ObjectOwnership", "CreateBucketConfiguration", "ObjectLockEnabledForBucket"},
  also = {put_bucket_encryption = {"ServerSideEncryptionConfiguration"},
    put_public_access_block = {"PublicAccessBlockConfiguration"},
    put_bucket_versioning = {"VersioningConfiguration"},
    put_bucket_lifecycle_configuration = {"LifecycleConfiguration"},
    put_bucket_ownership_controls = {"OwnershipControls"}, put_bucket_logging = {"BucketLoggingStatus"}},
  properties = {Policy = "document", PolicyStatements = "document"},
  documents = {Policy = "policy", PolicyStatements = "policy"},
  arns = "^arn:[^:]+:s3:::([^/]+)$",
  provides = {"arn"},
  absent = {"NoSuchBucket", "404", "NotFound"},

  -- Statements alone are written as a list; as a policy of their own they compare by meaning.
  normal = function(want)
    local list = want.PolicyStatements
    if list and not list.Statement then
      want.PolicyStatements = {Statement = list}
    end
    return want
  end,

  check = function(want)
    if want.Policy and want.PolicyStatements then
      return {"Policy is the whole policy and PolicyStatements a part of it: give one of them"}
    end
    for i, s in ipairs(want.PolicyStatements or {}) do
      if type(s) ~= "table" or type(s.Sid) ~= "string" then
        return {("PolicyStatements[%d] needs a Sid, by which it is found again"):format(i)}
      end
    end
  end,

  read = function(aws, want)
    local live = resource.all(readers(aws, want))
    live.name, live.arn, live.Tags, live.there, live.tags = want.name, "arn:aws:s3:::" .. want.name, live.tags, nil, nil
    local whole = live.Policy
    if want.PolicyStatements then
      local asked = want.PolicyStatements.Statement and want.PolicyStatements or {Statement = want.PolicyStatements}
      live.PolicyStatements, live.Policy = statements_in(whole, asked), nil
    end
    return live
  end,

  create = function(aws, want)
    -- a PUT may be sent twice below us, when a kept connection dies: the second is told that the first was done
    resource.unless({"BucketAlreadyOwnedByYou"}, function()
      return aws.s3:create_bucket {Bucket = want.name, CreateBucketConfiguration = place(aws)}
    end)
    if next(want.Tags or {}) then set_tags(aws, want.name, want.Tags) end
    local all = present(want)
    local list = want.PolicyStatements
    if list and not list.Statement then
      want = setmetatable({PolicyStatements = {Statement = list}}, {__index = want})
    end
    set_all(aws, want, all, nil)
    return {arn = "arn:aws:s3:::" .. want.name}
  end,

  update = function(aws, _, want, changed)
    local policy = changed.PolicyStatements and policy_of(aws, want.name) or nil
    set_all(aws, want, changed, policy)
    if changed.Tags then set_tags(aws, want.name, want.Tags) end
  end,

  delete = function(aws, live) aws.s3:delete_bucket {Bucket = live.name} end,
}
