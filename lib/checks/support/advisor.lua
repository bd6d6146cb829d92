--- 7.5: Trusted Advisor's advice on costs can be read.
local control = require "checks"

return control {
  id = "support-trusted-advisor", title = "Trusted Advisor can be read", severity = "low", requirement = "7.5",
  subjects = "account.global", needs = {"support:DescribeTrustedAdvisorChecks"},
  command = "tidelock call support describe-trusted-advisor-checks --language en --region us-east-1",
  means = "Advice on what is idle and oversized is not looked at.",
  todo = "Take a Business support plan, or use Cost Optimization Hub, which needs none.",
  absent = {SubscriptionRequiredException = "the support plan does not include it"},
  read = function(aws) return aws.support:describe_trusted_advisor_checks({language = "en"}).checks or {} end,
  test = function(list)
    local n = 0
    for _, check in ipairs(list) do
      if check.category == "cost_optimizing" then n = n + 1 end
    end
    return control.judge(n > 0, ("%d checks on costs"):format(n), "it has no checks on costs")
  end,
}
