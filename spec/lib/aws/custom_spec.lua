--- The customisations as pure functions; what they do on the wire is held by spec/lib/aws/wire_spec.lua.
local digest = require "tidelock.digest"
local json = require "tidelock.json"
local world = require "support.world"

-- A call as client.lua makes it, with as much of it as the function looks at.
local function call(name, more)
  local c = {client = {name = "x", world = {digest = digest, json = json},
    settings = {get = function() return nil end, region = function() return "us-east-1" end},
    model = {metadata = {apiVersion = "2012-06-01"}}},
    op = {name = name, snake = name, uri = "/"}, input = {}, target = {path = "", auth = {region = "us-east-1"}}}
  for key, value in pairs(more or {}) do c[key] = value end
  return c
end

describe("s3", function()
  local s3 = require "aws.custom.s3"

  it("refuses what cannot be a bucket's name, and lets ARNs pass", function()
    local err = world.raised(s3.input, call "GetObject", {Bucket = "a/b"})
    assert.matches('"a/b" is not the name of a bucket', tostring(err))
    assert.equal(64, err.exit)
    for _, name in ipairs {"b", "my.bucket-1_x", "arn:aws:s3:eu-west-1:1:accesspoint/p"} do
      assert.equal(name, s3.input(call "GetObject", {Bucket = name}).Bucket)
    end
  end)

  it("asks for listings with encoded keys and gives them back as they are", function()
    local c = call "ListObjectsV2"
    assert.equal("url", s3.input(c, {Bucket = "b"}).EncodingType)
    local out = s3.output(c, {EncodingType = "url", Prefix = "a%20b/", Contents = {{Key = "a+b/%C3%A9%0A"}},
      CommonPrefixes = {{Prefix = "x%2By/"}}}, {})
    assert.same({EncodingType = "url", Prefix = "a b/", Contents = {{Key = "a b/\xC3\xA9\n"}},
      CommonPrefixes = {{Prefix = "x+y/"}}}, out)
  end)

  it("leaves keys alone where the caller asked for the encoding", function()
    local c = call "ListObjects"
    s3.input(c, {Bucket = "b", EncodingType = "url"})
    assert.equal("a%20b", s3.output(c, {EncodingType = "url", Contents = {{Key = "a%20b"}}}, {}).Contents[1].Key)
  end)

  it("writes a copy's source as the header wants it", function()
    local function source(value) return s3.input(call "CopyObject", {Bucket = "b", CopySource = value}).CopySource end
    assert.equal("b/a%20b/c%2B", source {Bucket = "b", Key = "a b/c+"})
    assert.equal("b/k?versionId=v1", source {Bucket = "b", Key = "k", VersionId = "v1"})
    assert.equal("b/a%20b?versionId=v1", source "b/a b?versionId=v1")
    assert.equal("arn:aws:s3:r:1:accesspoint/p/object/k", (source {Bucket = "arn:aws:s3:r:1:accesspoint/p", Key = "k"}
      :gsub("%%3A", ":")))
  end)

  it("encodes a customer's key and adds its MD5", function()
    local given = s3.input(call "PutObject", {Bucket = "b", SSECustomerKey = ("k"):rep(32)})
    assert.equal(digest.base64(("k"):rep(32)), given.SSECustomerKey)
    assert.equal(digest.base64(digest.md5(("k"):rep(32))), given.SSECustomerKeyMD5)
  end)

  it("takes the bucket out of the path, which the endpoint already has", function()
    local c = call("GetObject", {op = {name = "GetObject", uri = "/{Bucket}/{Key+}"}})
    local function path(base, full)
      c.target.path = base
      local r = {path = full}
      s3.request(c, r)
      return r.path
    end
    assert.equal("/a/b", path("", "/bucket/a/b"))
    assert.equal("/bucket/a/b", path("/bucket", "/bucket/bucket/a/b"))
    assert.equal("/", path("", "/bucket"))
    assert.equal("/bucket", path("/bucket", "/bucket/bucket"))
    assert.equal("//x", path("", "/bucket//x"))
  end)

  it("goes to the region that a refusal names, and remembers it", function()
    local c = call("GetObject", {input = {Bucket = "b"}})
    local _, region = s3.response(c, {status = 301, headers = {["x-amz-bucket-region"] = "eu-west-1"}})
    assert.equal("eu-west-1", region)
    assert.equal("eu-west-1", c.client.regions.b)
    _, region = s3.response(c, {status = 400, headers = {}, body = "<Error><Region>ap-south-1</Region></Error>"})
    assert.equal("ap-south-1", region)
    for _, answer in ipairs {{status = 400, headers = {}, body = "<Error/>"}, {status = 404,
      headers = {["x-amz-bucket-region"] = "x"}},
      {status = 403, headers = {["x-amz-bucket-region"] = "us-east-1"}}} do
      assert.is_nil(select(2, s3.response(c, answer)))
    end
  end)

  it("takes an error under status 200 for the error it is", function()
    local late = s3.response(call "CompleteMultipartUpload", {status = 200, headers = {},
      body = "<Error><Code>X</Code></Error>"})
    assert.equal(500, late.status)
    assert.equal(200, s3.response(call "GetObject", {status = 200, headers = {}, body = "<Error>"}).status)
  end)

  it("reads a bucket's location, which is empty for us-east-1", function()
    local c = call "GetBucketLocation"
    assert.equal("eu-west-1", s3.output(c, {},
      {body = '<LocationConstraint xmlns="u">eu-west-1</LocationConstraint>'}).LocationConstraint)
    assert.is_nil(s3.output(c, {}, {body = '<LocationConstraint xmlns="u"/>'}).LocationConstraint)
  end)
end)

describe("iam", function()
  it("gives policy documents as tables, at any depth, and leaves what is none", function()
    local out = require "aws.custom.iam".output(call "GetRole", {Role = {RoleName = "%41",
      AssumeRolePolicyDocument = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"},
      List = {{PolicyDocument = "not%json"}}})
    assert.equal("2012-10-17", out.Role.AssumeRolePolicyDocument.Version)
    assert.equal("%41", out.Role.RoleName)
    assert.equal("not%json", out.List[1].PolicyDocument)
  end)
end)

describe("cloudformation", function()
  it("gives a JSON template as a table and YAML as text", function()
    local output = require "aws.custom.cloudformation".output
    assert.equal("x", output(call "GetTemplate", {TemplateBody = '{"Description":"x"}'}).TemplateBody.Description)
    assert.equal("Description: x\n", output(call "GetTemplate", {TemplateBody = "Description: x\n"}).TemplateBody)
  end)
end)

describe("ec2 and autoscaling", function()
  it("carry user data in base64", function()
    assert.equal("IyEvYmlu", require "aws.custom.ec2".input(call "RunInstances", {UserData = "#!/bin"}).UserData)
    assert.equal("IyEvYmlu", require "aws.custom.autoscaling".input(call "CreateLaunchConfiguration",
      {UserData = "#!/bin"}).UserData)
  end)

  it("give console output as text", function()
    assert.equal("boot\n", require "aws.custom.ec2".output(call "GetConsoleOutput", {Output = "Ym9vdAo="}).Output)
  end)
end)

describe("glacier", function()
  local glacier = require "aws.custom.glacier"

  it("uses the caller's own account by default", function()
    assert.equal("-", glacier.input(call "ListVaults", {}).accountId)
    assert.equal("7", glacier.input(call "ListVaults", {accountId = "7"}).accountId)
  end)

  it("hashes archives as a tree of MiB", function()
    local a, b, c = ("a"):rep(1048576), ("b"):rep(1048576), "c"
    local expected = digest.hex(digest.sha256(digest.sha256(digest.sha256(a) .. digest.sha256(b)) .. digest.sha256(c)))
    assert.equal(expected, glacier.input(call "UploadArchive", {body = a .. b .. c}).checksum)
    assert.equal(digest.hex(digest.sha256 "x"), glacier.input(call "UploadArchive", {body = "x"}).checksum)
    assert.equal(digest.hex(digest.sha256 ""), glacier.input(call "UploadArchive", {body = ""}).checksum)
  end)

  it("names the API's version", function()
    local r = {headers = {}}
    glacier.request(call "ListVaults", r)
    assert.equal("2012-06-01", r.headers["x-amz-glacier-version"])
  end)
end)

describe("single services", function()
  it("apigateway asks for plain JSON", function()
    local r = {headers = {}}
    require "aws.custom.apigateway".request(call "GetRestApis", r)
    assert.equal("application/json", r.headers.Accept)
  end)

  it("machinelearning predicts at the model's own endpoint", function()
    local r = {scheme = "https", host = "machinelearning.us-east-1.amazonaws.com", path = "/"}
    require "aws.custom.machinelearning".request(call("Predict",
      {input = {PredictEndpoint = "https://rt.example.com/x"}}), r)
    assert.same({scheme = "https", host = "rt.example.com", path = "/x"}, r)
  end)

  it("cloudsearchdomain sends a search as a form", function()
    local r = {method = "GET", query = "q=a", headers = {}}
    require "aws.custom.cloudsearchdomain".request(call "Search", r)
    assert.same({method = "POST", query = "", body = "q=a",
      headers = {["Content-Type"] = "application/x-www-form-urlencoded"}}, r)
  end)

  it("dynamodb sees a damaged body by its CRC32", function()
    local response = require "aws.custom.dynamodb".response
    local c = call "GetItem"
    response(c, {status = 200, headers = {["x-amz-crc32"] = "2745614147"}, body = "{}"})
    assert.is_nil(c.damaged)
    response(c, {status = 200, headers = {["x-amz-crc32"] = "2745614147"}, body = "{ }"})
    assert.equal("x-amz-crc32", c.damaged)
  end)
end)
