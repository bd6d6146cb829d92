--- AWS Config: what is there and how it changes, written down; most of what Security Hub finds, it finds by this. A
-- region has one recorder and one channel: where others have made them, harden/security-services leaves them alone.
playbook {
  name = "harden/config",
  about = "AWS Config: a recorder of all resources, and where it delivers",
  vars = {
    global = {"boolean", default = true, about = "record what belongs to no region (IAM) too: the first region's part"},
    channel = {"string", default = "", about = "a delivery channel that is there already, and stays as it is"},
    keep = {"integer", default = 2555, min = 30, about = "days that what was delivered is kept"},
  },
}

local name = account.prefix .. "-config"
local bucket_name = account.prefix .. "-aws-config-" .. account.id .. (var.global and "" or "-" .. account.region)
local bucket_arn = "arn:" .. account.partition .. ":s3:::" .. bucket_name
local service = {Service = "config.amazonaws.com"}
local of_account = {["aws:SourceAccount"] = account.id}

-- ## Who records, and where to

local role = ensure.iam.service_linked_role {AWSServiceName = "config.amazonaws.com",
  RoleName = "AWSServiceRoleForConfig"}

local recorder = ensure.config.recorder {
  name = name .. "-recorder", roleARN = role.arn,
  recordingGroup = {allSupported = true, includeGlobalResourceTypes = var.global},
}

local channel
if var.channel == "" then
  local bucket = ensure.s3.bucket {
    name = bucket_name, protect = true,
    OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}},
    PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
      RestrictPublicBuckets = true},
    VersioningConfiguration = {Status = "Enabled"},
    ServerSideEncryptionConfiguration = {Rules = {{
      ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "AES256"}}}},
    LifecycleRules = {{ID = "end", Status = "Enabled", Filter = {Prefix = ""},
      Expiration = {Days = var.keep}, NoncurrentVersionExpiration = {NoncurrentDays = 90}}},
    PolicyStatements = {
      {Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = {bucket_arn, bucket_arn .. "/*"},
        Condition = {Bool = {["aws:SecureTransport"] = "false"}}},
      {Sid = "ConfigLooks", Effect = "Allow", Principal = service, Action = {"s3:GetBucketAcl", "s3:ListBucket"},
        Resource = bucket_arn, Condition = {StringEquals = of_account}},
      {Sid = "ConfigWrites", Effect = "Allow", Principal = service, Action = "s3:PutObject",
        Resource = bucket_arn .. "/AWSLogs/" .. account.id .. "/Config/*",
        Condition = {StringEquals = {["aws:SourceAccount"] = account.id,
          ["s3:x-amz-acl"] = "bucket-owner-full-control"}}},
    },
    tags = {Purpose = "what AWS Config writes down"},
  }
  channel = ensure.config.delivery_channel {
    name = name .. "-delivery", s3BucketName = bucket.name, after = {recorder, bucket},
    configSnapshotDeliveryProperties = {deliveryFrequency = "TwentyFour_Hours"},
  }
end

ensure.config.recording {ConfigurationRecorderName = name .. "-recorder", after = channel or recorder}

output {recorder = name .. "-recorder", bucket = channel and bucket_name or nil}
