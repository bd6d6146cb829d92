--- Whoever signs in with a password has a second factor.
local control = require "checks"

return control {
  id = "iam-user-mfa", title = "Users with a password have MFA", severity = "medium", fsbp = "IAM.5", cis = "1.10",
  subjects = "iam.user", needs = {"iam:GetLoginProfile", "iam:ListMFADevices"},
  command = "tidelock call iam list-mfa-devices --user-name {name}",
  means = "A password that leaks is enough to sign in.",
  todo = "Have the user register a second factor, or take the password away.",
  read = function(aws, subject)
    local ok, err = pcall(function() return aws.iam:get_login_profile {UserName = subject.name} end)
    if not ok then
      if type(err) == "table" and err.code == "NoSuchEntity" then return {password = false} end
      error(err, 0)
    end
    local devices = 0
    for _ in aws.iam:items("list_mfa_devices", {UserName = subject.name}) do devices = devices + 1 end
    return {password = true, devices = devices}
  end,
  test = function(live)
    if not live.password then return control.skip("no password, so no sign-in") end
    return control.judge(live.devices > 0, "a second factor is asked for", "a password and no second factor")
  end,
}
