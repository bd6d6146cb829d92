local json = require "tidelock.json"
local models = require "tidelock.models"
local printer = require "cli.print"

local function prepared(service, name, output)
  return printer.prepare(models.service(service):operation(name), output)
end

describe("JSON", function()
  it("is printed with four spaces, in the model's order, as the aws CLI does", function()
    local value, orders = prepared("sts", "get_caller_identity", {Arn = "a", UserId = "u", Account = "1"})
    assert.equal('{\n    "UserId": "u",\n    "Account": "1",\n    "Arn": "a"\n}', printer.json(value, orders))
  end)
  it("has timestamps as ISO 8601, blobs as base64, empty lists and maps as such", function()
    local value, orders = prepared("dynamodb", "describe_table", {Table = {CreationDateTime = 1600000000.25,
      AttributeDefinitions = {}, ItemCount = 0}})
    assert.equal('{\n    "Table": {\n        "AttributeDefinitions": [],\n        "CreationDateTime": '
      .. '"2020-09-13T12:26:40.250000+00:00",\n        "ItemCount": 0\n    }\n}', printer.json(value, orders))
    value, orders = prepared("kinesis", "get_records", {Records = {{Data = "\0\1"}}})
    assert.matches('"Data": "AAE="', printer.json(value, orders), 1, true)
  end)
  it("keeps integers exact and writes floats as Python does", function()
    assert.equal("9007199254740993", printer.json(9007199254740993, {}))
    assert.equal("80.0", printer.json(80.0, {}))
    assert.equal("0.1", printer.json(0.1, {}))
  end)
  it("tells false from null in a list, as `--query 'Users[].[UserName,Enabled]'` has it", function()
    assert.equal('[\n    false,\n    null,\n    [\n        "a",\n        false\n    ]\n]',
      printer.json(json.array {false, json.null, json.array {"a", false}}, {}))
    assert.equal("False\tNone\na\tFalse", printer.text(json.array {false, json.null, json.array {"a", false}}, {}))
  end)
  it("of a query's result that is null says null", function()
    assert.equal("null", printer.json(json.null, {}))
  end)
end)

describe("text", function()
  it("is a row a map, lists under their name, sorted by key", function()
    local value, orders = prepared("sqs", "list_queues", {QueueUrls = {"u1", "u2"}})
    assert.equal("QUEUEURLS\tu1\nQUEUEURLS\tu2", printer.text(value, orders))
    value, orders = prepared("sts", "get_caller_identity", {Arn = "a", UserId = "u", Account = "1"})
    assert.equal("1\ta\tu", printer.text(value, orders))
  end)
  it("of a list of texts is one line", function()
    assert.equal("a\tb", printer.text({"a", "b"}, {}))
  end)
  it("says None, True and False", function()
    assert.equal("None\tTrue\tFalse", printer.text({json.null, true, false}, {}))
  end)
end)

describe("a table", function()
  -- As aws-cli 1.44 drew each of them.
  local function drawn(service, name, output, columns)
    local value, orders = prepared(service, name, output)
    return "\n" .. printer.table(value, orders, models.service(service):operation(name).name, columns)
  end

  it("has a section a structure or list, nested and indented, and a column a scalar member", function()
    assert.equal([[

----------------------------------
|          DescribeTable         |
+--------------------------------+
||             Table            ||
|+------------------------------+|
|||          KeySchema         |||
||+----------------+-----------+||
|||  AttributeName |  KeyType  |||
||+----------------+-----------+||
|||  pk            |  HASH     |||
|||  sk            |  RANGE    |||
||+----------------+-----------+||]], drawn("dynamodb", "describe_table", {Table = {KeySchema = {
      {AttributeName = "pk", KeyType = "HASH"}, {AttributeName = "sk", KeyType = "RANGE"}}}}))
  end)

  it("stands on its side where it is wider than the terminal", function()
    local id = {Account = "1", Arn = ("a"):rep(60), UserId = "u"}
    assert.equal([[

-----------------------------------------------------------------------------
|                             GetCallerIdentity                             |
+---------+-----------------------------------------------------------------+
|  Account|  1                                                              |
|  Arn    |  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa   |
|  UserId |  u                                                              |
+---------+-----------------------------------------------------------------+]],
      drawn("sts", "get_caller_identity", id))
    assert.matches("| Account |", drawn("sts", "get_caller_identity", id, 200), 1, true)
  end)

  it("of nothing is nothing", function()
    local value, orders = prepared("sqs", "list_queues", {})
    assert.is_nil(printer.table(value, orders, "ListQueues"))
    assert.is_nil(printer.table(json.null, {}, "ListQueues"))
  end)
end)
