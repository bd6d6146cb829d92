-- moto.lua -- an AWS account of its own on the specs' moto, fresh at every start and reset.
local digest = require "tidelock.digest"
local server = require "support.server"

local moto = {}
moto.__index = moto

local shared  -- one server serves every spec of a run: an account is a new number, not a new process

local function launch(options)
  local command = {server.PYTHON, "spec/support/moto/server.py", "--stdin"}
  if options.auth == false then command[#command + 1] = "--no-auth" end
  if options.slow then command[#command + 1] = "--slow" command[#command + 1] = tostring(options.slow) end
  local process, port = server.start(command, "^(%d+)\n")
  return {process = process, port = math.tointeger(port)}
end

--- Starts, or joins, a moto with the project's extension.
-- @param options.slow seconds that slow resources take; makes a server of its own
-- @param options.auth false: signatures are not checked; makes a server of its own
-- @param options.region default eu-west-1
-- @return {url=, port=, account=, region=, credentials=, env=} with `session(more)`, `reset` and `stop`
function moto.start(options)
  options = options or {}
  local private = options.slow ~= nil or options.auth == false or options.private
  if not private and not shared then shared = launch(options) end
  local self = setmetatable({server = private and launch(options) or shared, private = private,
    region = options.region or "eu-west-1"}, moto)
  self.port = self.server.port
  self.url = ("http://127.0.0.1:%d"):format(self.port)
  self:reset()
  return self
end

--- An empty account again: another number, so nothing has to be cleared.
function moto:reset()
  local n = 0
  for byte in digest.random(6):gmatch "." do n = n * 256 + byte:byte() end
  self.account = ("%012d"):format(100000000000 + n % 899999999999)
  self.env = {
    AWS_ENDPOINT_URL = self.url, AWS_REGION = self.region, AWS_DEFAULT_REGION = self.region,
    AWS_ACCESS_KEY_ID = self.account, AWS_SECRET_ACCESS_KEY = "sandbox", AWS_SESSION_TOKEN = false,
    AWS_PROFILE = false, AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
    AWS_EC2_METADATA_DISABLED = "true",
  }
  self.credentials = {access_key_id = self.account, secret_access_key = "sandbox"}
end

moto.session = server.session

--- Ends a server of one's own; the shared one lives as long as the run.
function moto:stop()
  if self.private then self.server.process:close() end
end

moto.close = moto.stop
moto.__close = moto.stop
return moto
