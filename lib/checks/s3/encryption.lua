--- 1.3: what is put into a bucket is encrypted by default.
local control = require "checks"

return control {
  id = "s3-bucket-encryption", title = "Buckets encrypt by default", severity = "high", requirement = "1.3",
  subjects = "s3.bucket", needs = {"s3:GetEncryptionConfiguration"}, remedy = "harden/storage",
  command = "tidelock call s3 get-bucket-encryption --bucket {name}",
  means = "Objects lie there as they came.",
  todo = "Set default encryption: AES256, or a KMS key with a bucket key.",
  absent = {ServerSideEncryptionConfigurationNotFoundError = "no default encryption is set"},
  read = function(aws, subject)
    return aws.s3:get_bucket_encryption({Bucket = subject.name}).ServerSideEncryptionConfiguration
  end,
  test = function(live)
    local rule = (live.Rules or {})[1] or {}
    local how = (rule.ApplyServerSideEncryptionByDefault or {}).SSEAlgorithm
    return control.judge(how == "AES256" or how == "aws:kms" or how == "aws:kms:dsse", tostring(how),
      ("the default is %s"):format(tostring(how or "none")))
  end,
}
