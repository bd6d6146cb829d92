--- What the plan has just read, lent to the run that follows it: a run of steps meets all it declares a second time.
-- It counts until something is written, asked for or waited for; from there on everything is read again.
local loop = require "tidelock.loop"
local unknown = require "playbook.unknown"

local seen = {}

local LIMIT <const> = 60                     -- seconds for which it counts as just read

--- Lends what the plan's engine `before` has read to `engine`, the run's.
function seen.lend(engine, before)
  engine.seen = {before = before, ends = before.read_by + LIMIT}
end

--- Something happened that may have changed what is live: from here on everything is read.
function seen.over(engine) engine.seen = nil end

local function lender(engine)
  local lent = engine.seen
  if lent and (engine.recorder.writes > 0 or loop.now() > lent.ends) then
    engine.seen = nil
    return nil
  end
  return lent and lent.before
end

--- What is live of a node, if the plan has read just that: true and what it found (nil: there is none).
function seen.live(engine, node)
  local before = lender(engine)
  local old = before and before.by_address[node.address]
  if not old or not old.was_read or old.read_error or not unknown.alike(old.want, node.want) then return false end
  return true, old.live
end

local function copied(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = copied(item) end
  return setmetatable(out, getmetatable(value))
end

--- Notes, in a plan, what a find has found.
function seen.note(engine, name, value)
  engine.looked = engine.looked or {}
  engine.looked[name] = {value = copied(value)}
end

--- What the plan's find of that name has found: true and the value.
function seen.found(engine, name)
  local before = lender(engine)
  local known = before and before.looked and before.looked[name]
  if known then return true, copied(known.value) end
  return false
end

return seen
