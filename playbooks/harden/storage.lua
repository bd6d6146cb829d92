--- Every bucket there is: encrypted by default, TLS only, its owner alone owns what is in it, nothing open to the
-- world; what is rarely read moves to cheaper tiers. The buckets stay their makers': statements and rules are merged
-- into theirs, nothing is tagged. What is open is closed only after somebody has said so; until then the rest is done.
playbook {
  name = "harden/storage",
  about = "All buckets: encryption, TLS only, ownership, public access, archive tiers",
  vars = {
    encryption = {"string", default = "AES256", choices = {"AES256", "aws:kms"},
      about = "default encryption of buckets that have no key of KMS yet"},
    key = {"string", default = "", about = "with aws:kms: the key's ARN; without one a key of its own is made"},
    versioned = {"list", default = {}, about = "buckets to keep versions, * for all; old ones end in 90 days"},
    cold = {"list", default = {"traces", "artifacts"},
      about = "buckets with one of these in their name are rarely read, and get Intelligent-Tiering"},
    archive = {"boolean", default = true, about = "in those, what nobody reads for 90 and 180 days goes to the archive"
      .. " tiers: reading it again takes hours"},
    expire = {"boolean", default = false, about = "in those, delete old versions and logs/ after 90 days"},
    skip = {"list", default = {}, about = "buckets to leave alone"},
  },
}

-- ## What there is

local NONE = {NoSuchPublicAccessBlockConfiguration = true, OwnershipControlsNotFoundError = true,
  NoSuchBucketPolicy = true, NoSuchWebsiteConfiguration = true, NoSuchLifecycleConfiguration = true,
  ServerSideEncryptionConfigurationNotFoundError = true}
local GROUPS = {["http://acs.amazonaws.com/groups/global/AllUsers"] = "everybody",
  ["http://acs.amazonaws.com/groups/global/AuthenticatedUsers"] = "everybody with an AWS account"}
local function or_none(fn)
  local ok, answer = pcall(fn)
  if ok then return answer end
  if type(answer) == "table" and NONE[answer.code] then return nil end
  error(answer, 0)
end

-- Foreign grants that are no group of the world: logs are delivered by some of them, so they are told, not taken.
local function grants_of(name)
  local acl, public, others = aws.s3:get_bucket_acl {Bucket = name}, {}, 0
  for _, grant in ipairs(acl.Grants or {}) do
    local who = GROUPS[grant.Grantee.URI or ""]
    if who then
      public[#public + 1] = who .. " has " .. grant.Permission
    elseif grant.Grantee.ID ~= acl.Owner.ID then
      others = others + 1
    end
  end
  return public, others
end

local function encryption_of(name)
  local found = or_none(function() return aws.s3:get_bucket_encryption {Bucket = name} end)
  local rule = found and found.ServerSideEncryptionConfiguration.Rules[1] or {}
  return (rule.ApplyServerSideEncryptionByDefault or {}).SSEAlgorithm
end

-- A key encrypts where it is: asked only where keys are chosen.
local function region_of(name)
  if var.encryption ~= "aws:kms" then return nil end
  local at = aws.s3:get_bucket_location {Bucket = name}.LocationConstraint
  return at == "EU" and "eu-west-1" or at and at ~= "" and at or "us-east-1"
end

local function is_cold(name)
  for _, word in ipairs(var.cold) do
    if name:find(word, 1, true) then return true end
  end
  return false
end

-- Whether a rule of somebody else's moves the whole bucket already.
local function moved(name)
  local found = or_none(function() return aws.s3:get_bucket_lifecycle_configuration {Bucket = name} end)
  for _, rule in ipairs(found and found.Rules or {}) do
    local all = (rule.Prefix or "") == "" and ((rule.Filter or {}).Prefix or "") == "" and not (rule.Filter or {}).And
    for _, t in ipairs(rule.Transitions or {}) do
      if all and rule.Status == "Enabled" and t.StorageClass == "INTELLIGENT_TIERING" and rule.ID ~= "tiering" then
        return true
      end
    end
  end
  return false
end

local ARN = "arn:" .. account.partition .. ":"

local function look(name)
  local arn = ARN .. "s3:::" .. name
  local out = {name = name, arn = arn, open = {}, sids = {}}
  local policy = or_none(function() return json.decode(aws.s3:get_bucket_policy {Bucket = name}.Policy) end)
  local theirs = {}
  for i, s in ipairs(listed(policy and policy.Statement)) do
    if s.Sid ~= "TlsOnly" then theirs[#theirs + 1] = s end
    if policies.public(s) then
      out.open[#out.open + 1] = ("its policy lets everybody do %s (statement %s)"):format(
        table.concat(listed(s.Action or "all but some"), ", "), s.Sid or i)
    end
  end
  out.tls = policies.denies_plaintext(theirs, "s3", {arn, arn .. "/some/object"})
  local grants, others = grants_of(name)
  table.move(grants, 1, #grants, #out.open + 1, out.open)
  out.others = others
  out.algorithm, out.region = encryption_of(name), region_of(name)
  out.website = or_none(function() return aws.s3:get_bucket_website {Bucket = name} end) ~= nil
  out.cold = is_cold(name)
  out.moved = out.cold and moved(name)
  return out
end

local found = find "buckets" {run = function()
  local names = {}
  for bucket in aws.s3:items("list_buckets", {}) do
    if not contains(var.skip, bucket.Name) then names[#names + 1] = bucket.Name end
  end
  table.sort(names)
  return task.map(names, function(name)
    local ok, seen = pcall(look, name)
    if ok then return seen end
    if type(seen) ~= "table" or seen.status == nil then error(seen, 0) end
    if seen.code == "NoSuchBucket" then return {name = name, gone = true, open = {}} end
    return {name = name, refused = seen.message or seen.code, open = {}}
  end, {concurrency = 8})
end}

-- ## What each of them gets

local BLOCK = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true, RestrictPublicBuckets = true}

-- Who may read and write the buckets may use their key by way of S3, as with AWS's own: else every application would
-- be locked out until its role names the key. A ViaService ends in amazonaws.com in all partitions, also where hosts do
-- not: docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
local key
if var.encryption == "aws:kms" and var.key == "" then
  key = ensure.kms.key {
    name = "alias/" .. account.prefix .. "-s3-encryption", Description = "Buckets", EnableKeyRotation = true,
    protect = true,
    PolicyStatements = {
      {Sid = "Owner", Effect = "Allow", Principal = {AWS = ARN .. "iam::" .. account.id .. ":root"}, Action = "kms:*",
        Resource = "*"},
      {Sid = "ThroughS3", Effect = "Allow", Principal = {AWS = "*"}, Resource = "*",
        Action = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"},
        Condition = {StringEquals = {["kms:CallerAccount"] = account.id,
          ["kms:ViaService"] = "s3." .. account.region .. ".amazonaws.com"}}},
      {Sid = "Deliveries", Effect = "Allow", Resource = "*", Action = {"kms:Decrypt", "kms:GenerateDataKey*"},
        Principal = {Service = {"s3.amazonaws.com", "cloudtrail.amazonaws.com", "delivery.logs.amazonaws.com"}},
        Condition = {StringEquals = {["aws:SourceAccount"] = account.id}}},
    },
    tags = {Purpose = "what is in buckets"},
  }
end

-- The key of a bucket, where there is one in its region; else AWS's own there.
local function key_for(bucket)
  local region = var.key:match "^arn:[^:]+:kms:([^:]+):" or account.region
  if bucket.region == region then return key and key.arn or var.key end
  print(("%s is in %s, where the key is not: it is encrypted by AWS's own key there"):format(bucket.name,
    bucket.region))
end

local function encryption(bucket)
  if bucket.algorithm and bucket.algorithm ~= "AES256" then return nil end      -- a key of KMS is never taken away
  local by = {SSEAlgorithm = var.encryption}
  if var.encryption == "aws:kms" then by.KMSMasterKeyID = key_for(bucket) end
  return {Rules = {{ApplyServerSideEncryptionByDefault = by, BucketKeyEnabled = var.encryption == "aws:kms" or nil}}}
end

local function tls(bucket)
  if bucket.tls or bucket.website then return nil end
  return {{Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = {bucket.arn,
    bucket.arn .. "/*"}, Condition = {Bool = {["aws:SecureTransport"] = "false"}}}}
end

local function rules(bucket, versioned)
  local out = {}
  if bucket.cold and not bucket.moved then
    out[1] = {ID = "tiering", Status = "Enabled", Filter = {Prefix = ""},
      Transitions = {{Days = 0, StorageClass = "INTELLIGENT_TIERING"}},
      AbortIncompleteMultipartUpload = {DaysAfterInitiation = 7}}
  end
  if versioned or bucket.cold and var.expire then
    out[#out + 1] = {ID = "old-versions", Status = "Enabled", Filter = {Prefix = ""},
      NoncurrentVersionExpiration = {NoncurrentDays = 90}}
  end
  if bucket.cold and var.expire then
    out[#out + 1] = {ID = "old-logs", Status = "Enabled", Filter = {Prefix = "logs/"}, Expiration = {Days = 90}}
  end
  if #out > 0 then return out end
end

-- Owner alone: AWS refuses it while others have grants.
local function harden(bucket)
  local versioned = contains(var.versioned, bucket.name) or contains(var.versioned, "*")
  ensure.s3.bucket_settings {
    name = bucket.name,
    OwnershipControls = bucket.others == 0 and {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}} or nil,
    PublicAccessBlockConfiguration = BLOCK,
    ServerSideEncryptionConfiguration = encryption(bucket),
    VersioningConfiguration = versioned and {Status = "Enabled"} or nil,
    PolicyStatements = tls(bucket),
    LifecycleRules = rules(bucket, versioned),
  }
  if not bucket.cold then return end
  ensure.s3.intelligent_tiering {
    Bucket = bucket.name, Id = "EntireBucket", Status = "Enabled",
    Tierings = var.archive and {{Days = 90, AccessTier = "ARCHIVE_ACCESS"},
      {Days = 180, AccessTier = "DEEP_ARCHIVE_ACCESS"}} or {},
  }
end

local open, refused = {}, {}
for _, bucket in ipairs(found) do
  if bucket.gone then
    print(bucket.name .. " was deleted meanwhile")
  elseif bucket.refused then
    refused[#refused + 1] = bucket.name .. ": " .. bucket.refused
  elseif #bucket.open > 0 then
    open[#open + 1] = bucket
    print(("%s is open to the world: %s"):format(bucket.name, table.concat(bucket.open, "; ")))
  else
    harden(bucket)
  end
  if bucket.website then
    print(bucket.name .. " serves a website, which AWS does by plain HTTP only: TLS is not demanded of it. Put"
      .. " CloudFront before it, and take its website configuration away.")
  end
  if (bucket.others or 0) > 0 then
    print(("%s has %d grant(s) to other accounts or to the delivery of logs: its ownership stays as it is. Give them"
      .. " by policy instead."):format(bucket.name, bucket.others))
  end
end

-- ## What is open: closed after asking. The account's block closes it too, so it waits for the same word.

-- What is live, without what opens it.
local function close(name)
  local done = {name = name, policy = or_none(function() return aws.s3:get_bucket_policy {Bucket = name}.Policy end),
    block = or_none(function()
      return aws.s3:get_public_access_block {Bucket = name}.PublicAccessBlockConfiguration
    end),
    ownership = or_none(function() return aws.s3:get_bucket_ownership_controls {Bucket = name}.OwnershipControls end)}
  local policy, kept = done.policy and json.decode(done.policy) or {}, {}
  for _, s in ipairs(listed(policy.Statement)) do
    if not policies.public(s) then kept[#kept + 1] = s end
  end
  if #kept < #listed(policy.Statement) then
    policy.Statement = kept
    if #kept == 0 then
      aws.s3:delete_bucket_policy {Bucket = name}
    else
      aws.s3:put_bucket_policy {Bucket = name, Policy = json.encode(policy)}
    end
  end
  local acl, grants = aws.s3:get_bucket_acl {Bucket = name}, {}
  for _, grant in ipairs(acl.Grants or {}) do
    if not GROUPS[grant.Grantee.URI or ""] then grants[#grants + 1] = grant end
  end
  if #grants < #(acl.Grants or {}) then
    done.owner, done.grants = acl.Owner, acl.Grants
    aws.s3:put_bucket_acl {Bucket = name, AccessControlPolicy = {Owner = acl.Owner, Grants = grants}}
  end
  return done
end

-- The block and the ownership first: they would refuse what opens.
local function reopen(done)
  if done.block then
    aws.s3:put_public_access_block {Bucket = done.name, PublicAccessBlockConfiguration = done.block}
  else
    aws.s3:delete_public_access_block {Bucket = done.name}
  end
  if done.ownership then
    aws.s3:put_bucket_ownership_controls {Bucket = done.name, OwnershipControls = done.ownership}
  else
    aws.s3:delete_bucket_ownership_controls {Bucket = done.name}
  end
  if done.policy then aws.s3:put_bucket_policy {Bucket = done.name, Policy = done.policy} end
  if done.grants then
    aws.s3:put_bucket_acl {Bucket = done.name, AccessControlPolicy = {Owner = done.owner, Grants = done.grants}}
  end
end

local waits = false
if #open > 0 then
  local shut = step "close open buckets" {
    confirm = "close", later = true,
    run = function()
      local out = {}
      for i, bucket in ipairs(open) do out[i] = close(bucket.name) end
      return out
    end,
    undo = function(all)
      for _, done in ipairs(all) do reopen(done) end
    end,
  }
  -- Left out for want of a word: then what would close them by another way waits as well.
  waits = known(shut) and type(shut) ~= "table"
  for _, bucket in ipairs(waits and {} or open) do harden(bucket) end
end

if waits then
  print(("the block of the account, and all else of %d open bucket(s), wait for that word too"):format(#open))
else
  ensure.s3.account_public_access_block(BLOCK)
end

if #refused > 0 then
  check "every bucket could be looked at" {test = function()
    return false, ("%d of %d could not, and are as they were: %s"):format(#refused, #found,
      table.concat(refused, "; "))
  end}
end

output {buckets = #found, opened = #open, refused = #refused}
