-- pack_spec.lua -- the linked pack holds what botocore's data says, of every service.
local facts = require "support.models"
local json = require "tidelock.json"
local models = require "tidelock.models"

local DATA <const> = "build/vendor/botocore/data"
local PYTHON <const> = "build/venv/bin/python"

local function slurp(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function lines(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

-- The first line in which botocore's facts and ours differ, or nil.
local function difference(path, ours)
  local n = 0
  for line in io.lines(path) do
    n = n + 1
    if line ~= ours[n] then return ("botocore: %s\ntidelock: %s"):format(line, ours[n]) end
  end
  return n < #ours and "tidelock has more: " .. ours[n + 1] or nil
end

describe("the model pack", function()
  local folder
  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    assert(os.execute(("%s spec/support/models.py %s"):format(PYTHON, folder)), "run `make setup` first")
  end)
  teardown(function() os.execute("rm -r " .. folder) end)

  it("is of the pinned botocore and holds every service of it", function()
    assert.equal(slurp(DATA .. "/../VERSION"):match "%S+", (models.version()))
    assert.same(lines("LC_ALL=C ls " .. folder), models.services())
  end)

  it("knows each operation, shape and member of each service as botocore does", function()
    local known = 0
    for _, name in ipairs(models.services()) do
      local ours = facts(assert(models.service(name)))
      known = known + #ours
      assert.is_nil(difference(folder .. "/" .. name, ours), name)
    end
    assert.is_true(known > 400000)
  end)

  it("finds every operation by both of its names", function()
    for _, name in ipairs(models.services()) do
      local service = models.service(name)
      for _, camel in ipairs(service:operations()) do
        local op = service:operation(camel)
        assert.equal(op, service:operation(op.snake))
      end
    end
  end)

  it("keeps paginators and waiters as they are written, with botocore's additions", function()
    local sqs = json.decode(slurp(DATA .. "/sqs/2012-11-05/paginators-1.json"))
    assert.same(sqs.pagination, models.service "sqs":paginators())
    local s3 = json.decode(slurp(DATA .. "/s3/2006-03-01/waiters-2.json"))
    assert.same(s3.waiters, models.service "s3":waiters())
    local ec2 = models.service "ec2":paginators()
    local extras = json.decode(slurp(DATA .. "/ec2/2016-11-15/paginators-1.sdk-extras.json")).merge.pagination
    for name, extra in pairs(extras) do
      for key, value in pairs(extra) do assert.same(value, ec2[name][key]) end
    end
    assert.same({}, models.service "sqs":waiters())
  end)

  it("carries partitions and where services have regions", function()
    assert.same(json.decode(slurp(DATA .. "/partitions.json")), json.decode(models.data "partitions"))
    local regions = json.decode(models.data "regions")
    local sqs = {}
    for _, region in ipairs(regions.aws.sqs) do sqs[region] = true end
    assert.is_true(sqs["eu-central-1"] and sqs["us-east-1"])
    assert.is_nil(sqs["us-gov-west-1"])
    assert.is_nil(models.data "nothing")
  end)

  it("lists a service without inflating it", function()
    assert.same({name = "sqs", service_id = "SQS", full_name = "Amazon Simple Queue Service", endpoint_prefix = "sqs",
      signing_name = "sqs", api_version = "2012-11-05", protocol = "json",
      operations = #models.service "sqs":operations()}, models.info "sqs")
    assert.is_nil(models.info "moon")
  end)
end)
