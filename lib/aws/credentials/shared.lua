--- Credentials that stand as keys in the profile, in the credentials file or the config file.
local shape = require "aws.credentials.shape"

return {
  name = "profile",
  find = function(ctx, name)
    local profile = ctx.config:profile(name)
    local label = name or ctx.config:profile_name()
    local id, key = profile.aws_access_key_id, profile.aws_secret_access_key
    if not id and not key then
      local config_path, credentials_path = ctx.config:paths()
      return nil, ("profile %s has no aws_access_key_id in %s or %s"):format(label, credentials_path, config_path)
    end
    if not (id and key) then
      shape.fail(("The profile %s has %s, but not %s."):format(label,
        id and "aws_access_key_id" or "aws_secret_access_key",
        id and "aws_secret_access_key" or "aws_access_key_id"), "Complete it with: aws configure")
    end
    return shape.new(ctx, "profile " .. label, {id = id, key = key,
      token = profile.aws_session_token or profile.aws_security_token, account = profile.aws_account_id})
  end,
}
