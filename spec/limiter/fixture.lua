-- fixture.lua -- what the limiter's specs share: a connection to a real redis-server, scripts with a clock that they
-- set, and the textbook's two rules to compare with.
local fixture = {}

--- A connection with `call`, by the library where it is there.
function fixture.connect(server)
  local redis = require "redis"
  return assert(redis.connect {url = server.url, ca = server.ca})
end

--- Makes the lineage one that has been known for long: the cool-down of a first start is not what most specs show.
function fixture.open(limiter)
  limiter:take("first", "first")
  local id, span = limiter.redis:call("GET", limiter.policy.lineage):match "^(%w+) %d+ (%d+)$"
  assert(limiter.redis:call("SET", limiter.policy.lineage, id .. " 0 " .. span))
end

--- The lines that read the server's clock from a key, in place of TIME.
fixture.CLOCK = "local server = tonumber(redis.call('GET', 'spec:now'))"

--- A bucket and a whole log, kept apart as a textbook would; times may be lowered later.
function fixture.oracle(windows, burst, every)
  local self = {log = {}}
  function self.allows(now)
    local tat = -1 << 50
    -- What ends in the future may have arrived already: it fills the bucket now.
    for _, t in ipairs(self.log) do tat = math.max(tat, math.min(t, now)) + (every or 0) end
    if burst and now < tat - (burst - 1) * every then return false end
    for _, w in ipairs(windows) do
      local n = 0
      for _, t in ipairs(self.log) do if t > now - w.ms then n = n + 1 end end
      if n >= w.limit then return false end
    end
    return true
  end
  function self.wait(now)
    if self.allows(now) then return 0 end
    local low, high = 0, 200000000
    while high - low > 1 do
      local mid = (low + high) // 2
      if self.allows(now + mid) then high = mid else low = mid end
    end
    return high
  end
  function self.add(time)
    self.log[#self.log + 1] = time
    table.sort(self.log)
  end
  function self.lower(from, to)
    for i, t in ipairs(self.log) do
      if t == from then
        self.log[i] = to
        return table.sort(self.log)
      end
    end
  end
  return self
end

--- A random rule that can be kept exactly, as ratelimit.policy takes it.
function fixture.random_rule(random, timeout)
  local limit, seconds = random(1, 12), random(2, 90)
  local rule = {name = "spec", windows = {{limit = limit, seconds = seconds}}, timeout = timeout, lease = timeout + 1,
    clock_error = random(0, 2) / 10, skew = 3600, fence = "none"}
  if random(4) > 1 then
    rule.burst = {size = random(1, limit), seconds = random(1, seconds * 1000 // limit) / 1000}
  end
  if random(3) == 1 then rule.windows[2] = {limit = limit * random(2, 6), seconds = seconds * random(2, 8)} end
  return rule
end

return fixture
