-- found_spec.lua -- what the fuzzers found, once each, so that it stays away. Most of it shows under ASan and UBSan.
local codec = require "tidelock.codec"
local compile = require "pack.model".compile
local eventstream = require "tidelock.eventstream"
local models = require "tidelock.models"

local function operation(protocol)
  return assert(models.load(compile {
    metadata = {apiVersion = "1", protocol = protocol, serviceId = "Moon", targetPrefix = "Moon", jsonVersion = "1.0"},
    shapes = {
      Moon = {type = "structure", members = {Time = {shape = "Time"}, List = {shape = "List"}}},
      List = {type = "list", member = {shape = "Long"}}, Time = {type = "timestamp"}, Long = {type = "long"},
    },
    operations = {Turn = {name = "Turn", http = {method = "POST", requestUri = "/"}, output = {shape = "Moon"}}},
  })):operation "Turn"
end

local function decode(protocol, body)
  return codec.decode(operation(protocol), {status = 200, headers = {}, body = body})
end

describe("what the fuzzers found:", function()
  it("a time beyond all integers", function()
    local time = decode("json", '{"Time":' .. ("8"):rep(77) .. "}").Time
    assert.equal("float", math.type(time))
    assert.is_true(time > 8e76)
  end)

  it("a whole number with a NUL and more behind it", function()
    assert.same({1, "2\0x", 3}, decode("smithy-rpc-v2-cbor", "\xa1\x64List\x83\1\x632\0x\3").List)
    assert.same({1, "2\0x", 3}, decode("json", [[{"List":[1,"2\u0000x",3]}]]).List)
  end)

  it("an empty payload of a message without headers", function()
    assert.same({{headers = {}, payload = ""}}, eventstream.decoder():feed(eventstream.encode {payload = ""}))
    assert.same({}, eventstream.decoder():feed "")
  end)
end)
