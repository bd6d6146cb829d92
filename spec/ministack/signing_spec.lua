-- The client's signatures before a server that checks them as AWS does: wrong keys, old dates, policies that refuse.
local ministack = require "support.ministack"
local json = require "tidelock.json"

describe("before a server that checks signatures", function()
  local server <const> = ministack.start()
  local root <const> = server:session()        -- whose signatures it does not look at
  teardown(function() server:stop() end)

  -- The keys of a new user who may do this.
  local function keys_of(name, statements)
    root.iam:create_user {UserName = name}
    root.iam:put_user_policy {UserName = name, PolicyName = "p", PolicyDocument = json.encode {
      Version = "2012-10-17", Statement = statements}}
    local key = root.iam:create_access_key({UserName = name}).AccessKey
    return {access_key_id = key.AccessKeyId, secret_access_key = key.SecretAccessKey}
  end

  local function user(name, statements) return server:session {credentials = keys_of(name, statements)} end

  local keys <const> = keys_of("all", {{Effect = "Allow", Action = "*", Resource = "*"}})
  local session <const> = server:session {credentials = keys}

  -- A call of each protocol, and the word by which it says that a signature is wrong.
  local CALLS <const> = {
    {"json", "SignatureDoesNotMatch", function(s) return s.sqs:list_queues {} end},
    {"json 1.1", "InvalidSignatureException", function(s) return s.ssm:describe_parameters {} end},
    {"query", "SignatureDoesNotMatch", function(s) return s.sts:get_caller_identity {} end},
    {"ec2", "AuthFailure", function(s)
      return s.ec2:describe_vpcs {Filters = {{Name = "tag:a b/+=&", Values = {"ü", "*"}}}}
    end},
    {"rest-json", "InvalidSignatureException", function(s) return s.lambda:list_functions {} end},
    {"rest-xml", "SignatureDoesNotMatch", function(s) return s.s3:list_buckets {} end},
  }

  for _, call in ipairs(CALLS) do
    it(("signs %s so that it is taken"):format(call[1]), function() assert.is_table(call[3](session)) end)
  end

  it("signs keys of objects with blanks, slashes, dots and letters of the world, and bodies by pieces", function()
    session.s3:create_bucket {Bucket = "signed", CreateBucketConfiguration = {LocationConstraint = server.region}}
    for _, key in ipairs {"a b", "a//b", "a/./b/../c", "ü/~*'()", "a+b=c&d", "%41"} do
      session.s3:put_object {Bucket = "signed", Key = key, Body = "of " .. key}
      local answer = session.s3:get_object {Bucket = "signed", Key = key}
      local body = type(answer.Body) == "string" and answer.Body or answer.Body:read "a"
      assert.equal("of " .. key, body)
    end
  end)

  local function refused(fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    assert.equal("table", type(err), tostring(err))
    return err
  end

  for _, call in ipairs(CALLS) do
    it(("a wrong secret is refused in %s, and the error says so without it"):format(call[1]), function()
      local err = refused(call[3], server:session {credentials = {access_key_id = keys.access_key_id,
        secret_access_key = "hunter2hunter2"}})
      assert.equal(call[2], err.code)
      assert.is_nil(tostring(err):find("hunter2", 1, true))
    end)
  end

  it("an unknown key is refused, and the remedy is told", function()
    local err = refused(CALLS[3][3], server:session {credentials = {access_key_id = "AKIAUNKNOWN00000000",
      secret_access_key = "x"}})
    assert.equal("InvalidClientTokenId", err.code)
  end)

  it("a clock two hours wrong is found out and corrected: one more request, no failure", function()
    local clock = require "tidelock.loop".time
    local sent = 0
    local send = require "tidelock.http".send
    local function counted(...)
      sent = sent + 1
      return send(...)
    end
    local slow = server:session {credentials = keys, clock = function() return clock() - 7200 end,
      transport = counted}
    assert.is_table(slow.sqs:list_queues {})
    assert.equal(2, sent)
    assert.is_table(slow.sqs:list_queues {})
    assert.equal(3, sent)                              -- it is remembered
  end)

  it("what a policy does not allow is refused with what is missing; what it allows is done", function()
    local reader = user("reader", {{Effect = "Allow", Action = {"sqs:ListQueues"}, Resource = "*"}})
    assert.is_table(reader.sqs:list_queues {})
    local err = refused(function() return reader.sqs:create_queue {QueueName = "q"} end)
    assert.is_truthy(err.code:find "AccessDenied", err.code)
    assert.is_truthy(tostring(err):find "sqs:CreateQueue", tostring(err))
    assert.is_false(err.retryable == true)
  end)

  it("an explicit deny goes before an allow", function()
    local denied = user("denied", {{Effect = "Allow", Action = "*", Resource = "*"},
      {Effect = "Deny", Action = "sqs:CreateQueue", Resource = "*"}})
    assert.is_table(denied.sqs:list_queues {})
    local err = refused(function() return denied.sqs:create_queue {QueueName = "q"} end)
    assert.is_truthy(err.code:find "AccessDenied", err.code)
  end)

  it("the keys of an assumed role are taken, with their token", function()
    local trust = json.encode {Version = "2012-10-17", Statement = {{Effect = "Allow", Principal = {AWS = "*"},
      Action = "sts:AssumeRole"}}}
    local role = root.iam:create_role({RoleName = "r", AssumeRolePolicyDocument = trust}).Role.Arn
    root.iam:put_role_policy {RoleName = "r", PolicyName = "p", PolicyDocument = json.encode {
      Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sqs:*", Resource = "*"}}}}
    local c = session.sts:assume_role({RoleArn = role, RoleSessionName = "spec"}).Credentials
    local inside = server:session {credentials = {access_key_id = c.AccessKeyId,
      secret_access_key = c.SecretAccessKey, session_token = c.SessionToken}}
    assert.is_table(inside.sqs:list_queues {})
  end)

  it("a presigned address is taken as it stands, and not after it was changed", function()
    session.s3:create_bucket {Bucket = "presigned", CreateBucketConfiguration = {LocationConstraint = server.region}}
    session.s3:put_object {Bucket = "presigned", Key = "k", Body = "inside"}
    local url = session.s3:presign("get_object", {Bucket = "presigned", Key = "k"}, {expires = 60})
    local host, path, query = url:match "^http://([^/]+)([^?]+)%?(.*)$"
    local function get(q)
      return require "tidelock.http".send {method = "GET", scheme = "http", host = host, path = path, query = q,
        headers = {}}
    end
    assert.same({200, "inside"}, {get(query).status, get(query).body})
    assert.equal(403, get((query:gsub("X%-Amz%-Expires=60", "X-Amz-Expires=600"))).status)
  end)
end)
