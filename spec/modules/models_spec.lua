-- models_spec.lua -- services, operations and shapes as Lua sees them, and bytes that are none.
local model = require "pack.model"
local models = require "tidelock.models"
local facts = require "support.models"
local sweep = require "support.sweep"

local function small()
  return model.compile({
    metadata = {apiVersion = "1", endpointPrefix = "moon", protocol = "rest-json", serviceId = "Moon"},
    shapes = {
      Moon = {type = "structure", required = {"Name"}, payload = "Inner",
              members = {Name = {shape = "Text"}, Inner = {shape = "Moon"}, Tags = {shape = "Tags"}}},
      Text = {type = "string", enum = {"near", "far"}},
      Tags = {type = "map", key = {shape = "Text"}, value = {shape = "Text"}},
      Gone = {type = "structure", exception = true, members = {}},
    },
    operations = {TurnFace = {input = {shape = "Moon"}, output = {shape = "Moon"}, errors = {{shape = "Gone"}},
                              auth = {"aws.auth#sigv4"}}},
  }, {endpoint = "program\0bytes", paginators = {pagination = {TurnFace = {input_token = "t"}}}})
end

describe("tidelock.models", function()
  it("finds a service by its folder's name and by its snake name, and makes it once", function()
    local service = assert(models.service "application-autoscaling")
    assert.equal(service, models.service "application_autoscaling")
    assert.equal("service application-autoscaling", tostring(service))
    assert.equal("application-autoscaling", service.name)
  end)

  it("says which service it does not know", function()
    local service, err = models.service "sqz"
    assert.is_nil(service)
    assert.equal("unknown_service", err.code)
    assert.matches("no AWS service called sqz in the models of botocore %d", err.message)
    assert.is_nil((models.service "sqs\0"))
    assert.is_nil((models.service ""))
  end)

  it("makes an operation once, under both names", function()
    local sqs = models.service "sqs"
    local op = sqs:operation "create_queue"
    assert.equal(op, sqs:operation "CreateQueue")
    assert.equal("sqs.create_queue", tostring(op))
    assert.equal(sqs, op.service)
    assert.is_nil(sqs:operation "create_queues")
    assert.is_nil(op.nonsense)
    assert.is_nil(sqs.nonsense)
    assert.is_nil(op[1])
  end)

  it("keeps an operation's service alive", function()
    local op = models.load(small()):operation "TurnFace"
    collectgarbage()
    collectgarbage()
    assert.equal("Moon", op:input_shape().name)
    assert.equal("loaded.turn_face", tostring(op))
  end)

  it("hands out descriptions that are made once", function()
    local op = models.load(small()):operation "turn_face"
    assert.equal(op:input_shape(), op:output_shape())
    assert.equal(op:input_shape(), op.service:shape "Moon")
    assert.equal(op.errors, op.errors)
    assert.same({"aws.auth#sigv4"}, op.auth)
    assert.is_nil(op.service:shape "Sun")
  end)

  it("hands out the endpoint program, paginators and waiters it was compiled with", function()
    local service = models.load(small(), "moon")
    assert.equal("program\0bytes", service:endpoint())
    assert.same({TurnFace = {input_token = "t"}}, service:paginators())
    assert.same({}, service:waiters())
    assert.same({"rest-json", "1", "Moon"}, {service.protocol, service.api_version, service.metadata.serviceId})
  end)

  it("raises where it is given something else", function()
    local service = models.load(small())
    assert.has_error(function() service.operation(io.stdout, "TurnFace") end)
    assert.has_error(function() service:operation() end)
    assert.has_error(function() service:operation "TurnFace".input_shape(service) end)
    assert.has_error(function() models.service(nil) end)
  end)

  describe("given bytes that are no model", function()
    local bytes = small()

    -- Reads everything that the bytes offer, should they load.
    local function read(text)
      local service, err = models.load(text)
      if not service then
        assert.equal("damaged", err.code)
        return false
      end
      pcall(facts, service)           -- a text of it may no longer be JSON, a name no longer unique
      pcall(service.paginators, service)
      service:endpoint()
      return true
    end

    it("refuses each that is cut short", function()
      for n = 0, #bytes - 9 do assert.is_false(read(bytes:sub(1, n)), n) end
    end)

    it("refuses another version of the format, by name", function()
      local _, err = models.load(string.pack("<I4I4", 0x4d4c4454, 2) .. bytes:sub(9))
      assert.equal("the service model was compiled for another version of tidelock", err.message)
    end)

    it("refuses or survives any word changed in it", function()
      local words <const> = {0, 1, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, #bytes, #bytes - 4}
      local refused, taken = 0, 0
      for at = 1, #bytes - 4, 4 do
        for _, word in ipairs(words) do
          local ok = read(bytes:sub(1, at - 1) .. string.pack("<I4", word) .. bytes:sub(at + 4))
          refused, taken = refused + (ok and 0 or 1), taken + (ok and 1 or 0)
        end
      end
      assert.is_true(refused > 500 and taken > 500, refused .. " refused, " .. taken .. " taken")
    end)
  end)

  it("survives every allocation failing in turn", function()
    local bytes = small()
    local runs = sweep(function()
      local service = assert(models.load(bytes))
      local op = service:operation "turn_face"
      op:input_shape()
      tostring(op)
      service:paginators()
      service:operations()
      service:shapes()
      service:endpoint()
      for _, key in ipairs {"errors", "auth", "idempotency", "context_params"} do assert(op[key] ~= 1) end
      assert(service.metadata)
      models.services()
      models.info "sqs"
      models.data "partitions"
    end)
    assert.is_true(runs > 50)
  end)

  it("survives every allocation failing in turn while it inflates", function()
    local open = package.preload["tidelock.models"]       -- opened anew, so that nothing is kept from before
    local runs = sweep(function() assert(open().service "sqs"):operation "create_queue" end, 400)
    assert.is_true(runs > 10)
  end)
end)
