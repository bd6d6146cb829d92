-- Compiled service models: damaged ones are refused, or their answers are odd; none may do harm.
local codec = require "tidelock.codec"
local compile = require "pack.model".compile
local models = require "tidelock.models"

local INPUT <const> = {
  {}, {Name = "x", List = {1, 2}, Map = {a = "b"}, Moon = {Name = "y"}, Bytes = "\0", Time = 1.5, Flag = true,
    Double = 0.5},
}
local BODIES <const> = {
  "", '{"Name":"x","List":[1],"Map":{"a":"b"},"Moon":{"Time":1}}', "\xa1\x64Name\x61x",
  "<R><Name>x</Name><List><member>1</member></List><Map><entry><key>a</key><value>b</value></entry></Map></R>",
}

local function use(op)
  for _, key in ipairs {"name", "snake", "input", "output", "method", "uri", "auth", "errors", "idempotency",
    "context_params", "static_params", "host_prefix", "checksum"} do assert(op[key] ~= codec) end
  for _, input in ipairs(INPUT) do codec.encode(op, input) end
  for _, body in ipairs(BODIES) do
    codec.decode(op, {status = 200, headers = {["x-amz-a"] = "1"}, body = body})
    codec.decode(op, {status = 400, headers = {}, body = body})
  end
end

-- JSON inside of a model that is not JSON may raise: so does a service that was built wrong.
local function target(bytes)
  local service, err = models.load(bytes)
  if not service then
    assert(type(err) == "table" and type(err.message) == "string", "a refusal without a sentence")
    return
  end
  for i, name in ipairs(service:operations()) do
    local op = i <= 8 and service:operation(name)
    if op then pcall(use, op) end
  end
  for i, name in ipairs(service:shapes()) do if i <= 32 then pcall(service.shape, service, name) end end
  pcall(function() service:waiters() service:paginators() service:endpoint() return service.metadata end)
end

local function small(protocol)
  local rest = protocol:find "rest"
  return compile({
    metadata = {apiVersion = "1", endpointPrefix = "moon", protocol = protocol, serviceId = "Moon",
      targetPrefix = "M", jsonVersion = "1.1", xmlNamespace = "urn:moon"},
    shapes = {
      Moon = {type = "structure", required = {"Name"}, members = {
        Name = {shape = "Text", location = rest and "uri" or nil, locationName = "Name"},
        List = {shape = "List", flattened = true}, Map = {shape = "Map"}, Moon = {shape = "Moon"},
        Bytes = {shape = "Bytes"}, Time = {shape = "Time", timestampFormat = "rfc822"}, Flag = {shape = "Flag"},
        Double = {shape = "Double", location = rest and "header" or nil, locationName = "x-amz-a"}}},
      Text = {type = "string", enum = {"x", "y"}}, Bytes = {type = "blob"}, Time = {type = "timestamp"},
      Flag = {type = "boolean"}, Double = {type = "double"}, Long = {type = "long", min = 1},
      List = {type = "list", member = {shape = "Long"}},
      Map = {type = "map", key = {shape = "Text"}, value = {shape = "Text"}},
      Gone = {type = "structure", exception = true, error = {code = "Gone", httpStatusCode = 404}, members = {}},
    },
    operations = {Turn = {name = "Turn", http = {method = "POST", requestUri = rest and "/{Name}?x" or "/"},
      input = {shape = "Moon", locationName = "Turn"}, output = {shape = "Moon", resultWrapper = "R"},
      errors = {{shape = "Gone"}}}},
  }, {endpoint = "program", paginators = {pagination = {Turn = {input_token = "t"}}}})
end

local function seeds()
  local list = {}
  for i, protocol in ipairs {"json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"} do
    list[i] = small(protocol)
  end
  return list
end

return target, seeds
