--- What IAM calls an operation: most are SERVICE:Operation, and S3 has names of its own.
local action = {}

local PREFIX <const> = {resourcegroupstaggingapi = "tag", elbv2 = "elasticloadbalancing", elb = "elasticloadbalancing",
  stepfunctions = "states", sesv2 = "ses", accessanalyzer = "access-analyzer", cloudwatch = "cloudwatch",
  ["service-quotas"] = "servicequotas", ["application-autoscaling"] = "application-autoscaling"}
local S3 <const> = {
  ListObjectsV2 = "ListBucket", ListObjects = "ListBucket", HeadBucket = "ListBucket", HeadObject = "GetObject",
  ListBuckets = "ListAllMyBuckets", DeleteObjects = "DeleteObject", CopyObject = "PutObject",
  CreateMultipartUpload = "PutObject", UploadPart = "PutObject", CompleteMultipartUpload = "PutObject",
  GetBucketEncryption = "GetEncryptionConfiguration", PutBucketEncryption = "PutEncryptionConfiguration",
  DeleteBucketEncryption = "PutEncryptionConfiguration",
  GetBucketLifecycle = "GetLifecycleConfiguration", PutBucketLifecycle = "PutLifecycleConfiguration",
  GetBucketLifecycleConfiguration = "GetLifecycleConfiguration",
  PutBucketLifecycleConfiguration = "PutLifecycleConfiguration", DeleteBucketLifecycle = "PutLifecycleConfiguration",
  DeleteBucketTagging = "PutBucketTagging", DeleteBucketOwnershipControls = "PutBucketOwnershipControls",
  GetBucketReplication = "GetReplicationConfiguration", PutBucketReplication = "PutReplicationConfiguration",
  GetBucketNotificationConfiguration = "GetBucketNotification",
  PutBucketNotificationConfiguration = "PutBucketNotification",
  GetBucketIntelligentTieringConfiguration = "GetIntelligentTieringConfiguration",
  ListBucketIntelligentTieringConfigurations = "GetIntelligentTieringConfiguration",
  PutBucketIntelligentTieringConfiguration = "PutIntelligentTieringConfiguration",
  DeleteBucketIntelligentTieringConfiguration = "PutIntelligentTieringConfiguration",
  GetBucketMetricsConfiguration = "GetMetricsConfiguration", GetBucketCors = "GetBucketCORS",
}
local S3_BLOCKS <const> = {s3 = "BucketPublicAccessBlock", s3control = "AccountPublicAccessBlock"}
local OTHER <const> = {["lambda:Invoke"] = "lambda:InvokeFunction"}
local BUDGETS <const> = {Describe = "ViewBudget", Create = "ModifyBudget", Update = "ModifyBudget",
  Delete = "ModifyBudget"}

local function s3_action(service, operation)
  local verb = operation:match "^(%a-)PublicAccessBlock$"
  if verb then return "s3:" .. (verb == "Get" and "Get" or "Put") .. S3_BLOCKS[service] end
  return "s3:" .. (S3[operation] or operation)
end

--- The IAM action of an operation: of("s3", "ListBuckets") is s3:ListAllMyBuckets.
function action.of(service, operation)
  service = service:gsub("_", "-")
  if service == "s3" or service == "s3control" then return s3_action(service, operation) end
  local budgets = service == "budgets" and BUDGETS[operation:match "^%u%l+"]
  if budgets then return "budgets:" .. budgets end
  local info = require "tidelock.models".info(service) or {}
  local name = (PREFIX[service] or info.signing_name or service) .. ":" .. operation
  return OTHER[name] or name
end

return action
