--- Bad input of all kinds through the whole program: a sentence, its remedy, the exit code, and never a secret.
local aws = require "aws"
local httpd = require "support.httpd"
local proc = require "tidelock.proc"
local world = require "support.world"

local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"

describe("tidelock call", function()
  local bad
  lazy_setup(function() bad = httpd.start() end)
  lazy_teardown(function() bad:stop() end)

  local function run(url, more, ...)
    local env = {AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKIDTIDE", AWS_SECRET_ACCESS_KEY = "hushhush",
      AWS_SESSION_TOKEN = "tokentoken", AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null",
      AWS_MAX_ATTEMPTS = "1", AWS_PROFILE = false, HTTPS_PROXY = false, https_proxy = false, AWS_CA_BUNDLE = false,
      AWS_ENDPOINT_URL = false, AWS_EC2_METADATA_DISABLED = "true"}
    for name, value in pairs(more or {}) do env[name] = value end
    local patience = (url:find "/hang" or url:find "^https.*none$") and "1" or "20"    -- else it answers in the end
    return assert(proc.run {HERE .. "/tidelock", "call", "--endpoint-url", url, "--cli-read-timeout", patience,
      "--cli-connect-timeout", patience, env = env, ...})
  end

  -- Ends with this exit code and a sentence that has all these parts, and no secret in it.
  local function fails(out, exit, ...)
    assert.equal(exit, out.code, out.stderr)
    assert.equal("", out.stdout)
    for _, part in ipairs {...} do assert.is_truthy(out.stderr:find(part, 1, true), out.stderr) end
    for _, secret in ipairs {"hushhush", "tokentoken", "traceback", "internal error"} do
      assert.is_nil(out.stderr:find(secret, 1, true), out.stderr)
    end
    assert.is_true(#out.stderr < 1000, out.stderr)
  end

  local WHO <const> = {"sts", "get-caller-identity"}
  local QUEUES <const> = {"sqs", "list-queues"}

  -- path, operation, exit, parts of the sentence
  local CASES <const> = {
    {"/hang", QUEUES, 69, "nothing came", "read_timeout"}, {"/hang-body", QUEUES, 69, "nothing came"},
    {"/close", QUEUES, 69, "closed the connection"}, {"/close-mid-body", QUEUES, 69, "connection"},
    {"/wrong-length", QUEUES, 69, "JSON"}, {"/half-json", QUEUES, 69, "JSON"}, {"/half-xml", WHO, 69, "XML"},
    {"/xml-bomb", WHO, 69, "DOCTYPE"}, {"/xml-outside", WHO, 69, "DOCTYPE"}, {"/error-page", QUEUES, 1, "emulator"},
    {"/chunk-bomb", QUEUES, 1, "max_body"}, {"/gzip-bomb", QUEUES, 1, "max_body"},
    {"/bad-chunk", QUEUES, 69, "failed"}, {"/header-bomb", QUEUES, 1, "header"}, {"/not-http", QUEUES, 69, "HTTP"},
  }
  for _, case in ipairs(CASES) do
    it("says what is wrong with " .. case[1], function()
      fails(run(bad.url .. case[1], nil, table.unpack(case[2])), case[3], "failed", table.unpack(case, 4))
    end)
  end

  for name, part in pairs {expired = "expired", other = "127.0.0.1", lone = "certificate"} do
    it("refuses the TLS certificate: " .. name, function()
      local tls <close> = httpd.start {tls = name}
      fails(run(tls.url, {AWS_CA_BUNDLE = tls.ca}, "sqs", "list-queues"), 69, part, "certificate")
    end)
  end

  it("says that TLS meets no TLS, and that the CA bundle is not there", function()
    fails(run(bad.url:gsub("^http", "https") .. "/none", nil, "sqs", "list-queues"), 69, "handshake")
    local tls <close> = httpd.start {tls = true}
    fails(run(tls.url, {AWS_CA_BUNDLE = "/none.pem"}, "sqs", "list-queues"), 69, "/none.pem")
  end)

  it("trusts the authority that --ca-bundle names, and says which file is not there", function()
    local tls <close> = httpd.start {tls = true}
    local out = run(tls.url .. "/half-json", nil, "sqs", "list-queues", "--ca-bundle", tls.ca)
    fails(out, 69, "JSON")                                    -- it came through, and found what it came for
    fails(run(tls.url, nil, "sqs", "list-queues", "--ca-bundle", "/none.pem"), 69, "/none.pem")
  end)

  it("says that the proxy wants a password, without the one it has", function()
    fails(run("https://sqs.eu-west-1.invalid", {HTTPS_PROXY = "http://user:proxyword@" .. bad.host}, "sqs",
      "list-queues"), 69, "407", "proxy")
    local out = run("https://sqs.eu-west-1.invalid", {HTTPS_PROXY = "http://user:proxyword@127.0.0.1:1"}, "sqs",
      "list-queues")
    fails(out, 69, "can't connect to the proxy (127.0.0.1:1)")
    assert.is_nil(out.stderr:find("proxyword", 1, true))
  end)

  it("says that a name is not known, and that nothing listens", function()
    fails(run("http://nobody.invalid", nil, "sqs", "list-queues"), 69, "nobody.invalid")
    fails(run("http://127.0.0.1:1", nil, "sqs", "list-queues"), 69, "Nothing answers there")
  end)

  it("says that there are no credentials, and no region", function()
    fails(run(bad.url, {AWS_ACCESS_KEY_ID = false, AWS_SECRET_ACCESS_KEY = false}, "sqs", "list-queues"), 77,
      "credentials")
    fails(run(bad.url, {AWS_REGION = false, AWS_DEFAULT_REGION = false}, "sqs", "list-queues"), 64, "AWS_REGION")
  end)
end)

describe("a wrong clock", function()
  local function toward(answers)
    local options, record = world.new {answers = answers, env = {AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "A",
      AWS_SECRET_ACCESS_KEY = "s"}}
    return aws.session(options).sqs, record
  end
  local SKEWED <const> = {status = 403, headers = {date = "Tue, 14 Nov 2023 23:13:20 GMT"},
    body = '{"__type":"RequestTimeTooSkewed","message":"too far"}'}

  it("is set right by the server's, once, and the call gets through", function()
    local sqs, record = toward {SKEWED, {body = "{}"}}
    sqs:list_queues()
    assert.same({"20231114T221320Z", "20231114T231320Z"},
      {record.sent[1].headers["X-Amz-Date"], record.sent[2].headers["X-Amz-Date"]})
  end)

  it("that stays wrong is an error with its remedy, and no circle", function()
    local sqs, record = toward(function() return SKEWED end)
    local err = world.raised(sqs.list_queues, sqs)
    assert.equal("RequestTimeTooSkewed", err.code)
    assert.is_true(#record.sent <= 3)
    assert.matches("clock", tostring(err))
  end)
end)
