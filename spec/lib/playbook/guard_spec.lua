local fs = require "tidelock.fs"
local guard = require "playbook.guard"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

local FEW <const> = 3000000
local ALL <const> = guard.MEMORY

describe("a playbook's own code", function()
  local world, dir
  before_each(function()
    world = things.world()
    dir = fs.tempdir "guard_spec"
    guard.MEMORY = 32 * 1024 * 1024
  end)
  after_each(function()
    os.execute("rm -rf '" .. dir .. "'")
    guard.MEMORY = ALL
  end)

  local function context()
    local c = things.context(world)
    c.instructions = FEW
    return c
  end

  local function start(text)
    local path = things.file(text)
    local loaded = playbook.load(path, {})
    os.remove(path)
    return run.execute(playbook.plan(loaded, context()), {store = store.open(dir), on_failure = "stop"})
  end

  local function refused(text)
    local ok, err = pcall(function() return playbook.plan(things.load(text), context()) end)
    assert.is_false(ok)
    return tostring(err), err
  end

  it("is stopped in an endless loop while it is planned, whatever it catches", function()
    for _, text in ipairs {"while true do end", "while true do pcall(function() while true do end end) end",
      "local function f() return f() end f()", "pcall(string.rep, 'x', 1) repeat until false"} do
      local message, err = refused(text)
      assert.matches("ran too long without an end", message, text)
      assert.equal(65, err.exit, text)
    end
    assert.same({}, world.calls)
  end)
  it("is stopped when it takes too much memory while it is planned", function()
    local message, err = refused "local t = {} for i = 1, 40 do t[i] = string.rep('x', 4 * 1024 * 1024) end"
    assert.matches("more than 32 MB", message)
    assert.equal(65, err.exit)
    assert.same({}, world.calls)
  end)
  it("is stopped in an endless loop in a step, which fails and can be gone on with", function()
    local out = start 'ensure.test.thing {name = "a"} step "spin" {run = function() while true do end end}'
    assert.equal("failed", out.result)
    assert.matches('step "spin" failed: %S+:1: it ran too long', out.message)
    assert.matches("tidelock resume", out.message)
    assert.is_table(world.store.a)
  end)
  it("is stopped in one call of the library too, with its line, and whatever it catches", function()
    for text, why in pairs {
      ["local a = 'a'\npcall(a.find, a:rep(60), ('a?'):rep(60) .. a:rep(60))"] = ":2: a pattern takes too long",
      ["table.move({}, 1, 1000000000000000, 2)"] = ":1: a call of the library has too much to do",
    } do
      assert.matches(why, (refused(text)))
    end
  end)
  it("is stopped at its step's time, where it works too, and that is the step's failure", function()
    local path = things.file 'step "spin" {timeout = "1s", run = function() while true do end end}'
    local loaded = playbook.load(path, {})
    os.remove(path)
    local c = context()
    c.instructions = 1000000000000
    local out = run.execute(playbook.plan(loaded, c), {store = store.open(dir), on_failure = "stop"})
    assert.matches('step "spin" failed: it took longer than 1s and was ended at %S+:1', out.message)
  end)
  it("is stopped where an error of its own is read, and its tables have no __gc", function()
    local out = start [[step "spin" {run = function()
      error(setmetatable({}, {__tostring = function() while true do end end})) end}]]
    assert.matches('step "spin" failed: %S+:2: it ran too long', out.message)
    assert.matches(":1: a playbook's tables have no __gc", (refused "setmetatable({}, {__gc = print})"))
  end)
  it("is not called by the engine once its tables are properties", function()
    local out = start [[local quiet = setmetatable({}, {__index = function() while true do end end,
      __len = function() while true do end end, __pairs = function() while true do end end})
      ensure.test.thing {name = "a", Doc = {Statement = quiet}}]]
    assert.equal("done", out.result, out.message)
  end)
  it("is stopped where the evidence of a check is read, and that is the check's error", function()
    local out = start [[check "odd" {test = function()
      return false, setmetatable({}, {__tostring = function() while true do end end}) end}
      check "plain" {test = function() return true, {n = 1} end}]]
    assert.equal("done", out.result, out.message)
    local checks = out.engine.workflow.checks
    assert.equal("error", checks[1].result)
    assert.matches("ran too long", checks[1].evidence)
    assert.equal('{n = 1}', checks[2].evidence)
  end)
  it("is stopped when a step takes too much memory, and the engine goes on", function()
    local out = start [[step "hoard" {run = function()
      local t = {} for i = 1, 40 do t[i] = string.rep('x', 4 * 1024 * 1024) end end}]]
    assert.equal("failed", out.result)
    assert.matches("more than 32 MB", out.message)
    assert.is_true(require "tidelock.limit".used() < 100 * 1024 * 1024)
  end)
  it("is stopped in an endless loop after a step, in the second, real pass", function()
    local ok, err = pcall(start, [[local n = step "one" {run = function() return 1 end}
      if known(n) then while true do end end]])
    assert.is_false(ok)
    assert.matches("ran too long without an end", tostring(err))
    local ending = ("What was done stays. Put it right, then: tidelock resume %s --changed"):format(
      store.open(dir):runs()[1])
    assert.is_truthy(tostring(err):find(ending, 1, true), tostring(err))
  end)
  it("may take the limit again for each step, and again after each request", function()
    world.answer["test.do_step"] = function() return {} end
    local out = start [[
      local function work(n) local s = 0 for i = 1, n do s = s + i end return s end
      for i = 1, 4 do step("s" .. i) {run = function() return work(250000) end} end
      step "talks" {run = function() for _ = 1, 6 do work(250000) aws.test:do_step {name = "x"} end end}]]
    assert.equal("done", out.result, out.message)
  end)
  it("leaves no limit on those who called", function()
    assert.is_false((guard.call(FEW, function() while true do end end)))
    local n = 0
    for i = 1, 5000000 do n = n + i end
    assert.is_true(n > 0)
  end)
end)
