-- tls.lua -- a single call over TLS beside boto3: trust from a hashed folder, as systems keep it, and from a
-- bundle of 145 certificates, as AWS_CA_BUNDLE may name one.
local certs = require "support.certs"
local proc = require "tidelock.proc"
local server = require "support.server"
local shot = require "bench.parts.shot"

local SYSTEM <const> = "/etc/ssl/certs/ca-certificates.crt"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

-- The system's authorities and the specs' own: as one file, and as a folder with a name by hash for each.
local function trust(folder, own)
  local bundle, hashed, n = folder .. "/bundle.pem", folder .. "/hashed", 0
  assert(proc.run {"mkdir", hashed})
  local all = read(SYSTEM) .. read(own)
  write(bundle, all)
  for pem in all:gmatch "%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-.-%-%-%-%-%-END CERTIFICATE%-%-%-%-%-\n" do
    n = n + 1
    write(("%s/%d.pem"):format(hashed, n), pem)
  end
  local out = assert(proc.run {"openssl", "rehash", hashed})
  assert(out.code == 0, out.stderr)
  return bundle, hashed, n
end

if not server.exists(SYSTEM) then
  print("tls.lua: not run: there is no " .. SYSTEM .. " on this machine")
  return 0
end
shot.compile "measure"
local own = certs.folder()
local peer, port = server.start({server.PYTHON, "spec/bench/parts/tls.py", own}, "^(%d+)\n")
local _ <close> = peer
local folder = server.folder()
local bundle, hashed, n = trust(folder, own .. "/ca.pem")
local env = shot.environment("https://localhost:" .. port)
shot.head()
for _, each in ipairs {{"a hashed folder", hashed}, {("a bundle of %d"):format(n), bundle}} do
  env.AWS_CA_BUNDLE = each[2]
  local ours = shot.measure(env, 31, shot.here() .. "/tidelock", "call", "sqs", "list-queues")
  env.AWS_CA_BUNDLE = bundle
  local theirs = shot.measure(env, 7, server.PYTHON, "spec/bench/parts/one.py", "sqs", "list_queues")
  shot.row("one shot over TLS, " .. each[1], "ms CPU", ours.cpu, theirs.cpu, 6)
  shot.row("", "MB", ours.memory, theirs.memory)
end
server.remove(folder)
return 0
