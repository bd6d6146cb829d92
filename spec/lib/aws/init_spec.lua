local aws = require "aws"
local secret = require "tidelock.secret"
local toy = require "support.toy"
local world = require "support.world"

local function temporary(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

describe("aws.session", function()
  it("takes a table as environment, and sees no other variable", function()
    local session = aws.session {environ = {AWS_REGION = "eu-north-1"}}
    assert.equal("eu-north-1", session:region())
    assert.is_nil(session.settings:env "PATH")
  end)

  it("reads real files: there, not there, not readable as one", function()
    local path = temporary "[default]\nregion = from-disk\n"
    local session = aws.session {environ = {AWS_CONFIG_FILE = path, AWS_SHARED_CREDENTIALS_FILE = path .. ".none"}}
    assert.equal("from-disk", session:region())
    os.remove(path)
    session = aws.session {environ = {AWS_CONFIG_FILE = "/tmp", AWS_SHARED_CREDENTIALS_FILE = "/none"}}
    assert.matches("Cannot read /tmp: .*directory", tostring(world.raised(session.region,
      session)):lower():gsub("cannot", "Cannot"))
  end)

  it("writes tokens whole, for the owner alone, into folders that it makes", function()
    local fs = require "tidelock.fs"
    local folder = assert(fs.tempdir "tidelock-spec")
    local path = folder .. "/sso/cache/x.json"
    local session = aws.session {environ = {}}
    assert.is_true(session.world.save(path, '{"accessToken":"a long old token"}'))
    assert.is_true(session.world.save(path, '{"a":1}'))
    assert.equal('{"a":1}', session.world.files(path))
    assert.equal(384, fs.stat(path).mode & 511)
    for _, name in ipairs {"/sso/cache/x.json", "/sso/cache", "/sso", ""} do os.remove(folder .. name) end
    assert.is_falsy((session.world.save("/proc/none/file", "x")))
  end)

  it("runs a credential_process by the shell, for real", function()
    local path = temporary("[default]\ncredential_process = printf '%s' '"
      .. '{"Version":1,"AccessKeyId":"P","SecretAccessKey":"s"}' .. "'\n[profile bad]\ncredential_process = exit 3\n")
    local env = {AWS_CONFIG_FILE = path, AWS_SHARED_CREDENTIALS_FILE = "/none"}
    local creds = aws.session {environ = env}:credentials()
    assert.same({"P", "s"}, {creds.access_key_id, secret.reveal(creds.secret_access_key)})
    local err = world.raised(function() aws.session {environ = env, profile = "bad"}:credentials() end)
    assert.matches("profile bad failed: it ended with status 3", tostring(err))
    os.remove(path)
  end)

  it("takes credentials as text, as secrets, or as a function", function()
    for _, key in ipairs {"s", secret.new "s"} do
      local creds = aws.session {environ = {}, credentials = {access_key_id = "A",
        secret_access_key = key}}:credentials()
      assert.equal("s", secret.reveal(creds.secret_access_key))
      assert.equal("<secret>", tostring(creds.secret_access_key))
    end
    local session = aws.session {environ = {}, credentials = function() return {access_key_id = "F"} end}
    assert.equal("F", session:credentials().access_key_id)
    assert.has_error(function() aws.session {environ = {}, credentials = {access_key_id = "A"}} end)
  end)

  it("derives one with another region and the same credentials", function()
    local session = toy.session {answers = function() return {status = 200, headers = {}, body = "{}"} end}
    local other = session:derive {region = "ap-south-1"}
    assert.equal(session.identity, other.identity)
    assert.are_not.equal(session.identity, session:derive {profile = "p"}.identity)
    other.toy:put_thing {Name = "n", Parts = {{Id = "a"}}}
    assert.equal("eu-west-1", session:region())
  end)

  it("gives a client options of its own", function()
    local session, record = toy.session {answers = {{body = "{}"}}}
    session:client("toy", {endpoint_url = "http://127.0.0.1:7"}):put_thing {Name = "n", Parts = {{Id = "a"}}}
    assert.equal("127.0.0.1:7", record.sent[1].host)
  end)

  it("passes the trace on when it runs as a Lambda function", function()
    local session, record = toy.session {answers = {{body = "{}"}}, env = {AWS_ACCESS_KEY_ID = "A",
      AWS_SECRET_ACCESS_KEY = "s", AWS_REGION = "eu-west-1", AWS_LAMBDA_FUNCTION_NAME = "f",
      _X_AMZN_TRACE_ID = "Root=1"}}
    session.toy:open_door()
    assert.equal("Root=1", record.sent[1].headers["X-Amzn-Trace-Id"])
    session, record = toy.session {answers = {{body = "{}"}}, env = {AWS_ACCESS_KEY_ID = "A",
      AWS_SECRET_ACCESS_KEY = "s", AWS_REGION = "eu-west-1", AWS_LAMBDA_FUNCTION_NAME = "f",
      _X_AMZN_TRACE_ID = "a\nb"}}
    session.toy:open_door()
    assert.is_nil(record.sent[1].headers["X-Amzn-Trace-Id"])
  end)

  it("refuses a bearer token that was copied with its line end, without showing it", function()
    local bedrock = aws.session {environ = {AWS_BEARER_TOKEN_BEDROCK = "hush\n", AWS_REGION = "eu-west-1"}}.bedrock
    local err = world.raised(bedrock.list_foundation_models, bedrock)
    assert.matches("The bearer token has a blank or line break in it", tostring(err))
    assert.same({77, nil}, {err.exit, tostring(err):find("hush", 1, true)})
  end)
end)
