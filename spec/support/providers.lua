--- A context for credential providers over a fake world: ctx and the record of what was sent and called.
local chain = require "aws.credentials.chain"
local config = require "aws.config"
local world = require "support.world"

local providers = {}

--- `parts` as for support.world, and `call` (function of service, operation, input, how).
function providers.context(parts)
  parts.env = parts.env or {}
  parts.env.HOME = "/h"
  local w, record = world.new(parts)
  record.calls = {}
  w.json = require "tidelock.json"
  w.secret = require "tidelock.secret".new
  local digest = require "tidelock.digest"
  w.sha1 = function(text) return digest.hex(digest.sha1(text)) end
  w.save = function(path, text)
    record.saved = {path = path, text = text}
    return true
  end
  local function call(service, operation, input, how)
    record.calls[#record.calls + 1] = {service = service, operation = operation, input = input, how = how}
    return parts.call(service, operation, input, how, #record.calls)
  end
  return chain.context(config.new(parts.options, w), w, call), record
end

--- The credentials as plain text, for comparing.
function providers.plain(creds)
  local reveal = require "tidelock.secret".reveal
  return {id = creds.access_key_id, key = reveal(creds.secret_access_key),
    token = creds.session_token and reveal(creds.session_token), expires = creds.expires,
    account = creds.account_id}
end

--- STS's answer for a role, expiring at `ends`.
function providers.sts(id, ends)
  return {Credentials = {AccessKeyId = id, SecretAccessKey = "sk-" .. id, SessionToken = "tok-" .. id,
    Expiration = ends}}
end

return providers
