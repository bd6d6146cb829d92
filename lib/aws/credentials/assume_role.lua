--- Credentials of a role: the profile has role_arn, and says whose keys may take it.
local role_cache = require "aws.credentials.role_cache"
local shape = require "aws.credentials.shape"

local SOURCES <const> = {Environment = "aws.credentials.environment",
  Ec2InstanceMetadata = "aws.credentials.imds", EcsContainer = "aws.credentials.container"}

local function from_source(ctx, label, source)
  local file = SOURCES[source]
  if not file then
    shape.fail(("The profile %s has credential_source = %s."):format(label, source),
      "It must be Environment, Ec2InstanceMetadata or EcsContainer.")
  end
  local creds, why = require(file).find(ctx)
  if creds then return creds end
  shape.fail(("The profile %s takes its role with credential_source = %s, which has none: %s.")
    :format(label, source, why))
end

-- The keys that take the role: those of another profile, which may itself take a role.
local function source_of(ctx, label, profile, seen)
  if profile.credential_source and profile.source_profile then
    shape.fail(("The profile %s has both source_profile and credential_source."):format(label),
      "Keep the one whose keys may take the role.")
  end
  if profile.credential_source then return from_source(ctx, label, profile.credential_source) end
  local source = profile.source_profile
  if not source then
    shape.fail(("The profile %s has role_arn, but neither source_profile nor credential_source."):format(label),
      "Name the profile whose keys may take the role: source_profile = NAME.")
  end
  if source == label then                     -- its own keys take the role
    local own, why = require "aws.credentials.shared".find(ctx, label)
    return own or shape.fail(("The profile %s names itself as source_profile; %s."):format(label, why))
  end
  if seen[source] then
    shape.fail(("The profiles go in a circle: %s names %s as its source_profile, which leads back to it.")
      :format(label, source), "Break the circle in ~/.aws/config.")
  end
  return ctx.profile_credentials(source, seen)
end

local function mfa_code(ctx, label, serial)
  local code = ctx.world.prompt and ctx.world.prompt(("MFA code for %s: "):format(serial))
  if code and code:find("%S") then return (code:match("^%s*(.-)%s*$")) end
  shape.fail(("The profile %s asks for an MFA code (mfa_serial), and there is no terminal to ask on.")
    :format(label), "Run it on a terminal, or use a profile without mfa_serial.")
end

local function whole(label, profile, key)
  local value = profile[key]
  if value == nil then return nil end
  return math.tointeger(tonumber(value))
    or shape.fail(("The profile %s has %s = %q; it must be a whole number."):format(label, key, value))
end

-- STS's credentials for the role; with MFA those that are kept come first.
local function take(ctx, label, profile, input, source)
  local named = profile.role_session_name ~= nil
  local kept = profile.mfa_serial and role_cache.get(ctx, input, named)
  if kept then return kept end
  if profile.mfa_serial then input.TokenCode = mfa_code(ctx, label, profile.mfa_serial) end
  local answer = ctx.call("sts", "assume_role", input, {credentials = source, region = profile.region})
  if profile.mfa_serial then role_cache.put(ctx, input, named, answer) end
  return answer.Credentials
end

local function find(ctx, name, seen)
  local profile = ctx.config:profile(name)
  local label = name or ctx.config:profile_name()
  if not profile.role_arn or profile.web_identity_token_file then
    return nil, ("profile %s has no role_arn"):format(label)
  end
  seen = seen or {}
  seen[label] = true
  local source = source_of(ctx, label, profile, seen)
  local input = {RoleArn = profile.role_arn,
    RoleSessionName = profile.role_session_name or "tidelock-" .. math.floor(ctx.world.clock()),
    ExternalId = profile.external_id, DurationSeconds = whole(label, profile, "duration_seconds"),
    SerialNumber = profile.mfa_serial}
  local c = take(ctx, label, profile, input, source)
  return shape.new(ctx, "role " .. profile.role_arn, {id = c.AccessKeyId, key = c.SecretAccessKey,
    token = c.SessionToken, expires = c.Expiration, account = profile.role_arn:match("^arn:[^:]*:iam::(%d+):")})
end

return {name = "role", find = find}
