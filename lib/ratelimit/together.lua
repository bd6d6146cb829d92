--- Requests of one kind that are wanted while another of them is on its way go out as one.
-- Nothing waits for company: the first goes at the end of this turn, alone if it is alone; what comes until its answer
-- makes up the next. So a request that must not be late is not, and a crowd costs a tenth.
local loop = require "tidelock.loop"
local task = require "task"

local together = {}
local methods = {}
methods.__index = methods

local MOST <const>, MOST_BYTES <const> = 10, 262144       -- of SQS's batches
local HANGS <const> = 2           -- seconds after which a request without an answer holds up no other

--- Makes one.
-- @param send function(entries) -> {[i] = what is wrong with entry i}; entries are what `call` was given
-- @param key function(entry): of two entries with the same key the second waits for the next request
function together.new(send, key)
  return setmetatable({send = send, key = key}, methods)
end

local function fits(group, key, bytes)
  return #group.entries < MOST and not group.keys[key] and group.bytes + bytes <= MOST_BYTES
end

-- A group that gathers until the one before it has been answered, or hangs.
local function open(self)
  local group, before = {entries = {}, keys = {}, bytes = 0}, self.last
  group.task = loop.spawn(function()       -- a task of its own: who waits for it may be cancelled
    if before then task.timeout(HANGS, loop.wait, before) end
    if self.group == group then self.group = nil end
    local ok, faults = pcall(self.send, group.entries)
    if self.last == group.task then self.last = nil end
    return ok, faults
  end)
  self.group, self.last = group, group.task
  return group
end

--- Sends it, with others or alone; raises what went wrong with it.
-- @param entry what `send` gets in its list
-- @param bytes how much it adds to a request; default: nothing that matters
function methods:call(entry, bytes)
  local key, group = self.key(entry), self.group
  if not group or not fits(group, key, bytes or 0) then group = open(self) end
  local place = #group.entries + 1
  group.entries[place], group.keys[key], group.bytes = entry, true, group.bytes + (bytes or 0)
  local _, ok, faults = loop.wait(group.task)
  if not ok then error(faults, 0) end
  if faults[place] then error(faults[place], 0) end
end

return together
