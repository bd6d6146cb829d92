--- The trail: in all regions, validated, encrypted, to a bucket of its own and to a log group.
playbook {
  name = "harden/trail",
  about = "CloudTrail: a trail of all regions with its key, bucket and log group",
  vars = {
    data_events = {"boolean", default = true, about = "write down every write to S3, but those to the log bucket"},
  },
}

local ARN = "arn:" .. account.partition .. ":"

local function arn(service, rest)
  return ARN .. service .. ":" .. account.region .. ":" .. account.id .. ":" .. rest
end

local root = {Sid = "Owner", Effect = "Allow", Principal = {AWS = ARN .. "iam::" .. account.id .. ":root"},
  Action = "kms:*", Resource = "*"}

local trail_name = account.prefix .. "-" .. account.env .. "-trail"
local trail_arn = arn("cloudtrail", "trail/" .. trail_name)
local bucket_name = account.prefix .. "-cloudtrail-logs-" .. account.id
local bucket_arn = ARN .. "s3:::" .. bucket_name
local service = {Service = "cloudtrail.amazonaws.com"}
local of_trail = {StringEquals = {["aws:SourceArn"] = trail_arn}}

local trail_alias = "alias/" .. account.prefix .. "-cloudtrail"
local trail_key = ensure.kms.key {
  name = trail_alias, Description = "CloudTrail logs", EnableKeyRotation = true,
  PolicyStatements = {root,
    {Sid = "Encrypt", Effect = "Allow", Principal = service, Action = "kms:GenerateDataKey*", Resource = "*",
      Condition = {StringEquals = {["aws:SourceArn"] = trail_arn},
        StringLike = {["kms:EncryptionContext:aws:cloudtrail:arn"] = ARN .. "cloudtrail:*:" .. account.id
          .. ":trail/*"}}},
    -- Decrypt: the bucket has a key of its own under this one, which is opened for each file that is written.
    {Sid = "Describe", Effect = "Allow", Principal = service, Action = {"kms:DescribeKey", "kms:Decrypt"},
      Resource = "*", Condition = of_trail},
  },
}

local bucket = ensure.s3.bucket {
  name = bucket_name, protect = true, after = trail_key,
  OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}},
  PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
    RestrictPublicBuckets = true},
  VersioningConfiguration = {Status = "Enabled"},
  ServerSideEncryptionConfiguration = {Rules = {{BucketKeyEnabled = true,
    ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "aws:kms", KMSMasterKeyID = arn("kms", trail_alias)}}}},
  LifecycleRules = {{ID = "archive", Status = "Enabled", Filter = {Prefix = ""},
    Transitions = {{Days = 90, StorageClass = "GLACIER"}, {Days = 180, StorageClass = "DEEP_ARCHIVE"}},
    Expiration = {Days = 2555}, NoncurrentVersionExpiration = {NoncurrentDays = 90}}},
  PolicyStatements = {
    {Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = {bucket_arn, bucket_arn .. "/*"},
      Condition = {Bool = {["aws:SecureTransport"] = "false"}}},
    {Sid = "TrailLooks", Effect = "Allow", Principal = service, Action = "s3:GetBucketAcl", Resource = bucket_arn,
      Condition = of_trail},
    {Sid = "TrailWrites", Effect = "Allow", Principal = service, Action = "s3:PutObject",
      Resource = bucket_arn .. "/AWSLogs/" .. account.id .. "/*",
      Condition = {StringEquals = {["aws:SourceArn"] = trail_arn, ["s3:x-amz-acl"] = "bucket-owner-full-control"}}},
  },
  tags = {Purpose = "logs of CloudTrail"},
}

local group_name = "/aws/cloudtrail/" .. account.prefix .. "-" .. account.env
local group = ensure.logs.group {name = group_name, retentionInDays = 90}

local role = ensure.iam.role {
  name = account.prefix .. "-cloudtrail-cloudwatch-role",
  Description = "CloudTrail writes to its log group",
  AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Principal = service,
    Action = "sts:AssumeRole", Condition = of_trail}}},
  InlinePolicies = {write = {Version = "2012-10-17", Statement = {{Effect = "Allow",
    Action = {"logs:CreateLogStream", "logs:PutLogEvents"},
    Resource = arn("logs", "log-group:" .. group_name .. ":*")}}}},
}

local selectors = {{Name = "Management", FieldSelectors = {{Field = "eventCategory", Equals = {"Management"}}}}}
if var.data_events then
  selectors[2] = {Name = "Writes to S3", FieldSelectors = {
    {Field = "eventCategory", Equals = {"Data"}},
    {Field = "resources.type", Equals = {"AWS::S3::Object"}},
    {Field = "readOnly", Equals = {"false"}},
    {Field = "resources.ARN", NotStartsWith = {bucket_arn .. "/"}},     -- else it writes about its own writing
  }}
end

local trail = ensure.cloudtrail.trail {
  name = trail_name, S3BucketName = bucket.name, KmsKeyId = trail_key.arn,
  IsMultiRegionTrail = true, IncludeGlobalServiceEvents = true, EnableLogFileValidation = true,
  CloudWatchLogsLogGroupArn = group.arn .. ":*", CloudWatchLogsRoleArn = role.arn,
  AdvancedEventSelectors = selectors,
}

output {trail = trail.arn}
