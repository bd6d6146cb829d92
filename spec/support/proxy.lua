-- proxy.lua -- the forward proxy of spec/support/proxy.py: which names it reaches and refuses, its head says.
local certs = require "support.certs"
local http = require "tidelock.http"
local json = require "cjson"
local server = require "support.server"

local proxy = {}
proxy.__index = proxy

--- Starts one.
-- @param options.password "user:word" that it wants
-- @param options.tls it is spoken to over TLS itself
-- @return {url=, host=, ca=} with `seen` and `stop`; the url has the password in it
function proxy.start(options)
  options = options or {}
  local command, self = {server.PYTHON, "spec/support/proxy.py", "--stdin"}, setmetatable({}, proxy)
  local function add(...) table.move({...}, 1, select("#", ...), #command + 1, command) end
  if options.password then add("--password", options.password) end
  if options.tls then
    local folder = certs.folder()
    self.ca = folder .. "/ca.pem"
    add("--tls", folder .. "/server.pem", folder .. "/server.key")
  end
  local port
  self.process, port = server.start(command, "^(%d+)\n")
  self.host, self.scheme = "127.0.0.1:" .. port, options.tls and "https" or "http"
  self.url = ("%s://%s%s"):format(self.scheme, options.password and options.password .. "@" or "", self.host)
  return self
end

--- What was asked of it so far: a list of {method=, target=, headers=}.
function proxy:seen()
  local answer = assert(http.send({method = "GET", scheme = self.scheme, host = self.host, path = "/-/seen"},
    {ca = self.ca}))
  return json.decode(answer.body)
end

function proxy:stop() self.process:close() end

proxy.close = proxy.stop
proxy.__close = proxy.stop
return proxy
