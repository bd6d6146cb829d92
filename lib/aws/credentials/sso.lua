--- Credentials of IAM Identity Center: the token that `aws sso login` left, exchanged for role keys.
local date = require "aws.date"
local shape = require "aws.credentials.shape"

local REFRESH_WINDOW <const> = 15 * 60

-- The session's start URL and region, and the key of its token in the cache.
local function session_of(ctx, profile, label)
  if profile.sso_session then
    local s = ctx.config:sso_session(profile.sso_session)
    return {start_url = s.sso_start_url, region = s.sso_region, key = profile.sso_session,
      login = "aws sso login --sso-session " .. profile.sso_session}
  end
  return {start_url = profile.sso_start_url, region = profile.sso_region, key = profile.sso_start_url,
    login = "aws sso login --profile " .. label}
end

local function cache_path(ctx, key)
  local home = ctx.config:env "HOME" or "~"
  return ("%s/.aws/sso/cache/%s.json"):format(home, ctx.world.sha1(key))
end

-- A token near its end is renewed with its refresh token, where it has one that still counts.
local function renew(ctx, session, path, token)
  local registered = token.registrationExpiresAt and date.iso(token.registrationExpiresAt)
  if not (token.refreshToken and token.clientId and token.clientSecret) then return token end
  if registered and registered <= ctx.world.clock() then return token end
  local ok, out = pcall(ctx.call, "sso-oidc", "create_token", {grantType = "refresh_token",
    clientId = token.clientId, clientSecret = token.clientSecret, refreshToken = token.refreshToken},
    {anonymous = true, region = session.region})
  if not ok then return token end             -- the old one may still be good; its end decides
  token.accessToken = out.accessToken
  token.expiresAt = date.text(ctx.world.clock() + out.expiresIn)
  token.refreshToken = out.refreshToken or token.refreshToken
  ctx.world.save(path, ctx.world.json.encode(token))
  return token
end

--- The access token of a profile's session (also what bearer services want), or a raised sentence.
local function token_of(ctx, profile, label)
  local session = session_of(ctx, profile, label)
  local remedy = ("Sign in: %s"):format(session.login)
  if not (session.start_url and session.region) then
    shape.fail("The SSO settings are incomplete: sso_start_url or sso_region is missing.",
      "Run: aws configure sso")
  end
  local path = cache_path(ctx, session.key)
  local text = ctx.world.files(path)
  if not text then shape.fail("There is no SSO token; nobody has signed in yet.", remedy) end
  local token = shape.json(ctx, text, "the SSO token cache")
  local ends = token.expiresAt and date.iso(token.expiresAt)
  if type(token.accessToken) ~= "string" or not ends then
    shape.fail(("The SSO token in %s is damaged."):format(path), remedy)
  end
  local now = ctx.world.clock()
  if ends - now < REFRESH_WINDOW then token = renew(ctx, session, path, token) end
  if date.iso(token.expiresAt) <= now then shape.fail("The SSO session has expired.", remedy) end
  return token.accessToken, session
end

local function find(ctx, name)
  local profile = ctx.config:profile(name)
  local label = name or ctx.config:profile_name()
  if not (profile.sso_account_id or profile.sso_role_name) then
    return nil, ("profile %s has no sso_account_id"):format(label)
  end
  if not (profile.sso_account_id and profile.sso_role_name) then
    shape.fail(("The SSO settings of profile %s are incomplete: %s is missing."):format(label,
      profile.sso_account_id and "sso_role_name" or "sso_account_id"), "Run: aws configure sso")
  end
  local token, session = token_of(ctx, profile, label)
  local out = ctx.call("sso", "get_role_credentials", {accountId = profile.sso_account_id,
    roleName = profile.sso_role_name, accessToken = token}, {anonymous = true, region = session.region})
  local c = out.roleCredentials
  return shape.new(ctx, "SSO profile " .. label, {id = c.accessKeyId, key = c.secretAccessKey,
    token = c.sessionToken, expires = c.expiration and c.expiration / 1000, account = profile.sso_account_id})
end

return {name = "SSO", find = find, token = token_of}
