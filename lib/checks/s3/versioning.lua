--- What is overwritten in a bucket can be brought back.
local control = require "checks"

return control {
  id = "s3-bucket-versioning", title = "Buckets keep versions", severity = "low", hub = "S3.14",
  subjects = "s3.bucket", needs = {"s3:GetBucketVersioning"}, remedy = "harden/storage", vars = {versioned = "*"},
  command = "tidelock call s3 put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled",
  means = "What is overwritten or deleted is gone.",
  todo = "Switch versioning on, with a rule that ends old versions.",
  read = function(aws, subject) return aws.s3:get_bucket_versioning {Bucket = subject.name} end,
  test = function(live)
    return control.judge(live.Status == "Enabled", "versions are kept",
      "versioning is " .. (live.Status or "off"):lower())
  end,
}
