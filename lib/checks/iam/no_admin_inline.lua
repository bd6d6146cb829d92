--- No policy within a user, group or role allows everything on everything: lists of policies do not show those.
local control = require "checks"
local policy = require "checks.policy"

return control {
  id = "iam-no-admin-inline", title = "No policy within an identity allows everything on everything",
  severity = "high", requirement = "1.5", subjects = "iam.identity", needs = {},
  command = "tidelock call iam get-account-authorization-details --filter User Role Group",
  means = "Whoever takes over one program takes over the account, and nothing that lists policies shows it.",
  todo = "Allow what is needed, by name.",
  test = function(live)
    for _, one in ipairs(live) do
      if policy.allows_all(policy.statements(one.PolicyDocument)) then
        return control.fail("%s allows * on *", one.PolicyName)
      end
    end
    return control.pass("nothing of the kind in %d policies", #live)
  end,
}
