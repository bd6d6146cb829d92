local container = require "aws.credentials.container"
local imds = require "aws.credentials.imds"
local providers = require "support.providers"
local world = require "support.world"

local KEYS <const> = '{"Code":"Success","AccessKeyId":"I","SecretAccessKey":"s",'
  .. '"Token":"t","Expiration":"2023-11-14T23:13:20Z"}'
local EXPECTED <const> = {id = "I", key = "s", token = "t", expires = 1700003600}

describe("aws.credentials.container", function()
  local function find(env, answers, files)
    local ctx, record = providers.context {env = env, answers = answers, files = files}
    return container.find(ctx), record
  end

  it("asks the agent of ECS with the relative URI", function()
    local creds, record = find({AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/v2/x?id=1"}, {{body = KEYS}})
    assert.same(EXPECTED, providers.plain(creds))
    local r = record.sent[1]
    assert.same({"GET", "http", "169.254.170.2", "/v2/x", "id=1"}, {r.method, r.scheme, r.host, r.path, r.query})
  end)

  it("sends the token of a file, read anew", function()
    local _, record = find({AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://127.0.0.1:80/c",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "/tok", AWS_CONTAINER_AUTHORIZATION_TOKEN = "old"}, {{body = KEYS}},
      {["/tok"] = "Bearer x\n"})
    assert.equal("Bearer x", record.sent[1].headers.Authorization)
  end)

  it("sends no secret over plain http to another machine", function()
    for _, url in ipairs {"http://example.com/c", "http://127.0.0.1.example.com/c", "http://10.0.0.1/c"} do
      local err = world.raised(find, {AWS_CONTAINER_CREDENTIALS_FULL_URI = url})
      assert.matches("secrets do not travel there unencrypted", tostring(err))
    end
    local creds = find({AWS_CONTAINER_CREDENTIALS_FULL_URI = "https://example.com/c"}, {{body = KEYS}})
    assert.equal("I", creds.access_key_id)
  end)

  it("says so where what is set is no URL", function()
    for _, url in ipairs {"http://127.0.0.1:1@example.com/c", "http://127.0.0.1:x/c", "http://[::1/c", "http:/c"} do
      assert.matches("FULL_URI is not a URL",
        tostring(world.raised(find, {AWS_CONTAINER_CREDENTIALS_FULL_URI = url})))
    end
    assert.matches("does not begin with a slash",
      tostring(world.raised(find, {AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "@example.com/c"})))
  end)

  it("refuses a token with a line break inside", function()
    local err = world.raised(find, {AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/c",
      AWS_CONTAINER_AUTHORIZATION_TOKEN = "a\r\nHost: evil"})
    assert.matches("line break", tostring(err))
  end)

  it("tries three times, and says what the agent answered", function()
    local creds = find({AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/c"}, {{status = 503}, {status = 500}, {body = KEYS}})
    assert.equal("I", creds.access_key_id)
    local err = world.raised(find, {AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/c"}, {{status = 403}})
    assert.matches("gave no credentials: it answered with status 403", tostring(err))
    err = world.raised(find, {AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/c"}, {{body = "<html>"}})
    assert.matches("is not JSON", tostring(err))
  end)
end)

describe("aws.credentials.imds", function()
  local function find(answers, parts)
    parts = parts or {}
    parts.answers = answers
    local ctx, record = providers.context(parts)
    return ctx, record
  end

  it("gets a session token, the role's name and its keys", function()
    local ctx, record = find {{body = "TOKEN"}, {body = "my-role\n"}, {body = KEYS}}
    assert.same(EXPECTED, providers.plain(imds.find(ctx)))
    assert.equal("PUT", record.sent[1].method)
    assert.equal("21600", record.sent[1].headers["X-aws-ec2-metadata-token-ttl-seconds"])
    assert.equal("/latest/meta-data/iam/security-credentials/my-role", record.sent[3].path)
    assert.equal("TOKEN", record.sent[3].headers["X-aws-ec2-metadata-token"])
    assert.equal("169.254.169.254", record.sent[1].host)
  end)

  it("goes where the configuration says", function()
    local ctx, record = find({{body = "T"}, {body = "r"}, {body = KEYS}},
      {env = {AWS_EC2_METADATA_SERVICE_ENDPOINT = "http://127.0.0.1:99/base/"}})
    imds.find(ctx)
    assert.same({"127.0.0.1:99", "/base/latest/api/token"}, {record.sent[1].host, record.sent[1].path})
    ctx, record = find({{body = "T"}, {body = "r"}, {body = KEYS}},
      {env = {AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv6"}})
    imds.find(ctx)
    assert.equal("[fd00:ec2::254]", record.sent[1].host)
  end)

  it("passes by where this is no instance, has no role, or is told to", function()
    assert.matches("no EC2 instance", select(2, imds.find((find {}))))
    assert.matches("has no role", select(2, imds.find((find {{body = "T"}, {status = 404}}))))
    assert.matches("says Failed", select(2, imds.find((find {{body = "T"}, {body = "r"},
      {body = '{"Code":"Failed"}'}}))))
    local ctx, record = find({}, {env = {AWS_EC2_METADATA_DISABLED = "true"}})
    assert.matches("DISABLED", select(2, imds.find(ctx)))
    assert.equal(0, #record.sent)
  end)

  it("uses keys of the past on, since the service gives no newer ones", function()
    local ctx = find({{body = "T"}, {body = "r"}, {body = KEYS}}, {now = 1700003700})
    assert.equal(1700003700 + 900, imds.find(ctx).expires)
  end)
end)
