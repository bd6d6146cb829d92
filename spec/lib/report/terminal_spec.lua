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

  it("obeys nothing that a name, a tag, a step or the account holds", function()
    local world = things.world()
    local evil = "\27]0;owned\7\n\r\27[2J\u{9B}31m"
    world.store.b = {name = "b", Kind = evil, Tags = {ManagedBy = "tidelock", [evil] = evil}, arn = "arn:b", Size = 1}
    local text = plan(world, ([[
      local evil = "\27]0;owned\7\n\r\27[2J\u{9B}31m"
      ensure.test.thing {name = evil, tags = {[evil] = evil}}
      ensure.test.thing {name = "b", Kind = "x"}
      step("go " .. evil) {run = print}]]))
    assert.is_nil(text:find "[%z\1-\9\11-\31\127]", text)
    assert.is_nil(text:find("\u{9B}", 1, true), text)
    assert.is_truthy(text:find("test.thing/\\e]0;owned\\x07\\n\\r\\e[2J\\u{9B}31m  create", 1, true), text)
  end)

  it("obeys nothing that an error or a print holds", function()
    local evil = "\27[2J"
    local node = {address = "test.thing/" .. evil}
    for _, event in ipairs {{kind = "say", text = evil}, {kind = "note", line = evil},
      {kind = "resource.done", node = node, action = "create", seconds = 1},
      {kind = "resource.skip", node = node, action = "create", why = evil},
      {kind = "resource.fail", node = node, action = "create", error = {message = evil}}} do
      local said = terminal.event(event, paint.new(false))
      assert.is_nil(said:find("\27", 1, true), event.kind)
      assert.is_truthy(said:find("\\e[2J", 1, true), event.kind)
    end
    local _, _, err = require "support.program".run("plan", "/nowhere/" .. evil .. ".lua")
    assert.is_truthy(err:find("/nowhere/\\e[2J.lua", 1, true), err)
    assert.is_nil(err:find("\27", 1, true))
  end)

  it("shows what is put out as it would be written, and what is long with a line a member", function()
    local engine = things.plan(things.world(), [[
      local long = ("x"):rep(60)
      output {count = 3, few = {bytes = 12, ["a-b"] = {1, "2"}}, many = {one = long, two = {long}}}]])
    local text = "\n" .. table.concat(terminal.summary(engine, paint.new(false)), "\n")
    assert.is_truthy(text:find('\n  few = {["a-b"] = {1, "2"}, bytes = 12}\n', 1, true), text)
    assert.is_truthy(text:find(('\n  many:\n    one = "%s"\n    two = {"%s"}'):format(("x"):rep(60), ("x"):rep(60)),
      1, true), text)
  end)

  it("is one line a resource with --quiet, where that is new", function()
    local text = plan(things.world(), 'ensure.test.thing {name = "a", Size = 3}', {quiet = true})
    assert.is_truthy(text:find("test.thing/a", 1, true))
    assert.is_nil(text:find("Size", 1, true))
  end)
end)
