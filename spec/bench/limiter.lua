-- limiter.lua -- what a decision costs: in process, beside others' limiters, and in Redis by the server's own count of
-- time in scripts.
local loop = require "tidelock.loop"
local policies = require "ratelimit.policy"
local proc = require "tidelock.proc"
local ratelimit = require "ratelimit"
local redis = require "redis"
local rules = require "ratelimit.script"
local server = require "support.redis"
local tokenbucket = require "tidelock.tokenbucket"

local QUICK <const> = os.getenv "BENCH_QUICK" == "1"
local RULE <const> = {name = "bench", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6},
  timeout = 30,
  lease = 60, clock_error = 0, lag = 0, skew = 2}

local failed = false

local function row(what, unit, value, limit, worse)
  local missed = limit and (worse == "less" and value < limit or worse ~= "less" and value > limit)
  failed = failed or missed
  print(("%-44s %-14s %10.2f   %s"):format(what, unit, value,
    limit and ("%s %g%s"):format(worse == "less" and "at least"
    or "at most", limit, missed and ": NOT REACHED" or "") or ""))
end

-- ## Without Lua, and beside others: each counts its own processor time, on the same keys in the same order

local BUILD <const> = arg[-1] and arg[-1]:match "^(.*)/" or "build"
local PARTS <const> = "spec/bench/parts/limiter"

local function sh(command)
  local out = assert(proc.run {"sh", "-c", command})
  return out.code == 0 and out.stdout or nil, out.stderr
end

-- Figures that a program printed, in millions a second but for what is not a rate.
local function numbers(command, scale)
  local text, why = sh(command)
  if not text then return nil, why end
  local list = {}
  for n in text:gmatch "[%d.]+" do list[#list + 1] = tonumber(n) / (scale or 1e6) end
  return list
end

local function core()
  local program = BUILD .. "/bench-limiter"
  local built, why = sh((os.getenv "CC" or "cc") .. " -O2 -g -std=c11 -D_GNU_SOURCE -Imodules -o " .. program
    .. " spec/bench/limiter.c " .. BUILD .. "/modules.a -Wl,-Bstatic -lcrypto -Wl,-Bdynamic -lm -ldl -lpthread")
  assert(built, why)
  return assert(numbers(("%s %s %s"):format(program, QUICK and "300000 100000" or "5000000 1000000", ""), 1))
end

local PEERS <const> = {
  {name = "Go x/time/rate", needs = "go", counts = "5000000 1000000", quick = "2000000 200000",
    run = "build/bench/limiter-go",
    build = "cd " .. PARTS .. "-go && go build -o ../../../../build/bench/limiter-go ."},
  {name = "Rust governor", needs = "cargo", counts = "5000000 1000000", quick = "2000000 200000",
    run = "build/bench/limiter-rust/target/release/limiter",
    build = "mkdir -p build/bench/limiter-rust && cp -r " .. PARTS .. "-rust/. build/bench/limiter-rust && "
      .. "cd build/bench/limiter-rust && cargo build -q --release"},
  {name = "Python limits", needs = "python3", counts = "200000 100000", quick = "20000 10000",
    build = "vendor/venv limits", run = "build/venv-limits/bin/python " .. PARTS .. ".py"},
  {name = "Java bucket4j", needs = "javac mvn", counts = "5000000 1000000", quick = "2000000 200000",
    run = "java -cp 'build/bench/limiter-java:build/bench/limiter-java/*' Limiter",
    build = "mvn -q dependency:copy -Dartifact=com.bucket4j:bucket4j_jdk17-core:8.14.0 "
      .. "-DoutputDirectory=$PWD/build/bench/limiter-java && javac -d build/bench/limiter-java "
      .. "-cp 'build/bench/limiter-java/*' " .. PARTS .. "-java/Limiter.java"},
}

-- Those whose times are in Redis: one process, 50 connections, all refused, as our own row of it.
local REDIS_PEERS <const> = {
  {name = "Go redis_rate", needs = "go", counts = "50000", quick = "10000", run = "build/bench/limiter-redis-go",
    build = "cd " .. PARTS .. "-redis-go && go build -o ../../../../build/bench/limiter-redis-go ."},
  {name = "Python limits", needs = "python3", counts = "20000", quick = "5000", build = "vendor/venv limits",
    run = "build/venv-limits/bin/python " .. PARTS .. "-redis.py"},
}

-- The first line that says something: Maven's first may be colours alone.
local function reason(text) return text:gsub("\27%[[%d;]*m", ""):match "[^%s][^\n]*" or "it said nothing" end

local function peer_figures(peer, ...)
  for need in peer.needs:gmatch "%S+" do
    if not sh("command -v " .. need) then return nil, ("there is no %s here"):format(need) end
  end
  local built, why = sh("{ mkdir -p build/bench && " .. peer.build .. "; } >&2")
  if not built then return nil, "it could not be built: " .. reason(why) end
  local figures, fault = numbers(table.concat({peer.run, QUICK and peer.quick or peer.counts, ...}, " "))
  if not figures then return nil, "it failed: " .. reason(fault) end
  return figures
end

local function without_lua()
  local one, named, many, bytes = table.unpack(core())
  row("C core, one key, refused", "M/s", one / 1e6, 39, "less")
  row("C core, one key, by its name in a table", "M/s", named / 1e6)
  row(("C core, %s"):format(QUICK and "100,000 keys" or "a million keys"), "M/s", many / 1e6, 4, "less")
  row("C core, bytes a key", "B", bytes, 128)
  for _, peer in ipairs(PEERS) do
    local theirs, why = peer_figures(peer)
    if theirs then
      print(("%-44s one key %.2f M/s, ours %.1f times that; many %.2f M/s, ours %.1f times%s"):format(peer.name,
        theirs[1], one / 1e6 / theirs[1], theirs[2], many / 1e6 / theirs[2],
        theirs[3] and ("; by the processor's own counter %.2f M/s"):format(theirs[3]) or ""))
    else
      print(("%-44s left out: %s"):format(peer.name, why))
    end
  end
end

-- Millions a second of processor time, the best of three: what else the machine does only makes it slower.
local function best_of(n, run, store)
  local best = 0
  for _ = 1, 3 do
    local from = os.clock()
    run(store)
    best = math.max(best, n / (os.clock() - from) / 1e6)
  end
  return best
end

local function in_process()
  local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy {windows = {{limit = 10, ms = 60000}},
    burst = 3,
    every = 6000})))
  local n = QUICK and 300000 or 3000000
  row("in process, one key, refused, from Lua", "M/s", best_of(n, function(s)
    for _ = 1, n do s:take "u" end
  end, store), 12, "less")
  local keys = QUICK and 100000 or 1000000
  local names = {}
  for i = 1, keys do names[i] = "user-" .. i end
  for i = 1, keys do store:take(names[i]) end
  row(("in process, %d keys, from Lua"):format(keys), "M/s", best_of(keys, function(s)
    for i = 1, keys do s:take(names[(i * 7919) % keys + 1]) end
  end, store), 1.5, "less")
  local stats = store:stats()
  row("bytes a key", "B", stats.bytes / stats.keys, 128)
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Server time a call, by INFO commandstats, medians of runs.
local function usec(r, n, each, runs)
  local figures = {}
  for _ = 1, runs or QUICK and 3 or 5 do
    assert(r:call("CONFIG", "RESETSTAT"))
    for i = 1, n do each(i) end
    local text = r:call("INFO", "commandstats")
    figures[#figures + 1] = tonumber(text:match "cmdstat_evalsha:[^\r\n]*usec_per_call=([%d.]+)")
  end
  return median(figures)
end

local MANY <const> = 1000         -- accounts with a warm log, as RATELIMIT.md's admitted figures have

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
  local texts, sha = limiter.scripts, limiter.sha
  assert(r:call("SCRIPT", "LOAD", texts.take))
  -- Sixteen at a time, as RATELIMIT.md's figures were measured.
  local function take(code, user_of, id_of)
    local words = {}
    for i = 1, 16 do
      local user = user_of(i)
      words[i] = {"EVALSHA", sha.take, 3, limiter:ring_key(user), limiter:claim_key(user, id_of(i)), policy.lineage,
        limiter.clock(), "n"}
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
  local figures, n = {}, MANY // 16
  for round = 1, QUICK and 3 or 15 do
    local run = 0
    for i = 1, MANY do warm("a" .. i) end
    figures[round] = usec(r, n, function()
      take("admitted", function() run = run + 1 return "a" .. run end, function(j) return round .. "m" .. j end)
    end, 1)
  end
  row("Redis: admitted, full ring, claim and fence", "us of server", median(figures), 14)
  for i = 1, 10 do limiter:take("r", "m" .. i) end
  row("Redis: refused", "us of server", usec(r, n, function(i)
    take("limited", function() return "r" end, function(j) return "x" .. i .. j end)
  end), 9)
end

-- ## The rule alone

-- One full ring as the prototype and as we write it: ten times, the newest first, five seconds apart.
local function full_rings(newest)
  local at = {}
  for i = 1, 10 do at[i] = newest - (i - 1) * 5000 end
  return string.pack(">" .. ("I8"):rep(10), table.unpack(at)),
    "\1" .. string.pack(">" .. ("I6"):rep(11), 0, table.unpack(at))
end

-- Server time of a decision, in turns on the same server, so that what else the machine does meets both alike.
local function in_turns(r, contenders, user_of, age, wanted)
  local figures = {{}, {}}
  for _ = 1, QUICK and 3 or 15 do
    for which, contender in ipairs(contenders) do
      local ring = select(which, full_rings(contender.clock() - age))
      for i = 1, user_of(MANY) do assert(r:call("SET", contender.prefix .. i, ring)) end
      local used = usec(r, MANY // 16, function(turn)
        local words = {}
        for i = 1, 16 do
          local user = contender.prefix .. user_of((turn - 1) * 16 + i)
          words[i] = {"EVALSHA", contender.sha, 1, user, contender.clock()}
        end
        for _, reply in ipairs(assert(r:batch(words))) do assert(reply[1] == wanted, reply[1]) end
      end, 1)
      table.insert(figures[which], used)
    end
  end
  return median(figures[1]), median(figures[2])
end

local function rule_alone(r)
  local clock = ratelimit.clock()
  local prototype = assert(io.open("spec/bench/parts/ring.lua")):read "a"
  local contenders = {
    {prefix = "prototype:", sha = assert(r:call("SCRIPT", "LOAD", prototype)), clock = clock},
    {prefix = "rule:", sha = assert(r:call("SCRIPT", "LOAD", rules.rule(assert(policies.new(RULE))))), clock = clock},
  }
  for _, case in ipairs {
    {"refused", function() return 1 end, 0, "limited"},
    {"admitted", function(i) return i end, 60000, "admitted"},
  } do
    local theirs, ours = in_turns(r, contenders, table.unpack(case, 2))
    row(("Redis: the prototype's ring, %s"):format(case[1]), "us of server", theirs)
    row(("Redis: our rule alone, %s"):format(case[1]), "us of server", ours)
    row("Redis: ours, times the prototype's", "", ours / theirs, 1.1)
  end
end

-- The same refusals by redis-benchmark: its caller's clock stands still, so the limit lets the clocks be far apart.
local function peer(limiter, port)
  local out = assert(proc.run {"redis-benchmark", "-p", tostring(port), "-c", "50", "-n",
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
  for _, other in ipairs(REDIS_PEERS) do
    local figures, why = peer_figures(other, port)
    print(("%-44s %s"):format("Redis: " .. other.name .. ", 50 connections", figures and
      ("%.2f k/s, ours %.1f times that"):format(figures[1] * 1000, ours / figures[1] / 1000) or "left out: " .. why))
  end
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

without_lua()
in_process()
local own = server.start()
local r = assert(redis.connect {url = own.url})
scripts(r)
rule_alone(r)
rate(r, own.port)
r:close()
own:stop()
return failed and 1 or 0
