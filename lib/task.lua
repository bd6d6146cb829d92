--- Structured tasks over tidelock.loop: what a task starts ends with it, and a failed child stops its siblings.
local loop = require "tidelock.loop"

local task = {}

local scopes <const> = setmetatable({}, {__mode = "k"})  -- task -> its scope, made at the first spawn

local Handle <const> = {}
Handle.__index = Handle

local function cancel_all(scope)
  local me <const> = loop.current()
  for child in pairs(scope.children) do
    if child ~= me then loop.cancel(child) end
  end
end

local Scope <const> = {__close = function(scope, err) if err ~= nil or not scope.done then cancel_all(scope) end end}

local function scope_of(current)
  local scope = scopes[current]
  if not scope then
    scope = setmetatable({children = {}, done = false}, Scope)
    scopes[current] = scope
  end
  return scope
end

local function fail(scope, err)
  if scope.failed then return end
  scope.failed = true
  scope.error = err
  cancel_all(scope)
end

--- Waits until every child of the scope has ended; raises the first failure.
local function settle(scope)
  local child = next(scope.children)
  while child do
    loop.wait(child)
    scope.children[child] = nil
    child = next(scope.children)
  end
  scope.done = true
  if scope.failed then error(scope.error, 0) end
end

--- The body of a child: its own children end before it does, and its failure reaches its siblings.
local function body(parent, fn, ...)
  local me <const> = loop.current()
  local own <close> = scope_of(me)
  local results = table.pack(xpcall(fn, function(err)
    fail(parent, err)
    return err
  end, ...))
  if not results[1] then error(results[2], 0) end
  local ok, err = pcall(settle, own)
  if not ok then fail(parent, err) error(err, 0) end
  parent.children[me] = nil                             -- a parent that starts some for ever keeps none that have ended
  return table.unpack(results, 2, results.n)
end

local function spawn_in(scope, fn, ...)
  if scope.failed then error(scope.error, 0) end
  local child = loop.spawn(body, scope, fn, ...)
  scope.children[child] = true
  return setmetatable({task = child, scope = scope}, Handle)
end

--- Starts `fn(...)` beside the caller. The caller's end waits for it; if it fails, the caller's other children are
-- cancelled, and the failure is raised where the caller waits for any of them, or at its end.
-- @return a handle: `h:wait()` gives the results or raises the error; `h:cancel()` stops it
function task.spawn(fn, ...)
  local me <const> = loop.current()
  if not me then
    error("task.spawn belongs into the body of a task: in a coroutine of your own, or in what a cancelled task closes,"
      .. " nobody would wait for what it starts", 2)
  end
  return spawn_in(scope_of(me), fn, ...)
end

--- Its results, once it has ended; raises what it failed with.
function Handle:wait()
  local results = table.pack(loop.wait(self.task))
  self.scope.children[self.task] = nil
  if results[1] then return table.unpack(results, 2, results.n) end
  if self.scope.failed and results[2] == loop.CANCELLED then error(self.scope.error, 0) end
  error(results[2], 0)
end

--- Stops it where it waits: its operation is abandoned and its `<close>` variables are closed.
-- @return true, or false if it had ended
function Handle:cancel()
  self.scope.children[self.task] = nil
  return loop.cancel(self.task)
end

--- Runs the functions of a table side by side.
-- @param fns a list or a table of functions
-- @return a table with the first result of each, under the same keys; raises the first failure, all others cancelled
function task.all(fns)
  local scope <close> = setmetatable({children = {}, done = false}, Scope)
  local results = {}
  for key, fn in pairs(fns) do
    spawn_in(scope, function() results[key] = fn() end)
  end
  settle(scope)
  return results
end

--- `fn(item, index)` for every item of a list, at most `options.concurrency` (default 32) at a time.
-- @return the list of first results, in the order of the items; raises the first failure, all others cancelled
function task.map(list, fn, options)
  local most <const> = options and options.concurrency or 32
  if most < 1 then error(("task.map: concurrency must be at least 1, not %s"):format(most), 2) end
  local scope <close> = setmetatable({children = {}, done = false}, Scope)
  local results, at, count = {}, 0, #list
  local function worker()
    while at < count do
      at = at + 1
      local i <const> = at
      results[i] = fn(list[i], i)
    end
  end
  for _ = 1, math.min(count, most) do spawn_in(scope, worker) end
  settle(scope)
  return results
end

--- `fn(...)`, but stopped after so many seconds.
-- @return the results of fn; or nil and {code = "timeout", message =}; raises what fn raises
function task.timeout(seconds, fn, ...)
  local scope <close> = setmetatable({children = {}, done = false}, Scope)
  local late = false
  local work = loop.spawn(body, scope, fn, ...)
  scope.children[work] = true
  local clock = loop.spawn(function()
    loop.sleep(seconds)
    late = true
    loop.cancel(work)
  end)
  scope.children[clock] = true
  local results = table.pack(loop.wait(work))
  loop.cancel(clock)
  scope.done = true
  if results[1] then return table.unpack(results, 2, results.n) end
  if late then
    return nil, {code = "timeout", message = ("it took longer than %g seconds and was stopped"):format(seconds)}
  end
  error(results[2], 0)
end

task.sleep = loop.sleep

--- Stops what a handle of `task.spawn` stands for.
function task.cancel(handle)
  return handle:cancel()
end

return task
