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
  it("that the function itself gives up is a failed look, with its sentence, and no fault of the text", function()
    for text, sentence in pairs {
      ['error "there is no cluster yet"'] = 'find "x" failed: [^\n]-:1: there is no cluster yet$',
      ['error("there is no cluster yet", 0)'] = 'find "x" failed: there is no cluster yet$',
      ['error {message = "no cluster"}'] = 'find "x" failed: no cluster$',
      ['return nil + 1'] = 'find "x" failed: [^\n]-:1: attempt to perform arithmetic',
    } do
      local ok, err = pcall(things.plan, world, ('find "x" {run = function() %s end}'):format(text))
      assert.is_false(ok)
      assert.equal(1, err.exit, tostring(err))
      assert.matches(sentence, tostring(err))
      assert.is_nil(err.faults)
    end
  end)
  it("that fails in a run stops it as a step that failed does, and is looked for again on resume", function()
    local there, looks = true, 0
    world.answer["test.list_things"] = function()
      looks = looks + 1
      return {names = there and {"a"} or {}}
    end
    local path = things.file [[
      playbook {name = "spec/looks"}
      step "first" {run = function() return aws.test:do_count {name = "first"} end}
      local names = find "things" {run = function()
        local names = aws.test:list_things {}.names
        if #names == 0 then error("nothing is there", 0) end
        return names
      end}
      ensure.test.thing {name = names[1]}]]
    local engine = playbook.plan(playbook.load(path, {}), things.context(world))
    there = false
    world.answer["test.do_count"] = function() return 1 end
    local out = run.execute(engine, options())
    assert.equal("failed", out.result)
    assert.equal(1, out.exit)
    assert.matches('find "things" failed: nothing is there', out.message, 1, true)
    assert.matches("go on with: tidelock resume " .. out.run, out.message, 1, true)
    there = true
    out = run.resume(out.run, options(), function() return things.context(world) end)
    assert.equal("done", out.result, out.message)
    assert.is_table(world.store.a)
    assert.equal(1, calls "do_count")
    assert.is_true(looks >= 3)
    os.remove(path)
  end)
  it("that asks for a write, or for what only a run has, is a fault of the text, at its line", function()
    for _, call in ipairs {"aws.test:create_thing {name = 'x'}", 'recall "x"', 'http.post "http://127.0.0.1:1/"'} do
      local ok, err = pcall(things.plan, world, ('find "x" {run = function()\n%s end}'):format(call))
      assert.is_false(ok)
      assert.equal(65, err.exit, tostring(err))
      assert.equal(2, err.faults[1].line)
    end
  end)
  it("hands no secret and no function on", function()
    local ok, err = pcall(things.plan, world, 'find "x" {run = function() return {f = print} end}')
    assert.is_false(ok)
    assert.matches("what find x returns.f is a function, which the journal cannot keep", tostring(err))
  end)
  for text, sentence in pairs {
    ['find "x" {}'] = 'find "x" needs run',
    ['find {}  {run = function() end}'] = "find takes a name, then a table",
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
