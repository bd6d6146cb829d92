-- tight.lua -- a script in a process of its own, with a little more memory for Lua from run to run, until it gets
-- through. Not sweep.lua: that one fails libcurl's own allocations too, and libcurl 7.88 then divides by zero.
local proc = require "tidelock.proc"

local SWEEP <const> = [[
local limit = require "tidelock.limit"
local runs, ok, err = 0, false, nil
while not ok do
  for _ = 1, 3 do collectgarbage() end   -- or what it finds while short is room enough
  limit.memory(limit.used() + runs * %d)
  ok, err = pcall(script)
  limit.memory()
  if not ok and err ~= "not enough memory" then error(err) end
  runs = runs + 1
end
print(runs)]]

--- How many runs `script` took. Each earlier one must have ended in "not enough memory"; what the script raises by
-- itself, a crash and a handle left open are errors.
-- @param script Lua text that declares `local function script()`
-- @param step bytes that each run has more than the last (default 32)
return function(script, step)
  local path <const> = os.tmpname()
  local _ <close> = setmetatable({}, {__close = function() os.remove(path) end})
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(script, "\n", SWEEP:format(step or 32)))
  assert(file:close())
  local out = proc.run {arg[-1], path}
  assert(out.code == 0 and not out.signal, out.stderr)
  return tonumber(out.stdout)
end
