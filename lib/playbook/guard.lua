--- What a playbook's own code may take: so many instructions between two requests or barriers, so much memory in all.
local fault = require "playbook.fault"

local guard = {}

local INSTRUCTIONS <const> = 200000000

--- Bytes that a playbook may take beside what the program itself holds.
guard.MEMORY = 512 * 1024 * 1024

local TOO_LONG <const> = "it ran too long without an end: is there an endless loop? (--max-instructions raises the"
  .. " limit)"
local TOO_MUCH <const> = {
  {"ran too long", TOO_LONG}, {"error handling", TOO_LONG},
  {"not enough memory", "it took more than %d MB of memory: what grows without an end, or is read whole?"},
}

--- The sentence for an error that is a limit's, or nil.
function guard.sentence(err)
  if type(err) ~= "string" then return nil end
  for _, row in ipairs(TOO_MUCH) do
    if err:find(row[1], 1, true) then return row[2]:format(guard.MEMORY // (1024 * 1024)) end
  end
end

local held <const> = setmetatable({}, {__mode = "k"})     -- tasks that run a playbook's code under a limit

local function limit() return require "tidelock.limit" end

local function me() return require "tidelock.loop".current() end

--- Gives the running task, where it is held to a limit, a fresh number of instructions.
function guard.arm(instructions)
  if held[me()] then limit().instructions(instructions or INSTRUCTIONS) end
end

--- Lets the running task run freely: what follows is the engine's own work.
function guard.disarm()
  if held[me()] then limit().instructions() end
end

-- A task of its own: the limit, once passed, stops whatever that task would still do.
local function contain(instructions, fn, ...)
  local loop = require "tidelock.loop"
  local body = loop.spawn(function(...)
    held[me()] = true
    guard.arm(instructions)
    return fn(...)
  end, ...)
  local stop <close> = setmetatable({}, {__close = function() loop.cancel(body) end})  -- luacheck: ignore
  return table.pack(loop.wait(body))
end

--- Runs `fn(...)` under the limits and returns like pcall; a limit's error is its sentence.
function guard.call(instructions, fn, ...)
  local out = contain(instructions, fn, ...)
  if not out[1] then
    collectgarbage()
    out[2] = guard.sentence(out[2]) or out[2]
  end
  return table.unpack(out, 1, out.n)
end

--- Runs a playbook's chunk by `fn` under the limits; raises, and a limit's error as a fault of the playbook.
function guard.chunk(engine, fn)
  limit().memory(limit().used() + guard.MEMORY)
  local out = contain(engine.context and engine.context.instructions, fn)
  limit().memory()
  if out[1] then return end
  collectgarbage()
  local sentence = guard.sentence(out[2])
  if sentence then
    fault.add(engine.faults, engine.program.path, nil, sentence)
    fault.raise(engine.faults)
  end
  error(out[2], 0)
end

return guard
