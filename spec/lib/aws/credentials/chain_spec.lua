local chain = require "aws.credentials.chain"
local providers = require "support.providers"
local world = require "support.world"

local plain, context = providers.plain, providers.context
local CONFIG <const>, KEYS <const> = "/h/.aws/config", "/h/.aws/credentials"
local OFF <const> = {AWS_EC2_METADATA_DISABLED = "true"}

local function find(parts)
  local ctx, record = context(parts)
  return plain(chain.find(ctx)), record
end

local function refusal(parts)
  parts.env = parts.env or {}
  parts.env.AWS_EC2_METADATA_DISABLED = parts.env.AWS_EC2_METADATA_DISABLED or "true"
  return world.raised(chain.find, (context(parts)))
end

describe("aws.credentials.chain", function()
  it("takes the environment's keys first and opens no file for them", function()
    local creds, record = find {env = {AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s", AWS_SESSION_TOKEN = "t",
      AWS_CREDENTIAL_EXPIRATION = "2023-11-14T23:13:20Z"}}
    assert.same({id = "A", key = "s", token = "t", expires = 1700003600}, creds)
    assert.same({}, record.opened)
  end)

  it("lets a chosen profile go before the environment's keys", function()
    local creds = find {options = {profile = "p"}, env = {AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"},
      files = {[KEYS] = "[p]\naws_access_key_id=P\naws_secret_access_key=sp\n"}}
    assert.equal("P", creds.id)
  end)

  it("refuses half a pair of keys, naming the missing half and no value", function()
    local err = refusal {env = {AWS_SECRET_ACCESS_KEY = "verysecret"}}
    assert.matches("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not", tostring(err))
    assert.is_nil(tostring(err):find("verysecret", 1, true))
    assert.equal(77, err.exit)
    assert.matches("profile default has aws_access_key_id, but not aws_secret_access_key",
      tostring(refusal {files = {[KEYS] = "[default]\naws_access_key_id=A"}}))
  end)

  it("refuses keys with a stray line end", function()
    local err = refusal {env = {AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s\n"}}
    assert.matches("blank or line break in the secret key", tostring(err))
  end)

  it("hides secrets from every way of printing", function()
    local ctx = context {env = {AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "topsecret",
      AWS_SESSION_TOKEN = "tok"}}
    local creds = chain.find(ctx)
    assert.equal("<secret>", tostring(creds.secret_access_key))
    assert.equal("<secret>", tostring(creds.session_token))
  end)

  it("says what was tried and how to mend it where there is none", function()
    local err = refusal {}
    assert.equal("NoCredentials", err.code)
    assert.equal(77, err.exit)
    for _, part in ipairs {"environment %(AWS_ACCESS_KEY_ID is not set%)",
      "no aws_access_key_id in /h/.aws/credentials",
      "AWS_WEB_IDENTITY_TOKEN_FILE is not set", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set",
      "AWS_EC2_METADATA_DISABLED is set", "aws configure"} do
      assert.matches(part, tostring(err))
    end
  end)

  it("takes a role with another profile's keys, which may themselves be a role's", function()
    local creds, record = find {env = OFF, options = {profile = "c"}, files = {
      [CONFIG] = "[profile b]\nrole_arn=arn:aws:iam::222222222222:role/b\nsource_profile=a\n"
        .. "[profile c]\nrole_arn=arn:aws:iam::333333333333:role/c\nsource_profile=b\nexternal_id=x\n"
        .. "duration_seconds=1800\nrole_session_name=me\nregion=eu-west-1\n",
      [KEYS] = "[a]\naws_access_key_id=KA\naws_secret_access_key=s\n"},
      call = function(_, _, input) return providers.sts(input.RoleArn:sub(-1), 1700003600) end}
    assert.same({id = "c", key = "sk-c", token = "tok-c", expires = 1700003600, account = "333333333333"}, creds)
    assert.equal(2, #record.calls)
    assert.equal("KA", record.calls[1].how.credentials.access_key_id)
    assert.equal("b", record.calls[2].how.credentials.access_key_id)
    assert.same({RoleArn = "arn:aws:iam::333333333333:role/c", ExternalId = "x", DurationSeconds = 1800,
      RoleSessionName = "me"}, record.calls[2].input)
    assert.equal("eu-west-1", record.calls[2].how.region)
  end)

  it("takes the source profile's own keys before a role that it has too", function()
    local _, record = find {env = OFF, options = {profile = "c"}, files = {
      [CONFIG] = "[profile b]\nrole_arn=arn:aws:iam::2:role/b\nsource_profile=b\n"
        .. "[profile c]\nrole_arn=arn:aws:iam::3:role/c\nsource_profile=b\n",
      [KEYS] = "[b]\naws_access_key_id=KB\naws_secret_access_key=s\n"},
      call = function() return providers.sts("c", 1700003600) end}
    assert.equal(1, #record.calls)
    assert.equal("KB", record.calls[1].how.credentials.access_key_id)
  end)

  it("refuses two sources for one role", function()
    assert.matches("has both source_profile and credential_source", tostring(refusal {files = {[CONFIG] =
      "[default]\nrole_arn=r\nsource_profile=k\ncredential_source=Environment\n"}}))
  end)

  it("sees profiles that go in a circle", function()
    local err = refusal {options = {profile = "a"}, files = {[CONFIG] =
      "[profile a]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=b\n"
      .. "[profile b]\nrole_arn=arn:aws:iam::1:role/b\nsource_profile=a\n"}}
    assert.matches("go in a circle", tostring(err))
  end)

  it("lets a profile be its own source where it has keys", function()
    local _, record = find {env = OFF, files = {[CONFIG] =
      "[default]\nrole_arn=arn:aws:iam::1:role/a\nsource_profile=default\naws_access_key_id=K\n"
        .. "aws_secret_access_key=s\n"},
      call = function() return providers.sts("r", 1700003600) end}
    assert.equal("K", record.calls[1].how.credentials.access_key_id)
  end)

  it("takes a role with the environment's keys where credential_source says so", function()
    local _, record = find {options = {profile = "p"}, env = {AWS_ACCESS_KEY_ID = "E", AWS_SECRET_ACCESS_KEY = "s"},
      files = {[CONFIG] = "[profile p]\nrole_arn=arn:aws:iam::1:role/a\ncredential_source=Environment\n"},
      call = function() return providers.sts("r", 1700003600) end}
    assert.equal("E", record.calls[1].how.credentials.access_key_id)
    assert.matches("It must be Environment, Ec2InstanceMetadata or EcsContainer",
      tostring(refusal {files = {[CONFIG] = "[default]\nrole_arn=r\ncredential_source=Env\n"}}))
    assert.matches("neither source_profile nor credential_source",
      tostring(refusal {files = {[CONFIG] = "[default]\nrole_arn=r\n"}}))
  end)

  it("asks for an MFA code where the profile wants one, and says when there is no terminal", function()
    local files = {[CONFIG] = "[default]\nrole_arn=r\nsource_profile=k\nmfa_serial=arn:mfa\n",
      [KEYS] = "[k]\naws_access_key_id=K\naws_secret_access_key=s\n"}
    local asked
    local _, record = find {files = files, env = OFF, call = function() return providers.sts("r", 1700003600) end,
      options = {prompt = function(text) asked = text return " 123456\n" end}}
    assert.equal("MFA code for arn:mfa: ", asked)
    assert.equal("123456", record.calls[1].input.TokenCode)
    assert.matches("no terminal to ask on", tostring(refusal {files = files}))
  end)

  it("asks for the code once: what the aws CLI keeps is found, and kept the same way", function()
    local files = {[CONFIG] = "[default]\nrole_arn=arn:aws:iam::111111111111:role/r\n"
        .. "source_profile=k\nmfa_serial=arn:mfa\n",
      [KEYS] = "[k]\naws_access_key_id=K\naws_secret_access_key=s\n"}
    local _, record = find {files = files, env = OFF, call = function() return providers.sts("r", 1700003600) end,
      options = {prompt = function() return "123456" end}}
    -- sha1 of {"RoleArn": "arn:aws:iam::111111111111:role/r", "SerialNumber": "arn:mfa"}, as Python writes it
    assert.equal("/h/.aws/cli/cache/040da62782cf5245d39f7225a9169baf99433566.json", record.saved.path)
    files[record.saved.path] = record.saved.text
    local creds, second = find {files = files, env = OFF}
    assert.same({id = "r", key = "sk-r", token = "tok-r", expires = 1700003600, account = "111111111111"}, creds)
    assert.equal(0, #second.calls)
    assert.matches("no terminal", tostring(refusal {files = files, now = 1700003600 - 899}))
  end)

  it("exchanges a web identity token, without keys", function()
    local creds, record = find {env = {AWS_WEB_IDENTITY_TOKEN_FILE = "/t",
      AWS_ROLE_ARN = "arn:aws:iam::444444444444:role/w"},
      files = {["/t"] = "jwt\n"}, call = function() return providers.sts("w", 1700003600) end}
    assert.equal("w", creds.id)
    assert.equal("assume_role_with_web_identity", record.calls[1].operation)
    assert.equal("jwt", record.calls[1].input.WebIdentityToken)
    assert.is_true(record.calls[1].how.anonymous)
    assert.matches("Cannot read the web identity token at /gone: there is no such file",
      tostring(refusal {env = {AWS_WEB_IDENTITY_TOKEN_FILE = "/gone", AWS_ROLE_ARN = "r"}}))
  end)

  it("passes over the environment's web identity for a chosen profile", function()
    local env = {AWS_WEB_IDENTITY_TOKEN_FILE = "/t", AWS_ROLE_ARN = "arn:aws:iam::444444444444:role/w"}
    local creds, record = find {env = env, options = {profile = "p"},
      files = {["/t"] = "jwt", [KEYS] = "[p]\naws_access_key_id=P\naws_secret_access_key=s\n"}}
    assert.equal("P", creds.id)
    assert.equal(0, #record.calls)
    assert.matches("web identity %(profile q has no web_identity_token_file%)",
      tostring(refusal {env = env, options = {profile = "q"}, files = {[CONFIG] = "[profile q]\n"}}))
  end)

  it("takes from the profile what the environment does not say of a web identity", function()
    local _, record = find {env = {AWS_WEB_IDENTITY_TOKEN_FILE = "/t"}, files = {["/t"] = "jwt",
      [CONFIG] = "[default]\nrole_arn=arn:aws:iam::444444444444:role/w\nrole_session_name=me\n"
        .. "web_identity_token_file=/other\n"}, call = function() return providers.sts("w", 1700003600) end}
    assert.same({RoleArn = "arn:aws:iam::444444444444:role/w", RoleSessionName = "me", WebIdentityToken = "jwt"},
      record.calls[1].input)
  end)

  it("reads what a credential_process prints", function()
    local command
    local creds = find {env = OFF, files = {[CONFIG] = "[default]\ncredential_process = vault get --x 'a b'\n"},
      options = {run = function(text)
        command = text
        return '{"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","Expiration":"2023-11-14T23:13:20Z"}'
      end}}
    assert.equal("vault get --x 'a b'", command)
    assert.same({id = "P", key = "s", expires = 1700003600}, creds)
    local function broken(text, why)
      return tostring(refusal {files = {[CONFIG] = "[default]\ncredential_process = p\n"},
        options = {run = function() return text, why end}})
    end
    assert.matches("failed: it ended with status 2", broken(nil, "it ended with status 2"))
    assert.matches("is not JSON", broken "sekret!")
    assert.is_nil(broken("sekret!"):find("sekret", 1, true))
    assert.matches("printed Version 2", broken '{"Version":2}')
    assert.matches("are incomplete", broken '{"Version":1,"AccessKeyId":"A"}')
  end)
end)
