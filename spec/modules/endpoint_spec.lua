-- endpoint_spec.lua -- the machine that runs endpoint rules: its functions, its parameters, and damaged programs.
local compile = require "pack.endpoint".compile
local endpoint = require "tidelock.endpoint"
local json = require "tidelock.json"
local proc = require "tidelock.proc"
local sweep = require "support.sweep"

local DATA <const> = "build/vendor/botocore/data/"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function program(set) return assert(endpoint.load(compile(set))) end

-- What a function of the rules' language gives for `params`, seen through a property; nil where nothing.
local function value(fn, argv, params, path)
  local parameters = {}
  for name, each in pairs(params or {}) do
    parameters[name] = {type = ({string = "string", boolean = "boolean", table = "stringArray"})[type(each)]}
  end
  local conditions = {{fn = fn, argv = argv, assign = "Out"}}
  local out = {ref = "Out"}
  if path then
    conditions[2] = {fn = "getAttr", argv = {out, path}, assign = "Part"}
    out = {ref = "Part"}
  end
  local resolved = endpoint.resolve(program {parameters = parameters, rules = {
    {conditions = conditions, type = "endpoint", endpoint = {url = "http://x", properties = {out = out}}},
    {conditions = {}, type = "endpoint", endpoint = {url = "http://none"}}}}, params or {})
  return resolved.properties.out
end

local function ref(name) return {ref = name} end

describe("endpoint functions", function()
  setup(function() endpoint.partitions(read(DATA .. "partitions.json")) end)

  it("take an ARN apart", function()
    local a = {A = "arn:aws:s3-outposts:us-west-2:123:outpost/op-1:accesspoint:reports"}
    local want = {partition = "aws", service = "s3-outposts", region = "us-west-2", accountId = "123",
      ["resourceId[0]"] = "outpost", ["resourceId[1]"] = "op-1", ["resourceId[2]"] = "accesspoint",
      ["resourceId[3]"] = "reports"}
    for path, part in pairs(want) do assert.equal(part, value("aws.parseArn", {ref "A"}, a, path), path) end
    assert.is_nil(value("aws.parseArn", {ref "A"}, a, "resourceId[4]"))
    assert.is_nil(value("aws.parseArn", {ref "A"}, a, "isIp"))
    assert.equal("", value("aws.parseArn", {ref "A"}, {A = "arn:aws:s3:::bucket"}, "region"))
    for _, bad in ipairs {"", "arn:", "arn:aws:s3:::", "arn::s3:::b", "arn:aws::::b", "arn:aws:s3:b", "x:aws:s3:::b"} do
      assert.is_nil(value("aws.parseArn", {ref "A"}, {A = bad}, "partition"), bad)
    end
  end)

  it("take a URL apart", function()
    local function url(text, path) return value("parseURL", {ref "U"}, {U = text}, path) end
    local text = "https://example.com:8443/a/b"
    assert.equal("https", url(text, "scheme"))
    assert.equal("example.com:8443", url(text, "authority"))
    assert.equal("/a/b", url(text, "path"))
    assert.equal("/a/b/", url(text, "normalizedPath"))
    assert.equal("/a/b/", url(text .. "/", "normalizedPath"))
    assert.equal("/", url("http://h", "normalizedPath"))
    assert.equal("", url("http://h", "path"))
    for _, bad in ipairs {"", "http://", "ftp://h", "http://h?q", "http://h/#f", "http://h:x/", "http://h:70000",
                          "http://[::1", "h"} do
      assert.is_nil(url(bad, "scheme"), bad)
    end
  end)

  it("know an address from a name", function()
    local function is_ip(host) return value("parseURL", {ref "U"}, {U = "http://" .. host}, "isIp") end
    for _, host in ipairs {"127.0.0.1", "10.0.0.1:80", "[::1]", "[fe80::1]:80", "255.255.255.255"} do
      assert.is_true(is_ip(host), host)
    end
    for _, host in ipairs {"localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.a", "1..2.3"} do
      assert.is_nil(is_ip(host), host)   -- a condition that is false ends the rule
    end
  end)

  it("find a region's partition: listed, by its pattern, or the first", function()
    local function name(region) return value("aws.partition", {ref "R"}, {R = region}, "name") end
    local want = {["us-east-1"] = "aws", ["aws-global"] = "aws", ["cn-north-1"] = "aws-cn", ["cn-new-12"] = "aws-cn",
      ["us-gov-west-1"] = "aws-us-gov", ["us-isob-east-1"] = "aws-iso-b", ["us-iso-new-9"] = "aws-iso",
      ["eusc-de-east-1"] = "aws-eusc", ["moon"] = "aws", [""] = "aws", ["cn-north-1\0x"] = "aws"}
    for region, partition in pairs(want) do assert.equal(partition, name(region), region) end
    assert.equal("amazonaws.com.cn", value("aws.partition", {ref "R"}, {R = "cn-new-12"}, "dnsSuffix"))
    assert.is_true(value("aws.partition", {ref "R"}, {R = "us-east-1"}, "supportsFIPS"))
    assert.same({name = "aws-cn", dnsSuffix = "amazonaws.com.cn", dualStackDnsSuffix = "api.amazonwebservices.com.cn",
      implicitGlobalRegion = "cn-northwest-1", supportsFIPS = true, supportsDualStack = true},
      endpoint.partition "cn-north-1")
  end)

  it("judge host labels and bucket names", function()
    local function label(text, dots) return value("isValidHostLabel", {ref "T", dots}, {T = text}) or false end
    local function bucket(text, dots)
      return value("aws.isVirtualHostableS3Bucket", {ref "T", dots}, {T = text}) or false
    end
    for text, want in pairs {a = true, ["a-1"] = true, A = true, ["-a"] = false, ["a-"] = false, [""] = false,
                             ["a.b"] = false, ["a_b"] = false, [("a"):rep(63)] = true, [("a"):rep(64)] = false} do
      assert.equal(want, label(text, false), text)
    end
    assert.is_true(label("a.b", true))
    assert.is_false(label("a..b", true))
    for text, want in pairs {abc = true, ab = false, Abc = false, ["a.b.c"] = false, ["1.2.3.4"] = false} do
      assert.equal(want, bucket(text, false), text)
    end
    assert.is_true(bucket("a.b.c", true))
    assert.is_false(bucket("1.2.3.4", true))
    assert.is_false(bucket(("a"):rep(64), true))
  end)

  it("cut, split and encode text", function()
    local function cut(text, ...) return value("substring", {ref "T", ...}, {T = text}) end
    assert.equal("ab", cut("abcdef", 0, 2, false))
    assert.equal("ef", cut("abcdef", 0, 2, true))
    assert.equal("cde", cut("abcdef", 1, 4, true))
    assert.is_nil(cut("abc", 0, 4, false))
    assert.is_nil(cut("abc", 2, 2, false))
    assert.is_nil(cut("ab\u{fc}cd", 0, 2, false))
    local function split(text, by, limit, path) return value("split", {ref "T", by, limit}, {T = text}, path) end
    assert.equal("b", split("a--b--c", "--", 0, "[1]"))
    assert.equal("b--c", split("a--b--c", "--", 2, "[1]"))
    assert.equal("c", split("a--b--c", "--", 0, "[-1]"))
    assert.equal("", split("", "--", 0, "[0]"))
    assert.is_nil(split("a--b", "--", 0, "[2]"))
    assert.is_nil(split("a--b", "--", 0, "[-3]"))
    assert.equal("a%20b%2F%C3%BC-_.~%00", value("uriEncode", {ref "T"}, {T = "a b/\u{fc}-_.~\0"}))
  end)

  it("choose", function()
    assert.equal("yes", value("ite", {ref "B", "yes", "no"}, {B = true}))
    assert.equal("no", value("ite", {ref "B", "yes", "no"}, {B = false}))
    assert.equal("a", value("coalesce", {ref "None", ref "A", "b"}, {A = "a"}))
    assert.is_true(value("not", {{fn = "isSet", argv = {ref "None"}}}))
    assert.is_true(value("not", {ref "B"}, {B = false}))
    assert.is_nil(value("not", {{fn = "not", argv = {{fn = "isSet", argv = {ref "None"}}}}}))
    assert.is_true(value("booleanEquals", {{fn = "isSet", argv = {ref "None"}}, false}))
    assert.is_nil(value("stringEquals", {"a", ref "None"}))
    assert.equal("two", value("getAttr", {ref "L", "[1]"}, {L = {"one", "two"}}))
    assert.is_nil(value("getAttr", {ref "L", "[2]"}, {L = {"one", "two"}}))
  end)
end)

describe("endpoint.resolve", function()
  local set = {
    parameters = {Region = {type = "string", builtIn = "AWS::Region", required = true},
      Fips = {type = "Boolean", default = true}, Names = {type = "stringArray"}},
    rules = {
      {conditions = {{fn = "stringEquals", argv = {ref "Region", "bad"}}}, error = "no {Region} here", type = "error"},
      {conditions = {{fn = "stringEquals", argv = {ref "Region", "hole"}}}, type = "endpoint",
        endpoint = {url = "https://{Nobody}"}},
      {conditions = {{fn = "booleanEquals", argv = {ref "Fips", true}}}, type = "endpoint", endpoint = {
        url = "https://{{x}}.{Region}", headers = {["x-r"] = {"{Region}"}},
        properties = {authSchemes = {{name = "sigv4", signingRegion = "{Region}", disableDoubleEncoding = true,
          deep = {1, -5, {}}}}, backend = "S3"}}},
    },
  }
  local p = program(set)

  it("fills templates in the URL, properties, headers and errors", function()
    assert.same({url = "https://{x}.eu-1", headers = {["x-r"] = {"eu-1"}}, properties = {backend = "S3",
      authSchemes = {{name = "sigv4", signingRegion = "eu-1", disableDoubleEncoding = true, deep = {1, -5, {}}}}}},
      endpoint.resolve(p, {Region = "eu-1"}))
    local long = ("r"):rep(5000)
    assert.equal("https://{x}." .. long, endpoint.resolve(p, {Region = long}).url)
    assert.same({nil, "no bad here"}, {endpoint.resolve(p, {Region = "bad"})})
  end)

  it("says why there is no endpoint", function()
    local function refused(pattern, params)
      local resolved, message = endpoint.resolve(p, params)
      assert.is_nil(resolved)
      assert.matches(pattern, message)
    end
    refused("parameter Region is required", {})
    refused("parameter Region must be a string, not a number", {Region = 1})
    refused("parameter Fips must be a boolean, not a string", {Region = "a", Fips = "true"})
    refused("parameter Names must be a stringArray, not a string", {Region = "a", Names = "x"})
    refused("no rule of the service covers", {Region = "a", Fips = false})
    refused("URL has no value", {Region = "hole"})
  end)

  it("tells the parameters that a program reads", function()
    assert.same({Region = {name = "Region", type = "string", required = true, builtin = "AWS::Region"},
      Fips = {name = "Fips", type = "boolean", required = false, default = true},
      Names = {name = "Names", type = "stringArray", required = false}}, endpoint.params(p))
  end)

  it("raises on what is no program and no table", function()
    assert.error_matches(function() endpoint.resolve({}, {}) end, "tidelock.endpoint expected")
    assert.error_matches(function() endpoint.resolve(p) end, "table expected")
    assert.error_matches(function() endpoint.partitions {} end, "has no partitions")
    assert.error_matches(function() endpoint.partitions {partitions = {{id = "x"}}} end, "its id or its dnsSuffix")
  end)

  it("lets a region of the partition data say otherwise than its partition", function()
    endpoint.partitions {partitions = {{id = "moon", regionRegex = "^moon-\\d+$",
      outputs = {dnsSuffix = "moon.example", supportsFIPS = true},
      regions = {["moon-1"] = {description = "near"}, ["moon-2"] = {supportsFIPS = false}}}}}
    assert.is_true(endpoint.partition "moon-1".supportsFIPS)
    assert.is_false(endpoint.partition "moon-2".supportsFIPS)
    assert.equal("moon.example", endpoint.partition "moon-33".dnsSuffix)
    endpoint.partitions(read(DATA .. "partitions.json"))
  end)
end)

describe("the pack's own endpoints", function()
  -- In a process of its own, where no partition data was given.
  local function run(script)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(script)
    file:close()
    local out = assert(proc.run {"sh", "-c", 'exec "$(readlink /proc/$PPID/exe)" "$0"', path})
    os.remove(path)
    return out.stdout .. out.stderr
  end

  it("are those of every service, over the pack's own partitions", function()
    assert.equal("https://sqs.cn-north-1.amazonaws.com.cn\n", run [[
      local endpoint, models = require "tidelock.endpoint", require "tidelock.models"
      for _, name in ipairs(models.services()) do assert(endpoint.load(models.service(name):endpoint()), name) end
      local sqs = endpoint.load(models.service "sqs":endpoint())
      print(endpoint.resolve(sqs, {Region = "cn-north-1"}).url)]])
  end)
end)

describe("endpoint.load", function()
  local bytes = compile(json.decode(read(DATA .. "s3/2006-03-01/endpoint-rule-set-1.json")))
  local params = {Region = "us-west-2", Bucket = "arn:aws:s3:us-west-2:123456789012:accesspoint:x", Accelerate = false,
    UseFIPS = false, UseDualStack = false, ForcePathStyle = false, Key = "k"}

  local function survives(damaged)
    local p, err = endpoint.load(damaged)
    if not p then
      assert.equal("damaged", err.code)
      assert.matches("^the endpoint rules could not be loaded: ", err.message)
      return false
    end
    endpoint.params(p)
    local resolved, message = endpoint.resolve(p, params)
    assert.is_truthy(resolved or message)
    return true
  end

  it("refuses bytes that are cut short or have more than belongs to them", function()
    for n = 0, #bytes - 1, 97 do assert.is_false(survives(bytes:sub(1, n))) end
    assert.is_false(survives(bytes .. "\0\0\0\0"))
    assert.is_false(survives "")
  end)

  it("refuses or survives every changed byte", function()
    local refused = 0
    local seed = 7
    for at = 1, #bytes, 3 do
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      local other = bytes:byte(at) ~ (1 + (seed >> 16) % 255)
      if not survives(bytes:sub(1, at - 1) .. string.char(other) .. bytes:sub(at + 1)) then refused = refused + 1 end
    end
    assert.is_true(refused > 500)
  end)

  it("refuses a jump backwards, which would run for ever", function()
    local small = compile {parameters = {}, rules = {{conditions = {{fn = "isSet", argv = {ref "No"}}}, error = "x",
      type = "error"}}}
    local at = 28 + 4   -- behind the header and the first word
    assert.is_true(survives(small))
    assert.is_false(survives(small:sub(1, at) .. string.pack("<I4", 0) .. small:sub(at + 5)))
    assert.is_false(survives(small:sub(1, at) .. string.pack("<I4", 4) .. small:sub(at + 5)))
  end)

  it("survives any allocation being refused", function()
    local text = read(DATA .. "partitions.json")
    local data = json.decode(text)
    sweep(function()
      endpoint.partitions(data)
      endpoint.partition "us-new-1"
      local p = endpoint.load(bytes)
      endpoint.params(p)
      return endpoint.resolve(p, params)
    end)
    endpoint.partitions(text)
  end)
end)
