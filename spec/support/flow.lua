-- flow.lua -- runs of playbooks with steps on a world in memory, their journals in a folder, their clock by hand.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

--- world, kept (the store), clock (seconds, moved by what sleeps) and path (the playbook written last) of this spec.
local flow = {}

--- A new world and a new store; returns both.
function flow.open()
  flow.world, flow.clock, flow.path = things.world(), 1000000, nil
  flow.dir = fs.stat "/dev/shm" and "/dev/shm/flow-" .. fs.pid() or fs.tempdir "flow"      -- fsync costs nothing there
  flow.kept = store.open(flow.dir)
  return flow.world, flow.kept
end

--- Takes away what it wrote.
function flow.close()
  os.execute("rm -rf '" .. flow.dir .. "'")
  if flow.path then os.remove(flow.path) end
end

--- Writes a playbook: its path.
function flow.file(text)
  flow.path = things.file(text)
  return flow.path
end

function flow.context() return things.context(flow.world) end

--- The options of a run, and what is `more`.
function flow.options(more)
  local out = {store = flow.kept, clock = function() return flow.clock end,
    sleep = function(s) flow.clock = flow.clock + s end}
  for k, v in pairs(more or {}) do out[k] = v end
  return out
end

--- Plans and applies a playbook's text: the run's outcome.
function flow.start(text, more)
  return run.execute(playbook.plan(playbook.load(flow.file(text), {}), flow.context()), flow.options(more))
end

--- Goes on with a run: its outcome.
function flow.resume(id, more)
  return run.resume(id, flow.options(more), flow.context)
end

--- The calls whose words match.
function flow.calls(pattern)
  local out = {}
  for _, call in ipairs(flow.world.calls) do
    if call:find(pattern) then out[#out + 1] = call end
  end
  return out
end

return flow
