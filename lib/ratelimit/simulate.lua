--- What a limit does to a stream of messages: arrivals by chance at a rate, each sent as soon as the limit allows.
local policies = require "ratelimit.policy"
local tokenbucket = require "tidelock.tokenbucket"

local simulate = {}

local UNITS <const> = {s = 1, sec = 1, second = 1, m = 60, min = 60, minute = 60, h = 3600, hour = 3600, d = 86400,
  day = 86400}

--- "25/min" -> 25, 60; nil where it is no rate.
function simulate.rate(text)
  local n, amount, unit = text:match "^%s*(%d+)%s*/%s*(%d*)%s*(%a+)%s*$"
  unit = unit and (UNITS[unit:lower()] or UNITS[(unit:lower():gsub("s$", ""))])
  if not unit or tonumber(n) < 1 then return nil end
  return math.tointeger(tonumber(n)), unit * (tonumber(amount) or 1)
end

--- A limit in words: "10/min burst 3", "10/min, 200/day burst 3", "10/60s".
-- @return what ratelimit.policy takes; or nil and why
function simulate.words(text, name)
  local spec = {name = name or "onlyfans", windows = {}}
  local rest, burst = text:match "^(.-)%s+burst%s+(%d+)%s*$"
  for part in (rest or text):gmatch "[^,]+" do
    local limit, seconds = simulate.rate(part)
    if not limit then
      return nil, ('"%s" is not a limit; write it as "10/min burst 3" or "10/min, 200/day"'):format(text)
    end
    spec.windows[#spec.windows + 1] = {limit = limit, seconds = seconds}
  end
  if burst and spec.windows[1] then
    spec.burst = {size = math.tointeger(tonumber(burst)), seconds = spec.windows[1].seconds / spec.windows[1].limit}
  end
  return spec
end

-- A small generator of its own, so that a seed gives the same run on every machine.
local function generator(seed)
  local state = (seed * 2654435761 + 1) & 0xffffffff
  return function()
    state = (state * 1664525 + 1013904223) & 0xffffffff
    return (state >> 8) / 0x1000000
  end
end

--- Runs it.
-- @param options {policy = what ratelimit.policy takes, rate = {n, seconds}, minutes = 10, seed = 1}
-- @return {sends = ms of each, arrivals = ms of each, waited = longest ms, left = messages not sent at the end,
--   worst = most sends in any of the first window}; or nil and why
function simulate.run(options)
  local spec = {}
  for key, value in pairs(options.policy) do spec[key] = value end
  spec.timeout, spec.lease = 0, 1
  local policy, why = policies.new(spec)
  if not policy then return nil, why end
  local store <close> = assert(tokenbucket.store(policy.core))
  local random, limit = generator(options.seed or 1), (options.minutes or 10) * 60000
  local mean, at, origin = options.rate[2] * 1000 / options.rate[1], 0, 1000000000
  local out = {sends = {}, arrivals = {}, waited = 0, left = 0, policy = policy}
  local free = 0
  while true do
    at = at - mean * math.log(1 - random())
    if at >= limit then break end
    local arrival = math.floor(at)
    out.arrivals[#out.arrivals + 1] = arrival
    local now = math.max(arrival, free)
    while now < limit do
      local ok, wait = store:take("u", origin + now)
      if ok then break end
      now = now + wait
    end
    free = now
    if now >= limit then
      out.left = out.left + 1
    else
      out.sends[#out.sends + 1] = now
      out.waited = math.max(out.waited, now - arrival)
    end
  end
  out.worst = simulate.worst(out.sends, policy.windows[1].seconds * 1000)
  return out
end

--- The most of some times (ms, in order) in any closed window.
function simulate.worst(times, ms)
  local first, worst = 1, 0
  for i = 1, #times do
    while times[i] - times[first] > ms do first = first + 1 end
    worst = math.max(worst, i - first + 1)
  end
  return worst
end

--- How many were sent in the window that ends at each step: for a chart.
function simulate.series(times, ms, step, till)
  local out, first, last = {}, 1, 0
  for at = step, till, step do
    while last < #times and times[last + 1] <= at do last = last + 1 end
    while first <= #times and times[first] < at - ms do first = first + 1 end
    out[#out + 1] = {at = at, n = math.max(0, last - first + 1)}
  end
  return out
end

return simulate
