--- The providers over real HTTP: fake IMDSv2, ECS agent, SSO and STS on loopback, which refuse a wrong form.
local aws = require "aws"
local json = require "tidelock.json"
local secret = require "tidelock.secret"
local server = require "support.server"

local date = require "aws.date"
local process, url

local function credentials(env, files, options)
  env.HOME, env.AWS_REGION = "/h", "eu-west-1"
  env.AWS_ENDPOINT_URL = url
  local given = {environ = env, files = function(path) return (files or {})[path] end}
  for name, value in pairs(options or {}) do given[name] = value end
  local creds = aws.session(given):credentials()
  return {creds.access_key_id, secret.reveal(creds.secret_access_key), secret.reveal(creds.session_token)}, creds
end

local function set(name) return {name, "secret-of-" .. name, "token-of-" .. name} end

describe("credentials over HTTP", function()
  lazy_setup(function()
    local port
    process, port = server.start({server.PYTHON, "spec/support/identity.py", "--stdin"}, "^(%d+)\n")
    url = "http://127.0.0.1:" .. port
  end)
  lazy_teardown(function() process:close() end)

  it("come from IMDSv2", function()
    local got, creds = credentials {AWS_EC2_METADATA_SERVICE_ENDPOINT = url}
    assert.same(set "IMDS", got)
    assert.is_true(math.abs(creds.expires - os.time() - 3600) < 5)
  end)

  it("come from the agent of an ECS task, with the token of a file", function()
    assert.same(set "ECS", (credentials({AWS_CONTAINER_CREDENTIALS_FULL_URI = url .. "/ecs",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "/tok"}, {["/tok"] = "Bearer agent\n"})))
    local ok, err = pcall(credentials, {AWS_CONTAINER_CREDENTIALS_FULL_URI = url .. "/ecs"})
    assert.is_false(ok)
    assert.matches("answered with status 401", tostring(err))
  end)

  it("come from STS for a web identity token, unsigned", function()
    assert.same(set "WEB", (credentials({AWS_WEB_IDENTITY_TOKEN_FILE = "/jwt",
      AWS_ROLE_ARN = "arn:aws:iam::111111111111:role/r"},
      {["/jwt"] = "eyJ.jwt"})))
  end)

  it("come from STS for a role, signed with the source profile's keys", function()
    assert.same(set "ROLE", (credentials({}, {["/h/.aws/config"] =
      "[default]\nrole_arn=arn:aws:iam::111111111111:role/r\nsource_profile=k\n"
      .. "[profile k]\naws_access_key_id=K\naws_secret_access_key=s\n"})))
  end)

  it("come for a session that hides secrets, and not from the --endpoint-url of the services", function()
    local files = {["/h/.aws/config"] = "[default]\nrole_arn=arn:aws:iam::111111111111:role/r\nsource_profile=k\n"
      .. "[profile k]\naws_access_key_id=K\naws_secret_access_key=s\n"}
    assert.same(set "ROLE", (credentials({}, files, {secrets = true})))
    assert.same(set "ROLE", (credentials({}, files, {endpoint_url = "http://127.0.0.1:1"})))
  end)

  local CONFIG <const> = "[default]\nsso_session=s\nsso_account_id=111111111111\nsso_role_name=r\n"
    .. "[sso-session s]\nsso_start_url=https://x\nsso_region=us-east-1\n"
  local function cache(token, seconds)
    local digest = require "tidelock.digest"
    return {["/h/.aws/config"] = CONFIG, [("/h/.aws/sso/cache/%s.json"):format(digest.hex(digest.sha1 "s"))] =
      json.encode {accessToken = token, expiresAt = date.text(os.time() + seconds), refreshToken = "rt", clientId = "c",
        clientSecret = "s"}}
  end

  it("come from SSO, and a token near its end is renewed and saved", function()
    assert.same(set "SSO", (credentials({}, cache("good", 7200))))
    local saved
    assert.same(set "SSO", (credentials({}, cache("old", 60), {save = function(_, text) saved = text return true end})))
    assert.equal("renewed", json.decode(saved).accessToken)
    saved = nil
    assert.same(set "SSO", (credentials({}, cache("old", 60), {secrets = true,
      save = function(_, text) saved = text return true end})))
    assert.equal("renewed", json.decode(saved).accessToken)
    local ok, err = pcall(credentials, {}, cache("bad", 7200))
    assert.is_false(ok)
    assert.equal("sso", err.service)
    assert.equal(77, err.exit)
  end)

  it("fail in a sentence where STS refuses", function()
    local ok, err = pcall(credentials, {AWS_WEB_IDENTITY_TOKEN_FILE = "/jwt",
      AWS_ROLE_ARN = "arn:aws:iam::111111111111:role/r"},
      {["/jwt"] = "stale-jwt"})
    assert.is_false(ok)
    assert.matches("^sts.assume_role_with_web_identity %(" .. url:gsub("%p", "%%%0")
      .. ", eu%-west%-1%) failed: AccessDenied", tostring(err))
    assert.is_nil(tostring(err):find("stale-jwt", 1, true))
  end)
end)
