--- A rate limit as data: read, checked and compiled into the ages that decide. Refused when it can't be kept exactly.
local suggest = require "suggest"
local tokenbucket = require "tidelock.tokenbucket"

local policy = {}
policy.__index = policy

local DAY <const> = 86400
local FIELDS <const> = {
  name = "string", prefix = "string", replicas = "number", windows = "table", burst = "table", timeout = "number",
  clock_error = "number", lag = "number", skew = "number", lease = "number", claim_days = "number", fence = "string",
}
local DEFAULTS <const> = {
  timeout = 30,        -- seconds a send may take; until its end is known it counts as that far in the future
  clock_error = 0.1,   -- how wrong the clocks of two senders may be, each
  lag = 10,            -- min-replicas-max-lag of the Redis
  skew = 2,            -- Redis's clock and the sender's further apart than this: nothing is sent
  lease = 60,          -- a claim older than this is of a sender that died: its outcome is unknown
  claim_days = 14,     -- at least SQS's retention and the redrive after it
  fence = "replid",    -- or "none", for a Redis that hides its replication id
  replicas = 0,        -- replicas that must have a grant before it is used
}

local HOUR_MS <const> = 3600000

local function ms(seconds)
  return math.floor(seconds * 1000 + 0.5)
end

local function unknown_fields(spec, faults)
  local names = {}
  for name in pairs(FIELDS) do names[#names + 1] = name end
  for name, value in pairs(spec) do
    if not FIELDS[name] then
      faults[#faults + 1] = ("'%s' is no field of a limit%s"):format(name, suggest.phrase(tostring(name), names))
    elseif type(value) ~= FIELDS[name] then
      faults[#faults + 1] = ("%s must be a %s, not a %s"):format(name, FIELDS[name], type(value))
    end
  end
end

local function check_numbers(p, faults)
  for _, name in ipairs {"timeout", "clock_error", "lag", "skew", "lease", "claim_days", "replicas"} do
    if type(p[name]) == "number" and not (p[name] >= 0 and p[name] <= 30 * DAY) then
      faults[#faults + 1] = ("%s must be a number that is not negative, not %s"):format(name, p[name])
    end
  end
  if p.fence ~= "replid" and p.fence ~= "none" then
    faults[#faults + 1] = ('fence must be "replid" or "none", not "%s"'):format(tostring(p.fence))
  end
  if type(p.lease) == "number" and type(p.timeout) == "number" and p.lease <= p.timeout then
    faults[#faults + 1] = ("lease (%g s) must be longer than timeout (%g s): a send would outlive its claim")
      :format(p.lease, p.timeout)
  end
end

-- A closed window, and clocks that disagree: one ms, and twice the error.
local function windows_of(p, faults)
  local list = {}
  for i, w in ipairs(type(p.windows) == "table" and p.windows or {}) do
    local ok = type(w) == "table" and math.type(w.limit) == "integer" and type(w.seconds) == "number"
    if not ok then
      faults[#faults + 1] = ("windows[%d] must be {limit = whole number, seconds = number}"):format(i)
    else
      list[#list + 1] = {limit = w.limit, ms = ms(w.seconds) + 1 + 2 * ms(p.clock_error)}
    end
  end
  return list
end

local function check_names(p, faults)
  if type(p.name) ~= "string" or not p.name:find "^[%w_%-]+$" then
    faults[#faults + 1] = "name must be a word of letters, digits, - and _: it is part of the keys in Redis"
    return
  end
  p.prefix = p.prefix or "rate_limit:" .. p.name .. ":"
  if type(p.prefix) == "string" and (p.prefix:find "[%c{}]" or p.prefix == "") then
    faults[#faults + 1] = "prefix must not be empty, nor have braces or control characters in it"
  end
  p.lineage, p.evicted = "rate_limit_lineage:" .. p.name, "rate_limit_evicted:" .. p.name
  for _, own in ipairs {p.lineage, "idem:" .. p.name .. ":", "rate_slots:" .. p.name .. ":"} do
    if type(p.prefix) == "string" and own:sub(1, #p.prefix) == p.prefix then
      faults[#faults + 1] = ("prefix '%s' would let a user's key be one of the limiter's own (%s)")
        :format(p.prefix, own)
    end
  end
end

-- What the scripts need as whole numbers.
local function compile(p, core)
  p.core, p.steps = core, core:steps()
  p.log, p.span = 1, 0
  for _, step in ipairs(p.steps) do
    p.log, p.span = math.max(p.log, step.k), math.max(p.span, step.age)
  end
  p.hold_ms, p.lease_ms, p.skew_ms = ms(p.timeout), ms(p.lease), ms(p.skew)
  p.claim_seconds = math.ceil(p.claim_days * DAY)
  p.ring_ms = math.max(HOUR_MS, p.span + p.hold_ms + 2 * p.skew_ms)
  return setmetatable(p, policy)
end

--- Reads a limit.
-- @param spec {name = "onlyfans", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6},
--   timeout = 30, lease = 60, ...}: at most 10 in any 60 seconds, 3 at once from rest, then one every 6 seconds.
-- Times in seconds.
-- @return the policy; or nil and all that is wrong with it, a sentence a line
function policy.new(spec)
  local faults = {}
  unknown_fields(spec, faults)
  local p = {}
  for name, value in pairs(DEFAULTS) do p[name] = value end
  for name, value in pairs(spec) do p[name] = value end
  check_names(p, faults)
  if #faults == 0 then check_numbers(p, faults) end
  if #faults > 0 then return nil, table.concat(faults, "\n") end
  local burst = p.burst or {}
  local windows = windows_of(p, faults)
  if #faults > 0 then return nil, table.concat(faults, "\n") end
  if #windows == 0 then return nil, "a limit without windows can't be kept exactly: give it at least one" end
  local core, err = tokenbucket.policy {windows = windows, burst = burst.size,
    every = burst.seconds and ms(burst.seconds), hold = ms(p.timeout)}
  if not core then return nil, err.message end
  p.windows_ms, p.burst_size, p.every_ms = windows, burst.size, burst.seconds and ms(burst.seconds)
  return compile(p, core)
end

--- Milliseconds that nothing is sent after the store's past may have been lost.
function policy:cooldown_ms()
  return self.span + ms(self.lag) + self.skew_ms
end

return policy
