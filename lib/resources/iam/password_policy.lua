--- iam.password_policy: what the account asks of its users' passwords.
local resource = require "resources"

local MEMBERS <const> = {"MinimumPasswordLength", "RequireSymbols", "RequireNumbers", "RequireUppercaseCharacters",
  "RequireLowercaseCharacters", "AllowUsersToChangePassword", "MaxPasswordAge", "PasswordReusePrevention", "HardExpiry"}

-- An update puts back to AWS's defaults whatever it does not name: what is live goes with it.
local function put(aws, want, live)
  local input = {}
  for _, name in ipairs(MEMBERS) do
    input[name] = want[name]
    if input[name] == nil and live then input[name] = live[name] end
    if input[name] == 0 then input[name] = nil end             -- 0 is how "no limit" is read, but it is not taken
  end
  aws.iam:update_account_password_policy(input)
end

return resource {
  type = "iam.password_policy", about = "What the account asks of its users' passwords",
  model = "update_account_password_policy", key = {}, label = function() return "account" end,
  tags = false,
  absent = {"NoSuchEntity"},
  all = function() return {{}} end,

  read = function(aws)
    local live, out = aws.iam:get_account_password_policy({}).PasswordPolicy, {}
    for _, name in ipairs(MEMBERS) do out[name] = live[name] end
    return out
  end,
  create = function(aws, want)
    put(aws, want)
    return {}
  end,
  update = function(aws, live, want) put(aws, want, live) end,
  delete = function(aws) aws.iam:delete_account_password_policy {} end,
}
