--- The root of the account has no access keys.
local control = require "checks"

return control {
  id = "iam-root-keys", title = "The account's root has no access keys", severity = "critical", fsbp = "IAM.4",
  cis = "1.4", subjects = "account.global", needs = {"iam:GetAccountSummary"},
  command = "tidelock call iam get-account-summary",
  means = "A key that may do everything, and that no policy can limit, lies somewhere.",
  todo = "Sign in as root and delete its keys.",
  read = function(aws) return aws.iam:get_account_summary({}).SummaryMap end,
  test = function(live)
    local n = live.AccountAccessKeysPresent or 0
    return control.judge(n == 0, "root has no keys", ("root has %d access key(s)"):format(n))
  end,
}
