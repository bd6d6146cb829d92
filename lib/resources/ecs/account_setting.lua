--- ecs.account_setting: what clusters, services and tasks of this account and region have where nobody says otherwise.
local resource = require "resources"

-- What is in force for us. Who has a setting of their own sees that instead of the account's default.
local function in_force(aws, name)
  local found = aws.ecs:list_account_settings {name = name, effectiveSettings = true}.settings[1]
  if not found then return nil end
  local whose = found.principalArn or ""
  if whose ~= "" and not whose:find ":root$" then
    error({code = "OwnSetting", message = ("%s has an account setting %s of its own (%s), which hides the account's"
      .. " default from it. Take it away (tidelock call ecs delete-account-setting --name %s), or run this as somebody"
      .. " else"):format(whose, name, tostring(found.value), name)}, 0)
  end
  return found.value
end

return resource {
  type = "ecs.account_setting", about = "A default of the account for ECS, such as Container Insights of new clusters",
  model = "put_account_setting_default", key = {"name"}, tags = false,
  protected = function() return "a default of the account is set, and never taken away: others rely on it" end,

  read = function(aws, want)
    local value = in_force(aws, want.name)
    return value and {name = want.name, value = value}
  end,

  all = function() return {{name = "containerInsights"}} end,

  create = function(aws, want)
    aws.ecs:put_account_setting_default {name = want.name, value = want.value}
    return {}
  end,

  update = function(aws, _, want) aws.ecs:put_account_setting_default {name = want.name, value = want.value} end,

  delete = function(_, live)
    error({code = "Protected", message = ("the account's default %s stays %s: set another value instead")
      :format(live.name, live.value)}, 0)
  end,
}
