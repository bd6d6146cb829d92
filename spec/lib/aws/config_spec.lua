local config = require "aws.config"
local world = require "support.world"

local CONFIG <const>, KEYS <const> = "/h/.aws/config", "/h/.aws/credentials"

local function settings(parts)
  parts.env = parts.env or {}
  parts.env.HOME = "/h"
  local options, record = world.new(parts)
  return config.new(parts.options, options), record
end

describe("aws.config", function()
  it("prefers options to environment to profile", function()
    local files = {[CONFIG] = "[default]\nregion = from-file\n"}
    assert.equal("from-file", settings({files = files}):region())
    assert.equal("old", settings({files = files, env = {AWS_DEFAULT_REGION = "old"}}):region())
    assert.equal("env", settings({files = files, env = {AWS_REGION = "env", AWS_DEFAULT_REGION = "old"}}):region())
    assert.equal("opt", settings({files = files, env = {AWS_REGION = "env"}, options = {region = "opt"}}):region())
  end)

  it("counts an empty variable as unset", function()
    assert.equal("r", settings({files = {[CONFIG] = "[default]\nregion=r"}, env = {AWS_REGION = ""}}):region())
  end)

  it("opens no file for what the environment or the options say", function()
    local s, record = settings {env = {AWS_REGION = "r", AWS_RETRY_MODE = "standard"},
      options = {endpoint_url = "http://127.0.0.1:1"}}
    s:region()
    s:get "retry_mode"
    s:endpoint_url "SQS"
    assert.same({}, record.opened)
  end)

  it("reads each file once, and where the variables point", function()
    local s, record = settings {env = {AWS_CONFIG_FILE = "/x", AWS_SHARED_CREDENTIALS_FILE = "~/y"},
      files = {["/x"] = "[default]\nregion=r", ["/h/y"] = "[default]\naws_access_key_id=A"}}
    s:region()
    assert.equal("A", s:profile().aws_access_key_id)
    s:get "ca_bundle"
    assert.same({"/x", "/h/y"}, record.opened)
  end)

  it("lets the credentials file overrule the config file, and [profile default] overrule [default]", function()
    local s = settings {files = {
      [CONFIG] = "[profile default]\nregion=a\n[default]\nregion=b\n[profile p]\naws_access_key_id=C\nregion=r",
      [KEYS] = "[p]\naws_access_key_id=K\n[my prof]\nregion=m"}}
    assert.equal("a", s:region())
    assert.same({aws_access_key_id = "K", region = "r"}, s:profile "p")
    assert.equal("m", s:profile "my prof".region)
    assert.same({"default", "my prof", "p"}, s:profiles())
  end)

  it("refuses a chosen profile that is not there, with did-you-mean; a missing default is nothing", function()
    local s = settings {files = {[CONFIG] = "[profile production]\nregion=r"}, env = {AWS_PROFILE = "prodution"}}
    local err = world.raised(s.region, s)
    assert.equal(64, err.exit)
    assert.matches('no profile "prodution" in /h/.aws/config .*did you mean "production"%?.*Known profiles: production',
      tostring(err))
    assert.is_nil(settings({files = {}}):get "region")
  end)

  it("says in a sentence that there is no region", function()
    local err = world.raised(function() settings({}):region() end)
    assert.equal("NoRegion", err.code)
    assert.matches("No region is set.*AWS_REGION", tostring(err))
  end)

  it("refuses a region that could not be part of a host's name", function()
    for _, name in ipairs {"eu west 1", "eu-west-1 ", "us-east-1.evil.example/", ("r"):rep(64)} do
      local err = world.raised(function() settings({env = {AWS_REGION = name}}):region() end)
      assert.matches('in AWS_REGION; it must be a name like "us%-east%-1"', tostring(err))
      assert.equal(64, err.exit)
    end
  end)

  it("passes a broken file's line on, and says why a file cannot be read", function()
    local err = world.raised(function() settings({files = {[CONFIG] = "[default\n"}}):region() end)
    assert.matches("^/h/.aws/config, line 1: ", tostring(err))
    local s = settings {}
    s.world.files = function() return nil, "Permission denied" end
    assert.matches("Cannot read /h/.aws/config: Permission denied", tostring(world.raised(s.region, s)))
  end)

  it("finds a service's endpoint in the order of the aws CLI", function()
    local files = {[CONFIG] = "[default]\nservices = s\nendpoint_url = http://global-file\n"
      .. "[services s]\nsqs =\n  endpoint_url = http://sqs-file\ncost_explorer =\n  endpoint_url = http://ce\n"}
    local function url(env, id) return (settings({files = files, env = env or {}}):endpoint_url(id or "SQS")) end
    assert.equal("http://sqs-file", url())
    assert.equal("http://ce", url({}, "Cost Explorer"))
    assert.equal("http://global-file", url({}, "SNS"))
    assert.equal("http://env", url {AWS_ENDPOINT_URL = "http://env"})
    assert.equal("http://sqs", url {AWS_ENDPOINT_URL = "http://env", AWS_ENDPOINT_URL_SQS = "http://sqs"})
    assert.is_nil(url {AWS_ENDPOINT_URL = "http://env", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "true"})
  end)

  it("refuses a services section that is not there", function()
    local s = settings {files = {[CONFIG] = "[default]\nservices = loacl\n[services local]\nsqs =\n  endpoint_url=x"}}
    assert.matches('services section "loacl".*did you mean "local"', tostring(world.raised(s.endpoint_url, s, "SQS")))
  end)

  it("reads the s3 block, and numbers and flags as what they are", function()
    local s = settings {files = {[CONFIG] = "[default]\nmax_attempts = 7\nuse_fips_endpoint = True\n"
      .. "s3 =\n  addressing_style = path\n  use_arn_region = false"}}
    assert.equal("path", s:s3 "addressing_style")
    assert.equal(false, s:s3 "use_arn_region")
    assert.equal(7, s:get "max_attempts")
    assert.equal(true, s:get "use_fips_endpoint")
    assert.matches('max_attempts is "many" in AWS_MAX_ATTEMPTS; it must be a whole number',
      tostring(world.raised(function() settings({env = {AWS_MAX_ATTEMPTS = "many"}}):get "max_attempts" end)))
  end)
end)
