-- query_spec.lua -- forms of query and ec2: how keys spell nested values, and how bytes are encoded.
local codec = require "tidelock.codec"
local model = require "pack.model"
local models = require "tidelock.models"

local SHAPES <const> = {
  In = {type = "structure", members = {
    Text = {shape = "Text"}, Plain = {shape = "List"}, Flat = {shape = "FlatList"}, Named = {shape = "NamedFlat"},
    Map = {shape = "Map"}, FlatMap = {shape = "FlatMap"}, Deep = {shape = "Deep", locationName = "deepThing"},
    Own = {shape = "Text", locationName = "own", queryName = "QueryOwn"}}},
  Deep = {type = "structure", members = {Items = {shape = "Items"}}},
  Items = {type = "list", member = {shape = "Deep", locationName = "item"}},
  Text = {type = "string"}, List = {type = "list", member = {shape = "Text"}},
  FlatList = {type = "list", flattened = true, member = {shape = "Text"}},
  NamedFlat = {type = "list", flattened = true, member = {shape = "Text", locationName = "Each"}},
  Map = {type = "map", key = {shape = "Text"}, value = {shape = "Text"}},
  FlatMap = {type = "map", flattened = true, key = {shape = "Text", locationName = "K"},
    value = {shape = "Text", locationName = "V"}},
}

local function form(protocol, input)
  local service = assert(models.load(model.compile {shapes = SHAPES,
    metadata = {apiVersion = "2020-01-01", protocol = protocol, serviceId = "X"},
    operations = {Go = {name = "Go", http = {method = "POST", requestUri = "/"}, input = {shape = "In"}}}}))
  local request = assert(codec.encode(service:operation "Go", input))
  assert.equal("POST", request.method)
  assert.equal("/", request.path)
  assert.matches("^application/x%-www%-form%-urlencoded", request.headers["Content-Type"])
  return (request.body:gsub("^Action=Go&Version=2020%-01%-01&?", ""))
end

describe("a form of query", function()
  it("encodes every byte that is not unreserved", function()
    assert.equal("Text=a%20b%26c%3Dd%2B%2F~%25%C3%A9%0A%00_.-", form("query", {Text = "a b&c=d+/~%é\n\0_.-"}))
  end)

  it("numbers items from 1 under member, under the flattened name, or under the items' own", function()
    assert.equal("Plain.member.1=a&Plain.member.2=b", form("query", {Plain = {"a", "b"}}))
    assert.equal("Flat.1=a&Flat.2=b", form("query", {Flat = {"a", "b"}}))
    assert.equal("Each.1=a", form("query", {Named = {"a"}}))
    assert.equal("Plain=", form("query", {Plain = {}}))
  end)

  it("numbers the pairs of maps", function()
    assert.equal("Map.entry.1.key=a&Map.entry.1.value=b", form("query", {Map = {a = "b"}}))
    assert.equal("FlatMap.1.K=a&FlatMap.1.V=b", form("query", {FlatMap = {a = "b"}}))
  end)

  it("spells the way to deep values, and cuts it right for the next one", function()
    assert.equal("deepThing.Items.item.1.Items.item.1.Items=&deepThing.Items.item.2.Items=",
      form("query", {Deep = {Items = {{Items = {{Items = {}}}}, {Items = {}}}}}))
  end)
end)

describe("a form of ec2", function()
  it("capitalizes names of the wire, takes query names, and has no member between", function()
    assert.equal("QueryOwn=x", form("ec2", {Own = "x"}))
    assert.equal("Plain.1=a&Plain.2=b", form("ec2", {Plain = {"a", "b"}}))
    SHAPES.Deep.members.Text = {shape = "Text"}
    assert.equal("DeepThing.Items.1.Items.1.Text=a&DeepThing.Items.2.Text=b",
      form("ec2", {Deep = {Items = {{Items = {{Text = "a"}}}, {Text = "b"}}}}))
  end)

  it("leaves empty lists out", function()
    assert.equal("", form("ec2", {Plain = {}}))
  end)
end)
