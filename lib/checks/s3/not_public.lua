--- No policy and no grant opens a bucket.
local control = require "checks"
local policy = require "checks.policy"

local GROUPS <const> = {["http://acs.amazonaws.com/groups/global/AllUsers"] = "everybody",
  ["http://acs.amazonaws.com/groups/global/AuthenticatedUsers"] = "everybody with an AWS account"}

return control {
  id = "s3-bucket-not-public", title = "No policy and no grant opens a bucket to the world", severity = "critical",
  fsbp = "S3.2, S3.3", requirement = "1.3", subjects = "s3.bucket", needs = {"s3:GetBucketPolicy", "s3:GetBucketAcl"},
  remedy = "harden/storage", command = "tidelock call s3 get-bucket-policy --bucket {name}",
  means = "The world reads, or writes, what is in the bucket, unless a block stops it.",
  todo = "Take the statement for everyone out of the policy, and the grants out of the list.",
  read = function(aws, subject)
    return {statements = policy.of_bucket(aws, subject.name),
      grants = aws.s3:get_bucket_acl({Bucket = subject.name}).Grants or {}}
  end,
  test = function(live)
    if policy.public(live.statements) then return control.fail("its policy allows everyone") end
    for _, grant in ipairs(live.grants) do
      local who = GROUPS[(grant.Grantee or {}).URI or ""]
      if who then return control.fail("%s has %s", who, grant.Permission) end
    end
    return control.pass("neither policy nor grants open it")
  end,
}
