--- A bucket refuses requests without TLS.
local control = require "checks"
local policy = require "checks.policy"

return control {
  id = "s3-bucket-tls-only", title = "Buckets refuse requests without TLS", severity = "medium", fsbp = "S3.5",
  cis = "2.1.1", subjects = "s3.bucket", needs = {"s3:GetBucketPolicy"}, remedy = "harden/storage",
  command = "tidelock call s3 get-bucket-policy --bucket {name}",
  means = "Somebody on the way can read and change what is sent.",
  todo = "Add a statement that denies all actions where aws:SecureTransport is false.",
  absent = {NoSuchBucketPolicy = "it has no policy, so plain HTTP is accepted"},
  read = function(aws, subject) return aws.s3:get_bucket_policy({Bucket = subject.name}).Policy end,
  test = function(live, subject)
    local both = {subject.arn, subject.arn .. "/some/object"}
    return control.judge(policy.denies_plaintext(policy.statements(live), "s3", both), "plain HTTP is denied",
      "its policy does not deny plain HTTP for the bucket and all its objects")
  end,
}
