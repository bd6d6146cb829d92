-- redis.lua -- a real redis-server on loopback, with TLS and a password where asked.
local certs = require "support.certs"
local digest = require "tidelock.digest"
local proc = require "tidelock.proc"
local server = require "support.server"

local redis = {}
redis.__index = redis

local PASSWORD <const> = "spec-password"

-- By TLS only; and the file of the authority.
local function tls_lines(port)
  local folder = assert(proc.run {"realpath", certs.folder()}).stdout:match "^%S+"
  local ca = folder .. "/ca.pem"
  return {"port 0", "tls-port " .. port, "tls-cert-file " .. folder .. "/server.pem",
    "tls-key-file " .. folder .. "/server.key", "tls-ca-cert-file " .. ca}, ca
end

local function config(self, options, port)
  local lines = {"bind 127.0.0.1", "save \"\"", "appendonly no", "dir " .. self.folder, "daemonize no",
    "maxmemory-policy noeviction", "enable-debug-command local"}
  local function add(...) lines[#lines + 1] = table.concat({...}, " ") end
  if options.tls then
    local tls
    tls, self.ca = tls_lines(port)
    table.move(tls, 1, #tls, #lines + 1, lines)
    add("tls-auth-clients", options.client_auth and "yes" or "no")
  else
    add("port", port)
  end
  if options.auth then add("requirepass", PASSWORD) end
  for _, line in ipairs(options.config or {}) do add(line) end
  return table.concat(lines, "\n") .. "\n"
end

local function launch(self, options)
  local a, b = digest.random(2):byte(1, 2)
  local port = options.port or 20000 + (a * 256 + b) % 12000
  -- setpriv: the kernel kills it with us, whatever ends us. The settings go in by its standard input.
  local command = {"setpriv", "--pdeathsig", "KILL", "redis-server", "-"}
  local process = server.start(command, "(Ready to accept connections)", {config = config(self, options, port)})
  return process, port
end

--- Starts one.
-- @param options.tls true: TLS only, with spec/support/certs' "server" certificate
-- @param options.client_auth ask clients for a certificate
-- @param options.auth true: a password, in `password`
-- @param options.config more lines of redis.conf
-- @param options.port default: a free one
-- @return {url=, port=, password=, ca=} with `call`, `reset`, `restart`, `kill` and `stop`
function redis.start(options)
  options = options or {}
  local self = setmetatable({options = options, folder = server.folder()}, redis)
  local ok
  for attempt = 1, 5 do   -- a port may be taken: then another
    ok, self.process, self.port = pcall(launch, self, options)
    if ok then break end
    if attempt == 5 or options.port then error(self.process, 0) end
  end
  self.password = options.auth and PASSWORD or nil
  self.url = ("%s://%s127.0.0.1:%d"):format(options.tls and "rediss" or "redis",
    options.auth and ":" .. PASSWORD .. "@" or "", self.port)
  return self
end

--- One command by redis-cli, for what a spec wants to see from outside.
function redis:call(...)
  local command = {"redis-cli", "-p", tostring(self.port), "--no-auth-warning",
    env = {REDISCLI_AUTH = self.password or false}}
  if self.options.tls then
    table.move({"--tls", "--cacert", self.ca}, 1, 3, #command + 1, command)
  end
  table.move({...}, 1, select("#", ...), #command + 1, command)
  local out = assert(proc.run(command))
  assert(out.code == 0, out.stderr)
  return (out.stdout:gsub("\n$", ""))
end

function redis:reset() assert(self:call("FLUSHALL") == "OK") self:call("SCRIPT", "FLUSH") end

--- Stops it at once, as a crash does; `restart` brings it back, empty, on the same port.
function redis:kill() self.process:close() end

function redis:restart()
  self.process:close()
  self.options.port = self.port
  self.process = launch(self, self.options)
end

function redis:stop()
  self.process:close()
  server.remove(self.folder)
end

--- A Sentinel that watches the primary at `port` by `name`, and fails over in half a second; with `tls` it speaks TLS,
-- to the primary too.
-- @return {port =}, to be closed
function redis.sentinel(name, port, tls)
  local self = {folder = server.folder()}
  local function try()
    local a, b = digest.random(2):byte(1, 2)
    self.port = 32000 + (a * 256 + b) % 700
    local path = self.folder .. "/sentinel.conf"
    local file <close> = assert(io.open(path, "w"))
    local lines = tls and tls_lines(self.port) or {"port " .. self.port}
    if tls then table.move({"tls-replication yes", "tls-auth-clients no"}, 1, 2, #lines + 1, lines) end
    file:write(("bind 127.0.0.1\n%s\ndir %s\nsentinel monitor %s 127.0.0.1 %d 1\n"
      .. "sentinel down-after-milliseconds %s 300\nsentinel failover-timeout %s 3000\n")
      :format(table.concat(lines, "\n"), self.folder, name, port, name, name))
    file:close()
    return server.start({"setpriv", "--pdeathsig", "KILL", "redis-server", path, "--sentinel"}, "(%+monitor master)")
  end
  local ok, process
  for _ = 1, 5 do   -- a port may be taken: then another
    ok, process = pcall(try)
    if ok then break end
  end
  assert(ok, process)
  return setmetatable(self, {__close = function()
    process:close()
    server.remove(self.folder)
  end})
end

redis.close = redis.stop
redis.__close = redis.stop
return redis
