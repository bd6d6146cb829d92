--- What a playbook's own code may take: so many instructions between two requests or barriers, so much memory in all.
local fault = require "playbook.fault"
local unknown = require "playbook.unknown"

local guard = {}

local INSTRUCTIONS <const> = 200000000

--- Bytes that a playbook may take beside what the program itself holds.
guard.MEMORY = 512 * 1024 * 1024

-- What an error of a limit begins with (behind its place), and the sentence for it.
local LIMITS <const> = {
  {"a pattern ran too long", "a pattern takes too long on its text: repetitions one behind another are tried in every"
    .. " way there is; write it with fewer, or match a part of the text (--max-instructions raises the limit)"},
  {"a call of the library ran too long", "a call of the library has too much to do: a range or a number without an end?"
    .. " (--max-instructions raises the limit)"},
  {"ran too long", "it ran too long without an end: is there an endless loop? (--max-instructions raises the limit)"},
  {"error handling", "it ran too long without an end: is there an endless loop? (--max-instructions raises the limit)"},
  {"not enough memory", "it took more than %d MB of memory: what grows without an end, or is read whole?"},
}

--- The sentence for an error that is a limit's, or nil; and the file and line where it was, if those are known.
function guard.sentence(err)
  if type(err) ~= "string" then return nil end
  for _, row in ipairs(LIMITS) do
    if err:find(row[1], 1, true) then
      local path, line = err:match "^([^\n]-):(%d+): "
      return row[2]:format(guard.MEMORY // (1024 * 1024)), path, math.tointeger(tonumber(line))
    end
  end
end

local function with_place(err)
  local sentence, path, line = guard.sentence(err)
  return sentence and line and ("%s:%d: %s"):format(path, line, sentence) or sentence
end

--- What an error says that ends what ran beyond its time; a deadline's, not a number of instructions.
guard.LATE = "ran beyond its time"

local own <const> = setmetatable({}, {__mode = "k"})      -- metatables that a playbook's code has made

--- setmetatable for a playbook. The engine forgets what is set by it before it looks at a value: what a metamethod
-- does is then held to the limits, which it would not be later. Without __gc, which no limit reaches.
function guard.setmetatable(value, meta)
  if type(meta) == "table" then
    if rawget(meta, "__gc") ~= nil then
      error("a playbook's tables have no __gc; use a local with <close>, or a step's undo", 2)
    end
    own[meta] = true
  end
  return setmetatable(value, meta)
end

--- The metatable of a value that the engine may keep with a copy of it: the engine's own, never the playbook's.
function guard.metatable(value)
  local meta = getmetatable(value)
  if own[meta] or type(meta) ~= "table" then return nil end   -- a locked one shows a word in its place
  return meta
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

-- An error that a playbook has given a metatable is read while a limit holds.
local function plain_error(instructions, err)
  if type(err) ~= "table" or not own[getmetatable(err)] then return err end
  return select(2, limit().call(instructions, tostring, err))
end

-- A task of its own: the limit, once passed, stops whatever that task would still do.
local function contain(instructions, fn, ...)
  local loop = require "tidelock.loop"
  local body = loop.spawn(function(...)
    held[me()] = true
    local out = table.pack(limit().call(instructions or INSTRUCTIONS, fn, ...))
    held[me()] = nil
    if not out[1] then error(plain_error(instructions or INSTRUCTIONS, out[2]), 0) end
    return table.unpack(out, 2, out.n)
  end, ...)
  local stop <close> = setmetatable({}, {__close = function() loop.cancel(body) end})  -- luacheck: ignore
  return table.pack(loop.wait(body))
end

--- Has the code that is held to a limit end after so many seconds, or (nil) whenever it likes.
function guard.deadline(seconds) limit().seconds(seconds) end

--- Runs `fn(...)` under the limits and returns like pcall; a limit's error is its sentence.
function guard.call(instructions, fn, ...)
  limit().instructions()                         -- the caller's, be it held or made by who is: it only waits
  local out = contain(instructions, fn, ...)
  guard.arm(instructions)
  if not out[1] and guard.sentence(out[2]) then
    collectgarbage()                             -- what it took is gone before anything else is asked for
    out[2] = with_place(out[2]) or out[2]
  end
  return table.unpack(out, 1, out.n)
end

--- Runs a playbook's chunk by `fn` under the limits; raises, and a limit's error as a fault of the playbook.
function guard.chunk(engine, fn)
  limit().memory(limit().used() + guard.MEMORY)
  unknown.forget_uses()
  local out = contain(engine.context and engine.context.instructions, fn)
  limit().memory()
  if out[1] then return end
  collectgarbage()
  local sentence, path, line = guard.sentence(out[2])
  if sentence then
    if #engine.faults == 0 or not unknown.is_echo(out[2]) then
      fault.add(engine.faults, path or engine.program.path, line, sentence)
    end
    fault.raise(engine.faults)
  end
  error(out[2], 0)
end

return guard
