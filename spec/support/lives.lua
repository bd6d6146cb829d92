-- lives.lua -- tasks that do at random to each other whatever tasks can, also from what they close: for loop_spec.lua,
-- in a process of its own, since a fault here may be a broken heap. Prints what is left: tasks, handles.
-- usage: tidelua spec/support/lives.lua SEED
local loop = require "tidelock.loop"
local task = require "task"

math.randomseed(tonumber(arg[1]))
local all

local function any() return all[math.random(#all)] end

local function start(fn, ...) all[#all + 1] = loop.spawn(fn, ...) end

local function doze() loop.sleep(math.random(0, 2) / 1000) end

local CLOSING <const> = {
  function() loop.cancel(any()) end,
  function(depth) if depth < 4 then start(doze) end end,
  function() error "from what it closes" end,
  function() pcall(loop.wait, any()) end,
  function() pcall(doze) end,
}

local function closer(depth)
  return setmetatable({}, {__close = function() CLOSING[math.random(#CLOSING)](depth) end})
end

local life

local DOING <const> = {
  doze, coroutine.yield,
  function(depth) start(life, depth + 1) end,
  function() loop.cancel(any()) end,
  function() local other = any() if other ~= loop.current() then loop.wait(other) end end,
  function(depth) task.spawn(life, depth + 1) end,
  function(depth) task.timeout(math.random() / 500, life, depth + 1) end,
  function(depth) task.map({1, 2, 3}, function() life(depth + 2) end, {concurrency = 2}) end,
  function() error "from what it does" end,
  function() collectgarbage "step" end,
}

function life(depth)
  local _ <close> = closer(depth)
  for _ = 1, depth < 4 and math.random(6) or 0 do
    local _ <close> = closer(depth)
    DOING[math.random(#DOING)](depth)
  end
end

-- Some wait for each other in a circle: cancelled twice over, since what is closed starts others.
for _ = 1, 10 do
  all = {}
  for _ = 1, 12 do start(life, 0) end
  loop.sleep(0.004)
  for _ = 1, 3 do
    for i = 1, #all do loop.cancel(all[i]) end
    loop.sleep(0.003)
  end
end
for _ = 1, 3 do collectgarbage() loop.sleep(0.005) end
local left <const> = loop.stats()
print(left.tasks, left.handles)
