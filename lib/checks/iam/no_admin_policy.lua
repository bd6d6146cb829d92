--- No policy in use allows everything on everything.
local control = require "checks"
local policy = require "checks.policy"

return control {
  id = "iam-no-admin-policy", title = "No policy in use allows everything on everything", severity = "high",
  fsbp = "IAM.1", cis = "1.16", requirement = "1.5", subjects = "iam.policy", needs = {"iam:GetPolicyVersion"},
  command = "tidelock call iam get-policy --policy-arn {arn}",
  means = "Whoever takes over one program takes over the account.",
  todo = "Allow what is needed, by name.",
  read = function(aws, subject)
    return aws.iam:get_policy_version({PolicyArn = subject.arn, VersionId = subject.raw.DefaultVersionId})
      .PolicyVersion.Document
  end,
  test = function(live)
    return control.judge(not policy.allows_all(policy.statements(live)), "nothing of the kind",
      "it allows * on *")
  end,
}
