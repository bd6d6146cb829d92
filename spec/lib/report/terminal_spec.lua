local paint = require "report.paint"
local terminal = require "report.terminal"
local things = require "support.things"

local function doc(n)
  local items = {}
  for i = 1, n do items[i] = ("v%d = %d"):format(i, i) end
  return ('ensure.test.shelf {name = "s", Lock = {%s}}'):format(table.concat(items, ", "):gsub("= (%d+)", '= "%1"'))
end

local function plan(world, text, options)
  return table.concat(terminal.plan(things.plan(world, text), paint.new(false), options or {}), "\n")
end

describe("a plan on the terminal", function()
  it("shows each value of what is new, and only counts a document that is new", function()
    local few, many = plan(things.world(), doc(24)), plan(things.world(), doc(25))
    assert.is_truthy(few:find 'Lock%.v24%s+"24"')
    assert.is_truthy(many:find "Lock%s+%(25 values; %-%-output json has them%)")
    assert.is_nil(many:find("Lock.v", 1, true))
  end)

  it("shows each value that changes, however many there are", function()
    local world = things.world()
    world.store.s = {name = "s", arn = "arn:s", Lock = {}, Tags = {ManagedBy = "tidelock"}}
    for i = 1, 30 do world.store.s.Lock["v" .. i] = "0" end
    local text = plan(world, doc(30))
    for i = 1, 30 do assert.is_truthy(text:find(('"0" -> "%d"'):format(i), 1, true), text) end
  end)

  it("is one line a resource with --quiet, where that is new", function()
    local text = plan(things.world(), 'ensure.test.thing {name = "a", Size = 3}', {quiet = true})
    assert.is_truthy(text:find("test.thing/a", 1, true))
    assert.is_nil(text:find("Size", 1, true))
  end)
end)
