-- servers_spec.lua -- the servers that specs stand on: they start, answer, start anew and are gone.
local certs = require "support.certs"
local faults = require "support.faults"
local httpd = require "support.httpd"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local redis = require "support.redis"
local server = require "support.server"

local function curl(...)
  local out = assert(proc.run {"curl", "-sS", "--max-time", "5", ...})
  return out.stdout, out.code
end

describe("a server for specs", function()
  it("moto gives every start and reset an empty account of its own", function()
    local m <close> = moto.start()
    local first = m.account
    local env = {}
    for name, value in pairs(m.env) do env[name] = value end
    local out = assert(proc.run {server.PYTHON, "-c",
      "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])", env = env})
    assert.equal(first .. "\n", out.stdout .. out.stderr)
    m:reset()
    assert.not_equal(first, m.account)
  end)

  it("httpd speaks TLS with a certificate of the specs' authority, and asks for the client's", function()
    local right <close> = httpd.start {tls = true}
    assert.equal('{"connection": 1, "served": 1}', (curl("--cacert", right.ca, right.url .. "/keepalive")))
    local expired <close> = httpd.start {tls = "expired"}
    assert.equal(60, select(2, curl("--cacert", expired.ca, expired.url .. "/echo")))
    local both <close> = httpd.start {tls = true, client_auth = true}
    assert.not_equal(0, select(2, curl("--cacert", both.ca, both.url .. "/keepalive")))
    assert.equal(0, select(2, curl("--cacert", both.ca, "--cert", certs.folder() .. "/client.pem", "--key",
      certs.folder() .. "/client.key", both.url .. "/keepalive")))
  end)

  it("the fault proxy fails the same requests for the same seed, and boto3 gets through by trying again", function()
    local m <close> = moto.start()
    local function run()
      m:reset()
      local f <close> = faults.start(m, {rate = 0.3, seed = 7})
      local out = assert(proc.run {server.PYTHON, "-c", [[
import boto3
from botocore.config import Config
sqs = boto3.client("sqs", config=Config(retries={"mode": "standard", "total_max_attempts": 10}))
for i in range(20):
    sqs.create_queue(QueueName=f"q{i}")
print(len(sqs.list_queues()["QueueUrls"]))]], env = f.env})
      assert.equal("20\n", out.stdout .. out.stderr)
      return (curl(f.url .. "/-/counts"))
    end
    local counts = run()
    assert.matches('"half": %d', counts)
    assert.equal(counts, run())
  end)

  it("redis asks for TLS and its password, forgets at a restart, and stays on its port", function()
    local r <close> = redis.start {tls = true, auth = true}
    assert.equal("PONG", r:call "PING")
    assert.equal("OK", r:call("SET", "a", "b"))
    local url = r.url
    r:restart()
    assert.equal("", r:call("GET", "a"))
    assert.equal(url, r.url)
    local plain = assert(proc.run {"redis-cli", "-p", tostring(r.port), "PING"})
    assert.not_equal("PONG\n", plain.stdout)
  end)
end)
