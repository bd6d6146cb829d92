--- 1.3: no bucket of this account can be opened to the world.
local control = require "checks"

local FLAGS <const> = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"}

return control {
  id = "s3-account-public-access", title = "The account blocks public access to S3", severity = "critical",
  fsbp = "S3.1", cis = "2.1.4", requirement = "1.3", subjects = "account.global",
  needs = {"s3:GetAccountPublicAccessBlock"}, remedy = "harden/storage",
  command = "tidelock call s3control put-public-access-block --account-id {account} "
    .. "--public-access-block-configuration "
    .. "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
  means = "One bucket opened by mistake is open to the world.",
  todo = "Switch all four flags on for the account.",
  absent = {NoSuchPublicAccessBlockConfiguration = "the account has no block at all"},
  read = function(aws, _, world)
    return aws.s3control:get_public_access_block({AccountId = world.id}).PublicAccessBlockConfiguration
  end,
  test = function(live)
    for _, flag in ipairs(FLAGS) do
      if live[flag] ~= true then return control.fail(flag .. " is off") end
    end
    return control.pass("all four flags are on")
  end,
}
