-- sigv4.lua -- signatures a second on one core: C alone, from Lua, and botocore on the same request.
-- usage: tidelua spec/bench/sigv4.lua; fails where a figure is below the one to reach.
local digest = require "tidelock.digest"
local secret = require "tidelock.secret"
local sigv4 = require "tidelock.sigv4"

local TO_REACH <const> = {c = 700000, lua = 400000}
local ROUNDS <const>, COUNT <const> = 5, 200000

-- The same request as in sigv4.c: equal first signatures prove it.
local BODY <const> = '{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/123456789012/orders","MessageBody":"hello"}'
local request = {method = "POST", scheme = "https", host = "sqs.us-east-1.amazonaws.com", path = "/", query = "",
  headers = {["Content-Type"] = "application/x-amz-json-1.0", ["X-Amz-Target"] = "AmazonSQS.SendMessage",
    ["User-Agent"] = "tidelock"}, body = BODY}
local keys = {access_key_id = "AKIDEXAMPLE", secret_access_key = secret.new "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
local options = {region = "us-east-1", service = "sqs", time = 1440938160}

local function run(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return pipe:close() and text or nil
end

local function from_c()
  local build = arg[-1] and arg[-1]:match "^(.*)/" or "build"
  local program = build .. "/bench-sigv4"
  assert(os.execute((os.getenv "CC" or "cc") .. " -O2 -g -std=c11 -D_GNU_SOURCE -Imodules -I/usr/include/lua5.4 -o "
    .. program .. " spec/bench/sigv4.c " .. build .. "/modules.a -Wl,-Bstatic -lssl -lcrypto -llua5.4 -Wl,-Bdynamic "
    .. "-lm -ldl -lpthread"), "cannot compile spec/bench/sigv4.c")
  local best, signature = 0, nil
  for _ = 1, ROUNDS do
    local first, rate = assert(run(program .. " " .. COUNT)):match "^(%x+)\n(%d+)"
    best, signature = math.max(best, tonumber(rate)), first
  end
  return best, signature
end

local function from_lua()
  local first, best = sigv4.sign(request, keys, options), 0
  for _ = 1, ROUNDS do
    local began = os.clock()
    for i = 1, COUNT do
      options.time = 1440938160 + i % 3600
      sigv4.sign(request, keys, options)
    end
    best = math.max(best, COUNT / (os.clock() - began))
  end
  return best, first
end

local function from_botocore()
  local script = [[build/venv/bin/python - 2>/dev/null <<'E'
import time
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
auth = SigV4Auth(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), "sqs", "us-east-1")
headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
n = 10000
began = time.process_time()
for _ in range(n):
    auth.add_auth(AWSRequest("POST", "https://sqs.us-east-1.amazonaws.com/", dict(headers), b'''CONTENT'''))
print(int(n / (time.process_time() - began)))
E]]
  local text = run((script:gsub("CONTENT", BODY)))
  return text and tonumber(text)
end

local failed = false
local function line(name, rate, want, base)
  local verdict = want and (rate >= want and "reached" or "NOT REACHED") or ""
  if want and rate < want then failed = true end
  print(("%-22s %9.0f /s  %s  %s"):format(name, rate, base and ("%5.1f x botocore"):format(rate / base) or "",
    want and ("at least %d: %s"):format(want, verdict) or ""))
end

local base = from_botocore()
local c, in_c = from_c()
local lua, in_lua = from_lua()
assert(in_c == in_lua, "C and Lua signed different requests")
print "SigV4 signatures, one core, signing key kept (small SQS request)"
if base then line("botocore", base) else print "botocore               not installed here (make setup)" end
line("tidelock, C", c, TO_REACH.c, base)
line("tidelock, Lua", lua, TO_REACH.lua, base)

print "Digests of 1 MB blocks, GB/s"
local block = digest.random(1 << 20)
for _, name in ipairs {"crc32", "crc32c", "crc64nvme", "md5", "sha1", "sha256", "base64", "hex"} do
  local began, n = os.clock(), 0
  repeat digest[name](block) n = n + 1 until os.clock() - began > 0.1
  print(("%-22s %9.2f"):format(name, n * #block / 1e9 / (os.clock() - began)))
end
if failed then os.exit(1) end
