--- A small service of the json protocol, compiled as the build compiles real ones, and a session on it.
local model = require "pack.model"
local models = require "tidelock.models"
local world = require "support.world"

local toy = {}

local SERVICE <const> = {
  metadata = {apiVersion = "2020-01-01", endpointPrefix = "toy", jsonVersion = "1.1", protocol = "json",
    protocols = {"json"}, serviceId = "Toy", signatureVersion = "v4", targetPrefix = "Toy", uid = "toy"},
  operations = {
    PutThing = {name = "PutThing", http = {method = "POST", requestUri = "/"}, input = {shape = "PutIn"},
      output = {shape = "PutOut"}, errors = {{shape = "Busy"}, {shape = "Gone"}}},
    GetThing = {name = "GetThing", http = {method = "POST", requestUri = "/"}, input = {shape = "GetIn"},
      output = {shape = "PutOut"}, errors = {}},
    OpenDoor = {name = "OpenDoor", http = {method = "POST", requestUri = "/"}, authtype = "none"},
  },
  shapes = {
    PutIn = {type = "structure", required = {"Name", "Parts"}, members = {
      Name = {shape = "Name"}, Parts = {shape = "Parts"}, Tags = {shape = "Tags"}, Size = {shape = "Int"},
      Ratio = {shape = "Double"}, On = {shape = "Bool"}, At = {shape = "Time"}, Raw = {shape = "Blob"},
      Choice = {shape = "Choice"}, Token = {shape = "Name", idempotencyToken = true}}},
    PutOut = {type = "structure", members = {Id = {shape = "Name"}, Size = {shape = "Int"}}},
    GetIn = {type = "structure", members = {Name = {shape = "Name"}}},
    Parts = {type = "list", member = {shape = "Part"}, min = 1},
    Part = {type = "structure", required = {"Id"}, members = {Id = {shape = "Name"}, Body = {shape = "Name"},
      Parts = {shape = "Parts"}}},
    Tags = {type = "map", key = {shape = "Name"}, value = {shape = "Name"}},
    Choice = {type = "structure", union = true, members = {Left = {shape = "Name"}, Right = {shape = "Int"}}},
    Name = {type = "string", min = 1}, Int = {type = "integer"}, Double = {type = "double"},
    Bool = {type = "boolean"}, Time = {type = "timestamp"}, Blob = {type = "blob"},
    Busy = {type = "structure", exception = true, retryable = {throttling = false}, members = {}},
    Gone = {type = "structure", exception = true, members = {}},
  },
}

--- The compiled service.
function toy.service() return assert(models.load(model.compile(SERVICE), "toy")) end

-- Endpoint rules of one line: the user's endpoint, or https://toy.REGION.amazonaws.com.
local function rules(properties)
  return {
    load = function(bytes) return bytes end,
    params = function()
      return {Region = {builtin = "AWS::Region"}, Endpoint = {builtin = "SDK::Endpoint"}}
    end,
    resolve = function(_, params)
      if params.Endpoint then return {url = params.Endpoint, properties = {}, headers = {}} end
      if not params.Region then return nil, "Region is missing" end
      return {url = ("https://toy.%s.amazonaws.com"):format(params.Region), properties = properties or {}, headers = {}}
    end,
  }
end

--- A session whose only service is `toy`, over `support.world`'s parts; and the record.
function toy.session(parts)
  parts.env = parts.env or {AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = "s", AWS_REGION = "eu-west-1"}
  local options, record = world.new(parts)
  local service = toy.service()
  options.models = {services = function() return {"toy", "toy-two"} end,
    service = function(name) if name == "toy" then return service end end}
  options.endpoint = rules(parts.properties)
  return require "aws".session(options), record
end

return toy
