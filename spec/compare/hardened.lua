-- hardened.lua -- an account where the six checks of the plan pass.
local json = require "tidelock.json"

--- Makes it, in an account that is empty.
return function(aws, id)
  local bucket = "trail-" .. id
  aws.s3:create_bucket {Bucket = bucket}
  aws.s3:put_bucket_policy {Bucket = bucket, Policy = json.encode {Version = "2012-10-17", Statement = {
    {Effect = "Allow", Principal = {Service = "cloudtrail.amazonaws.com"}, Action = {"s3:GetBucketAcl",
      "s3:PutObject"}, Resource = {"arn:aws:s3:::" .. bucket, "arn:aws:s3:::" .. bucket .. "/*"}}}}}
  aws.cloudtrail:create_trail {Name = "all", S3BucketName = bucket, IsMultiRegionTrail = true}
  aws.cloudtrail:start_logging {Name = "all"}
  aws.elasticache:create_replication_group {ReplicationGroupId = "good", ReplicationGroupDescription = "good",
    Engine = "redis", AtRestEncryptionEnabled = true, TransitEncryptionEnabled = true, NumCacheClusters = 2,
    AutomaticFailoverEnabled = true, MultiAZEnabled = true, CacheNodeType = "cache.t3.micro"}
  aws.rds:create_db_parameter_group {DBParameterGroupName = "tls", DBParameterGroupFamily = "postgres16",
    Description = "tls"}
  aws.rds:modify_db_parameter_group {DBParameterGroupName = "tls", Parameters = {{ParameterName = "rds.force_ssl",
    ParameterValue = "1", ApplyMethod = "immediate"}}}
  aws.rds:create_db_instance {DBInstanceIdentifier = "good", Engine = "postgres", DBInstanceClass = "db.t3.micro",
    AllocatedStorage = 20, MasterUsername = "u", MasterUserPassword = "not-a-real-one", DBParameterGroupName = "tls"}
  aws.s3control:put_public_access_block {AccountId = id, PublicAccessBlockConfiguration = {BlockPublicAcls = true,
    IgnorePublicAcls = true, BlockPublicPolicy = true, RestrictPublicBuckets = true}}
  aws.guardduty:create_detector {Enable = true}
  aws.securityhub:enable_security_hub {EnableDefaultStandards = false}
end
