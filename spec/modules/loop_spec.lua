-- loop_spec.lua -- tasks: spawn, wait, cancel, sleep, and what they leave behind.
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local sweep = require "support.sweep"

local function closer(log, name)
  return setmetatable({}, {__close = function() log[#log + 1] = name end})
end

describe("tidelock.loop", function()
  it("hands a task its arguments and its waiters its results", function()
    local t = loop.spawn(function(a, b) return a + b, nil, "x" end, 2, 3)
    assert.same({true, 5, nil, "x", n = 4}, table.pack(loop.wait(t)))
    assert.same({true, 5, nil, "x", n = 4}, table.pack(loop.wait(t)))
    assert.equal("done", loop.status(t))
  end)

  it("starts tasks in the order they were spawned", function()
    local log = {}
    for i = 1, 5 do loop.spawn(function() log[#log + 1] = i end) end
    loop.sleep(0)
    assert.same({1, 2, 3, 4, 5}, log)
  end)

  it("wakes from a timer that is due at once, whatever else is waited for", function()
    local long = loop.spawn(loop.sleep, 100)
    local began = loop.now()
    loop.sleep(0)
    loop.cancel(long)
    assert.truthy(loop.now() - began < 50)
  end)

  it("keeps the error value and the traceback of a failed task", function()
    local value = {}
    local t = loop.spawn(function() error(value) end)
    local ok, err = loop.wait(t)
    assert.is_false(ok)
    assert.equal(value, err)
    assert.matches("stack traceback.*loop_spec", loop.trace(t))
    assert.equal("failed", loop.status(t))
  end)

  it("cancels a sleeping task, closes its variables in reverse, and tells its waiters", function()
    local log = {}
    local t = loop.spawn(function()
      local _ <close> = closer(log, "outer")
      local _ <close> = closer(log, "inner")
      loop.sleep(3600)
    end)
    local waiter = loop.spawn(function() return loop.wait(t) end)
    loop.sleep(0)
    assert.is_true(loop.cancel(t))
    assert.is_false(loop.cancel(t))
    assert.same({"inner", "outer"}, log)
    local _, ok, err = loop.wait(waiter)
    assert.is_false(ok)
    assert.equal(loop.CANCELLED, err)
    assert.equal("cancelled", loop.status(t))
  end)

  it("cancels a task that has not begun, and one that is about to be resumed", function()
    local ran = false
    local t = loop.spawn(function() ran = true end)
    loop.cancel(t)
    local first = loop.spawn(function() loop.sleep(0) end)
    local second = loop.spawn(function() loop.wait(first) ran = true end)
    loop.wait(first)
    loop.cancel(second)
    loop.sleep(0)
    assert.is_false(ran)
  end)

  it("lets a task that cancels itself end there", function()
    local t
    t = loop.spawn(function() loop.cancel(t) error "not reached" end)
    assert.equal(loop.CANCELLED, select(2, loop.wait(t)))
  end)

  it("closes a task once, though what it closes cancels it again, or another that cancels it", function()
    local t, ended, before = nil, {}, loop.stats().tasks
    local function again(name)
      return setmetatable({}, {__close = function() ended[#ended + 1] = name ended[#ended + 1] = loop.cancel(t) end})
    end
    t = loop.spawn(function() local _ <close> = again "cancelled" loop.sleep(3600) end)
    loop.sleep(0)
    assert.is_true(loop.cancel(t))
    t = loop.spawn(function() local _ <close> = again "failed" error "broken" end)
    assert.matches("broken", select(2, loop.wait(t)))
    local other = loop.spawn(function() local _ <close> = again "by another" loop.sleep(3600) end)
    t = loop.spawn(function()
      local _ <close> = setmetatable({}, {__close = function() loop.cancel(other) end})
      loop.sleep(3600)
    end)
    loop.sleep(0)
    assert.is_true(loop.cancel(t))
    assert.equal("cancelled", loop.status(other))
    assert.same({"cancelled", false, "failed", false, "by another", false}, ended)
    assert.equal(before, loop.stats().tasks)
  end)

  it("ends a task that runs, cancelled by what another closes, where it waits next", function()
    local log, waited = {}, false
    local child, parent, told
    parent = loop.spawn(function()
      local _ <close> = setmetatable({}, {__close = function() told = loop.cancel(child) log[#log + 1] = "parent" end})
      loop.sleep(3600)
    end)
    child = loop.spawn(function()
      local _ <close> = closer(log, "child")
      loop.cancel(parent)
      log[#log + 1] = "goes on"
      loop.sleep(0)
      waited = true
    end)
    assert.equal(loop.CANCELLED, select(2, loop.wait(child)))
    assert.is_true(told)
    assert.same({"parent", "goes on", "child"}, log)
    assert.is_false(waited)
  end)

  it("leaves nothing of tasks that do at random to each other all that tasks can", function()
    for seed = 1, 3 do
      local out = proc.run {arg[-1], "spec/support/lives.lua", tostring(seed)}
      assert.same({"1\t0\n", "", 0}, {out.stdout, out.stderr, out.code}, "seed " .. seed)
    end
  end)

  it("survives the waiter's cancellation: the task waited for goes on", function()
    local t = loop.spawn(function() loop.sleep(0.005) return "late" end)
    local waiter = loop.spawn(function() loop.wait(t) end)
    loop.sleep(0)
    loop.cancel(waiter)
    assert.same({true, "late"}, {loop.wait(t)})
  end)

  it("refuses to wait in a coroutine of one's own and under a C function, saying what to do", function()
    local ok, err = pcall(coroutine.wrap(function() loop.sleep(0) end))
    assert.is_false(ok)
    assert.matches("call it from the body of the task", err)
    ok, err = pcall(table.sort, {2, 1}, function() loop.sleep(0) end)
    assert.is_false(ok)
    assert.matches("under a C function", err)
  end)

  it("lets nobody else resume or close a task's coroutine", function()
    local co
    local t = loop.spawn(function() co = coroutine.running() loop.sleep(0.001) return "done" end)
    loop.sleep(0)
    for _, name in ipairs {"resume", "close"} do
      local ok, err = pcall(coroutine[name], co)
      assert.is_false(ok)
      assert.matches("coroutine of a task: wait for the task, or cancel it", err)
    end
    assert.same({true, "done"}, {loop.wait(t)})
    assert.same({true, 3}, {coroutine.resume(coroutine.create(function(x) return x end), 3)})
    assert.is_true(coroutine.close(coroutine.create(print)))
  end)

  it("takes coroutine.yield in a task as giving way to all others", function()
    local log = {}
    local a = loop.spawn(function() log[1] = "a1" coroutine.yield() log[3] = "a2" end)
    local b = loop.spawn(function() log[2] = "b" end)
    loop.wait(a) loop.wait(b)
    assert.same({"a1", "b", "a2"}, log)
  end)

  it("refuses a negative, infinite or NaN sleep", function()
    for _, bad in ipairs {-1, math.huge, 0 / 0} do assert.is_false(pcall(loop.sleep, bad)) end
  end)

  it("runs 10,000 tasks at once", function()
    local began, tasks, sum = loop.now(), {}, 0
    for i = 1, 10000 do tasks[i] = loop.spawn(function() loop.sleep(0.05) return i end) end
    for i = 1, 10000 do sum = sum + select(2, loop.wait(tasks[i])) end
    assert.equal(50005000, sum)
    assert.is_true(loop.now() - began < 60, "they slept one after the other")
  end)

  it("sleeps while others work, no shorter than asked", function()
    local began = loop.now()
    loop.sleep(0.02)
    assert.is_true(loop.now() - began >= 0.0199)
  end)

  it("lives through every allocation failing", function()
    sweep(function()
      local t = loop.spawn(function(x) loop.sleep(0) return x end, "v")
      local u = loop.spawn(function() return loop.wait(t) end)
      loop.sleep(0)
      loop.cancel(u)
      local _, v = loop.wait(t)
      return v
    end)
  end)
end)
