-- httpd.lua -- the misbehaving HTTP(S) server of spec/support/httpd.py.
local certs = require "support.certs"
local server = require "support.server"

local httpd = {}
httpd.__index = httpd

--- Starts one. Its paths say how it behaves: see the head of httpd.py.
-- @param options.tls a certificate's name: "server" (right), "other", "expired", "lone"; true is "server"
-- @param options.client_auth ask clients for a certificate of our authority
-- @return {url=, port=, ca=} with `stop`
function httpd.start(options)
  options = options or {}
  local command = {server.PYTHON, "spec/support/httpd.py", "--stdin"}
  local self = setmetatable({}, httpd)
  if options.tls then
    local name = options.tls == true and "server" or options.tls
    self.folder = certs.folder()
    self.ca = self.folder .. "/ca.pem"
    for _, word in ipairs {"--tls", self.folder .. "/" .. name .. ".pem", self.folder .. "/" .. name .. ".key"} do
      command[#command + 1] = word
    end
    if options.client_auth then
      command[#command + 1] = "--client-ca"
      command[#command + 1] = self.ca
    end
  end
  local port
  self.process, port = server.start(command, "^(%d+)\n")
  self.port = math.tointeger(port)
  self.host = "127.0.0.1:" .. port
  self.url = (options.tls and "https://" or "http://") .. self.host
  return self
end

function httpd:stop()
  self.process:close()
end

httpd.close = httpd.stop
httpd.__close = httpd.stop
return httpd
