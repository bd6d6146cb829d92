-- stub.lua -- a service of our own in Python: started with or without TLS, and the environment that leads to it.
local certs = require "support.certs"
local server = require "support.server"

local stub = {}
stub.__index = stub

--- Starts one: `command` is the program and its words, to which those of TLS are added.
-- @param tls whether it shows the specs' certificate
-- @return {url=, ca=, env=} with `stop`
function stub.start(command, tls)
  local self = setmetatable({}, stub)
  if tls then
    local folder = certs.folder()
    self.ca = folder .. "/ca.pem"
    table.move({"--tls", folder .. "/server.pem", folder .. "/server.key"}, 1, 3, #command + 1, command)
  end
  command[#command + 1] = "--stdin"
  local port
  self.process, port = server.start(command, "^(%d+)\n")
  self.url = (tls and "https" or "http") .. "://127.0.0.1:" .. port
  self.env = {AWS_ENDPOINT_URL = self.url, AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKID",
    AWS_SECRET_ACCESS_KEY = "secret", AWS_CA_BUNDLE = self.ca, AWS_MAX_ATTEMPTS = "1"}
  return self
end

function stub:stop() self.process:close() end

stub.close = stub.stop
stub.__close = stub.stop
return stub
