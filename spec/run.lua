-- run.lua -- runs busted inside tidelua, in the main task, and holds each run to its end: nothing parked, nothing open.
-- usage: tidelua spec/run.lua [--filter=PATTERN] [file or folder ...]
local loop = require "tidelock.loop"

local function registry_size()
  local n = 0
  for _ in pairs(debug.getregistry()) do n = n + 1 end
  return n
end

--- What a finished run leaves behind, as sentences; empty when it left nothing.
local function leftovers(tasks)
  for _ = 1, 3 do collectgarbage() loop.sleep(0.01) end  -- close callbacks run inside a turn of the loop
  local stats, faults = loop.stats(), {}
  if stats.tasks > tasks then faults[#faults + 1] = stats.tasks - tasks .. " task(s) still parked" end
  if stats.handles > 0 then faults[#faults + 1] = stats.handles .. " handle(s) of the loop still open" end
  return faults
end

if #arg == 0 then arg[1] = "spec" end
table.insert(arg, 1, "--output=spec/support/report.lua")
table.insert(arg, 1, "--pattern=_spec")

local tasks, size = loop.stats().tasks, registry_size()
local exit, code = os.exit, nil
os.exit = function(status) code = status == true and 0 or tonumber(status) or 1 error("exit", 0) end  -- luacheck: ignore
local ok, err = pcall(require("busted.runner"), {standalone = false})
os.exit = exit  -- luacheck: ignore
if not ok and code == nil then error(err, 0) end

local faults = leftovers(tasks)
for _, fault in ipairs(faults) do io.stderr:write("spec run: ", fault, "\n") end
if #faults > 0 then code = 1 end
local grown = registry_size() - size
if os.getenv "TIDELOCK_REGISTRY" then io.stderr:write("registry grew by ", grown, "\n") end
return code or 0
