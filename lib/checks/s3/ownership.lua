--- A bucket's objects belong to the account, and old grants (ACLs) mean nothing.
local control = require "checks"

return control {
  id = "s3-bucket-ownership", title = "Buckets own their objects, and grants mean nothing", severity = "low",
  fsbp = "S3.12", subjects = "s3.bucket", needs = {"s3:GetBucketOwnershipControls"}, remedy = "harden/storage",
  command = "tidelock call s3 get-bucket-ownership-controls --bucket {name}",
  means = "A single object can be opened to the world by its own grant, and nothing that lists policies shows it.",
  todo = "Set ObjectOwnership to BucketOwnerEnforced, once nobody relies on a grant.",
  absent = {OwnershipControlsNotFoundError = "grants are in force: no ownership is set"},
  read = function(aws, subject)
    return aws.s3:get_bucket_ownership_controls({Bucket = subject.name}).OwnershipControls
  end,
  test = function(live)
    local rule = (live.Rules or {})[1] or {}
    return control.judge(rule.ObjectOwnership == "BucketOwnerEnforced", "grants mean nothing",
      ("grants are in force: %s"):format(rule.ObjectOwnership or "no ownership is set"))
  end,
}
