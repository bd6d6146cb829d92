-- storage.lua -- twelve buckets: one open by its policy, one by its grants, none that refuses plain HTTP.
local json = require "tidelock.json"

local WORDS <const> = {"uploads", "website", "assets", "backups", "of-traces", "playwright-artifacts",
  "synthetics-artifacts", "exports", "documents", "terraform-state", "media", "reports"}
local REGIONAL <const> = {["of-traces"] = true, ["playwright-artifacts"] = true}
local ALL <const> = "http://acs.amazonaws.com/groups/global/AllUsers"

local function name_of(world, word)
  local name = ("%s-%s-%s"):format(world.prefix, word, world.id)
  return REGIONAL[word] and name .. "-" .. world.region or name
end

-- What each of them has beside its name.
local special = {}

function special.uploads(world, name)
  world.aws.s3:put_bucket_policy {Bucket = name, Policy = json.encode {Version = "2012-10-17", Id = "uploads",
    Statement = {{Sid = "App", Effect = "Allow", Principal = {AWS = "arn:aws:iam::" .. world.id .. ":root"},
      Action = {"s3:GetObject", "s3:PutObject"}, Resource = "arn:aws:s3:::" .. name .. "/*"}}}}
end

function special.website(world, name)
  world.aws.s3:put_bucket_policy {Bucket = name, Policy = json.encode {Version = "2012-10-17",
    Statement = {{Sid = "PublicRead", Effect = "Allow", Principal = "*", Action = "s3:GetObject",
      Resource = "arn:aws:s3:::" .. name .. "/*"},
      {Sid = "Deploy", Effect = "Allow", Principal = {AWS = "arn:aws:iam::" .. world.id .. ":root"},
        Action = "s3:PutObject", Resource = "arn:aws:s3:::" .. name .. "/*"}}}}
end

function special.assets(world, name)
  local owner = world.aws.s3:get_bucket_acl {Bucket = name}.Owner
  world.aws.s3:put_bucket_ownership_controls {Bucket = name,
    OwnershipControls = {Rules = {{ObjectOwnership = "ObjectWriter"}}}}
  world.aws.s3:put_bucket_acl {Bucket = name, AccessControlPolicy = {Owner = owner, Grants = {
    {Grantee = {Type = "CanonicalUser", ID = owner.ID}, Permission = "FULL_CONTROL"},
    {Grantee = {Type = "Group", URI = ALL}, Permission = "READ"}}}}
end

function special.backups(world, name)
  world.aws.s3:put_bucket_lifecycle_configuration {Bucket = name, LifecycleConfiguration = {Rules = {
    {ID = "to-glacier", Status = "Enabled", Filter = {Prefix = "db/"},
      Transitions = {{Days = 60, StorageClass = "GLACIER"}}},
    {ID = "expire-tmp", Status = "Enabled", Filter = {Prefix = "tmp/"}, Expiration = {Days = 3}}}}}
end

special["playwright-artifacts"] = function(world, name)
  world.aws.s3:put_bucket_lifecycle_configuration {Bucket = name, LifecycleConfiguration = {Rules = {
    {ID = "videos", Status = "Enabled", Filter = {Prefix = "videos/"}, Expiration = {Days = 14}}}}}
end

function special.documents(world, name)
  world.aws.s3:put_bucket_encryption {Bucket = name, ServerSideEncryptionConfiguration = {Rules = {{
    BucketKeyEnabled = true, ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "aws:kms",
      KMSMasterKeyID = ("arn:aws:kms:%s:%s:alias/aws/s3"):format(world.region, world.id)}}}}}
end

special["terraform-state"] = function(world, name)
  world.aws.s3:put_bucket_versioning {Bucket = name, VersioningConfiguration = {Status = "Enabled"}}
end

function special.reports(world, name)
  world.aws.s3:put_public_access_block {Bucket = name, PublicAccessBlockConfiguration = {BlockPublicAcls = true,
    IgnorePublicAcls = true, BlockPublicPolicy = false, RestrictPublicBuckets = true}}
end

local function make(world, word)
  local name = name_of(world, word)
  world.aws.s3:create_bucket {Bucket = name,
    CreateBucketConfiguration = world.region ~= "us-east-1" and {LocationConstraint = world.region} or nil}
  world.aws.s3:put_bucket_tagging {Bucket = name, Tagging = {TagSet = {{Key = "team", Value = word}}}}
  if special[word] then special[word](world, name) end
  return name
end

return function(world)
  local buckets = world.each(WORDS, function(word) return make(world, word) end)
  local function named(word) return name_of(world, word) end
  return {buckets = buckets, own_policy = named "uploads", website = named "website", shared = named "assets",
    lifecycle = named "backups", kms = named "documents", half = named "reports",
    tiering = {named "of-traces", named "playwright-artifacts", named "synthetics-artifacts"}}
end
