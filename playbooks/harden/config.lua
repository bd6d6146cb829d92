--- AWS Config: what is there and how it changes, written down; most of what Security Hub finds, it finds by this. A
-- region has one recorder and one channel: where others have made them, harden/security-services leaves them alone.
playbook {
  name = "harden/config",
  about = "AWS Config: a recorder of all resources, where it delivers, and the CIS rules by choice",
  vars = {
    global = {"boolean", default = true, about = "record what belongs to no region (IAM) too: the first region's part"},
    channel = {"string", default = "", about = "a delivery channel that is there already, and stays as it is"},
    keep = {"integer", default = 2555, min = 30, about = "days that what was delivered is kept"},
    pack = {"boolean", default = false, about = "look at all of it by the rules of CIS (billed by evaluation)"},
  },
}

local name = account.prefix .. "-config"
local bucket_name = account.prefix .. "-aws-config-" .. account.id .. (var.global and "" or "-" .. account.region)
local bucket_arn = "arn:aws:s3:::" .. bucket_name
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
    LifecycleConfiguration = {Rules = {{ID = "end", Status = "Enabled", Filter = {Prefix = ""},
      Expiration = {Days = var.keep}, NoncurrentVersionExpiration = {NoncurrentDays = 90}}}},
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

local recording = ensure.config.recording {ConfigurationRecorderName = name .. "-recorder", after = channel or recorder}

-- ## By what rules it looks, where that is chosen: rules of AWS's own, under CIS's chapters

local RULES = {
  ["root-no-keys"] = "IAM_ROOT_ACCESS_KEY_CHECK", ["root-mfa"] = "ROOT_ACCOUNT_MFA_ENABLED",
  ["root-hardware-mfa"] = "ROOT_ACCOUNT_HARDWARE_MFA_ENABLED", ["console-mfa"] = "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS",
  ["password-policy"] = "IAM_PASSWORD_POLICY", ["unused-credentials"] = "IAM_USER_UNUSED_CREDENTIALS_CHECK",
  ["keys-rotated"] = "ACCESS_KEYS_ROTATED", ["users-no-policies"] = "IAM_USER_NO_POLICIES_CHECK",
  ["no-admin-policies"] = "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
  ["s3-account-block"] = "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC",
  ["s3-bucket-block"] = "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", ["s3-tls-only"] = "S3_BUCKET_SSL_REQUESTS_ONLY",
  ["disks-encrypted"] = "EC2_EBS_ENCRYPTION_BY_DEFAULT", ["rds-encrypted"] = "RDS_STORAGE_ENCRYPTED",
  ["rds-not-public"] = "RDS_INSTANCE_PUBLIC_ACCESS_CHECK", ["efs-encrypted"] = "EFS_ENCRYPTED_CHECK",
  ["trail-all-regions"] = "MULTI_REGION_CLOUD_TRAIL_ENABLED",
  ["trail-to-logs"] = "CLOUD_TRAIL_CLOUD_WATCH_LOGS_ENABLED",
  ["trail-validated"] = "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED",
  ["trail-encrypted"] = "CLOUD_TRAIL_ENCRYPTION_ENABLED", ["s3-data-events"] = "CLOUDTRAIL_S3_DATAEVENTS_ENABLED",
  ["keys-rotate"] = "CMK_BACKING_KEY_ROTATION_ENABLED", ["vpc-flow-logs"] = "VPC_FLOW_LOGS_ENABLED",
  ["ssh-closed"] = "INCOMING_SSH_DISABLED", ["default-group-closed"] = "VPC_DEFAULT_SECURITY_GROUP_CLOSED",
}
local PARAMETERS = {
  IAM_PASSWORD_POLICY = {MinimumPasswordLength = "14", PasswordReusePrevention = "24"},
  IAM_USER_UNUSED_CREDENTIALS_CHECK = {maxCredentialUsageAge = "45"}, ACCESS_KEYS_ROTATED = {maxAccessKeyAge = "90"},
}

local function template()
  local out = {}
  for rule, identifier in pairs(RULES) do
    out[rule:gsub("%A", "")] = {Type = "AWS::Config::ConfigRule", Properties = {
      ConfigRuleName = account.prefix .. "-" .. rule, InputParameters = PARAMETERS[identifier],
      Source = {Owner = "AWS", SourceIdentifier = identifier}}}
  end
  return {Resources = out}
end

if var.pack then
  ensure.config.conformance_pack {name = account.prefix .. "-cis", TemplateBody = template(), after = recording}
end

output {recorder = name .. "-recorder", bucket = channel and bucket_name or nil}
