-- value_spec.lua -- values as a person reads them.
local json = require "tidelock.json"
local models = require "tidelock.models"
local value = require "repl.value"

describe("a value as text", function()
  it("is Lua with sorted keys, on one line where that fits", function()
    assert.equal('{1, 2, a = {b = true}, ["odd key"] = 1.0, z = "x"}',
      value.text {1, 2, z = "x", ["odd key"] = 1.0, a = {b = true}})
    assert.equal("{}", value.text {})
    assert.equal("{Items = {}, n = {1}}", value.text {Items = json.array {}, n = json.array {1}})
  end)

  it("is set over lines where it is long", function()
    assert.equal('{\n  Name = "' .. ("n"):rep(30) .. '",\n  Other = "' .. ("o"):rep(30) .. '",\n}',
      value.text({Other = ("o"):rep(30), Name = ("n"):rep(30)}, {width = 60}))
  end)

  it("shows text as text, bytes as bytes, and cuts what is long", function()
    assert.equal('"ü\\n\\"\\x00"', value.text "ü\n\"\0")
    assert.equal('"\\xff\\xfe"', value.text "\255\254")
    local text = value.text(("x"):rep(1000))
    assert.matches('^"x+" %.%. %(600 bytes more%)\n%-%- there is more: show%(_%) prints all of it$', text)
    assert.equal(1002, #value.text(("x"):rep(1000), {full = true}))
  end)

  it("stops after so many lines, and says how to see all", function()
    local list = {}
    for i = 1, 100000 do list[i] = {Name = ("n"):rep(70) .. i} end
    local text = value.text(list)
    assert.equal(41, select(2, text:gsub("\n", "\n")) + 1)
    assert.matches("show%(_%) prints all of it$", text)
  end)

  it("bears a table inside itself, and one without an end", function()
    local t = {}
    t.t = t
    assert.matches("<the table around it>", value.text(t))
    local deep = {}
    for _ = 1, 1000 do deep = {x = deep} end
    assert.matches("<too deep>", value.text(deep, {full = true}))
  end)

  it("puts ISO 8601 beside the times of an answer, and only those", function()
    local op = models.service("dynamodb"):operation "describe_table"
    local output = value.note(op.service, op.output,
      {Table = {CreationDateTime = 1769817600.5, ItemCount = 1769817600}})
    assert.equal("{\n  Table = {\n    CreationDateTime = 1769817600.5,  -- 2026-01-31T00:00:00.500Z\n"
      .. "    ItemCount = 1769817600,\n  },\n}", value.text(output))
  end)
end)
