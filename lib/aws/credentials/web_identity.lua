--- Credentials for a token file: AWS_WEB_IDENTITY_TOKEN_FILE (EKS, GitHub Actions) or the profile's own.
local shape = require "aws.credentials.shape"

return {
  name = "web identity",
  find = function(ctx, name)
    local chosen = name or ctx.config.options.profile     -- it goes before the environment, as before its keys
    local profile = ctx.config:profile(name)
    local env = function(variable) return not chosen and ctx.config:env(variable) or nil end
    local path = env "AWS_WEB_IDENTITY_TOKEN_FILE" or profile.web_identity_token_file
    local role = env "AWS_ROLE_ARN" or profile.role_arn
    local session = env "AWS_ROLE_SESSION_NAME" or profile.role_session_name
    if not path then
      return nil, chosen and ("profile %s has no web_identity_token_file"):format(chosen)
        or "AWS_WEB_IDENTITY_TOKEN_FILE is not set"
    end
    if not role then
      shape.fail("A web identity token file is set, but not the role to take with it.",
        "Set AWS_ROLE_ARN, or role_arn in the profile.")
    end
    local token = shape.file(ctx, path, "the web identity token")
    local out = ctx.call("sts", "assume_role_with_web_identity", {RoleArn = role, WebIdentityToken = token,
      RoleSessionName = session or "tidelock-" .. math.floor(ctx.world.clock())}, {anonymous = true})
    local c = out.Credentials
    return shape.new(ctx, "web identity for " .. role, {id = c.AccessKeyId, key = c.SecretAccessKey,
      token = c.SessionToken, expires = c.Expiration, account = role:match("^arn:[^:]*:iam::(%d+):")})
  end,
}
