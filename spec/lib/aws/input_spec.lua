local input = require "aws.input"
local toy = require "support.toy"
local world = require "support.world"

local op = toy.service():operation "PutThing"

local function faults(given)
  local lines = {}
  for i, f in ipairs(input.faults(op, given)) do lines[i] = f.path .. " " .. f.message end
  return lines
end

describe("aws.input", function()
  it("finds nothing in a right input", function()
    assert.same({}, faults {Name = "n", Parts = {{Id = "a", Parts = {{Id = "b"}}}}, Tags = {k = "v"}, Size = 3,
      Ratio = 0.5, On = false, At = 1.5, Raw = "\0\255", Choice = {Left = "l"}})
    assert.same({}, faults {Name = "n", Parts = {{Id = "a"}}, Size = 3.0, Ratio = "NaN", At = "2020-01-01T00:00:00Z"})
  end)

  it("accepts a secret where text is due", function()
    assert.same({}, faults {Name = require "tidelock.secret".new "x", Parts = {{Id = "a"}}})
  end)

  it("reports every fault at once, each with its path", function()
    assert.same({
      "Choice must have exactly one of Left, Right",
      "Name must be text, not a whole number",
      "On must be true or false, not a string",
      "Parts[1].Body must be text, not a table",
      "Parts[2].Id is required",
      'Parts[2].Ident is not known here; did you mean "Id"?',
      "Raw must be bytes (a string), not a boolean",
      "Size must be a whole number, not a number with a fraction",
      "Tags.k must be text, not a whole number",
      'Nmae is not known here; did you mean "Name"?',
    }, faults {Name = 5, Nmae = "n", On = "yes", Parts = {{Id = "a", Body = {}}, {Ident = "x"}}, Raw = true,
      Size = 1.5, Tags = {k = 1}, Choice = {Left = "l", Right = 1}})
  end)

  it("tells lists, maps and structures apart", function()
    assert.same({"Name is required", "Parts must be a list {a, b, ...}, but has the key Id"},
      faults {Parts = {Id = "a"}})
    assert.same({"Parts[1] must be a table of members, not a string", "Tags must have text as keys, but has 1"},
      faults {Name = "n", Parts = {"a"}, Tags = {"x"}})
    assert.same({"Parts is too small: it has 0 items, and the least is 1", }, faults {Name = "n", Parts = {}})
    assert.same({"input must be a table, not a string"}, faults "QueueName=x")
  end)

  it("checks times and numbers by what AWS would take", function()
    assert.same({'At is not a time; write seconds since 1970, or "2026-01-02T03:04:05Z"',
      "Ratio must be a number, not a string"}, faults {Name = "n", Parts = {{Id = "a"}}, At = "yesterday",
        Ratio = "half"})
  end)

  it("stops at a depth instead of running away", function()
    local given = {Name = "n", Parts = {{Id = "a"}}}
    given.Parts[1].Parts = given.Parts
    assert.matches("is nested too deep", table.concat(faults(given), "\n"))
  end)

  it("raises one sentence with exit code 64 and never a value", function()
    local err = world.raised(input.refuse, "toy", op, {Name = {"hush"}, Parts = {{}}}, {path = "Name", message = "x"})
    assert.equal("toy.put_thing: 2 faults in the input: Name must be text, not a list; "
      .. "Parts[1].Id is required. Nothing was sent.", tostring(err))
    assert.equal(64, err.exit)
    assert.equal(2, #err.faults)
  end)

  it("passes on what the codec alone can see", function()
    local err = world.raised(input.refuse, "toy", op, {Name = "n", Parts = {{Id = "a"}}},
      {path = "Size", message = "does not fit into 32 bits"})
    assert.equal("toy.put_thing: Size does not fit into 32 bits. Nothing was sent.", tostring(err))
  end)
end)
