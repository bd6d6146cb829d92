-- playbook.lua -- the engine alone: graphs planned and applied against a fake that answers at once.
package.path = "spec/?.lua;" .. package.path
local playbook = require "playbook"
local things = require "support.things"

local TEXT <const> = [[local last
for i = 1, %d do
  local link = i %% 10 ~= 1 and last.arn or nil
  last = ensure.test.thing {name = "t" .. i, Link = link, Size = 5, Mode = "fast", tags = {Purpose = "bench"}}
end]]

local function cpu(fn)
  collectgarbage()
  local began = os.clock()
  local result = fn()
  return os.clock() - began, result
end

print "engine: resources, CPU s to plan when none is there, to apply, to plan again (limit 0.5 at 2,000), MB held"
local failed = false
for _, n in ipairs {100, 1000, 2000, 10000} do
  local world = things.world()
  local loaded = things.load(TEXT:format(n))
  local first, engine = cpu(function() return playbook.plan(loaded, things.context(world)) end)
  local held = collectgarbage "count" / 1024
  local applied = cpu(function() return playbook.apply(engine) end)
  engine = nil                                             -- luacheck: ignore
  local again = cpu(function() return playbook.plan(loaded, things.context(world)) end)
  print(("  %6d  %.3f  %.3f  %.3f  %.0f"):format(n, first, applied, again, held))
  if n == 2000 and (first > 0.5 or again > 0.5 or held > 64) then failed = true end
end
if failed then
  print "  over the limit"
  return 1
end
return 0
