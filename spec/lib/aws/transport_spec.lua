--- The client over real sockets: kept connections that die, proxies of the environment, certificates, redirects,
-- clocks and tokens.
local aws = require "aws"
local certs = require "support.certs"
local http2 = require "support.http2"
local httpd = require "support.httpd"
local json = require "cjson"
local proxy = require "support.proxy"
local world = require "support.world"

local KEYS <const> = {access_key_id = "AKID", secret_access_key = "hushhush", session_token = "hushtoken"}

describe("the client", function()
  local plain, tls
  lazy_setup(function() plain, tls = httpd.start(), httpd.start {tls = true} end)
  lazy_teardown(function()
    plain:stop()
    tls:stop()
  end)

  -- A client of SQS or S3 at `url`; `env` is all it sees of the environment.
  local function client(service, url, env, more)
    env = env or {}
    local options = {environ = function(name) return env[name] end, files = function() return nil end,
      random = function() return 0 end, region = "eu-west-1", endpoint_url = url, credentials = KEYS,
      connect_timeout = 20, read_timeout = 20}
    for name, value in pairs(more or {}) do options[name] = value end
    return aws.session(options)[service]
  end

  local function fails(c, operation, input)
    local err = world.raised(c[operation], c, input or {})
    assert.is_nil(tostring(err):find("hush", 1, true), tostring(err))
    return err
  end

  local function seen(server, name)
    local http = require "tidelock.http"
    return tonumber(assert(http.send({method = "GET", scheme = server.url:match "^%w+", host = server.host,
      path = "/seen/" .. name}, {ca = server.ca})).body)
  end

  describe("on a kept connection that dies", function()
    it("repeats a put itself, as its second attempt", function()
      local fresh <close> = httpd.start()
      local s3 = client("s3", fresh.url .. "/mortal/put")
      local put = {Bucket = "b", Key = "k", Body = "x"}
      s3:put_object(put)
      s3:put_object(put)
      assert.equal(3, seen(fresh, "put"))                      -- the dead one took the second, and a new one did
    end)

    it("repeats nothing where one attempt is all, put or delete", function()
      for operation, input in pairs {put_object = {Bucket = "b", Key = "k", Body = "x"},
        delete_object = {Bucket = "b", Key = "k"}} do
        local fresh <close> = httpd.start()                    -- whose only connection is that of the first call
        local s3 = client("s3", fresh.url .. "/mortal/once", nil, {max_attempts = 1})
        s3:list_buckets()
        local err = fails(s3, operation, input)
        assert.same({"closed", 1, 69}, {err.code, err.attempts, err.exit})
        assert.matches("look whether it was done", tostring(err))
        assert.equal(2, seen(fresh, "once"))
      end
    end)
  end)

  describe("behind a proxy of the environment", function()
    local gate, other
    lazy_setup(function() gate, other = proxy.start {password = "user:hushword"}, proxy.start() end)
    lazy_teardown(function()
      gate:stop()
      other:stop()
    end)
    local function env(more)
      local all = {HTTPS_PROXY = gate.url, AWS_CA_BUNDLE = tls.ca}
      for name, value in pairs(more or {}) do all[name] = value or nil end
      return all
    end

    it("goes through it, which sees a name and a port", function()
      client("sqs", tls.url .. "/token/hushtoken", env()):list_queues()
      local last = gate:seen()[#gate:seen()]
      assert.same({"CONNECT", tls.host}, {last.method, last.target})
      assert.is_nil(json.encode(last):find("AKID", 1, true))
    end)

    it("knows it in small letters too, which come first", function()
      local before = #gate:seen()
      client("sqs", tls.url .. "/token/hushtoken", env {https_proxy = other.url}):list_queues()
      assert.same({before, 1}, {#gate:seen(), #other:seen()})
    end)

    it("trusts one that is spoken to over TLS by AWS_CA_BUNDLE, for http too", function()
      local secured <close> = proxy.start {tls = true}
      client("sqs", tls.url .. "/token/hushtoken", env {HTTPS_PROXY = secured.url}):list_queues()
      client("sqs", plain.url .. "/token/hushtoken", env {HTTP_PROXY = secured.url}):list_queues()
      assert.same({"CONNECT", "POST"}, {secured:seen()[1].method, secured:seen()[2].method})
    end)

    it("passes by where NO_PROXY names the host, over https and http", function()
      local before = #gate:seen()
      client("sqs", tls.url .. "/token/hushtoken", env {NO_PROXY = "127.0.0.1"}):list_queues()
      client("sqs", plain.url .. "/token/hushtoken", env {HTTP_PROXY = gate.url, no_proxy = "127.0.0.1"}):list_queues()
      assert.equal(before, #gate:seen())
    end)

    local refusals = {
      {"it wants a password", "https://sqs.eu-west-1.invalid",
        function() return {HTTPS_PROXY = "http://" .. gate.host} end, "407", "USER:PASSWORD@HOST", 1},
      {"it refuses the host", "https://sqs.eu-west-1.invalid", env, "refuses to connect", "in NO_PROXY", 1},
      {"it can't reach the host", "https://down.invalid", env, "can't reach the host", "spelling", 3},
      {"it is no proxy's URL", "https://sqs.eu-west-1.invalid", function() return {HTTPS_PROXY = "://"} end,
        "can't be read", "http://HOST:PORT", 1}
    }
    for _, each in ipairs(refusals) do
      it("says so and what to do when " .. each[1], function()
        local err = fails(client("sqs", each[2], each[3]()), "list_queues")
        assert.equal(69, err.exit)
        assert.equal(each[6], err.attempts)
        assert.truthy(tostring(err):find(each[4], 1, true), tostring(err))
        assert.truthy(tostring(err):find(each[5], 1, true), tostring(err))
      end)
    end
  end)

  it("speaks HTTP/2 where it is offered", function()
    local far <close> = http2.start()
    assert.same({}, client("sqs", far.url .. "/echo", nil, {ca_bundle = far.ca}):list_queues())
    assert.equal(1, seen(far, "echo"))                         -- what comes by HTTP/1.1 is not counted there
  end)

  it("says what to do about a certificate", function()
    local err = fails(client("sqs", tls.url, {AWS_CA_BUNDLE = certs.folder() .. "/stranger.pem"}), "list_queues")
    assert.same({"tls", 69, 1}, {err.code, err.exit, err.attempts})
    assert.matches("set AWS_CA_BUNDLE to its certificate file", tostring(err))
  end)

  it("takes its credentials nowhere else: a redirect is an error", function()
    local there <close> = httpd.start()
    for _, status in ipairs {301, 302, 307, 308} do
      local err = fails(client("sqs", ("%s/redirect/%d/%s"):format(plain.url, status, there.host)), "list_queues")
      assert.same({status, 1}, {err.status, err.attempts})
      assert.truthy(tostring(err):find("sends elsewhere, to http://" .. there.host, 1, true), tostring(err))
    end
    local http = require "tidelock.http"
    assert.is_nil(json.decode(assert(http.send {method = "GET", scheme = "http", host = there.host,
      path = "/counts"}).body).stolen)
  end)

  describe("by a wrong clock", function()
    it("signs again by the server's, and keeps to it", function()
      local sqs = client("sqs", plain.url .. "/clock/7200")
      assert.same({}, sqs:list_queues())
      assert.same({}, client("sqs", plain.url .. "/clock/-90000", nil, {max_attempts = 2}):list_queues())
      assert.same({}, sqs:list_queues())
    end)

    it("says so where it may try but once", function()
      local err = fails(client("sqs", plain.url .. "/clock/7200", nil, {max_attempts = 1}), "list_queues")
      assert.equal("RequestTimeTooSkewed", err.code)
      assert.matches("clock is wrong", tostring(err))
    end)
  end)

  describe("with a token that has expired", function()
    it("says so, and how to get another", function()
      local err = fails(client("sqs", plain.url .. "/token/fresh"), "list_queues")
      assert.same({"ExpiredTokenException", 77, 1}, {err.code, err.exit, err.attempts})
      assert.matches("Sign in again", tostring(err))
    end)
  end)
end)
