--- The root of the account asks for a second factor.
local control = require "checks"

return control {
  id = "iam-root-mfa", title = "The account's root has MFA", severity = "critical", hub = "IAM.9", cis = "1.5",
  subjects = "account.global", needs = {"iam:GetAccountSummary"},
  command = "tidelock call iam get-account-summary",
  means = "Whoever learns one password owns the account.",
  todo = "Sign in as root and register a second factor: it can only be done there.",
  read = function(aws) return aws.iam:get_account_summary({}).SummaryMap end,
  test = function(live) return control.judge(live.AccountMFAEnabled == 1, "root has MFA", "root has no MFA") end,
}
