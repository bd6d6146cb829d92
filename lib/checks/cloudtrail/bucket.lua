--- The bucket of a trail is open to nobody.
local control = require "checks"

local FLAGS <const> = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"}

return control {
  id = "cloudtrail-bucket-private", title = "Buckets of trails block public access", severity = "critical",
  hub = "CloudTrail.6", requirement = "2.1", subjects = "cloudtrail.trail",
  needs = {"s3:GetBucketPublicAccessBlock"}, remedy = "harden/security-services",
  command = "tidelock call cloudtrail describe-trails --region {region}",
  means = "One policy by mistake, and the whole world reads what was done in the account.",
  todo = "Block public access on the bucket, all four flags.",
  absent = {NoSuchPublicAccessBlockConfiguration = "its bucket has no block", NoSuchBucket = "its bucket is gone"},
  read = function(aws, subject)
    return aws.s3:get_public_access_block({Bucket = subject.raw.S3BucketName}).PublicAccessBlockConfiguration
  end,
  test = function(live, subject)
    for _, flag in ipairs(FLAGS) do
      if live[flag] ~= true then return control.fail("%s of bucket %s is off", flag, subject.raw.S3BucketName) end
    end
    return control.pass("bucket %s is blocked", subject.raw.S3BucketName)
  end,
}
