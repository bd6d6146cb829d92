--- Whole calls over HTTP: against moto, which checks signatures, and against servers that misbehave.
local aws = require "aws"
local http = require "tidelock.http"
local httpd = require "support.httpd"
local moto = require "support.moto"
local world = require "support.world"

local account

local function session(more)
  local options = {environ = account.env, files = function() return nil end}
  for name, value in pairs(more or {}) do options[name] = value end
  options.environ = function(name) return account.env[name] or nil end
  return aws.session(options)
end

local function fails(fn, ...) return world.raised(fn, ...) end

describe("calls against moto", function()
  lazy_setup(function() account = moto.start() end)
  lazy_teardown(function() account:stop() end)
  before_each(function() account:reset() end)

  it("json: sqs makes a queue, takes a message and gives it back", function()
    local sqs = session().sqs
    local url = sqs:create_queue({QueueName = "q", Attributes = {VisibilityTimeout = "120"}}).QueueUrl
    assert.same({url}, sqs:list_queues().QueueUrls)
    sqs:send_message {QueueUrl = url, MessageBody = "h\u{e9}llo \"w\""}
    assert.equal("h\u{e9}llo \"w\"", sqs:receive_message({QueueUrl = url}).Messages[1].Body)
    assert.equal("120", sqs:get_queue_attributes({QueueUrl = url,
      AttributeNames = {"All"}}).Attributes.VisibilityTimeout)
  end)

  it("json: dynamodb keeps numbers, bytes and their checksum", function()
    local ddb = session().dynamodb
    ddb:create_table {TableName = "t", BillingMode = "PAY_PER_REQUEST",
      AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
      KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}}
    ddb:put_item {TableName = "t", Item = {pk = {S = "a"}, n = {N = "9007199254740993"}, b = {B = "\0\255"}}}
    assert.same({pk = {S = "a"}, n = {N = "9007199254740993"}, b = {B = "\0\255"}},
      ddb:get_item({TableName = "t", Key = {pk = {S = "a"}}}).Item)
  end)

  it("query: sts says who we are; iam gives policies as tables", function()
    local s = session()
    assert.equal(account.account, s.sts:get_caller_identity().Account)
    s.iam:create_role {RoleName = "r", AssumeRolePolicyDocument = '{"Version":"2012-10-17","Statement":[]}'}
    assert.equal("2012-10-17", s.iam:get_role({RoleName = "r"}).Role.AssumeRolePolicyDocument.Version)
  end)

  it("ec2: describes regions", function()
    local regions = session().ec2:describe_regions().Regions
    assert.is_true(#regions > 10)
    assert.is_string(regions[1].RegionName)
  end)

  it("rest-json: lambda lists functions", function()
    assert.same({}, session()["lambda"]:list_functions().Functions)
  end)

  it("takes a role, and calls with its keys", function()
    account.env.HOME = "/h"
    local files = {["/dev/null"] = "[profile base]\naws_access_key_id = " .. account.account
      .. "\naws_secret_access_key = sandbox\n"
      .. "[profile r]\nrole_arn = arn:aws:iam::" .. account.account
        .. ":role/r\nsource_profile = base\nregion = eu-west-1\n"}
    local s = session {profile = "r", files = function(path) return files[path] end}
    assert.matches("assumed%-role/r/tidelock%-", s.sts:get_caller_identity().Arn)
    assert.is_number(s:credentials().expires)
  end)

  describe("rest-xml: s3", function()
    local s3, bucket
    before_each(function()
      s3, bucket = session().s3, "spec-" .. account.account     -- the names are one space for all accounts
      s3:create_bucket {Bucket = bucket, CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
    end)

    it("says where a bucket is", function()
      assert.equal("eu-west-1", s3:get_bucket_location({Bucket = bucket}).LocationConstraint)
    end)

    it("keeps an object with an odd name, its bytes, metadata and checksum", function()
      local key, body = "a b/+%c\u{e9}?&=*", "\0\1\r\n\255"
      s3:put_object {Bucket = bucket, Key = key, Body = body, Metadata = {a = "1"}}
      local got = s3:get_object {Bucket = bucket, Key = key}
      assert.equal(body, got.Body)
      assert.same({a = "1"}, got.Metadata)
      assert.equal(key, s3:list_objects_v2({Bucket = bucket}).Contents[1].Key)
      s3:copy_object {Bucket = bucket, Key = "copy", CopySource = {Bucket = bucket, Key = key}}
      assert.equal(body, s3:get_object({Bucket = bucket, Key = "copy"}).Body)
    end)

    it("gives an object that is stored as gzip as it is stored", function()
      local zipped = "\31\139\8\0\0\0\0\0\0\3\203\72\205\201\201\7\0\134\166\16\54\5\0\0\0"
      s3:put_object {Bucket = bucket, Key = "z", Body = zipped, ContentEncoding = "gzip"}
      assert.equal(zipped, s3:get_object({Bucket = bucket, Key = "z"}).Body)
    end)

    it("carries bodies from and to files", function()
      local from, to = os.tmpname(), os.tmpname()
      local file = assert(io.open(from, "wb"))
      file:write(("0123456789"):rep(50000))
      file:close()
      s3:put_object {Bucket = bucket, Key = "f", Body = {path = from}}
      s3:put_object {Bucket = bucket, Key = "part", Body = {path = from, offset = 5, length = 10}}
      assert.equal("5678901234", s3:get_object({Bucket = bucket, Key = "part"}).Body)
      assert.same({path = to}, s3:get_object({Bucket = bucket, Key = "f"}, {to = to}).Body)
      local got = assert(io.open(to, "rb"))
      assert.equal(("0123456789"):rep(50000), got:read "a")
      got:close()
      local err = fails(s3.get_object, s3, {Bucket = bucket, Key = "none"}, {to = to})
      assert.equal("NoSuchKey", err.code)
      got = assert(io.open(to, "rb"))
      assert.equal(500000, got:seek "end")
      got:close()
      assert.is_nil(io.open(to .. ".part"))
      err = fails(s3.put_object, s3, {Bucket = bucket, Key = "k", Body = {file = from}})
      assert.matches("Body must be bytes %(a string%), or {path = FILE}", tostring(err))
      err = fails(s3.put_object, s3, {Bucket = bucket, Key = "k", Body = {path = "/none/such"}})
      assert.matches("Cannot open /none/such: No such file", tostring(err))
      err = fails(s3.put_object, s3, {Bucket = bucket, Key = "k", Body = {path = from, offset = 499999, length = 2}})
      assert.matches("is not in it", tostring(err))
      os.remove(from)
      os.remove(to)
    end)

    it("presigns a URL that any client can use", function()
      s3:put_object {Bucket = bucket, Key = "a b", Body = "shared"}
      local url = s3:presign("get_object", {Bucket = bucket, Key = "a b"}, {expires = 60})
      local scheme, host, path, query = url:match("^(http)://([^/]+)(/[^?]*)%?(.*)$")
      assert.matches("X%-Amz%-Expires=60", query)
      local response = assert(http.send {method = "GET", scheme = scheme, host = host, path = path, query = query,
        headers = {}})
      assert.same({200, "shared"}, {response.status, response.body})
    end)

    it("gives a missing object and a missing bucket their own codes", function()
      local err = fails(s3.get_object, s3, {Bucket = bucket, Key = "none"})
      assert.same({"NoSuchKey", 404, 1}, {err.code, err.status, err.exit})
      err = fails(s3.head_object, s3, {Bucket = bucket, Key = "none"})
      assert.same({"404", "Not Found"}, {err.code, err.message})
      assert.equal("NoSuchBucket", fails(s3.list_objects_v2, s3, {Bucket = "no-such-bucket-here"}).code)
    end)
  end)

  it("rest-xml: s3control sends the account in a header, not before an address", function()
    local s3control = session().s3control
    local flags = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
      RestrictPublicBuckets = true}
    s3control:put_public_access_block {AccountId = account.account, PublicAccessBlockConfiguration = flags}
    assert.same(flags, s3control:get_public_access_block({AccountId = account.account}).PublicAccessBlockConfiguration)
  end)

  it("signs global services for us-east-1", function()
    assert.is_table(session().budgets:describe_budgets {AccountId = account.account})
  end)

  it("says what an error of the service means", function()
    local sqs = session().sqs
    local err = fails(sqs.get_queue_url, sqs, {QueueName = "none"})
    assert.matches("^sqs.get_queue_url %(http://127.0.0.1:%d+, eu%-west%-1%) failed: ", tostring(err))
    assert.equal("AWS.SimpleQueueService.NonExistentQueue", err.code)   -- as boto3 has it
    assert.equal(400, err.status)
    assert.is_string(err.request_id)
  end)

  it("is refused with a wrong secret, and does not show it", function()
    local sqs = session({credentials = {access_key_id = account.account, secret_access_key = "wrongwrong"}}).sqs
    local err = fails(sqs.list_queues, sqs)
    assert.equal(77, err.exit)
    assert.is_nil(tostring(err):find("wrongwrong", 1, true))
  end)

  it("calls what moto does not know by that name", function()
    local xray = session().xray
    local err = fails(xray.get_sampling_rules, xray)
    assert.is_false(err.retryable)
    assert.equal(1, err.attempts)
  end)
end)

describe("calls against a server that misbehaves", function()
  local bad
  lazy_setup(function() bad = httpd.start() end)
  lazy_teardown(function() bad:stop() end)

  local function call(path, more)
    local options = {environ = {AWS_REGION = "eu-west-1"}, files = function() return nil end, max_attempts = 1,
      endpoint_url = bad.url .. path, connect_timeout = 20, max_body = 1 << 20,
      read_timeout = path:find "hang" and 0.8 or 20,
      credentials = {access_key_id = "AKID", secret_access_key = "hushhush"}}
    for name, value in pairs(more or {}) do options[name] = value end
    local sqs = aws.session(options).sqs
    return fails(sqs.list_queues, sqs)
  end

  -- path, code, exit
  local CASES <const> = {
    {"/hang", "timeout", 69}, {"/hang-body", "timeout", 69}, {"/close", "closed", 69}, {"/reset", "closed", 69},
    {"/close-mid-head", "closed", 69}, {"/close-mid-body", "closed", 69}, {"/bad-chunk", "protocol", 69},
    {"/bad-length", "protocol", 69}, {"/chunk-bomb", "too_large", 1}, {"/big/10000000", "too_large", 1},
    {"/header-bomb", "too_large", 1}, {"/not-http", "protocol", 69}, {"/html/503", "NotAws", 69},
    {"/html/500", "NotImplemented", 1}, {"/html/403", "NotAws", 77}, {"/status/503", "503", 69},
    {"/redirect", "302", 1},
  }
  for _, case in ipairs(CASES) do
    it(("names the fault of %s %s"):format(case[1], case[2]), function()
      local err = call(case[1])
      assert.equal(case[2], err.code, tostring(err))
      assert.equal(case[3], err.exit, tostring(err))
      assert.matches("^sqs.list_queues %(http://127.0.0.1:%d+, eu%-west%-1%) failed: ", tostring(err))
      assert.is_true(#tostring(err) < 700, tostring(err))
      assert.is_nil(tostring(err):find("hushhush", 1, true))
    end)
  end

  it("refuses half a JSON document instead of half a result", function()
    local err = call "/half-json"
    assert.is_true(err.code ~= nil and err.code ~= "")
    assert.matches("JSON", tostring(err))
  end)

  it("tries again and gets through", function()
    local fresh <close> = httpd.start()   -- a kept connection that dies meanwhile would cost a try of its own
    local sqs = aws.session({environ = {AWS_REGION = "r"}, files = function() return nil end,
      random = function() return 0 end,
      endpoint_url = fresh.url .. "/flaky/2/wire", credentials = {access_key_id = "A", secret_access_key = "s"}}).sqs
    local ok, err = pcall(sqs.list_queues, sqs)
    assert.is_true(ok or err.status == 200, tostring(err))
  end)

  it("says that nothing listens", function()
    local err = call("", {endpoint_url = "http://127.0.0.1:1"})
    assert.same({"connect", 69}, {err.code, err.exit})
    assert.matches("Nothing answers there", tostring(err))
  end)
end)

describe("calls to AWS's own endpoints, answered by hand", function()
  local function toward(answers)
    local sent = {}
    local s = aws.session {environ = {AWS_REGION = "us-east-1", AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"},
      files = function() return nil end, sleep = function() end, transport = function(request)
        sent[#sent + 1] = request
        local answer = answers[#sent]
        return {status = answer.status or 200, headers = answer.headers or {}, body = answer.body or ""}
      end}
    return s, sent
  end

  it("follow a bucket to its region once, and remember it", function()
    local s, sent = toward {{status = 301, headers = {["x-amz-bucket-region"] = "eu-west-1"},
      body = "<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>"}, {body = "x"}, {body = "y"}}
    assert.equal("x", s.s3:get_object({Bucket = "bkt", Key = "k"}).Body)
    assert.equal("y", s.s3:get_object({Bucket = "bkt", Key = "k"}).Body)
    assert.same({"bkt.s3.us-east-1.amazonaws.com", "bkt.s3.eu-west-1.amazonaws.com", "bkt.s3.eu-west-1.amazonaws.com"},
      {sent[1].host, sent[2].host, sent[3].host})
    assert.matches("/eu%-west%-1/s3/aws4_request", sent[2].headers.Authorization)
  end)

  it("do not follow in a circle", function()
    local there = {status = 301, headers = {["x-amz-bucket-region"] = "eu-west-1"}}
    local back = {status = 301, headers = {["x-amz-bucket-region"] = "us-east-1"}}
    local s, sent = toward {there, back, there, back}
    local err = fails(s.s3.get_object, s.s3, {Bucket = "bkt", Key = "k"})
    assert.equal(301, err.status)
    assert.equal(2, #sent)
  end)

  it("ask Timestream for its address, and keep it", function()
    local told = {body = '{"Endpoints":[{"Address":"ingest-cell1.timestream.us-east-1.amazonaws.com",'
      .. '"CachePeriodInMinutes":60}]}'}
    local s, sent = toward {told, {body = '{"Databases":[]}'}, {body = '{"Databases":[]}'}}
    s.timestream_write:list_databases()
    s.timestream_write:list_databases()
    assert.same({3, "ingest-cell1.timestream.us-east-1.amazonaws.com"}, {#sent, sent[3].host})
    assert.matches("DescribeEndpoints$", sent[1].headers["X-Amz-Target"])
  end)

  it("see a body that does not match its checksum, and ask again", function()
    local s, sent = toward {{body = "daMaged", headers = {["x-amz-checksum-crc32"] = "3Miv6w=="}},
      {body = "damaged", headers = {["x-amz-checksum-crc32"] = "3Miv6w=="}}}
    local ok, out = pcall(s.s3.get_object, s.s3, {Bucket = "bkt", Key = "k"})
    assert.is_true(ok, tostring(out))
    assert.same({"damaged", 2}, {out.Body, #sent})
    assert.equal("ENABLED", sent[1].headers["x-amz-checksum-mode"])
  end)

  it("take an error under status 200 for the failure that it is", function()
    local late = {body = "<Error><Code>InternalError</Code><Message>m</Message></Error>"}
    local s, sent = toward {late, late, late}
    local err = fails(s.s3.copy_object, s.s3, {Bucket = "bkt", Key = "k", CopySource = "bkt/a"})
    assert.same({"InternalError", 3, true}, {err.code, err.attempts, err.retryable})
    assert.equal(3, #sent)
  end)

  it("trim Route 53's ids, and ask API Gateway for plain JSON", function()
    local s, sent = toward {{body = "<ListResourceRecordSetsResponse/>"}, {body = "{}"}}
    s.route53:list_resource_record_sets {HostedZoneId = "/hostedzone/Z1"}
    assert.equal("/2013-04-01/hostedzone/Z1/rrset", sent[1].path)
    s.apigateway:get_rest_apis()
    assert.equal("application/json", sent[2].headers.Accept)
  end)

  it("put the label of an operation before the host", function()
    local s, sent = toward {{body = "{}"}}
    pcall(s.servicediscovery.discover_instances, s.servicediscovery, {NamespaceName = "n", ServiceName = "s"})
    assert.equal("data-servicediscovery.us-east-1.amazonaws.com", sent[1].host)
  end)
end)
