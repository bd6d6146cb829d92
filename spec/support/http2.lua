-- http2.lua -- the HTTP/2 server of spec/support/http2.py: its head says what its paths do.
local certs = require "support.certs"
local server = require "support.server"

local http2 = {PYTHON = "build/venv-ministack/bin/python"}      -- it has the h2 library
http2.__index = http2

--- Starts one. @return {host=, url=, ca=} with `stop`
function http2.start()
  local folder = certs.folder()
  local self = setmetatable({ca = folder .. "/ca.pem"}, http2)
  local port
  self.process, port = server.start({http2.PYTHON, "spec/support/http2.py", folder .. "/server.pem",
    folder .. "/server.key"}, "^(%d+)\n")
  self.host, self.url = "127.0.0.1:" .. port, "https://127.0.0.1:" .. port
  return self
end

function http2:stop() self.process:close() end

http2.close = http2.stop
http2.__close = http2.stop
return http2
