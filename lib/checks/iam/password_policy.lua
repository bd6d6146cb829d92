--- Passwords are long, and not used again.
local control = require "checks"

return control {
  id = "iam-password-policy", title = "Passwords have 14 characters and are not used again", severity = "medium",
  hub = "IAM.15, IAM.16", cis = "1.8, 1.9", subjects = "account.global", needs = {"iam:GetAccountPasswordPolicy"},
  remedy = "harden/identities",
  command = "tidelock call iam update-account-password-policy --minimum-password-length 14 "
    .. "--password-reuse-prevention 24",
  means = "Short passwords are guessed, old ones have leaked.",
  todo = "Ask for 14 characters, and refuse the last 24 passwords.",
  absent = {NoSuchEntity = "no password policy is set"},
  read = function(aws) return aws.iam:get_account_password_policy({}).PasswordPolicy end,
  test = function(live)
    local length, reuse = live.MinimumPasswordLength or 0, live.PasswordReusePrevention or 0
    if length < 14 then return control.fail("%d characters are enough", length) end
    return control.judge(reuse >= 24, "14 characters, 24 kept", ("%d old passwords are refused, not 24"):format(reuse))
  end,
}
