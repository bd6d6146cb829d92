--- iam.service_linked_role: the role that a service has in an account. IAM gives its name, trust and policies.
local resource = require "resources"

return resource {
  type = "iam.service_linked_role",
  about = "A service's own role in the account",
  key = {"AWSServiceName", "RoleName"}, label = function(want) return want.RoleName end,
  properties = {AWSServiceName = {type = "string", required = true}, RoleName = {type = "string", required = true}},
  provides = {"arn"}, tags = false,
  absent = {"NoSuchEntity"},

  check = function(want)
    if want.RoleName and not want.RoleName:find "^AWSServiceRoleFor" then
      return {("RoleName %q: the roles of services are called AWSServiceRoleFor..."):format(want.RoleName)}
    end
  end,

  all = function(aws)
    local out = {}
    for role in aws.iam:items("list_roles", {PathPrefix = "/aws-service-role/"}) do
      out[#out + 1] = {AWSServiceName = role.Path:match "^/aws%-service%-role/([^/]+)/", RoleName = role.RoleName,
        leave = "its service looks after it"}
    end
    return out
  end,

  read = function(aws, want)
    return {AWSServiceName = want.AWSServiceName, RoleName = want.RoleName,
      arn = aws.iam:get_role {RoleName = want.RoleName}.Role.Arn}
  end,

  create = function(aws, want)
    local role = aws.iam:create_service_linked_role {AWSServiceName = want.AWSServiceName}.Role
    if role.RoleName ~= want.RoleName then
      error({code = "OtherName", message = ("the role of %s is called %s, not %s: write that"):format(
        want.AWSServiceName, role.RoleName, want.RoleName)}, 0)
    end
    return {arn = role.Arn}
  end,

  update = function() end,                               -- there is nothing of it to change

  protected = function() return "it belongs to the service, which works by it" end,

  delete = function(aws, live) aws.iam:delete_service_linked_role {RoleName = live.RoleName} end,
}
