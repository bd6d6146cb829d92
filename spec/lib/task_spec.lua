-- task_spec.lua -- structured tasks: nothing outlives who started it, and a failure stops its siblings.
local loop = require "tidelock.loop"
local task = require "task"

local function sleeper(log, name)
  return function()
    local _ <close> = setmetatable({}, {__close = function() log[#log + 1] = name end})
    loop.sleep(3600)
  end
end

describe("task", function()
  it("runs functions side by side and keeps their keys", function()
    local under_way = 0
    local function both(value)
      return function()
        under_way = under_way + 1
        while under_way < 2 do loop.sleep(0.001) end
        return value
      end
    end
    assert.same({a = 1, b = 2}, task.timeout(30, task.all, {a = both(1), b = both(2)}))
  end)

  it("cancels the siblings of a failed child and raises its error, value kept", function()
    local log, problem = {}, {code = "Boom"}
    local ok, err = pcall(task.all, {sleeper(log, "one"), sleeper(log, "two"), function() error(problem) end})
    assert.is_false(ok)
    assert.equal(problem, err)
    table.sort(log)
    assert.same({"one", "two"}, log)
  end)

  it("maps in order, never more at once than asked", function()
    local now, most = 0, 0
    local got = task.map({5, 4, 3, 2, 1}, function(x, i)
      now = now + 1
      most = math.max(most, now)
      loop.sleep(x / 1000)
      now = now - 1
      return x * 10 + i
    end, {concurrency = 2})
    assert.same({51, 42, 33, 24, 15}, got)
    assert.equal(2, most)
  end)

  it("maps nobody's list by nobody: less than one at once is a mistake", function()
    for _, n in ipairs {0, -1, 0.5} do
      local ok, err = pcall(task.map, {1, 2}, function(x) return x end, {concurrency = n})
      assert.is_false(ok)
      assert.matches("concurrency must be at least 1", err)
    end
  end)
  it("maps an empty list to an empty list", function()
    assert.same({}, task.map({}, error))
  end)

  it("stops a map at its first failure", function()
    local calls = 0
    local ok, err = pcall(task.map, {1, 2, 3, 4, 5, 6}, function(x)
      calls = calls + 1
      if x == 2 then error("no " .. x, 0) end
      loop.sleep(0.01)
    end, {concurrency = 2})
    assert.same({false, "no 2"}, {ok, err})
    assert.is_true(calls <= 3)
  end)

  it("gives the results of what ends in time, and says when it did not", function()
    assert.same({1, nil, 3}, {task.timeout(5, function() return 1, nil, 3 end)})
    local log = {}
    local got, err = task.timeout(0.01, sleeper(log, "stopped"))
    assert.is_nil(got)
    assert.equal("timeout", err.code)
    assert.same({"stopped"}, log)
    assert.has_error(function() task.timeout(5, error, "mine") end, "mine")
  end)

  it("waits for children at the end of their parent, and cancels them when it is cancelled", function()
    local log = {}
    local parent = task.spawn(function()
      task.spawn(function() loop.sleep(0.005) log[#log + 1] = "child" end)
      log[#log + 1] = "body"
    end)
    parent:wait()
    assert.same({"body", "child"}, log)
    parent = task.spawn(function() task.spawn(sleeper(log, "grandchild")) loop.sleep(3600) end)
    loop.sleep(0.001)
    assert.is_true(parent:cancel())
    assert.equal("grandchild", log[3])
  end)

  it("stops all of a parent that one of its children cancels: the siblings at once, it where it waits", function()
    local log, parent = {}, nil
    parent = task.spawn(function()
      for i = 1, 20 do task.spawn(sleeper(log, i)) end
      task.spawn(function() loop.sleep(0.001) parent:cancel() loop.sleep(0) log[#log + 1] = "went on" end)
      for i = 21, 40 do task.spawn(sleeper(log, i)) end
      loop.sleep(3600)
    end)
    assert.is_false(pcall(parent.wait, parent))
    loop.sleep(0.005)
    table.sort(log)
    local all = {}
    for i = 1, 40 do all[i] = i end
    assert.same(all, log)
  end)

  it("keeps nothing of children that have ended, though nobody waited for them", function()
    local function held()
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    task.spawn(function()
      local before = held()
      for _ = 1, 2000 do
        task.spawn(function() return ("x"):rep(100) end)
        loop.sleep(0)
      end
      assert.is_true(held() - before < 200)                          -- kB; each would be one
    end):wait()
  end)

  it("starts nothing that nobody would wait for, and says so", function()
    local ok, err = pcall(coroutine.wrap(function() task.spawn(print) end))
    assert.is_false(ok)
    assert.matches("task_spec.lua:%d+: task.spawn belongs into the body of a task", err)
    local closing = task.spawn(function()
      local _ <close> = setmetatable({}, {__close = function() ok, err = pcall(task.spawn, print) end})
      loop.sleep(3600)
    end)
    loop.sleep(0)
    ok, err = nil, nil
    assert.is_true(closing:cancel())
    assert.is_false(ok)
    assert.matches("what a cancelled task closes", err)
  end)

  it("raises a child's failure where its parent waits for a sibling", function()
    local parent = task.spawn(function()
      local a = task.spawn(sleeper({}, "a"))
      task.spawn(function() error("broken", 0) end)
      a:wait()
    end)
    local ok, err = pcall(parent.wait, parent)
    assert.same({false, "broken"}, {ok, err})
  end)
end)
