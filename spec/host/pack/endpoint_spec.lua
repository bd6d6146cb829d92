-- endpoint_spec.lua -- what the compiler makes of endpoint rules, and that it takes all there are.
local compile = require "pack.endpoint".compile
local endpoint = require "tidelock.endpoint"
local json = require "tidelock.json"

local DATA <const> = "build/vendor/botocore/data/"
local REGIONS <const> = {"us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "aws-global",
  "mx-new-7", "nowhere"}

-- What calls carry that rules insist on without saying so.
local SAMPLES <const> = {KvsARN = "arn:aws:cloudfront::123456789012:key-value-store/a-b-c", AccountId = "123456789012"}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function rule_sets()
  local paths, out <close> = {}, assert(io.popen("ls " .. DATA .. "*/*/endpoint-rule-set-1.json"))
  for path in out:lines() do paths[#paths + 1] = path end
  return paths
end

-- What operations say for themselves, where the rules insist on more than the client knows: acm's service type.
local function constants_of(program, path)
  local insists = false
  for _, param in pairs(endpoint.params(program)) do
    insists = insists or (param.required and param.default == nil and not param.builtin)
  end
  if not insists then return {{}} end
  local list = {}
  for _, op in pairs(json.decode(read((path:gsub("endpoint%-rule%-set%-1", "service-2")))).operations) do
    local constants = {}
    for name, param in pairs(op.staticContextParams or {}) do constants[name] = param.value end
    list[#list + 1] = constants
  end
  return list
end

local function variants(constants)
  local list = {}
  for _, region in ipairs(REGIONS) do
    for flags = 0, 3 do
      local params = {Region = region, UseFIPS = flags & 1 > 0, UseDualStack = flags & 2 > 0}
      for name, value in pairs(SAMPLES) do params[name] = value end
      for name, value in pairs(constants) do params[name] = value end
      list[#list + 1] = params
    end
  end
  return list
end

local function fails(pattern, set)
  local ok, message = pcall(compile, set)
  assert.is_false(ok)
  assert.matches(pattern, message)
end

local function rule(conditions) return {rules = {{conditions = conditions, error = "x", type = "error"}}} end

describe("pack.endpoint.compile", function()
  setup(function() endpoint.partitions(read(DATA .. "partitions.json")) end)

  it("compiles every rule set of the data to a program that answers for each kind of region", function()
    local paths = rule_sets()
    assert.is_true(#paths >= 429)
    for _, path in ipairs(paths) do
      local program = assert(endpoint.load(compile(json.decode(read(path)))), path)
      local urls = 0
      for _, constants in ipairs(constants_of(program, path)) do
        for _, params in ipairs(variants(constants)) do
          local resolved, message = endpoint.resolve(program, params)
          assert.is_string(resolved and resolved.url or message, path)
          if resolved then
            urls = urls + 1
            assert.matches("^https://[%w.-]+", resolved.url, path)
          end
        end
      end
      assert.is_true(urls > 0, path .. " gives no URL")
    end
  end)

  it("gives the same bytes each time", function()
    local text = read(DATA .. "s3/2006-03-01/endpoint-rule-set-1.json")
    assert.equal(compile(json.decode(text)), compile(json.decode(text)))
  end)

  it("keeps a name to the branch that assigned it", function()
    local program = assert(endpoint.load(compile {parameters = {A = {type = "string"}}, rules = {
      {conditions = {{fn = "substring", argv = {{ref = "A"}, 0, 1, false}, assign = "B"},
        {fn = "stringEquals", argv = {{ref = "B"}, "x"}}}, error = "first", type = "error"},
      {conditions = {{fn = "isSet", argv = {{ref = "B"}}}}, error = "leaked", type = "error"},
      {conditions = {}, error = "second", type = "error"},
    }}))
    assert.same({nil, "second"}, {endpoint.resolve(program, {A = "yz"})})
    assert.same({nil, "first"}, {endpoint.resolve(program, {A = "xz"})})
  end)

  it("goes on with the next rule where none in a tree fits", function()
    local program = assert(endpoint.load(compile {parameters = {A = {type = "boolean"}}, rules = {
      {conditions = {}, type = "tree", rules = {
        {conditions = {{fn = "booleanEquals", argv = {{ref = "A"}, true}}}, error = "inner", type = "error"}}},
      {conditions = {}, error = "outer", type = "error"},
    }}))
    assert.same({nil, "inner"}, {endpoint.resolve(program, {A = true})})
    assert.same({nil, "outer"}, {endpoint.resolve(program, {A = false})})
  end)

  it("says what it cannot compile", function()
    fails("no endpoint rule set", {})
    fails('function "aws%.odd"', rule {{fn = "aws.odd", argv = {}}})
    fails('path "moon"', {parameters = {A = {type = "string"}},
      rules = {{conditions = {{fn = "getAttr", argv = {{ref = "A"}, "moon"}}}, error = "x", type = "error"}}})
    fails('template "{a" is not closed', rule {{fn = "isSet", argv = {"{a"}}})
    fails("a rule holds a float", rule {{fn = "isSet", argv = {1.5}}})
    fails('type "odd"', {rules = {{conditions = {}, type = "odd"}}})
    fails('parameter A is of type "blob"', {parameters = {A = {type = "blob"}}, rules = {}})
    local many = {}
    for i = 1, 130 do many[i] = {fn = "isSet", argv = {"x"}, assign = "R" .. i} end
    fails("more than 128 registers", rule(many))
  end)
end)
