--- The rate of a client in adaptive mode: it starts free, and follows a cubic curve once throttled.
-- Pure: the clock is an argument, and the caller does the waiting.
local throttle = {}
throttle.__index = throttle

local SCALE <const>, BETA <const> = 0.4, 0.7
local SMOOTH <const>, BUCKET <const> = 0.8, 0.5
local MIN_RATE <const> = 0.5                             -- sends a second

--- A limiter that has seen nothing, at time `now` (seconds, monotonic).
function throttle.new(now)
  local t = {enabled = false, rate = MIN_RATE, capacity = 1, tokens = 0, stamp = now,
    measured = 0, count = 0, bucket = math.floor(now), max = 0, failed = now}
  t.k = (t.max * (1 - BETA) / SCALE) ^ (1 / 3)
  return setmetatable(t, throttle)
end

local function refill(self, now)
  self.tokens = math.min(self.capacity, self.tokens + (now - self.stamp) * self.rate)
  self.stamp = now
end

--- Takes one send and says how many seconds to wait before it. Later callers wait behind it:
-- the tokens go below zero, so that many tasks side by side keep the rate together.
function throttle:take(now)
  if not self.enabled then return 0 end
  refill(self, now)
  self.tokens = self.tokens - 1
  if self.tokens >= 0 then return 0 end
  return -self.tokens / self.rate
end

-- Sends a second, smoothed over half-second buckets.
local function measure(self, now)
  local bucket = math.floor(now / BUCKET) * BUCKET
  self.count = self.count + 1
  if bucket > self.bucket then
    local rate = self.count / (bucket - self.bucket)
    self.measured = rate * SMOOTH + self.measured * (1 - SMOOTH)
    self.count, self.bucket = 0, bucket
  end
  return self.measured
end

local function set_rate(self, rate, now)
  refill(self, now)
  self.rate = math.max(rate, MIN_RATE)
  self.capacity = math.max(self.rate, 1)
  self.tokens = math.min(self.tokens, self.capacity)
end

--- Learns from an answer at `now`: throttled or not.
function throttle:answered(throttled, now)
  local measured = measure(self, now)
  local rate
  if throttled then
    local current = self.enabled and math.min(measured, self.rate) or measured
    self.max, self.failed, self.enabled = current, now, true
    self.k = (self.max * (1 - BETA) / SCALE) ^ (1 / 3)
    rate = current * BETA
  else
    rate = SCALE * (now - self.failed - self.k) ^ 3 + self.max
  end
  if self.enabled then set_rate(self, math.min(rate, 2 * measured), now) end
end

return throttle
