-- streams.lua -- the service with two-way streams of spec/support/streams.py.
local certs = require "support.certs"
local server = require "support.server"

local streams = {}
streams.__index = streams

-- The second emulator's: it brings an HTTP/2 library along.
local PYTHON <const> = "build/venv-ministack/bin/python"

--- Starts one. @param options {tls = bool, h2 = bool}; h2 takes tls with it
-- @return {url=, ca=, env=} with `stop`
function streams.start(options)
  local command, self = {PYTHON, "spec/support/streams.py"}, setmetatable({}, streams)
  local h2 = options and options.h2
  local tls = h2 or options and options.tls
  if tls then
    local folder = certs.folder()
    self.ca = folder .. "/ca.pem"
    for _, word in ipairs {"--tls", folder .. "/server.pem", folder .. "/server.key"} do
      command[#command + 1] = word
    end
  end
  if h2 then command[#command + 1] = "--h2" end
  command[#command + 1] = "--stdin"
  local port
  self.process, port = server.start(command, "^(%d+)\n")
  self.url = (tls and "https" or "http") .. "://127.0.0.1:" .. port
  self.env = {AWS_ENDPOINT_URL = self.url, AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKID",
    AWS_SECRET_ACCESS_KEY = "secret", AWS_CA_BUNDLE = self.ca, AWS_MAX_ATTEMPTS = "1"}
  return self
end

function streams:stop() self.process:close() end

streams.close = streams.stop
streams.__close = streams.stop
return streams
