--- Targets over the real rules: parameters from configuration and input in, URL and signing scope out.
local aws = require "aws"
local endpoint = require "aws.endpoint"
local world = require "support.world"

local LOCAL <const> = {endpoint_url = "http://127.0.0.1:5555"}

local function target(service, operation, input, options)
  local given = {environ = {AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"},
    files = function() return nil end}
  for name, value in pairs(options or {}) do given[name] = value end
  local c = aws.session(given):client(service):inner()
  return endpoint.of(c, c.model:operation(operation), input or {}), c
end

-- service, operation, input, options, URL with path, signing kind/name/region
local CASES <const> = {
  {"sqs", "list_queues", {}, nil, "https://sqs.eu-west-1.amazonaws.com", "sigv4/sqs/eu-west-1"},
  {"sqs", "list_queues", {}, LOCAL, "http://127.0.0.1:5555", "sigv4/sqs/eu-west-1"},
  {"sqs", "list_queues", {}, {use_fips_endpoint = true}, "https://sqs-fips.eu-west-1.amazonaws.com",
    "sigv4/sqs/eu-west-1"},
  {"sqs", "list_queues", {}, {use_dualstack_endpoint = true}, "https://sqs.eu-west-1.api.aws",
    "sigv4/sqs/eu-west-1"},
  {"iam", "list_users", {}, nil, "https://iam.amazonaws.com", "sigv4/iam/us-east-1"},
  {"iam", "list_users", {}, LOCAL, "http://127.0.0.1:5555", "sigv4/iam/us-east-1"},
  {"iam", "list_users", {}, {environ = {}}, "https://iam.amazonaws.com", "sigv4/iam/us-east-1"},
  {"budgets", "describe_budgets", {}, LOCAL, "http://127.0.0.1:5555", "sigv4/budgets/us-east-1"},
  {"ce", "get_cost_and_usage", {}, LOCAL, "http://127.0.0.1:5555", "sigv4/ce/us-east-1"},
  {"organizations", "list_accounts", {}, LOCAL, "http://127.0.0.1:5555", "sigv4/organizations/us-east-1"},
  {"s3", "list_buckets", {}, nil, "https://s3.eu-west-1.amazonaws.com", "sigv4/s3/eu-west-1"},
  {"s3", "get_object", {Bucket = "b-1", Key = "k"}, nil, "https://b-1.s3.eu-west-1.amazonaws.com",
    "sigv4/s3/eu-west-1"},
  {"s3", "get_object", {Bucket = "b-1", Key = "k"}, {s3 = {addressing_style = "path"}},
    "https://s3.eu-west-1.amazonaws.com/b-1", "sigv4/s3/eu-west-1"},
  {"s3", "get_object", {Bucket = "b-1", Key = "k"}, LOCAL, "http://127.0.0.1:5555/b-1", "sigv4/s3/eu-west-1"},
  {"s3", "get_object", {Bucket = "b-1", Key = "k"}, {endpoint_url = "http://s3.test:9",
    s3 = {addressing_style = "virtual"}},
    "http://b-1.s3.test:9", "sigv4/s3/eu-west-1"},
  {"s3", "get_object", {Bucket = "arn:aws:s3:us-west-2:123456789012:accesspoint/ap", Key = "k"}, nil,
    "https://ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com", "sigv4/s3/us-west-2"},
  {"s3", "get_object", {Bucket = "b--use1-az1--x-s3", Key = "k"}, {region = "us-east-1"},
    "https://b--use1-az1--x-s3.s3express-use1-az1.us-east-1.amazonaws.com", "sigv4/s3express/us-east-1"},
  {"s3control", "get_public_access_block", {AccountId = "123456789012"}, nil,
    "https://123456789012.s3-control.eu-west-1.amazonaws.com", "sigv4/s3/eu-west-1"},
  {"s3control", "get_public_access_block", {AccountId = "123456789012"}, LOCAL, "http://127.0.0.1:5555",
    "sigv4/s3/eu-west-1"},
  {"events", "put_events", {EndpointId = "abc.xyz"}, nil, "https://abc.xyz.endpoint.events.amazonaws.com",
    "sigv4a/events/*"},
  {"sts", "assume_role_with_web_identity", {}, nil, "https://sts.eu-west-1.amazonaws.com", "none/sts/eu-west-1"},
  {"sts", "get_caller_identity", {}, {region = "cn-north-1"}, "https://sts.cn-north-1.amazonaws.com.cn",
    "sigv4/sts/cn-north-1"},
  {"bedrock-runtime", "converse", {}, nil, "https://bedrock-runtime.eu-west-1.amazonaws.com",
    "sigv4/bedrock/eu-west-1"},
  {"sqs", "list_queues", {}, {endpoint_url = "https://proxy.test/aws/"}, "https://proxy.test/aws",
    "sigv4/sqs/eu-west-1"},
}

describe("aws.endpoint", function()
  for i, case in ipairs(CASES) do
    local service, operation, input, options, url, scope = table.unpack(case, 1, 6)
    it(("finds %s.%s at %s (%d)"):format(service, operation, url, i), function()
      local t = target(service, operation, input, options)
      assert.equal(url, t.url .. t.path)
      assert.equal(scope, ("%s/%s/%s"):format(t.auth.kind, t.auth.name, t.auth.region))
    end)
  end

  it("signs S3 as S3 wants it: paths once encoded, not normalised, with the body's hash", function()
    local s3 = target("s3", "list_buckets").auth.options
    assert.same({false, false, true}, {s3.double_encode, s3.normalize, s3.content_sha})
    local sqs = target("sqs", "list_queues").auth.options
    assert.same({true, true, false}, {sqs.double_encode, sqs.normalize, sqs.content_sha})
  end)

  it("takes Bedrock's API key before a signature, and no other service's", function()
    local function authorization(service, operation, input, env)
      local sent
      env.AWS_REGION = "us-east-1"
      local session = require "aws".session {environ = env, files = function() return nil end,
        transport = function(request)
          sent = request
          return {status = 200, headers = {}, body = "{}"}
        end}
      session[service][operation](session[service], input)
      return sent.headers.Authorization
    end
    local converse = {modelId = "m", messages = {}}
    assert.equal("Bearer key", authorization("bedrock-runtime", "converse", converse,
      {AWS_BEARER_TOKEN_BEDROCK = "key", AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "s"}))
    assert.matches("^AWS4%-HMAC%-SHA256 ", authorization("bedrock-runtime", "converse", converse,
      {AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "s"}))
    assert.matches("^AWS4%-HMAC%-SHA256 ", authorization("sqs", "list_queues", {},
      {AWS_BEARER_TOKEN_SQS = "key", AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "s"}))
  end)

  it("remembers a target by what the rules read, no more", function()
    local first, c = target("s3", "get_object", {Bucket = "aaa", Key = "k"})
    local op = c.model:operation "get_object"
    assert.equal(first, endpoint.of(c, op, {Bucket = "aaa", Key = "other"}))
    assert.are_not.equal(first, endpoint.of(c, op, {Bucket = "bbb", Key = "k"}))
    local elsewhere = endpoint.of(c, op, {Bucket = "bbb", Key = "k"}, "us-west-2")
    assert.equal("https://bbb.s3.us-west-2.amazonaws.com", elsewhere.url)
    for i = 1, 1000 do endpoint.of(c, op, {Bucket = "bucket" .. i, Key = "k"}) end
    local kept = 0
    for _ in pairs(c.targets.GetObject.cache) do kept = kept + 1 end
    assert.is_true(kept <= 256, kept .. " targets kept")
  end)

  it("passes the rules' refusal on as a sentence", function()
    local err = world.raised(target, "s3", "get_object", {Bucket = "arn:aws:s3:us-west-2:1:nonsense", Key = "k"})
    assert.equal(64, err.exit)
    assert.matches("^s3.get_object %(eu%-west%-1%) failed: Endpoint: no endpoint: Invalid ARN", tostring(err))
  end)

  it("finds a target for every operation of every service, or names the input it lacks", function()
    local models = require "tidelock.models"
    local found, lacking = 0, 0
    for _, options in ipairs {{}, LOCAL} do
      for _, service in ipairs(models.services()) do
        for _, operation in ipairs(models.service(service):operations()) do
          local ok, t = pcall(target, service, operation, {}, options)
          if ok then
            assert.is_truthy(t.auth.name and t.auth.region and t.host, service .. "." .. operation)
            found = found + 1
          else
            assert.equal("Usage", t.code, tostring(t))
            lacking = lacking + 1
          end
        end
      end
    end
    assert.is_true(found > 37000 and lacking < 200, ("%d found, %d lacking"):format(found, lacking))
  end)

  it("calls a missing parameter the fault of the input that it is", function()
    local err = world.raised(target, "s3control", "get_public_access_block", {})
    assert.equal("Usage", err.code)
    assert.matches("AccountId is required", tostring(err))
  end)

  it("tells addresses and this machine from hosts that can have names before them", function()
    for host, expected in pairs {["127.0.0.1:80"] = true, ["10.1.2.3"] = true, ["[::1]:80"] = true, localhost = true,
      ["localhost:4566"] = true, ["s3.test"] = false, ["127.0.0.1.test"] = false} do
      assert.equal(expected, endpoint.is_local(host), host)
    end
  end)
end)
