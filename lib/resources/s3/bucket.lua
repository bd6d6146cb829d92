--- s3.bucket: a bucket with encryption, public access block, policy, versioning, lifecycle, ownership and logging.
local merge = require "resources.merge"
local parts = require "resources.s3.parts"
local resource = require "resources"

local function set_tags(aws, bucket, tags)
  if next(tags) == nil then
    aws.s3:delete_bucket_tagging {Bucket = bucket}
  else
    aws.s3:put_bucket_tagging {Bucket = bucket, Tagging = {TagSet = resource.tag_list(tags)}}
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

-- A bucket is of no region and no account, as ARNs go.
local function arn_of(aws, name) return aws.arn("s3", name, "", "") end

-- The own tags as the account's tag call shows them, or the bucket's own answer.
local function tags_of(aws, name)
  return aws.tags(arn_of(aws, name), function()
    return resource.unless({"NoSuchTagSet"}, function()
      return resource.tag_map(aws.s3:get_bucket_tagging {Bucket = name}.TagSet)
    end, {})
  end)
end

-- Only what the playbook gives is read: each is a request of its own.
local function readers(aws, want)
  local out = parts.readers(aws, want)
  out.there = function() return aws.s3:head_bucket {Bucket = want.name} end
  out.tags = function() return tags_of(aws, want.name) end
  return out
end

return resource {
  type = "s3.bucket",
  about = "A bucket: encryption, public access block, policy, versioning, lifecycle",
  model = "create_bucket", key = "Bucket", longest = 63,
  without = {"ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP", "BucketNamespace",
    "ObjectOwnership", "CreateBucketConfiguration", "ObjectLockEnabledForBucket"},
  also = parts.OPERATIONS,
  properties = {Policy = "document", PolicyStatements = "document", LifecycleRules = parts.RULES},
  documents = {Policy = "policy", PolicyStatements = "policy"},
  sets = {LifecycleRules = "ID"},
  arns = "^arn:[^:]+:s3:::([^/]+)$",
  provides = {"arn"},
  absent = {"NoSuchBucket", "404", "NotFound"},

  normal = merge.normal,
  check = parts.check,

  read = function(aws, want)
    local live = resource.all(readers(aws, want))
    live.name, live.arn, live.Tags, live.there, live.tags = want.name, arn_of(aws, want.name), live.tags, nil, nil
    return parts.seen(live, want)
  end,

  all = function(aws)
    local out = {}
    for _, bucket in ipairs(aws.s3:list_buckets {}.Buckets or {}) do
      local want = {name = bucket.Name, Policy = {}}
      for _, members in pairs(parts.OPERATIONS) do want[members[1]] = {} end
      out[#out + 1] = want
    end
    return out
  end,

  create = function(aws, want)
    -- a PUT may be sent twice below us, when a kept connection dies: the second is told that the first was done
    resource.unless({"BucketAlreadyOwnedByYou"}, function()
      return aws.s3:create_bucket {Bucket = want.name, CreateBucketConfiguration = place(aws)}
    end)
    if next(want.Tags or {}) then set_tags(aws, want.name, want.Tags) end
    parts.set(aws, want, present(want))
    return {arn = arn_of(aws, want.name)}
  end,

  update = function(aws, live, want, changed)
    parts.set(aws, want, changed, live)
    if changed.Tags then set_tags(aws, want.name, want.Tags) end
  end,

  delete = function(aws, live) aws.s3:delete_bucket {Bucket = live.name} end,
}
