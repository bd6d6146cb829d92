-- doctor_spec.lua -- tidelock doctor: what it finds, what it advises, and that no secret is shown.
local fs = require "tidelock.fs"
local httpd = require "support.httpd"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local redis = require "support.redis"
local server = require "support.server"

local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local TIDELOCK <const> = HERE .. "/tidelock"

local aws, state

-- The rows by name, the exit code, and all that was printed.
local function doctor(changes)
  local env = {TIDELOCK_STATE = state, HTTPS_PROXY = false, HTTP_PROXY = false, TIDELOCK_REDIS_URL = false,
    AWS_CA_BUNDLE = false}
  for _, t in ipairs {aws.env, changes or {}} do
    for name, value in pairs(t) do env[name] = value end
  end
  local out = assert(proc.run {TIDELOCK, "doctor", "--output", "json", env = env})
  local report = assert(json.decode(out.stdout), out.stdout .. out.stderr)
  local rows = {}
  for _, r in ipairs(report.checks) do rows[r.name] = r end
  assert.equal(report.ok, out.code == 0)
  return rows, out.code, out.stdout .. out.stderr
end

describe("tidelock doctor", function()
  setup(function()
    aws = moto.start()
    state = assert(fs.tempdir "tidelock-doctor")
  end)
  teardown(function() proc.run {"rm", "-rf", state} end)

  it("finds nothing wrong where nothing is: whose keys, from where, which endpoint", function()
    local rows, code, all = doctor()
    assert.equal(0, code, all)
    assert.equal("eu-west-1 (from AWS_REGION)", rows.region.text)
    assert.equal(aws.url .. " (from AWS_ENDPOINT_URL)", rows.endpoint.text)
    assert.matches("^from the environment, key %.%.%." .. aws.account:sub(-4), rows.credentials.text)
    assert.matches("arn:aws:sts::.*, account %d+", rows.identity.text)
    assert.equal("agrees with the server's", rows.clock.text)
    assert.equal("ok", rows.journal.state)
    assert.not_matches("sandbox\"?,", rows.credentials.text)
  end)

  it("prints for people what is at fault with an arrow to the remedy, and exits 69", function()
    local env = {AWS_REGION = false, AWS_DEFAULT_REGION = false, TIDELOCK_STATE = state}
    for name, value in pairs(aws.env) do if env[name] == nil then env[name] = value end end
    local out = assert(proc.run {TIDELOCK, "doctor", env = env})
    assert.equal(69, out.code)
    assert.matches("FAULT region +No region is set.*%-> Set AWS_REGION=us%-east%-1.*1 thing must be put right",
      out.stdout)
  end)

  it("never shows a secret, a token, or the password of a proxy or a Redis", function()
    local _, _, all = doctor {AWS_SECRET_ACCESS_KEY = "hush1", AWS_SESSION_TOKEN = "hush2",
      HTTP_PROXY = "http://me:hush3@127.0.0.1:9", NO_PROXY = "127.0.0.1",
      TIDELOCK_REDIS_URL = "redis://:hush4@127.0.0.1:9"}
    assert.not_matches("hush", all)
    assert.matches("<secret>@127", all)
  end)

  it("tells refused connections, unknown names and untrusted certificates apart", function()
    local rows, code = doctor {AWS_ENDPOINT_URL = "http://127.0.0.1:9"}
    assert.equal(69, code)
    assert.matches("^name found, but: .*Connection refused", rows.reachable.text)
    assert.is_nil(rows.identity)
    local tls <close> = httpd.start {tls = "expired"}
    rows = doctor {AWS_ENDPOINT_URL = tls.url}
    assert.matches("^name found, connected, but: ", rows.reachable.text)
    assert.matches("AWS_CA_BUNDLE", rows.reachable.remedy)
    rows = doctor {AWS_ENDPOINT_URL = "http://no-such-host.invalid"}
    assert.matches("DNS", rows.reachable.remedy)
  end)

  it("says that there are no credentials, where it looked, and how to get some", function()
    local rows, code = doctor {AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false, AWS_SESSION_TOKEN = false,
      AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_EC2_METADATA_DISABLED = "true"}
    assert.same({69, "fault"}, {code, rows.credentials.state})
    assert.matches("AWS_ACCESS_KEY_ID is not set", rows.credentials.text)
    assert.matches("order", rows.credentials.remedy)
    assert.same({"ok", nil}, {rows.reachable.state, rows.identity})
  end)

  it("says that a proxy refuses, or is not there, without its password", function()
    local proxy <close> = httpd.start()
    local away = {AWS_ENDPOINT_URL = "https://sts.eu-west-1.invalid", NO_PROXY = ""}
    away.HTTPS_PROXY = "http://me:hush5@" .. proxy.host
    local rows, code, all = doctor(away)
    assert.same({69, "fault"}, {code, rows.reachable.state})
    assert.matches("407", rows.reachable.text)
    assert.matches("HTTPS_PROXY, its user and password", rows.reachable.remedy)
    assert.not_matches("hush5", all)
    away.HTTPS_PROXY = "http://me:hush6@127.0.0.1:9"
    rows, code, all = doctor(away)
    assert.same({69, "fault"}, {code, rows.reachable.state})
    assert.matches("proxy", rows.reachable.text)
    assert.not_matches("hush6", all)
  end)

  it("says that a token has ended, in the service's words, with the remedy", function()
    local refusing <close>, port = server.start({server.PYTHON, "-c", [[
import http.server
class H(http.server.BaseHTTPRequestHandler):
  def do_GET(self): self.answer(200, b"")
  def do_POST(self):
    self.answer(403, b"<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security "
      b"token included in the request is expired</Message></Error><RequestId>r</RequestId></ErrorResponse>")
  def answer(self, status, body):
    self.send_response(status)
    self.send_header("Content-Length", str(len(body)))
    self.end_headers()
    self.wfile.write(body)
  def log_message(self, *args): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
s.serve_forever()]]}, "^(%d+)\n")
    assert.is_truthy(refusing)
    local rows, code = doctor {AWS_ENDPOINT_URL = "http://127.0.0.1:" .. port}
    assert.same({69, "fault"}, {code, rows.identity.state})
    assert.matches("ExpiredToken", rows.identity.text)
    assert.matches("aws sso login", rows.identity.remedy)
  end)

  it("calls a clock wrong that AWS would refuse", function()
    local clock <close>, port = server.start({server.PYTHON, "-c", [[
import http.server
class H(http.server.SimpleHTTPRequestHandler):
  def date_time_string(self, timestamp=None): return "Tue, 01 Jan 2030 00:00:00 GMT"
  def log_message(self, *args): pass
s = http.server.HTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
s.serve_forever()]]}, "^(%d+)\n")
    assert.is_truthy(clock)
    local rows = doctor {AWS_ENDPOINT_URL = "http://127.0.0.1:" .. port}
    assert.equal("fault", rows.clock.state)
    assert.matches("s behind the server", rows.clock.text)
    assert.matches("timedatectl", rows.clock.remedy)
  end)

  it("finds a bundle without certificates, a folder that cannot be written, keys that others can read", function()
    local keys = state .. "/credentials"
    assert(fs.write(keys, "[default]\n", tonumber("644", 8)))
    local rows = doctor {AWS_CA_BUNDLE = "/etc/hostname", TIDELOCK_STATE = "/proc/nowhere",
      AWS_SHARED_CREDENTIALS_FILE = keys}
    assert.matches("holds no PEM certificate", rows.certificates.text)
    assert.equal("fault", rows.journal.state)
    assert.same({"warn", "Keep it to yourself: chmod 600 " .. keys}, {rows.file.state, rows.file.remedy})
  end)

  it("says how often a call is tried, and which proxy of two is taken", function()
    local rows = doctor {AWS_MAX_ATTEMPTS = "5", AWS_RETRY_MODE = "adaptive", http_proxy = "http://127.0.0.1:8",
      HTTP_PROXY = "http://127.0.0.1:9", NO_PROXY = "127.0.0.1"}
    assert.equal("adaptive, 5 attempts at most", rows.retries.text)
    assert.matches("127.0.0.1:8 %(from http_proxy", rows.proxy.text)
    rows = doctor {AWS_MAX_ATTEMPTS = "many"}
    assert.equal("fault", rows.retries.state)
    assert.matches('max_attempts is "many" in AWS_MAX_ATTEMPTS', rows.retries.text)
  end)

  it("says when temporary credentials end", function()
    local rows = doctor {AWS_CREDENTIAL_EXPIRATION = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 600)}
    assert.equal("warn", rows.credentials.state)
    assert.matches("good for %d+ ", rows.credentials.text)
  end)

  it("looks for a profile that is not there, and names those that are", function()
    local rows, code = doctor {AWS_PROFILE = "nigth", AWS_CONFIG_FILE = "/dev/null"}
    assert.equal(69, code)
    assert.matches('There is no profile "nigth"', rows.profile.text)
  end)

  it("holds Redis to what the limiter needs", function()
    local good <close> = redis.start()
    local rows, code, all = doctor {TIDELOCK_REDIS_URL = ("redis://127.0.0.1:%d"):format(good.port)}
    assert.equal(0, code, all)
    assert.same({"ok", "ok", "ok", "ok"},
      {rows.redis.state, rows["redis eviction"].state, rows["redis lineage"].state, rows["redis replicas"].state})
    local bad <close> = redis.start {config = {"maxmemory-policy allkeys-lru"}}
    rows, code = doctor {TIDELOCK_REDIS_URL = ("redis://127.0.0.1:%d"):format(bad.port)}
    assert.equal(69, code)
    assert.matches("allkeys%-lru", rows["redis eviction"].text)
    assert.matches("noeviction", rows["redis eviction"].remedy)
  end)
end)
