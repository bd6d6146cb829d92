-- --prune: what is found by its tags, in an order that comes to an end; what is declared is never among it.
local catalog = require "resources.catalog"
local edges = require "playbook.edges"
local prune = require "playbook.prune"
local resource = require "resources"

catalog.pair = {"half"}
package.loaded["resources.pair.half"] = resource {
  type = "pair.half", about = "A half of the specs: it names the ARNs of others", properties = {name = "string"},
  arns = "^arn:pair:(%w+)$",
  read = function(aws, want)
    return {name = want.name, arn = "arn:pair:" .. want.name, names = aws.names[want.name]}
  end,
  delete = function() end,
}

-- An engine that declares `own` (names), in an account where these halves name each other.
local function engine(names, own)
  local nothing = setmetatable({}, {__index = function() return function() return function() end end end})
  local aws = setmetatable({names = names}, {__index = function() return nothing end})
  local arns = {}
  for name in pairs(names) do arns[#arns + 1] = {ResourceARN = "arn:pair:" .. name} end
  table.sort(arns, function(a, b) return a.ResourceARN < b.ResourceARN end)
  aws.resourcegroupstaggingapi = {items = function()
    local i = 0
    return function()
      i = i + 1
      return arns[i]
    end
  end}
  local nodes = {}
  for i, name in ipairs(own or {}) do
    nodes[i] = {type = resource.find "pair.half", address = "pair.half/other-key-" .. name, owner = "p", want = {},
      live = {arn = "arn:pair:" .. name}, deps = {}}
  end
  return {program = {header = {name = "p"}}, nodes = nodes, by_address = {}, emit = function() end,
    recorder = {client = function() return aws end}}
end

local function found(...)
  local out = {}
  for i, node in ipairs(prune.find(engine(...))) do out[i] = node.name end
  return table.concat(out, " ")
end

describe("prune", function()
  it("finds what the playbook owns and does not declare, by whatever key it is declared", function()
    assert.equal("a b", found {a = {}, b = {}})
    assert.equal("b", found({a = {}, b = {}}, {"a"}))
  end)
  it("deletes first what names another, and ends where two name each other", function()
    local nodes = prune.find(engine {a = {"arn:pair:b"}, b = {}, c = {"arn:pair:d"}, d = {"arn:pair:c"},
      e = {"arn:pair:e"}})
    local by = {}
    for _, node in ipairs(nodes) do by[node.name] = node end
    assert.is_true(by.a.deps[by.b])
    assert.is_nil(by.b.deps[by.a])
    assert.is_true((by.c.deps[by.d] or false) ~= (by.d.deps[by.c] or false))
    assert.is_nil(next(by.e.deps))
    assert.equal(5, #assert(edges.order(nodes)))
  end)
end)
