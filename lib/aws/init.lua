--- The AWS client: `require "aws".session{...}`, then `session.sqs:list_queues{...}`.
local chain = require "aws.credentials.chain"
local clients = require "aws.client"
local config = require "aws.config"
local credentials_cache = require "aws.credentials.cache"
local error_of = require "aws.error"
local suggest = require "suggest"

local aws = {}

-- ## The world: all that a session touches outside itself. Specs give their own.

-- The whole text of a file; nil where there is none; nil and why where it cannot be read.
local function read_file(path)
  local file, why, code = io.open(path, "rb")
  if not file then
    if code == 2 then return nil end          -- ENOENT
    return nil, (why:gsub("^.-: ", ""))
  end
  local text
  text, why = file:read "a"
  file:close()
  return text, why
end

-- A whole new file for the owner alone, or the old one: tokens and keys go there.
local function save_file(path, text)
  local fs = require "tidelock.fs"
  local folder = path:match("^(.+)/[^/]*$")
  if folder then fs.mkdir(folder) end
  local ok, err = fs.write(path, text, 384)   -- 0600
  return ok, err and err.message
end

-- Asks on the terminal; nil where there is none.
local function prompt(question)
  local tty = require "tidelock.tty"
  if not tty.is "stdin" then return nil end
  io.stderr:write(question)
  io.stderr:flush()
  tty.wait()
  return io.read "l"
end

-- A command line of the user's own, run by the shell (the aws CLI splits the words itself, so that ~ and $NAME stay
-- as they are); its output, or nil and why.
local function run(command)
  local ok, proc = pcall(require, "tidelock.proc")
  if not ok then return nil, "this build cannot start programs" end
  local result, err = proc.run {"/bin/sh", "-c", command}
  if not result then return nil, err.message end
  if result.code ~= 0 then return nil, ("it ended with status %s"):format(tostring(result.code)) end
  return result.stdout
end

-- What is only loaded when it is needed: native modules, and functions of them.
local WORLD <const> = {
  clock = function() return require "tidelock.loop".time end,
  monotonic = function() return require "tidelock.loop".now end,
  sleep = function() return require "tidelock.loop".sleep end,
  spawn = function() return require "tidelock.loop".spawn end,
  wait = function() return require "tidelock.loop".wait end,
  cancel = function() return require "tidelock.loop".cancel end,
  current = function() return require "tidelock.loop".current end,
  transport = function() return require "tidelock.http".send end,
  open = function() return require "tidelock.http".open end,
  converse = function() return require "tidelock.http".converse end,
  upload = function() return require "tidelock.http".upload end,
  models = function() return require "tidelock.models" end,
  codec = function() return require "tidelock.codec" end,
  endpoint = function() return require "tidelock.endpoint" end,
  sigv4 = function() return require "tidelock.sigv4" end,
  digest = function() return require "tidelock.digest" end,
  json = function() return require "tidelock.json" end,
  secret = function() return require "tidelock.secret".new end,
  sha1 = function()
    local digest = require "tidelock.digest"
    return function(text) return digest.hex(digest.sha1(text)) end
  end,
  environ = function() return os.getenv end,
  files = function() return read_file end,
  save = function() return save_file end,
  run = function() return run end,
  prompt = function() return prompt end,
  random = function() return math.random end,
}

local world_meta = {__index = function(world, name)
  local make = WORLD[name]
  if not make then return nil end
  local value = make()
  rawset(world, name, value)
  return value
end}

-- The caller's own parts of the world; a table of variables will do as environment.
local function world_of(options)
  local world = {}
  for name in pairs(WORLD) do
    if options[name] ~= nil then world[name] = options[name] end
  end
  if type(world.environ) == "table" then
    local variables = world.environ
    world.environ = function(name) return variables[name] end
  end
  return setmetatable(world, world_meta)
end

-- ## The session

local session = {}

local function plain_name(name) return (tostring(name):gsub("_", "-")) end

local function unknown_service(self, name)
  error_of.usage(("There is no AWS service called %q%s."):format(name,
    suggest.phrase(name, self.world.models.services())))
end

--- A client of the service (botocore's folder name, `_` for `-` allowed), with options of its own
-- over the session's. Without options it is the same one each time.
function session:client(name, options)
  name = plain_name(name)
  local model = self.world.models.service(name)
  if not model then unknown_service(self, name) end
  local own = {}
  for k, v in pairs(self.settings.options) do own[k] = v end
  for k, v in pairs(options or {}) do own[k] = v end
  local of = options and self:derive(options) or self
  return clients.new(of, name, model, own)
end

--- A session like this one, with some options changed; it keeps the credentials unless they or the
-- profile are among these.
function session:derive(options)
  local own = {}
  for k, v in pairs(self.settings.options) do own[k] = v end
  for k, v in pairs(options) do own[k] = v end
  local derived = aws.session(own, self.world)
  if not (options.credentials or options.profile) then derived.identity = self.identity end
  return derived
end

--- The credentials now, renewed where they near their end. May yield; raises where there are none.
function session:credentials() return self.identity:get() end

--- Fetches the credentials anew after the service called them expired. False where they are fixed.
function session:renew()
  local creds = self.identity.creds                      -- those that the caller gave have nobody to ask
  if not (creds and creds.expires) then return false end
  self.identity:expire()
  return true
end

--- The account that the credentials name without a call to ask, or nil.
function session:known_account()
  local ok, creds = pcall(self.identity.get, self.identity)
  return ok and creds.account_id or nil
end

--- The region; raises a sentence where none is set.
function session:region() return self.settings:region() end

--- The bearer token for a service: AWS_BEARER_TOKEN_<SERVICE>, or the SSO token of the profile.
function session:bearer(metadata)
  local name = (metadata.signingName or metadata.endpointPrefix):upper():gsub("%W", "_")
  local token = self.settings:env("AWS_BEARER_TOKEN_" .. name)
  if token then return token end
  local profile = self.settings:profile()
  if profile.sso_session or profile.sso_start_url then
    return (require "aws.credentials.sso".token(self.context, profile, (self.settings:profile_name())))
  end
  return nil, ("This service takes a bearer token. Set AWS_BEARER_TOKEN_%s, or use a profile with an sso_session.")
    :format(name)
end

-- A service by its name: made when it is first asked for.
local function index(self, name)
  if session[name] then return session[name] end
  if type(name) ~= "string" then return nil end
  local made = self.clients[name]
  if not made then
    made = session.client(self, name)
    self.clients[name] = made
  end
  return made
end

local meta = {__index = index, __name = "aws.session", __tostring = function(self)
  return "aws session of profile " .. self.settings:profile_name()
end}

-- Keys given by the caller, as text or secrets.
local function fixed(world, given)
  if type(given) == "function" then return credentials_cache.new(given, world) end
  if given.get then return given end
  if not (given.access_key_id and given.secret_access_key) then
    error_of.usage("The credentials given to aws.session lack access_key_id or secret_access_key.")
  end
  local function hide(value) return type(value) == "string" and world.secret(value) or value end
  local creds = {access_key_id = given.access_key_id, secret_access_key = hide(given.secret_access_key),
    session_token = hide(given.session_token), account_id = given.account_id, expires = given.expires,
    source = given.source or "the caller"}
  local identity = {}
  function identity.get() return creds end
  return identity
end

-- How providers call STS and SSO: a session of its own, with other keys or none. An --endpoint-url is of the
-- services called, not of who lends the keys; and what providers are given they hide themselves.
local function caller(self)
  return function(service, operation, input, how)
    local options = {region = how.region, credentials = how.credentials, anonymous = how.anonymous}
    local own = {}
    for k, v in pairs(self.settings.options) do own[k] = v end
    for k, v in pairs(options) do own[k] = v end
    own.endpoint_url, own.secrets = nil, nil
    if how.anonymous then own.credentials = {access_key_id = "", secret_access_key = ""} end
    local made = aws.session(own, self.world)
    if not made.settings:get "region" then own.region = "us-east-1" end
    return made:client(service):call(operation, input)
  end
end

--- A session. Options: profile, region, endpoint_url, credentials, retry_mode, max_attempts,
-- connect_timeout, read_timeout, ca_bundle, use_fips_endpoint, use_dualstack_endpoint, s3 = {...},
-- secrets = true (members that the model calls sensitive come as secrets: they print as <secret>, are
-- equal to secrets of the same bytes, and can be sent again); and for specs the parts of the world:
-- transport, clock, sleep, environ, files, random, run, prompt.
function aws.session(options, world)
  options = options or {}
  world = world or world_of(options)
  local settings = config.new(options, world)
  local self = setmetatable({world = world, settings = settings, clients = {}}, meta)
  self.context = chain.context(settings, world, caller(self))
  if options.credentials then
    self.identity = fixed(world, options.credentials)
  else
    self.identity = credentials_cache.new(function() return chain.find(self.context) end, world)
  end
  return self
end

--- Whether a raised value is an error object of this library.
aws.is_error = error_of.is

return aws
