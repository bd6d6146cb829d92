--- Credentials from AWS_ACCESS_KEY_ID and its companions.
local shape = require "aws.credentials.shape"

return {
  name = "environment",
  find = function(ctx)
    local env = function(name) return ctx.config:env(name) end
    local id, key = env "AWS_ACCESS_KEY_ID", env "AWS_SECRET_ACCESS_KEY"
    if not id and not key then return nil, "AWS_ACCESS_KEY_ID is not set" end
    if not (id and key) then
      shape.fail(("%s is set, but %s is not."):format(id and "AWS_ACCESS_KEY_ID" or "AWS_SECRET_ACCESS_KEY",
        id and "AWS_SECRET_ACCESS_KEY" or "AWS_ACCESS_KEY_ID"), "Set both, or neither.")
    end
    return shape.new(ctx, "the environment", {id = id, key = key,
      token = env "AWS_SESSION_TOKEN" or env "AWS_SECURITY_TOKEN",
      expires = env "AWS_CREDENTIAL_EXPIRATION", account = env "AWS_ACCOUNT_ID"})
  end,
}
