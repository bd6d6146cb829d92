-- What the plan has read is not read again by the run that follows at once, and is where anything may have changed.
local fs = require "tidelock.fs"
local loop = require "tidelock.loop"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

local LOOKS <const> = [[
playbook {name = "spec/seen"}
ensure.test.thing {name = "a", Size = 2}
local names = find "things" {run = function() return aws.test:list_things {}.names end}
step "tell" {run = function() names[1] = "changed" return #names end}
ensure.test.thing {name = names[2]}
]]

local world, dir, kept, time

before_each(function()
  world = things.world()
  dir = fs.tempdir "seen_spec"
  kept, time = store.open(dir), 1000
  world.answer["test.list_things"] = function() return {names = {"b", "c"}} end
  world.answer["test.do_touch"] = function()
    world.store.c.Size = 9                                             -- whoever is asked may change anything
    return true
  end
end)
after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

local function calls(name)
  local n = 0
  for _, call in ipairs(world.calls) do
    if call:find("^" .. name) then n = n + 1 end
  end
  return n
end

local function go(text, more)
  local path = things.file(text)
  local engine = playbook.plan(playbook.load(path, {}), things.context(world))
  local options = {store = kept, clock = function() return time end, sleep = function(s) time = time + s end}
  for name, value in pairs(more or {}) do options[name] = value end
  world.calls = {}
  local out = run.execute(engine, options)
  os.remove(path)
  return out
end

describe("what the plan has seen", function()
  it("is not looked at again where nothing is written: the second apply reads once", function()
    assert.equal("done", go(LOOKS).result)
    world.calls = {}
    local out = go(LOOKS)
    assert.equal("done", out.result, out.message)
    assert.same({0, 0, 0}, {calls "get_thing", calls "list_things", calls "create_thing"})
  end)

  it("is looked at again from the first write on", function()
    go(LOOKS)
    world.store.a.Size = 1                                             -- drift: the run puts it right, and then looks
    go(LOOKS)
    assert.equal(1, calls "update_thing")
    assert.equal(1, calls "list_things")
    assert.is_true(calls "get_thing c" > 0)
  end)

  it("is looked at again after a step that wrote, so that what it changed is put right", function()
    local text = [[playbook {name = "spec/seen"}
      step "touch" {run = function() return aws.test:do_touch {} end}
      ensure.test.thing {name = "c", Size = 3}]]
    world.answer["test.do_touch"] = function() return true end
    go(text)
    world.answer["test.do_touch"] = function()
      world.store.c.Size = 9
      return true
    end
    assert.equal("done", go(text).result)
    assert.equal(3, world.store.c.Size)
  end)

  it("is looked at again after somebody was asked", function()
    local text = [[playbook {name = "spec/seen"}
      ensure.test.thing {name = "c", Size = 3}
      step "ask" {confirm = "yes", run = function() return 1 end}
      ensure.test.thing {name = "d", Link = "x"}]]
    go(text, {approved = {ask = true}})
    go(text, {ask = function() return "yes" end})
    assert.same({0, 1}, {calls "get_thing c", calls "get_thing d"})
  end)

  it("still counts after a step that waits for a confirmation, where nobody is there to be asked", function()
    local text = [[playbook {name = "spec/seen"}
      ensure.test.thing {name = "c", Size = 3}
      step "ask" {confirm = "yes", later = true, run = function() return 1 end}
      ensure.test.thing {name = "d", Link = "x"}]]
    go(text, {approved = {ask = true}})
    go(text)
    assert.same({0, 0}, {calls "get_thing c", calls "get_thing d"})
  end)

  it("is looked at again after a minute", function()
    go(LOOKS)
    local now = loop.now
    go(LOOKS, {started = function() loop.now = function() return now() + 61 end end})  -- luacheck: ignore
    loop.now = now                                                     -- luacheck: ignore
    assert.is_true(calls "get_thing a" > 0)
  end)

  it("is not what a later line made of it: what a find gave is as it was found", function()
    go(LOOKS)
    assert.is_table(world.store.c)
    assert.is_nil(world.store.changed)
  end)
end)
