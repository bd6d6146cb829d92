-- limiter.lua -- what a decision costs: in process, and in Redis by the server's own count of time in scripts.
local loop = require "tidelock.loop"
local policies = require "ratelimit.policy"
local ratelimit = require "ratelimit"
local redis = require "redis"
local server = require "support.redis"
local tokenbucket = require "tidelock.tokenbucket"

local QUICK <const> = os.getenv "BENCH_QUICK" == "1"
local RULE <const> = {name = "bench", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6},
  timeout = 30,
  lease = 60, clock_error = 0, lag = 0, skew = 2}

local function row(what, unit, value, limit, worse)
  local missed = limit and (worse == "less" and value < limit or worse ~= "less" and value > limit)
  print(("%-44s %-14s %10.2f   %s"):format(what, unit, value,
    limit and ("%s %g%s"):format(worse == "less" and "at least"
    or "at most", limit, missed and ": NOT REACHED" or "") or ""))
end

local function in_process()
  local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy {windows = {{limit = 10, ms = 60000}},
    burst = 3,
    every = 6000})))
  local n = QUICK and 300000 or 3000000
  local from = os.clock()
  for _ = 1, n do store:take "u" end
  row("in process, one key, refused, from Lua", "M/s", n / (os.clock() - from) / 1e6, 12, "less")
  local keys = QUICK and 100000 or 1000000
  local names = {}
  for i = 1, keys do names[i] = "user-" .. i end
  for i = 1, keys do store:take(names[i]) end
  from = os.clock()
  for i = 1, keys do store:take(names[(i * 7919) % keys + 1]) end
  row(("in process, %d keys, from Lua"):format(keys), "M/s", keys / (os.clock() - from) / 1e6, 1.5, "less")
  local stats = store:stats()
  row("bytes a key", "B", stats.bytes / stats.keys, 128)
end

-- Server time a call, by INFO commandstats, medians of runs.
local function usec(r, n, each)
  local figures = {}
  for _ = 1, QUICK and 3 or 5 do
    assert(r:call("CONFIG", "RESETSTAT"))
    for i = 1, n do each(i) end
    local text = r:call("INFO", "commandstats")
    figures[#figures + 1] = tonumber(text:match "cmdstat_evalsha:[^\r\n]*usec_per_call=([%d.]+)")
  end
  table.sort(figures)
  return figures[(#figures + 1) // 2]
end

-- A lineage known for long: the cool-down of a first start is no part of these figures.
local function open_lineage(r, limiter)
  limiter:take("warm", "warm")
  local id, span = r:call("GET", limiter.policy.lineage):match "^(%w+) %d+ (%d+)$"
  assert(r:call("SET", limiter.policy.lineage, id .. " 0 " .. span))
  assert(limiter:take("warm", "warm again"))
end

local function scripts(r)
  local policy = assert(policies.new(RULE))
  local limiter <close> = ratelimit.new(policy, r, {shadow = false})
  open_lineage(r, limiter)
  local n = QUICK and 100 or 400
  local texts, sha = limiter.scripts, limiter.sha
  assert(r:call("SCRIPT", "LOAD", texts.take))
  -- Sixteen at a time, as RATELIMIT.md's figures were measured.
  local function take(code, user_of, id_of)
    local words = {}
    for i = 1, 16 do
      words[i] = {"EVALSHA", sha.take, 3, limiter:ring_key(user_of(i)), limiter:claim_key(user_of(i), id_of(i)),
        policy.lineage, limiter.clock(), "n"}
    end
    for _, reply in ipairs(assert(r:batch(words))) do assert(reply[1] == code, reply[1]) end
  end
  -- A full ring whose times are all old: what an admitted request of a busy account meets.
  local function warm(user)
    local old = limiter.clock() - 120000
    local at = {0}
    for i = 1, 10 do at[i + 1] = old - i * 6000 end
    assert(r:call("SET", limiter:ring_key(user), "\1" .. string.pack(">" .. ("I6"):rep(11), table.unpack(at))))
  end
  local run = 0
  for i = 1, n * 6 * 16 do warm("a" .. i) end
  row("Redis: admitted, full ring, claim and fence", "us of server", usec(r, n, function()
    take("admitted", function() run = run + 1 return "a" .. run end, function(j) return "m" .. j end)
  end), 14)
  for i = 1, 10 do limiter:take("r", "m" .. i) end
  row("Redis: refused", "us of server", usec(r, n, function(i)
    take("limited", function() return "r" end, function(j) return "x" .. i .. j end)
  end), 9)
end

-- The same refusals by redis-benchmark: its caller's clock stands still, so the limit lets the clocks be far apart.
local function peer(limiter, port)
  local out = assert(require "tidelock.proc".run {"redis-benchmark", "-p", tostring(port), "-c", "50", "-n",
    QUICK and "20000" or "100000", "-q", "EVALSHA", limiter.sha.take, "3", limiter:ring_key "busy",
    limiter:claim_key("busy", "x"), limiter.policy.lineage, tostring(limiter.clock()), "n"})
  return assert(tonumber(out.stdout:match ".*: ([%d.]+) requests per second"), out.stdout .. out.stderr)
end

local function rate(r, port)
  local rule = {}
  for name, value in pairs(RULE) do rule[name] = value end
  rule.name, rule.skew = "rate", 3000
  local limiter <close> = ratelimit.new(rule, r, {shadow = false})
  open_lineage(r, limiter)
  for i = 1, 10 do limiter:take("busy", "first" .. i) end
  local total, tasks, latencies = QUICK and 5000 or 50000, {}, {}
  local from = loop.now()
  for t = 1, 50 do
    tasks[t] = loop.spawn(function()
      for i = 1, total // 50 do limiter:take("busy", t .. "-" .. i) end
    end)
  end
  for _, task in ipairs(tasks) do assert(loop.wait(task)) end
  local ours = total / (loop.now() - from) / 1000
  local theirs = peer(limiter, port) / 1000
  row("Redis: redis-benchmark, 50 connections", "k/s", theirs)
  row("Redis: decisions from one process, 50 tasks", "k/s", ours, theirs * 0.9, "less")
  local start = loop.now()
  for i = 1, QUICK and 1000 or 5000 do
    local due = start + i / 1000
    loop.sleep(math.max(0, due - loop.now()))
    local asked = loop.now()
    limiter:take("busy", "paced" .. i)
    latencies[i] = (loop.now() - asked) * 1000
  end
  table.sort(latencies)
  row("Redis: a decision at 1,000 a second, p50", "ms", latencies[#latencies // 2])
  row("Redis: the same, p99", "ms", latencies[math.ceil(#latencies * 0.99)], 2)
end

in_process()
local own = server.start()
local r = assert(redis.connect {url = own.url})
scripts(r)
rate(r, own.port)
r:close()
own:stop()
