--- The libraries that a playbook has as words (json, task, postgres), each held to where it may be called.
local libraries = {}

local JSON <const> = {"encode", "decode", "array", "null"}
local TASK <const> = {"spawn", "all", "map", "timeout", "sleep", "cancel"}

--- The word json: what is exact in both directions.
function libraries.json()
  local json, out = require "tidelock.json", {}
  for _, name in ipairs(JSON) do out[name] = json[name] end
  return out
end

--- The word task. Concurrency belongs into steps: outside, a plan would run it too.
function libraries.task(engine)
  local task, out = require "task", {}
  for _, name in ipairs(TASK) do
    out[name] = function(...)
      if not engine.in_step then
        error(("task.%s cannot be called here; put it into a step's run function"):format(name), 2)
      end
      return task[name](...)
    end
  end
  local sleep = out.sleep
  function out.sleep(seconds)                    -- Ctrl-C ends it
    if not engine.in_step then return sleep(seconds) end
    if type(seconds) ~= "number" then error("task.sleep takes a number of seconds", 2) end
    return engine.recorder:nap(seconds, "task.sleep")
  end
  return out
end

--- The word postgres. Knocking at a database is asking the world; what a URL says of TLS is not.
function libraries.postgres(engine)
  local postgres, out = require "postgres", {}
  for name, fn in pairs(postgres) do out[name] = fn end
  for _, name in ipairs {"plain", "tls", "probe"} do
    out[name] = function(...)
      if not engine.in_step then
        error(("postgres.%s cannot be called here; put it into a step's run function"):format(name), 2)
      end
      return postgres[name](...)
    end
  end
  return out
end

return libraries
