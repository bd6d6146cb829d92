-- harden/storage on the unhardened account: what boto3 reads back, what of others' stays, what waits for a person.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local oracle = require "support.oracle"

local CLOSE <const> = {"--approve", "close open buckets"}
local BLOCK <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = true}

local function sids(policy)
  local out = {}
  for i, s in ipairs(policy.Statement) do out[i] = s.Sid end
  return table.concat(out, " ")
end

describe("harden/storage", function()
  local boto, host, names, first
  setup(function()
    boto, host = oracle.start(), hardening.start()
    names = account.build(host, {only = {"storage"}})
    local code, text = host:apply("harden/storage", table.unpack(CLOSE))
    assert.equal(0, code, text)
    first = text
  end)
  teardown(function()
    boto:stop()
    host:close()
  end)

  local function read(service, operation, input)
    return boto:call({url = host.server.url, region = "us-east-1", account = host.account}, service, operation, input)
  end
  local function must(...)
    local answer = read(...)
    assert.is_nil(answer.error, answer.error and answer.error.message)
    return answer.output
  end

  it("1.3 blocks public access for the account, all four flags", function()
    assert.same(BLOCK, must("s3control", "GetPublicAccessBlock", {AccountId = host.account})
      .PublicAccessBlockConfiguration)
  end)
  it("1.3 leaves every bucket there is with default encryption, its own block and its owner alone", function()
    local buckets = must("s3", "ListBuckets", {}).Buckets
    assert.equal(12, #buckets)
    for _, bucket in ipairs(buckets) do
      local where = {Bucket = bucket.Name}
      local rule = must("s3", "GetBucketEncryption", where).ServerSideEncryptionConfiguration.Rules[1]
      local how = rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm
      assert.equal(bucket.Name == names.kms and "aws:kms" or "AES256", how, bucket.Name)
      assert.same(BLOCK, must("s3", "GetPublicAccessBlock", where).PublicAccessBlockConfiguration, bucket.Name)
      assert.equal("BucketOwnerEnforced",
        must("s3", "GetBucketOwnershipControls", where).OwnershipControls.Rules[1].ObjectOwnership, bucket.Name)
    end
  end)
  it("demands TLS of every bucket, beside the statements that it had", function()
    for _, bucket in ipairs(names.buckets) do
      local policy = json.decode(must("s3", "GetBucketPolicy", {Bucket = bucket}).Policy)
      local had = bucket == names.own_policy and "App TlsOnly" or bucket == names.website and "Deploy TlsOnly"
        or "TlsOnly"
      assert.equal(had, sids(policy), bucket)
    end
    assert.equal("uploads", json.decode(must("s3", "GetBucketPolicy", {Bucket = names.own_policy}).Policy).Id)
  end)
  it("takes the public grant and the public statement away, and told of both first", function()
    local grants = must("s3", "GetBucketAcl", {Bucket = names.shared}).Grants
    assert.equal(1, #grants)
    assert.equal("FULL_CONTROL", grants[1].Permission)
    assert.matches(names.shared .. " is open to the world: everybody has READ", first, 1, true)
    assert.matches("its policy lets everybody do s3:GetObject (statement PublicRead)", first, 1, true)
  end)
  it("7.1 tiers the buckets that are rarely read, archive tiers and all, and keeps the rules they had", function()
    for _, bucket in ipairs(names.tiering) do
      local found = must("s3", "ListBucketIntelligentTieringConfigurations", {Bucket = bucket})
        .IntelligentTieringConfigurationList[1]
      assert.same({"EntireBucket", "Enabled", 2}, {found.Id, found.Status, #found.Tierings})
      local tiers = {}
      for _, tier in ipairs(found.Tierings) do tiers[tier.AccessTier] = tier.Days end
      assert.same({ARCHIVE_ACCESS = 90, DEEP_ARCHIVE_ACCESS = 180}, tiers)
      local rules = must("s3", "GetBucketLifecycleConfiguration", {Bucket = bucket}).Rules
      local ours = rules[#rules]
      assert.same({"tiering", "INTELLIGENT_TIERING", 0, 7}, {ours.ID, ours.Transitions[1].StorageClass,
        ours.Transitions[1].Days, ours.AbortIncompleteMultipartUpload.DaysAfterInitiation})
    end
    local rules = must("s3", "GetBucketLifecycleConfiguration", {Bucket = names.tiering[2]}).Rules
    assert.same({2, "videos", 14}, {#rules, rules[1].ID, rules[1].Expiration.Days})
  end)
  it("leaves lifecycle, tags and versioning of others as they were", function()
    local rules = must("s3", "GetBucketLifecycleConfiguration", {Bucket = names.lifecycle}).Rules
    assert.same({"to-glacier", "expire-tmp"}, {rules[1].ID, rules[2].ID})
    for _, bucket in ipairs(names.buckets) do
      local tags = must("s3", "GetBucketTagging", {Bucket = bucket}).TagSet
      assert.same({1, "team"}, {#tags, tags[1].Key}, bucket)
      assert.equal(bucket:find "terraform" and "Enabled" or nil,
        must("s3", "GetBucketVersioning", {Bucket = bucket}).Status, bucket)
    end
  end)
  it("does nothing the second time", function()
    local code, text = host:apply "harden/storage"
    assert.equal(0, code, text)
    assert.matches("Nothing was changed: %d+ as declared%. %d+ reads, 0 writes", text)
  end)
  it("keeps versions where that is asked for, and ends old ones; encrypts by KMS where that is chosen", function()
    local code, text = host:apply("harden/storage", "--var", "versioned=" .. names.own_policy, "--var",
      "encryption=aws:kms")
    assert.equal(0, code, text)
    assert.equal("Enabled", must("s3", "GetBucketVersioning", {Bucket = names.own_policy}).Status)
    local rules = must("s3", "GetBucketLifecycleConfiguration", {Bucket = names.own_policy}).Rules
    assert.same({"old-versions", 90}, {rules[1].ID, rules[1].NoncurrentVersionExpiration.NoncurrentDays})
    local key = must("kms", "DescribeKey", {KeyId = "alias/example-s3-encryption"}).KeyMetadata
    assert.is_true(must("kms", "GetKeyRotationStatus", {KeyId = key.KeyId}).KeyRotationEnabled)
    for _, bucket in ipairs(names.buckets) do
      local rule = must("s3", "GetBucketEncryption", {Bucket = bucket}).ServerSideEncryptionConfiguration.Rules[1]
      local by = rule.ApplyServerSideEncryptionByDefault
      assert.same({"aws:kms", true}, {by.SSEAlgorithm, rule.BucketKeyEnabled})
      if bucket ~= names.kms then assert.equal(key.Arn, by.KMSMasterKeyID, bucket) end     -- that one had a key
    end
    code, text = host:apply("harden/storage", "--var", "versioned=" .. names.own_policy, "--var", "encryption=aws:kms")
    assert.equal(0, code, text)
    assert.matches("0 writes", text)
    code, text = host:apply "harden/storage"
    assert.equal(0, code, text)
    assert.matches("0 writes", text)              -- AES256 takes no key away
  end)
  it("makes the key of buckets usable by way of S3 alone, by whom S3 lets in, and in this account alone", function()
    local policy = json.decode(must("kms", "GetKeyPolicy", {KeyId = must("kms", "DescribeKey",
      {KeyId = "alias/example-s3-encryption"}).KeyMetadata.KeyId, PolicyName = "default"}).Policy)
    assert.equal("Owner ThroughS3 Deliveries", sids(policy))
    assert.same({["kms:CallerAccount"] = host.account, ["kms:ViaService"] = "s3.us-east-1.amazonaws.com"},
      policy.Statement[2].Condition.StringEquals)
    assert.same({["aws:SourceAccount"] = host.account}, policy.Statement[3].Condition.StringEquals)
  end)
  it("refuses to take it all back", function()
    local code, text = host:run("destroy", "playbooks/harden/storage.lua", hardening.ACCOUNT, "--confirm",
      "harden/storage")
    assert.equal(1, code, text)
    assert.matches("Nothing was deleted, because of what is protected", text)
  end)
end)

describe("harden/storage, where nobody is there to ask,", function()
  local host, names
  before_each(function()
    host = hardening.start()
    names = account.build(host, {only = {"storage"}})
  end)
  after_each(function() host:close() end)

  it("gives a bucket of another region no key that is not there", function()
    local far = "example-far-" .. host.account
    host.session.s3:create_bucket {Bucket = far, CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
    local key = ("arn:aws:kms:us-east-1:%s:key/0"):format(host.account)
    local function by(bucket)
      return host.session.s3:get_bucket_encryption {Bucket = bucket}.ServerSideEncryptionConfiguration.Rules[1]
        .ApplyServerSideEncryptionByDefault
    end
    local code, text = host:apply("harden/storage", "--var", "encryption=aws:kms", "--var", "key=" .. key)
    assert.equal(75, code, text)
    assert.matches(far .. " is in eu-west-1, where the key is not: it is encrypted by AWS's own key there", text, 1,
      true)
    assert.same({"aws:kms"}, {by(far).SSEAlgorithm, by(far).KMSMasterKeyID})
    assert.equal(key, by(names.own_policy).KMSMasterKeyID)
    assert.is_false((pcall(function()
      return host.session.kms:describe_key {KeyId = "alias/example-s3-encryption"}
    end)))
  end)
  it("does all that opens nothing and closes nothing, and waits with the rest", function()
    local code, text = host:apply "harden/storage"
    assert.equal(75, code, text)
    assert.equal("BucketOwnerEnforced", host.session.s3:get_bucket_ownership_controls {Bucket = names.half}
      .OwnershipControls.Rules[1].ObjectOwnership)
    local policy = json.decode(host.session.s3:get_bucket_policy {Bucket = names.website}.Policy)
    assert.equal("PublicRead Deploy", sids(policy))
    assert.is_false((pcall(function()
      return host.session.s3control:get_public_access_block {AccountId = host.account}
    end)))
    assert.is_false((pcall(function()
      return host.session.s3:get_public_access_block {Bucket = names.website}
    end)))
    assert.matches("wait for that word too", text)
    code, text = host:apply("harden/storage", table.unpack(CLOSE))
    assert.equal(0, code, text)
    assert.equal("Deploy TlsOnly", sids(json.decode(host.session.s3:get_bucket_policy {Bucket = names.website}.Policy)))
  end)
  it("opens again what it closed where a later part fails, if so told", function()
    local name, s3 = names.website, host.session.s3
    local policy = json.decode(s3:get_bucket_policy {Bucket = name}.Policy)
    table.insert(policy.Statement, {Sid = "Fixed", Effect = "Deny", Principal = "*",
      Action = "s3:PutBucketOwnershipControls", Resource = "arn:aws:s3:::" .. name})
    s3:put_bucket_policy {Bucket = name, Policy = json.encode(policy)}
    local code, text = host:apply("harden/storage", "--approve", "close open buckets", "--on-failure", "undo")
    assert.equal(1, code, text)
    assert.matches("s3:PutBucketOwnershipControls", text, 1, true)
    assert.equal("PublicRead Deploy Fixed", sids(json.decode(s3:get_bucket_policy {Bucket = name}.Policy)))
    assert.equal("READ", s3:get_bucket_acl {Bucket = names.shared}.Grants[2].Permission)
  end)
  it("plans the missing half alone on an account half done by hand", function()
    host.session.s3:delete_bucket_policy {Bucket = names.website}
    host.session.s3:put_bucket_acl {Bucket = names.shared, ACL = "private"}
    local code, text = host:apply "harden/storage"
    assert.equal(0, code, text)
    host.session.s3:delete_public_access_block {Bucket = names.half}
    host.session.s3:put_bucket_policy {Bucket = names.website, Policy = json.encode {Version = "2012-10-17",
      Statement = {{Sid = "HandMade", Effect = "Deny", Principal = {AWS = "*"}, Action = "s3:*", Resource = "*",
        Condition = {Bool = {["aws:SecureTransport"] = false}}}}}}
    local _, plan = host:run("plan", "playbooks/harden/storage.lua", hardening.ACCOUNT)
    assert.matches("s3%.bucket_settings/" .. names.half:gsub("%p", "%%%0") .. "%s+update", plan)
    assert.matches("0 to create, 1 to update, 0 to replace, 0 to delete, 15 unchanged", plan)
  end)
  it("hardens the others where one bucket may not be looked at, and names it as what failed", function()
    host.session.s3:put_bucket_acl {Bucket = names.shared, ACL = "private"}
    host.session.s3:delete_bucket_policy {Bucket = names.website}
    host.session.s3:put_bucket_policy {Bucket = names.half, Policy = json.encode {Version = "2012-10-17",
      Statement = {{Effect = "Deny", Principal = "*", Action = {"s3:GetBucketPolicy", "s3:GetBucketAcl"},
        Resource = "arn:aws:s3:::" .. names.half}}}}
    local code, text = host:apply "harden/storage"
    assert.equal(1, code, text)
    assert.matches("1 of 12 could not, and are as they were: " .. names.half, text, 1, true)
    assert.matches("s3:GetBucket", text, 1, true)
    assert.is_true(host.session.s3control:get_public_access_block {AccountId = host.account}
      .PublicAccessBlockConfiguration.BlockPublicPolicy)
  end)
  it("leaves grants by which logs are delivered, and the ownership that they need, and says so", function()
    local s3, name = host.session.s3, names.own_policy
    s3:put_bucket_acl {Bucket = names.shared, ACL = "private"}
    s3:delete_bucket_policy {Bucket = names.website}
    local owner = s3:get_bucket_acl {Bucket = name}.Owner
    s3:put_bucket_acl {Bucket = name, AccessControlPolicy = {Owner = owner, Grants = {{Permission = "WRITE",
      Grantee = {Type = "Group", URI = "http://acs.amazonaws.com/groups/s3/LogDelivery"}}}}}
    local code, text = host:apply "harden/storage"
    assert.equal(0, code, text)
    assert.matches(name .. " has 1 grant(s) to other accounts or to the delivery of logs", text, 1, true)
    assert.equal("WRITE", s3:get_bucket_acl {Bucket = name}.Grants[1].Permission)
    assert.is_true(s3:get_public_access_block {Bucket = name}.PublicAccessBlockConfiguration.BlockPublicAcls)
  end)
  it("judges policies as the controls do: what only looks closed is open, what denies some requests denies not all",
    function()
      local s3 = host.session.s3
      s3:put_bucket_acl {Bucket = names.shared, ACL = "private"}
      s3:delete_bucket_policy {Bucket = names.website}
      local arn = "arn:aws:s3:::" .. names.half
      s3:put_bucket_policy {Bucket = names.half, Policy = json.encode {Version = "2012-10-17", Statement = {
        {Sid = "AllButOne", Effect = "Allow", Principal = "*", Action = "s3:GetObject", Resource = arn .. "/*",
          Condition = {StringNotEquals = {["aws:PrincipalAccount"] = "210987654321"}}},
        {Sid = "SomeHttp", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = {arn, arn .. "/*"},
          Condition = {Bool = {["aws:SecureTransport"] = "false"}, IpAddress = {["aws:SourceIp"] = "192.0.2.0/24"}}}}}}
      local code, text = host:apply "harden/storage"
      assert.equal(75, code, text)
      assert.matches(names.half .. " is open to the world: its policy lets everybody do s3:GetObject (statement"
        .. " AllButOne)", text, 1, true)
      code, text = host:apply("harden/storage", table.unpack(CLOSE))
      assert.equal(0, code, text)
      assert.equal("SomeHttp TlsOnly", sids(json.decode(s3:get_bucket_policy {Bucket = names.half}.Policy)))
      code, text = host:run("check", "s3-bucket-tls-only", "s3-bucket-not-public")
      assert.equal(0, code, text)
    end)
  it("asks TLS of no website, and says why", function()
    host.session.s3:put_bucket_acl {Bucket = names.shared, ACL = "private"}
    host.session.s3:delete_bucket_policy {Bucket = names.website}
    host.session.s3:put_bucket_website {Bucket = names.website,
      WebsiteConfiguration = {IndexDocument = {Suffix = "index.html"}}}
    local code, text = host:apply "harden/storage"
    assert.equal(0, code, text)
    assert.matches("serves a website, which AWS does by plain HTTP only", text)
    assert.is_false((pcall(function() return host.session.s3:get_bucket_policy {Bucket = names.website} end)))
  end)
end)
