--- botocore's example requests (examples-1.json): each is an input that `tidelock call --cli-input-json` takes.
local arguments = require "cli.arguments"
local codec = require "tidelock.codec"
local input = require "aws.input"
local json = require "tidelock.json"
local models = require "tidelock.models"
local proc = require "tidelock.proc"
local httpd = require "support.httpd"

local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local DATA <const> = "build/vendor/botocore/data"
local BINARY <const> = HERE .. "/tidelock"
local EVERY <const> = 20                               -- examples that go through the real binary

-- Examples that do not keep to their own model. boto3 refuses each of them too, but for the two with empty names,
-- which it sends to an address that means something else.
local WRONG <const> = {
  ["cloud9.CreateEnvironmentEC2 1"] = "imageId has become required since it was written",
  ["ec2.DescribeNatGateways 1"] = "the member is Filter, the example writes Filters",
  ["ec2.ModifySubnetAttribute 1"] = "writes true for a structure {Value}",
  ["ec2.ModifyNetworkInterfaceAttribute 2"] = "writes text for a structure {Value}",
  ["ec2.ModifyNetworkInterfaceAttribute 4"] = "writes false for a structure {Value}",
  ["lambda.UpdateEventSourceMapping 1"] = "its UUID has 13 characters, the model asks for 36",
  ["polly.GetLexicon 1"] = "its Name, which is part of the address, is empty",
  ["pricing.GetProducts 1"] = "ServiceCode has become required since it was written",
  ["s3.PutBucketCors 1"] = "its Bucket, which is part of the address, is empty",
}

local function files()
  local list = {}
  local found <close> = assert(io.popen("ls " .. DATA .. "/*/*/examples-1.json"))
  for path in found:lines() do list[#list + 1] = path end
  return list
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return assert(json.decode(file:read "a"))
end

-- Every example: {service, model, op, id, input}.
local function examples()
  local list = {}
  for _, path in ipairs(files()) do
    local service = path:match "data/([^/]+)/"
    local model, operations = models.service(service), read(path).examples or {}
    for _, name in ipairs(model and model:operations() or {}) do
      for i, example in ipairs(operations[name] or {}) do
        list[#list + 1] = {service = service, model = model, op = model:operation(name),
          id = ("%s.%s %d"):format(service, name, i), input = example.input or {}}
      end
    end
  end
  return list
end

-- What `call` makes of the example: nil, or what is wrong with it. Blobs are written as they are.
local function refusal(example)
  local ok, err = pcall(function()
    local given = arguments.with_json(example.op, example.model, json.encode(example.input), {}, true)
    arguments.check_required(example.op, given)
    local request, fault = codec.encode(example.op, given)
    if not request then input.refuse(example.service, example.op, given, fault) end
  end)
  return not ok and (type(err) == "table" and err.message or tostring(err)) or nil
end

describe("botocore's example requests", function()
  local all = examples()

  it("are there", function() assert.is_true(#all > 1600, #all .. " found") end)

  it("are taken but for the few that contradict their own models", function()
    local wrong = {}
    for _, example in ipairs(all) do
      local why = refusal(example)
      if why then wrong[example.id] = why end
    end
    for id, why in pairs(wrong) do assert.is_string(WRONG[id], id .. ": " .. why) end
    for id in pairs(WRONG) do assert.is_string(wrong[id], id .. " is taken now: strike it from the list") end
    local n = 0
    for _ in pairs(wrong) do n = n + 1 end
    assert.is_true(n < #all / 100)
  end)

  it("are sent by the program itself (every " .. EVERY .. "th)", function()
    local sink <close> = httpd.start()                 -- it knows none of these paths: 404
    local sent = 0
    for i = 1, #all, EVERY do
      local example = all[i]
      if not WRONG[example.id] then
        local result = assert(proc.run {BINARY, "call", example.service, (example.op.snake:gsub("_", "-")),
          "--cli-input-json", json.encode(example.input), "--cli-binary-format", "raw-in-base64-out",
          "--no-paginate", "--endpoint-url", sink.url, "--region", "us-east-1", env = {HOME = "/nonexistent",
            AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "s", AWS_MAX_ATTEMPTS = "1",
            AWS_ACCOUNT_ID = "123456789012"}})
        assert.is_not.equal(64, result.code, example.id .. ": " .. result.stderr)
        assert.is_not.equal(70, result.code, example.id .. ": " .. result.stderr)
        sent = sent + 1
      end
    end
    assert.is_true(sent > 75)
  end)
end)
