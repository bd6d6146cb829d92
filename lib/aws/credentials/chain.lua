--- Who has credentials: the providers in their order, and what to say when none has.
local error_of = require "aws.error"

local chain = {}

-- The order of the aws CLI. A chosen profile (--profile) goes before the environment's keys.
local ORDER <const> = {"environment", "assume_role", "web_identity", "sso", "shared", "process",
  "container", "imds"}
-- What a profile of its own can be, for source_profile.
local OF_PROFILE <const> = {"assume_role", "web_identity", "sso", "shared", "process"}

local function provider(name) return require("aws.credentials." .. name) end

-- The credentials of a profile that another names as its source: its own keys go before a role that it has too,
-- as the aws CLI has it. Raises where it has none.
local function profile_credentials(ctx, name, seen)
  local profile = ctx.config:profile(name)
  local keys = profile.aws_access_key_id or profile.aws_secret_access_key
  for _, file in ipairs(OF_PROFILE) do
    local creds = not (keys and file == "assume_role") and provider(file).find(ctx, name, seen)
    if creds then return creds end
  end
  error(error_of.new {code = "CredentialsFailed", exit = 77,
    message = ("The source_profile %s has no credentials of any kind."):format(name),
    remedy = "Give it keys (aws configure --profile " .. name .. ") or name another."}, 0)
end

local function none(tried)
  error(error_of.new {code = "NoCredentials", exit = 77,
    message = "No AWS credentials were found. Tried: " .. table.concat(tried, "; ") .. ".",
    remedy = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile (--profile NAME), "
      .. "or sign in: aws configure, aws sso login."}, 0)
end

--- What the providers need: the configuration, the world, and a way to call STS and SSO.
function chain.context(config, world, call)
  local ctx = {config = config, world = world, call = call}
  function ctx.profile_credentials(name, seen) return profile_credentials(ctx, name, seen) end
  return ctx
end

--- The first provider's credentials. Raises NoCredentials with what was tried, or what is broken.
function chain.find(ctx)
  local tried = {}
  for _, file in ipairs(ORDER) do
    local p = provider(file)
    if file == "environment" and ctx.config.options.profile then
      tried[#tried + 1] = p.name .. " (passed over for the chosen profile)"
    else
      local creds, why = p.find(ctx)
      if creds then return creds end
      tried[#tried + 1] = ("%s (%s)"):format(p.name, why)
    end
  end
  none(tried)
end

return chain
