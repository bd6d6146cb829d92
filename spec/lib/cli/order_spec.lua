--- The order of an answer's names: as the service sent them, in JSON, XML and IAM's documents.
local models = require "tidelock.models"
local order = require "cli.order"
local printer = require "cli.print"

-- The names as they are printed, one after another.
local function printed(service, name, output, ...)
  local value, orders = printer.prepare(models.service(service):operation(name), output)
  order.note(orders, orders.maps, {...})
  local names = {}
  for found in printer.json(value, orders):gmatch '"([^"]+)": ' do names[#names + 1] = found end
  return table.concat(names, " ")
end

describe("the order of an answer", function()
  it("is kept of maps in JSON, escapes, braces in texts and all", function()
    assert.equal("Attributes z a m é", printed("sqs", "get_queue_attributes", {Attributes = {a = "1", z = "{\"a\":",
      m = "2", ["é"] = "4"}}, [[{"Attributes" : {"z":"{\"a\":", "a":"1","m" :"2","\u00e9":"4"}}]]))
  end)

  it("is each map's own, although another has the same names", function()
    local one, two = {b = {S = "1"}, a = {S = "2"}}, {b = {S = "3"}, a = {S = "4"}}
    assert.equal("Items b S a S a S b S", printed("dynamodb", "scan", {Items = {one, two}},
      '{"Items":[{"b":{"S":"1"},"a":{"S":"2"}},{"a":{"S":"4"},"b":{"S":"3"}}],"Count":2}'))
  end)

  it("is kept of maps in XML, with entities in their names", function()
    assert.equal("Attributes z a&b", printed("sns", "get_topic_attributes", {Attributes = {["a&b"] = "1", z = "2"}},
      "<R><Attributes><entry><key>z</key><value>2</value></entry><entry><key>a&amp;b</key><value>1</value></entry>"
      .. "</Attributes></R>"))
  end)

  it("is kept of policies that came in percent signs", function()
    local policy = {Version = "2012-10-17", Statement = {{Sid = "", Effect = "Allow", Action = "sts:AssumeRole"}}}
    local sent = '{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Action":"sts:AssumeRole"}]}'
    local quoted = sent:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
    assert.equal("Role RoleName AssumeRolePolicyDocument Version Statement Sid Effect Action",
      printed("iam", "get_role", {Role = {RoleName = "r", AssumeRolePolicyDocument = policy}},
        "<Role><AssumeRolePolicyDocument>" .. quoted .. "</AssumeRolePolicyDocument></Role>"))
  end)

  it("is that of the alphabet where the texts do not tell, and texts cut short do no harm", function()
    local output = {Attributes = {b = "1", a = "2"}}
    for _, body in ipairs {"", "\0\255", '{"Attributes":{"b":"1","', "<R><Attributes><entry><key>b", '{"x":"',
      "%7B%22b"} do
      assert.equal("Attributes a b", printed("sqs", "get_queue_attributes", output, body))
    end
  end)

  it("holds for what a query takes of it", function()
    local value, orders = printer.prepare(models.service("sqs"):operation "get_queue_attributes",
      {Attributes = {b = "1", a = "2", c = "3"}})
    order.note(orders, orders.maps, {'{"Attributes":{"c":"3","a":"2","b":"1"}}'})
    local known = require "aws.jmespath.values".orders
    known[value.Attributes] = orders[value.Attributes]
    assert.same({"c", "a", "b"}, require "aws.jmespath".search("keys(Attributes)", value))
    assert.same({"3", "2", "1"}, require "aws.jmespath".search("Attributes.*", value))
  end)
end)
