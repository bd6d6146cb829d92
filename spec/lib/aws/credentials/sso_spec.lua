local providers = require "support.providers"
local sso = require "aws.credentials.sso"
local world = require "support.world"

local CONFIG <const> = "/h/.aws/config"
local NOW <const> = 1700000000                                   -- 2023-11-14T22:13:20Z
-- sha1("work") and sha1("https://d.awsapps.com/start"), as the aws CLI names its cache files.
local CACHE <const> = "/h/.aws/sso/cache/" .. require "tidelock.digest".hex(require "tidelock.digest".sha1 "work")
  .. ".json"
local SESSION <const> = "[default]\nsso_session=work\nsso_account_id=111111111111\nsso_role_name=Admin\n"
  .. "[sso-session work]\nsso_start_url=https://d.awsapps.com/start\nsso_region=eu-west-1\n"
local TOKEN <const> = '{"accessToken":"at","expiresAt":"%s","refreshToken":"rt","clientId":"ci","clientSecret":"cs",'
  .. '"registrationExpiresAt":"2024-01-01T00:00:00Z"}'

local function answer(_, operation)
  if operation == "create_token" then return {accessToken = "new", expiresIn = 3600, refreshToken = "rt2"} end
  return {roleCredentials = {accessKeyId = "S", secretAccessKey = "s", sessionToken = "t", expiration = 1700003600000}}
end

local function context(ends, call)
  return providers.context {files = {[CONFIG] = SESSION, [CACHE] = ends and TOKEN:format(ends)}, call = call or answer,
    now = NOW}
end

describe("aws.credentials.sso", function()
  it("exchanges the token of the session for the role's keys, in the session's region", function()
    local ctx, record = context "2023-11-15T06:00:00Z"
    assert.same({id = "S", key = "s", token = "t", expires = 1700003600.0, account = "111111111111"},
      providers.plain(sso.find(ctx)))
    assert.same({accountId = "111111111111", roleName = "Admin", accessToken = "at"}, record.calls[1].input)
    assert.same({anonymous = true, region = "eu-west-1"}, record.calls[1].how)
  end)

  it("renews a token near its end and keeps the new one", function()
    local ctx, record = context "2023-11-14T22:20:00Z"
    sso.find(ctx)
    assert.equal("create_token", record.calls[1].operation)
    assert.equal("new", record.calls[2].input.accessToken)
    assert.equal(CACHE, record.saved.path)
    local saved = require "tidelock.json".decode(record.saved.text)
    assert.same({"new", "rt2", "2023-11-14T23:13:20Z"}, {saved.accessToken, saved.refreshToken, saved.expiresAt})
  end)

  it("uses a token that could not be renewed up to its end, and then asks to sign in", function()
    local function broken(_, operation)
      if operation == "create_token" then error "offline" end
      return answer(nil, operation)
    end
    assert.equal("S", sso.find((context("2023-11-14T22:20:00Z", broken))).access_key_id)
    local err = world.raised(sso.find, (context("2023-11-14T22:00:00Z", broken)))
    assert.matches("SSO session has expired. Sign in: aws sso login %-%-sso%-session work", tostring(err))
    assert.equal(77, err.exit)
  end)

  it("asks to sign in where nobody has, and passes a profile without SSO by", function()
    assert.matches("nobody has signed in yet. Sign in: aws sso login", tostring(world.raised(sso.find, (context()))))
    local old = SESSION:gsub("sso_session=work", "sso_start_url=x\nsso_region=r"):gsub("default", "profile p")
    assert.matches("Sign in: aws sso login %-%-profile p",
      tostring(world.raised(sso.find, (providers.context {files = {[CONFIG] = old}}), "p")))
    local ctx = providers.context {files = {[CONFIG] = "[default]\nregion=r"}}
    assert.matches("no sso_account_id", select(2, sso.find(ctx)))
  end)

  it("says which setting is missing", function()
    local ctx = providers.context {files = {[CONFIG] = "[default]\nsso_account_id=1\n"}}
    assert.matches("sso_role_name is missing", tostring(world.raised(sso.find, ctx)))
    ctx = providers.context {files = {[CONFIG] = "[default]\nsso_session=wrok\nsso_account_id=1\nsso_role_name=r\n"
      .. "[sso-session work]\n"}}
    assert.matches('sso%-session "wrok".*did you mean "work"', tostring(world.raised(sso.find, ctx)))
  end)
end)
