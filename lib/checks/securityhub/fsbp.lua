--- 2.3: the best practices standard is subscribed and ready.
local control = require "checks"

return control {
  id = "securityhub-best-practices", title = "The AWS best practices standard is subscribed", severity = "medium",
  requirement = "2.3, 10.2", subjects = "account", needs = {"securityhub:GetEnabledStandards"},
  remedy = "harden/security-services", command = "tidelock call securityhub get-enabled-standards --region {region}",
  means = "Security Hub holds the account to nothing that AWS recommends.",
  todo = "Subscribe the AWS Foundational Security Best Practices.",
  absent = {InvalidAccessException = "Security Hub is not on"},
  read = function(aws) return aws.securityhub:items("get_enabled_standards", {}) end,
  test = function(list)
    for standard in list do
      if standard.StandardsArn:find("aws-foundational-security-best-practices", 1, true) then
        return control.judge(standard.StandardsStatus == "READY", "subscribed and ready",
          "its status is " .. tostring(standard.StandardsStatus))
      end
    end
    return control.fail("it is not subscribed")
  end,
}
