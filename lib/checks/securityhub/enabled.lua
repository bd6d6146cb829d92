--- 2.3: Security Hub is on.
local control = require "checks"

return control {
  id = "securityhub-enabled", title = "Security Hub is on", severity = "critical", cis = "4.16",
  requirement = "2.3, 10.2", subjects = "account",
  needs = {"securityhub:DescribeHub"}, remedy = "harden/security-services",
  command = "tidelock call securityhub enable-security-hub --no-enable-default-standards --region {region}",
  means = "Nothing holds the account to a standard.",
  todo = "Enable Security Hub.",
  absent = {InvalidAccessException = "the account is not subscribed", ResourceNotFoundException = "it is not enabled"},
  read = function(aws) return aws.securityhub:describe_hub {} end,
  test = function(live) return control.judge(live.HubArn ~= nil, "on", "there is no hub") end,
}
