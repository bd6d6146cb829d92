-- objects.lua -- the store for large objects of spec/support/objects.py.
local certs = require "support.certs"
local server = require "support.server"

local objects = {}
objects.__index = objects

--- Starts one. @return {url=, ca=, env=} with `stop`
function objects.start(options)
  local command, self = {server.PYTHON, "spec/support/objects.py"}, setmetatable({}, objects)
  local tls = options and options.tls
  if tls then
    local folder = certs.folder()
    self.ca = folder .. "/ca.pem"
    for _, word in ipairs {"--tls", folder .. "/server.pem", folder .. "/server.key"} do
      command[#command + 1] = word
    end
  end
  command[#command + 1] = "--stdin"
  local port
  self.process, port = server.start(command, "^(%d+)\n")
  self.url = (tls and "https" or "http") .. "://127.0.0.1:" .. port
  self.env = {AWS_ENDPOINT_URL = self.url, AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKID",
    AWS_SECRET_ACCESS_KEY = "secret", AWS_CA_BUNDLE = self.ca, AWS_MAX_ATTEMPTS = "1"}
  return self
end

function objects:stop() self.process:close() end

objects.close = objects.stop
objects.__close = objects.stop
return objects
