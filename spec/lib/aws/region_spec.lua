-- region_spec.lua -- a region that there cannot be is told before anything is sent; one that may be new is tried.
local aws = require "aws"
local endpoint = require "aws.endpoint"
local region = require "aws.region"
local remedy = require "aws.remedy"

local KEYS <const> = {AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"}

-- A session that answers nothing, and what it has sent.
local function session(options, env)
  local sent, environ = {}, {}
  for name, value in pairs(KEYS) do environ[name] = value end
  for name, value in pairs(env or {}) do environ[name] = value end
  local given = {environ = environ, files = function() return nil end, max_attempts = 1,
    transport = function(request)
      sent[#sent + 1] = request.host
      return nil, {code = "dns", message = "POST x: the host name has no address; look"}
    end}
  for name, value in pairs(options or {}) do given[name] = value end
  return aws.session(given), sent
end

local function list(options, env)
  local s, sent = session(options, env)
  local ok, err = pcall(function() return s.sqs:list_queues {} end)
  assert.is_false(ok)
  return err, sent
end

local function partitions()
  return require "tidelock.json".decode(require "tidelock.models".data "partitions").partitions
end

describe("a region", function()
  it("that fits no partition is refused before anything is sent, with the one that was meant", function()
    for name, meant in pairs {euwest1 = "eu-west-1", ["US-EAST-1"] = "us-east-1", ["us-east-1a"] = "us-east-1",
      ["eu-west"] = "eu-west-1", ["fips-us-east-1"] = "us-east-1", ["us-gov-west1"] = "us-gov-west-1"} do
      local err, sent = list {region = name}
      assert.same({"NoSuchRegion", 64, {}}, {err.code, err.exit, sent})
      assert.equal(('"%s" cannot be a region of AWS; did you mean "%s"? Nothing was sent. Set --region, AWS_REGION or'
        .. " the profile's region, such as us-east-1; what is no AWS is named by its address (--endpoint-url).")
        :format(name, meant), tostring(err))
    end
  end)
  it("is told with where it was set", function()
    assert.matches('"frankfurt" (AWS_REGION) cannot be a region of AWS. Nothing was sent.',
      tostring(list({}, {AWS_REGION = "frankfurt"})), 1, true)
    local err = list({files = function(path) return path == "c" and "[profile x]\nregion = mars\n" or nil end},
      {AWS_PROFILE = "x", AWS_CONFIG_FILE = "c"})
    assert.matches('"mars" (profile x) cannot be a region of AWS', tostring(err), 1, true)
  end)
  it("is refused for what is of no region too, and where it is given to one client", function()
    local s, sent = session {region = "nowhere"}
    for _, call in ipairs {function() return s.iam:list_users {} end,
      function() return s:client("sqs", {region = "us-est"}):list_queues {} end} do
      local ok, err = pcall(call)
      assert.is_false(ok)
      assert.equal("NoSuchRegion", err.code)
    end
    assert.same({}, sent)
  end)
  it("that fits is tried, also where no list has it; where its host is not found, the one meant is named", function()
    local err, sent = list {region = "eu-wets-1"}
    assert.same({"sqs.eu-wets-1.amazonaws.com"}, sent)
    assert.same({"dns", 69}, {err.code, err.exit})
    assert.matches('eu-wets-1 is no region that tidelock knows; did you mean "eu-west-1"? Check its spelling',
      tostring(err), 1, true)
    assert.same({"sqs.us-gov-moon-7.amazonaws.com"}, (select(2, list {region = "us-gov-moon-7"})))
    err = list {region = "eu-west-1"}
    assert.matches("The host's name cannot be found. Check the region's spelling, the endpoint", tostring(err), 1, true)
    assert.is_nil(tostring(err):find("that tidelock knows", 1, true))
  end)
  it("is whatever one likes at an endpoint of one's own, however that is set", function()
    local url <const> = "http://emulator.test:4566"
    for _, env in ipairs {{}, {AWS_ENDPOINT_URL = url}, {AWS_ENDPOINT_URL_SQS = url}} do
      local err, sent = list({region = "r", endpoint_url = not next(env) and url or nil}, env)
      assert.same({"dns", {"emulator.test:4566"}}, {err.code, sent})
      assert.is_nil(tostring(err):find("that tidelock knows", 1, true))
    end
  end)
  it("that AWS's list has is taken without reading it, and what is taken so fits the list", function()
    local n = 0
    for _, partition in ipairs(partitions()) do
      for name in pairs(partition.regions) do
        n = n + 1
        assert.is_true(region.is_known(name), name)
        assert.is_true(region.fits(name), name)
        assert.is_true(endpoint.is_usual(name) or name:find "%-global$" ~= nil, name)
        local prefix = name:match "^(.*)%-%w+%-%d+$"
        if prefix then assert.is_true(region.fits(prefix .. "-moon-9"), name) end
      end
    end
    assert.is_true(n > 40)
    for _, name in ipairs {"us-east-1a", "xx-west-1", "us-east", "US-EAST-1", "us-gov", "aws-global", "usa-east-1",
      "us-east-1-x", "us--1", "iso-us-east-1", "r"} do
      assert.is_false(endpoint.is_usual(name), name)
    end
  end)
end)

describe("the remedy of a host that is not found", function()
  it("is about the region only where the host has its name", function()
    local e = {code = "dns", message = "no address", region = "eu-wets-1", endpoint = "https://sqs.example.test"}
    assert.is_nil(remedy.sentence(e):find("eu-west-1", 1, true))
    e.endpoint = "https://sqs.eu-wets-1.amazonaws.com"
    assert.matches('did you mean "eu-west-1"?', remedy.sentence(e), 1, true)
  end)
end)
