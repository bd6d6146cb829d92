-- tls.lua -- a single call over TLS beside boto3, and beside curl, which signs it and reads nothing: trust from a
-- hashed folder, as systems keep it, and from a bundle of 145 certificates, as AWS_CA_BUNDLE may name one.
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

local function ours(authorities)
  env.AWS_CA_BUNDLE = authorities
  return shot.measure(env, 31, shot.here() .. "/tidelock", "call", "sqs", "list-queues")
end

local function boto3()
  env.AWS_CA_BUNDLE = bundle
  return shot.measure(env, 7, server.PYTHON, "spec/bench/parts/one.py", "sqs", "list_queues")
end

-- The keys go by a file: nothing secret is in the list of arguments, here either. With a folder alone curl would
-- load the system's bundle besides.
local function curl(...)
  local config = folder .. "/curl"
  write(config, ('user = "%s:%s"\n'):format(env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY))
  return shot.measure(env, 31, "curl", "-sS", "-K", config, "--aws-sigv4", "aws:amz:eu-west-1:sqs", "-H",
    "X-Amz-Target: AmazonSQS.ListQueues", "-H", "Content-Type: application/x-amz-json-1.0", "-d", "{}",
    env.AWS_ENDPOINT_URL, ...)
end

local function rows(what, mine, theirs, limit)
  shot.row("one shot over TLS, " .. what, "ms CPU", mine.cpu, theirs.cpu, limit)
  shot.row("", "MB", mine.memory, theirs.memory)
end

local KINDS <const> = {{"a hashed folder", hashed, {"--cacert", own .. "/ca.pem", "--capath", hashed}},
  {("a bundle of %d"):format(n), bundle, {"--cacert", bundle}}}
local has_curl = proc.run {"curl", "--version", stdout = "null", stderr = "null"}
shot.head()
for _, each in ipairs(KINDS) do
  each.ours = ours(each[2])
  rows(each[1], each.ours, boto3(), 6)
end
if has_curl then
  shot.head "curl"
  for _, each in ipairs(KINDS) do rows(each[1], each.ours, curl(table.unpack(each[3]))) end
else
  print "not beside curl: there is none on this machine"
end
server.remove(folder)
return shot.failed and 1 or 0
