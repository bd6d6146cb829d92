--- tokenbucket: a pace that steps keep within this process.
local bucket = {}

local function raised(value, err)
  if value == nil then error({code = err.code, message = "This limit can't be kept: " .. err.message}, 0) end
  return value
end

--- The word tokenbucket: tokenbucket.new {windows = {{limit = 10, ms = 60000}}, burst = 3, every = 6000} gives a store
-- with take, peek, reserve and finish by key, its clock the machine's. In memory: another process has another.
function bucket.word(engine)
  local tokenbucket = require "tidelock.tokenbucket"
  return {new = function(rule)
    if not engine.in_step then
      error("tokenbucket.new cannot be called here: it goes by the clock, and would give another answer when the run "
        .. "is resumed; put it into a step's run function", 2)
    end
    return raised(tokenbucket.store(raised(tokenbucket.policy(rule))))
  end}
end

return bucket
