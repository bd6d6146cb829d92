-- ministack.lua -- the second emulator: it checks signatures and policies as AWS does, and delivers what moto does not.
local server = require "support.server"

local ministack = {PYTHON = "build/venv-ministack/bin/python"}
ministack.__index = ministack

--- Starts one of its own. Its root keys are "test", "test".
-- @param options.auth false: signatures and policies are not checked
-- @return {url=, port=, region=, account=, credentials=, env=} with `session(more)` and `stop`; in env, false is a name
-- that must have no value
function ministack.start(options)
  options = options or {}
  local command = {ministack.PYTHON, "spec/support/ministack_server.py"}
  if options.auth == false then command[3] = "--no-auth" end
  local self = setmetatable({region = options.region or "eu-west-1", account = "000000000000",
    credentials = {access_key_id = "test", secret_access_key = "test"}}, ministack)
  local port
  self.process, port = server.start(command, "^(%d+)\n", {stderr = "null"})
  self.port = math.tointeger(port)
  self.url = ("http://127.0.0.1:%d"):format(self.port)
  self.env = {AWS_ENDPOINT_URL = self.url, AWS_REGION = self.region, AWS_ACCESS_KEY_ID = "test",
    AWS_SECRET_ACCESS_KEY = "test", AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
    AWS_PROFILE = false, AWS_SESSION_TOKEN = false}
  return self
end

ministack.session = server.session

function ministack:stop() self.process:close() end

ministack.close = ministack.stop
ministack.__close = ministack.stop
return ministack
