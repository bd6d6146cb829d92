--- Each bucket blocks public access itself, whatever the account says.
local control = require "checks"

local FLAGS <const> = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"}

return control {
  id = "s3-bucket-public-access", title = "Buckets block public access", severity = "high", fsbp = "S3.8",
  cis = "2.1.4", subjects = "s3.bucket", needs = {"s3:GetBucketPublicAccessBlock"}, remedy = "harden/storage",
  command = "tidelock call s3 put-public-access-block --bucket {name} --public-access-block-configuration "
    .. "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
  means = "Only the account's block stands between the bucket and the world.",
  todo = "Switch all four flags on for the bucket.",
  absent = {NoSuchPublicAccessBlockConfiguration = "no block is set"},
  read = function(aws, subject)
    return aws.s3:get_public_access_block({Bucket = subject.name}).PublicAccessBlockConfiguration
  end,
  test = function(live)
    for _, flag in ipairs(FLAGS) do
      if live[flag] ~= true then return control.fail(flag .. " is off") end
    end
    return control.pass("all four flags are on")
  end,
}
