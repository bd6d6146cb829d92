local toy = require "support.toy"
local world = require "support.world"

local GOOD <const> = {body = '{"Id":"x1"}', headers = {["x-amzn-requestid"] = "r-1"}}
local INPUT <const> = {Name = "n", Parts = {{Id = "a"}}, Token = "t"}

local function bad(status, code, message, headers)
  headers = headers or {}
  headers["x-amzn-requestid"] = "r-bad"
  return {status = status, headers = headers,
    body = ('{"__type":"com.amazonaws.toy#%s","message":"%s"}'):format(code, message or "no")}
end

local function fault(code, message) return {fault = {code = code, message = message or code}} end

-- Calls put_thing against the answers; returns the output or the error, and the record.
local function put(answers, parts)
  parts = parts or {}
  parts.answers = answers
  local session, record = toy.session(parts)
  local ok, result = pcall(session.toy.put_thing, session.toy, INPUT)
  return result, record, ok
end

describe("a call", function()
  it("goes to the region's endpoint, signed, and returns the output", function()
    local out, record = put {GOOD}
    assert.same({Id = "x1"}, out)
    local r = record.sent[1]
    assert.same({"POST", "https", "toy.eu-west-1.amazonaws.com", "/"}, {r.method, r.scheme, r.host, r.path})
    assert.matches("^AWS4%-HMAC%-SHA256 Credential=AKID/20231114/eu%-west%-1/toy/aws4_request", r.headers.Authorization)
    assert.matches("^tidelock/", r.headers["User-Agent"])
  end)

  it("never changes the caller's input, and fills in one token for all attempts", function()
    local input = {Name = "n", Parts = {{Id = "a"}}}
    local session, record = toy.session {answers = {fault "closed", GOOD}}
    session.toy:put_thing(input)
    assert.is_nil(input.Token)
    local first, second = record.sent[1].body, record.sent[2].body
    assert.matches('"Token":"%x+%-', first)
    assert.equal(first, second)
  end)

  it("goes unsigned where the operation wants no signature, and opens no credentials for it", function()
    local session, record = toy.session {env = {AWS_REGION = "eu-west-1"}, answers = {{body = "{}"}}}
    session.toy:open_door()
    assert.is_nil(record.sent[1].headers.Authorization)
  end)

  it("opens no file with keys, region and endpoint given", function()
    local _, record = put({GOOD}, {options = {endpoint_url = "http://127.0.0.1:9"}})
    assert.same({}, record.opened)
    assert.same({"http", "127.0.0.1:9"}, {record.sent[1].scheme, record.sent[1].host})
  end)

  it("signs for the real service's scope at a user's own endpoint", function()
    local _, record = put({GOOD}, {options = {endpoint_url = "http://127.0.0.1:9/base/"},
      properties = {authSchemes = {{name = "sigv4", signingRegion = "us-east-1", signingName = "toyname"}}}})
    assert.matches("/us%-east%-1/toyname/aws4_request", record.sent[1].headers.Authorization)
    assert.equal("/base/", record.sent[1].path)
  end)

  it("reports a bad input whole, before anything is sent", function()
    local session, record = toy.session {}
    local err = world.raised(session.toy.put_thing, session.toy, {Nmae = "x", Parts = {{}}})
    assert.equal("Usage", err.code)
    assert.equal(3, #err.faults)
    assert.equal(0, #record.sent)
  end)

  it("refuses an endpoint that is no URL", function()
    local err = put({}, {options = {endpoint_url = "localhost:4566"}})
    assert.equal(64, err.exit)
    assert.matches('"localhost:4566" %(%-%-endpoint%-url%) is not a URL', tostring(err))
  end)

  it("refuses an endpoint that nothing can be sent to, without the password in it", function()
    for _, url in ipairs {"http://me:hush@127.0.0.1:1", "http://127.0.0.1:99999", "http://127.0.0.1:", "http://[::1",
      "http://a b", "http://a/b c", 'http://a"b', "http://a/?b=c"} do
      local err = put({GOOD}, {options = {endpoint_url = url}})
      assert.matches("%(%-%-endpoint%-url%) is not a URL", tostring(err))
      assert.equal(64, err.exit)
      assert.is_nil(tostring(err):find("hush", 1, true))
    end
    for _, url in ipairs {"http://[::1]:5", "http://a_b.c-d/e/", "https://[fe80::1%25eth0]"} do
      assert.same({Id = "x1"}, (put({GOOD}, {options = {endpoint_url = url}})))
    end
  end)

  it("says that there is no region, and where none is looked for", function()
    local err = put({}, {env = {AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"}})
    assert.equal("NoRegion", err.code)
  end)
end)

describe("a failed call", function()
  it("raises an error object with all its fields", function()
    local err, record = put {bad(400, "GoneException", "it is gone")}
    assert.same({"GoneException", "it is gone", "toy", "put_thing", 400, "r-bad", false, 1},
      {err.code, err.message, err.service, err.operation, err.status, err.request_id, err.retryable, err.attempts})
    assert.equal(1, #record.sent)
    assert.equal("toy.put_thing (https://toy.eu-west-1.amazonaws.com, eu-west-1) failed: GoneException: "
      .. "it is gone. Request id r-bad.", tostring(err))
  end)

  local AGAIN <const> = {
    {"throttling", bad(400, "ThrottlingException"), 0.5}, {"an error 500", bad(500, "InternalError"), 0.025},
    {"a refused connection", fault "connect", 0.025}, {"silence", fault "timeout", 0.025},
    {"an error that the model calls retryable", bad(400, "Busy"), 0.025}, {"status 429", bad(429, "Unheard"), 0.5},
    {"a web page of a load balancer", {status = 503, body = "<html>busy</html>"}, 0.025},
  }
  for _, row in ipairs(AGAIN) do
    it("is tried again after " .. row[1], function()
      local out, record = put {row[2], GOOD}
      assert.same({Id = "x1"}, out)
      assert.same({row[3]}, record.slept)
    end)
  end

  it("is given up after three attempts, which it says", function()
    local err, record = put {bad(500, "InternalError"), bad(500, "InternalError"), bad(500, "InternalError"), GOOD}
    assert.equal(3, err.attempts)
    assert.equal(3, #record.sent)
    assert.matches("Tried 3 times", tostring(err))
    assert.equal(69, err.exit)
  end)

  it("is tried as often as the configuration says", function()
    local err = put({}, {env = {AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s", AWS_REGION = "eu-west-1",
      AWS_MAX_ATTEMPTS = "5"}})
    assert.equal(5, err.attempts)
    assert.equal("connect", err.code)
    assert.matches("Nothing answers there", tostring(err))
    err = put({}, {options = {max_attempts = 1}})
    assert.equal(1, err.attempts)
  end)

  it("stops trying when too many calls of the client failed just before", function()
    local session, record = toy.session {options = {max_attempts = 200}}
    local err = world.raised(session.toy.put_thing, session.toy, INPUT)
    assert.equal(101, #record.sent)
    assert.matches("too many calls of this client failed", tostring(err))
  end)

  it("waits as long as the service asks", function()
    local _, record = put {bad(429, "Slow", "x", {["retry-after"] = "7"}), GOOD}
    assert.same({7}, record.slept)
  end)

  it("is signed anew at each attempt", function()
    local parts = {answers = {bad(429, "Slow", "x", {["retry-after"] = "9"}), GOOD}}
    local session, record = toy.session(parts)
    session.toy:put_thing(INPUT)
    assert.equal("20231114T221320Z", record.sent[1].headers["X-Amz-Date"])
    assert.equal("20231114T221329Z", record.sent[2].headers["X-Amz-Date"])
    assert.are_not.equal(record.sent[1].headers.Authorization, record.sent[2].headers.Authorization)
  end)

  it("learns the right time from a refusal, and keeps it", function()
    local skewed = bad(403, "RequestTimeTooSkewed", "x", {date = "Tue, 14 Nov 2023 23:13:20 GMT"})
    local session, record = toy.session {answers = {skewed, GOOD, GOOD}}
    session.toy:put_thing(INPUT)
    session.toy:put_thing(INPUT)
    assert.equal("20231114T231320Z", record.sent[2].headers["X-Amz-Date"])
    assert.equal("20231114T231320Z", record.sent[3].headers["X-Amz-Date"])
    assert.same({}, record.slept)
  end)

  it("is not tried again by settings that are wrong, and its own failure is told with them", function()
    for name, value in pairs {AWS_MAX_ATTEMPTS = "many", AWS_RETRY_MODE = "fast"} do
      local env = {AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s", [name] = value}
      local err = put({bad(503, "ServiceUnavailable"), GOOD}, {env = env})
      assert.same({"ServiceUnavailable", 503, 1}, {err.code, err.status, err.attempts})
      assert.matches("It was not tried again: .*" .. value .. ".*" .. name, tostring(err))
      err = put({bad(400, "Nope"), GOOD}, {env = env})
      assert.is_nil(tostring(err):find(value, 1, true))
    end
  end)

  it("fetches expired credentials anew, once", function()
    local n = 0
    local function keys()
      n = n + 1
      return {access_key_id = "K" .. n, secret_access_key = "s", expires = 1e12}
    end
    local session, record = toy.session {answers = {bad(400, "ExpiredTokenException"), GOOD},
      options = {credentials = keys,
      spawn = function(fn) return fn end, wait = function(fn) return pcall(fn) end}}
    assert.same({Id = "x1"}, session.toy:put_thing(INPUT))
    assert.matches("Credential=K2/", record.sent[2].headers.Authorization)
    local err = put({bad(400, "ExpiredTokenException"), GOOD}, {options = {credentials = {access_key_id = "K",
      secret_access_key = "s", expires = 1e12}}})                   -- the caller's own: nobody has others
    assert.equal(1, err.attempts)
    err = put {bad(400, "ExpiredTokenException")}
    assert.equal(1, err.attempts)
    assert.matches("Sign in again", tostring(err))
  end)

  it("calls an emulator's page what it is, and does not repeat it", function()
    for _, answer in ipairs {{status = 500, body = "<!doctype html>\n<title>500"}, {status = 404, body = "<html>"},
      {status = 400, body = '{"error": "Unsupported service: toy"}'}} do
      local err, record = put({answer}, {options = {endpoint_url = "http://127.0.0.1:9"}})
      assert.equal("NotImplemented", err.code)
      assert.equal(1, #record.sent)
      assert.matches("does not implement PutThing", tostring(err))
    end
  end)

  it("does not take a stranger's page for AWS", function()
    local err = put {{status = 403, body = "<!DOCTYPE html><h1>Blocked by policy"}}
    assert.equal("NotAws", err.code)
    assert.matches("proxy or another server", tostring(err))
  end)

  it("has a code and a message even where the answer has none", function()
    local err = put {{status = 404, body = ""}}
    assert.same({"404", "Not Found"}, {err.code, err.message})
    assert.matches("failed: 404: Not Found%.", tostring(err))
  end)

  it("says that there are no credentials, and is not sent", function()
    local err, record = put({}, {env = {AWS_REGION = "eu-west-1", AWS_EC2_METADATA_DISABLED = "1"}, options = {
      spawn = function(fn) return fn end, wait = function(fn) return pcall(fn) end}})
    assert.same({"NoCredentials", 77}, {err.code, err.exit})
    assert.equal(0, #record.sent)
  end)

  it("never shows the keys", function()
    for _, answers in ipairs {{bad(403, "SignatureDoesNotMatch")}, {}, {fault("tls", "bad certificate")}} do
      local err = put(answers, {env = {AWS_REGION = "eu-west-1",
        AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "hushhush", AWS_SESSION_TOKEN = "tokentoken"}})
      assert.is_nil(tostring(err):find("hushhush", 1, true) or tostring(err):find("tokentoken", 1, true))
    end
  end)
end)

describe("adaptive mode", function()
  it("slows the client down once the service throttles", function()
    local answers = function(_, n) if n == 40 then return {status = 400, headers = {}, body = bad(400,
      "Throttling").body} end
      return {status = 200, headers = {}, body = "{}"} end
    local session, record = toy.session {answers = answers, options = {retry_mode = "adaptive"}}
    for _ = 1, 120 do
      session.toy:put_thing(INPUT)
      record.now = record.now + 0.02
    end
    assert.is_true(#record.slept > 10)
  end)
end)

describe("names", function()
  it("are refused with did-you-mean", function()
    local session = toy.session {}
    assert.matches('There is no AWS service called "toyy"; did you mean "toy"',
      tostring(world.raised(function() return session.toyy end)))
    assert.matches('toy has no operation "put_thign"; did you mean "put_thing"',
      tostring(world.raised(function() return session.toy.put_thign end)))
    assert.is_true(session.toy:can "put_thing")
    assert.is_true(session.toy:can "PutThing")
    assert.is_false(session.toy:can "eat_thing")
  end)

  it("give one client a service and one function an operation", function()
    local session = toy.session {}
    assert.equal(session.toy, session.toy)
    assert.equal(session.toy.put_thing, session.toy.put_thing)
  end)
end)
