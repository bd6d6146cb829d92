-- postgres.lua -- a real PostgreSQL on loopback, with TLS. As its user app one is let in by TLS alone, as with
-- rds.force_ssl; as its user open also in plain.
local certs = require "support.certs"
local digest = require "tidelock.digest"
local proc = require "tidelock.proc"
local server = require "support.server"

local postgres = {}
postgres.__index = postgres

-- Where Debian keeps the programs of the newest version.
local function programs()
  local out = assert(proc.run {"sh", "-c", "ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1"}).stdout
  return (out:match "^%S+")
end

-- PostgreSQL refuses to run as root: its own user does.
local function as_user(command)
  local root = assert(proc.run {"id", "-u"}).stdout:match "^0"
  local out = {"setpriv", "--pdeathsig", "KILL"}
  if root then
    for _, word in ipairs {"--reuid", "postgres", "--regid", "postgres", "--clear-groups"} do out[#out + 1] = word end
  end
  return table.move(command, 1, #command, #out + 1, out)
end

local function run(command, stdin)
  command.stdin = stdin
  local out = assert(proc.run(command))
  assert(out.code == 0, table.concat(command, " ") .. "\n" .. tostring(out.stderr))
  return out
end

local function script(self, bin)
  return ([[
set -eu
umask 077
mkdir -p "%s"
"%s/initdb" -D "%s/data" -A scram-sha-256 -U app --pwfile="%s/password" -N >/dev/null
cp "%s/server.pem" "%s/server.key" "%s/data/"
cat >"%s/data/pg_hba.conf" <<'END'
hostssl all app 127.0.0.1/32 scram-sha-256
host all open 127.0.0.1/32 scram-sha-256
END
cat >>"%s/data/postgresql.conf" <<'END'
listen_addresses = '127.0.0.1'
unix_socket_directories = '%s'
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
fsync = off
shared_buffers = 1MB
max_connections = 10
END
]]):format(self.folder, bin, self.folder, self.folder, self.folder, self.folder, self.folder, self.folder, self.folder,
    self.folder)
end

-- A certificate of its own for a name, which is its own authority too.
local function certify(self, name)
  self.ca = self.folder .. "/server.pem"
  local kind = name:find "^[%d.]+$" and "IP:" or "DNS:"
  run {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
    "-subj", "/CN=database", "-addext", "subjectAltName=" .. kind .. name, "-keyout", self.folder .. "/server.key",
    "-out", self.ca, stderr = "null"}
end

--- Starts one. options.name: of the certificate; default spec/support/certs' "server", of localhost.
-- @return {port=, ca=} with `stop`
function postgres.start(options)
  local self = setmetatable({folder = server.folder(), ca = certs.folder() .. "/ca.pem"}, postgres)
  local bin = assert(programs(), "PostgreSQL is not installed: vendor/packages test")
  local folder = certs.folder()
  if options and options.name then
    certify(self, options.name)
  else
    run {"cp", folder .. "/server.pem", folder .. "/server.key", self.folder}
  end
  run {"sh", "-c", ("printf spec-password >'%s/password'"):format(self.folder)}
  if assert(proc.run {"id", "-u"}).stdout:match "^0" then run {"chown", "-R", "postgres", self.folder} end
  run(as_user {"sh", "-c", script(self, bin)})
  for attempt = 1, 5 do                              -- a port may be taken: then another
    local a, b = digest.random(2):byte(1, 2)
    self.port = 20000 + (a * 256 + b) % 12000
    local ok, err = pcall(server.start, as_user {"sh", "-c", ("exec '%s/postgres' -D '%s/data' -p %d 2>&1"):format(bin,
      self.folder, self.port)}, "(ready to accept connections)")
    if ok then
      self.process = err
      return self
    end
    if attempt == 5 then error(err, 0) end
  end
end

function postgres:stop()
  self.process:close()
  server.remove(self.folder)
end

postgres.__close = postgres.stop
return postgres
