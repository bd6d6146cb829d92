-- sweep.lua -- runs a function with its nth allocation, and every later one, failing, for each n in turn.
local loop = require "tidelock.loop"

--- Runs `fn` until it gets through with no allocation refused. Each earlier run must end in "not enough
--- memory" or, where a C library saw the refusal, in a sentence of ours; never in a crash or a leak.
-- @param fn a short script of one module; called afresh for every n
-- @param limit the most allocations it may take (default 5000)
-- @param step try every so many-th allocation alone, where a library makes thousands (default 1)
-- @return how many runs it took
return function(fn, limit, step)
  collectgarbage "stop"   -- a cycle in the middle would make the count of a run depend on the last one
  local function restore() alloc.disarm() collectgarbage "restart" end
  for n = 0, limit or 5000, step or 1 do
    collectgarbage()
    alloc.arm(n)
    local ok, err = pcall(fn)
    local fired = alloc.disarm()
    if not fired then
      restore()
      if not ok then error(err, 0) end
      return n
    end
    if not ok and type(err) ~= "string" and not (type(err) == "table" and err.message) then
      restore()
      error(("allocation %d refused: the error is a %s, not a sentence"):format(n, type(err)), 0)
    end
    if n // (step or 1) % 64 == 0 then loop.sleep(0) end   -- close callbacks free what the last runs left
  end
  restore()
  error("the script never got through: it allocates more than the limit, or loops on failure", 0)
end
