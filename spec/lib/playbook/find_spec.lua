-- find: looks in a plan too, never writes, is journalled once, and is not asked where the playbook is wrong.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

local FOUND <const> = [[
playbook {name = "spec/find"}
local names = find "things" {run = function() return aws.test:list_things {}.names end}
for _, name in ipairs(names) do ensure.test.thing {name = name, Size = 2} end
step "count" {run = function() return aws.test:do_count {name = #names} end}
for _, name in ipairs(names) do ensure.test.thing {name = name .. "-late"} end
]]

local world, dir, kept

before_each(function()
  world = things.world()
  dir = fs.tempdir "find_spec"
  kept = store.open(dir)
  world.listed = {"a", "b"}
  world.answer["test.list_things"] = function() return {names = {table.unpack(world.listed)}} end
  world.answer["test.do_count"] = function(input) return input.name end
end)
after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

local function calls(name)
  local n = 0
  for _, call in ipairs(world.calls) do
    if call:find("^" .. name) then n = n + 1 end
  end
  return n
end

local function options() return {store = kept, clock = os.time, sleep = function() end} end

describe("find", function()
  it("gives what there is to a plan, which shows what would become of it", function()
    local actions = things.actions(things.plan(world, FOUND))
    assert.same({["test.thing/a"] = "create", ["test.thing/b"] = "create", ["test.thing/a-late"] = "create",
      ["test.thing/b-late"] = "create"}, actions)
    assert.equal(0, calls "create")
  end)
  it("keeps what it found for the whole of a run, however often that is resumed", function()
    local path = things.file(FOUND)
    world.fail["do_count 2"] = "Broken"
    local loaded = playbook.load(path, {})
    local out = run.execute(playbook.plan(loaded, things.context(world)), options())
    assert.equal("failed", out.result)
    world.fail, world.listed = {}, {"a", "b", "c"}
    out = run.resume(out.run, options(), function() return things.context(world) end)
    assert.equal("done", out.result, out.message)
    assert.is_nil(world.store.c)
    assert.is_table(world.store["b-late"])
    os.remove(path)
  end)
  it("waits for what is declared above it: in a run it sees what that has made", function()
    world.listed = {}
    local list = world.answer["test.list_things"]
    world.answer["test.list_things"] = function()
      return world.store.first and {names = {"first"}} or list()
    end
    local path = things.file [[
      playbook {name = "spec/after"}
      ensure.test.thing {name = "first"}
      for _, name in ipairs(find "things" {run = function() return aws.test:list_things {}.names end}) do
        ensure.test.thing {name = name .. "-watched"}
      end]]
    local out = run.execute(playbook.plan(playbook.load(path, {}), things.context(world)), options())
    assert.equal("done", out.result, out.message)
    assert.is_table(world.store["first-watched"])
    local again = playbook.plan(playbook.load(path, {}), things.context(world))
    assert.same({["test.thing/first"] = "none", ["test.thing/first-watched"] = "none"}, things.actions(again))
    os.remove(path)
  end)
  it("refuses to write, through every way to a call", function()
    for _, call in ipairs {"aws.test:create_thing {name = 'x'}", "aws.test:call('create_thing', {name = 'x'})",
      "aws.test:call('CreateThing', {name = 'x'})", "for _ in aws.test:items('create_thing', {}) do end"} do
      local ok, err = pcall(things.plan, world, ('find "x" {run = function() %s end}'):format(call))
      assert.is_false(ok)
      assert.matches("would change something, and find only looks", tostring(err))
    end
    assert.equal(0, calls "create")
  end)
  it("hands no secret and no function on", function()
    local ok, err = pcall(things.plan, world, 'find "x" {run = function() return {f = print} end}')
    assert.is_false(ok)
    assert.matches("what find x returns.f is a function, which the journal cannot keep", tostring(err))
  end)
  for text, sentence in pairs {
    ['find "x" {}'] = 'find "x" needs run',
    ['find {}  {run = function() end}'] = "find takes a name and a function",
    ['find "x" {run = function() end} find "x" {run = function() end}'] = 'find "x" is there twice',
    ['ensure.test.thing {name = "a", Sise = 1} find "x" {run = function() aws.test:list_things {} end}'] = "Sise",
  } do
    it("is not asked, and the fault told, for " .. text, function()
      local ok, err = pcall(things.plan, world, text)
      assert.is_false(ok)
      assert.matches(sentence, tostring(err), 1, true)
      assert.equal(0, calls "list_things" - (text:find "twice" and 1 or 0))
    end)
  end
  it("tells what AWS refuses as it is", function()
    world.fail["list_things nil"], world.fail["list_things "] = "AccessDenied", "AccessDenied"
    world.answer["test.list_things"] = function() error({code = "AccessDenied", message = "no"}, 0) end
    local ok, err = pcall(things.plan, world, FOUND)
    assert.is_false(ok)
    assert.equal("AccessDenied", err.code)
  end)
end)
