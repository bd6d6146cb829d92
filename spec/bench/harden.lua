-- harden.lua -- playbooks/harden.lua on the account of the specs: the first apply, and a second, which writes nothing.
local hardened = require "runbook.hardened"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"

local TOOLS <const> = "build/bench"
local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local RUNS <const> = os.getenv "BENCH_QUICK" == "1" and 3 or 7

assert(proc.run {"mkdir", "-p", TOOLS})
local made <const> = assert(proc.run {"cc", "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", TOOLS .. "/measure",
  "spec/bench/measure.c"})
assert(made.code == 0, made.stderr)

local host <const> = hardened.start()
hardened.accept_database(host)
local env <const> = {TIDELOCK_STATE = host.state, NO_COLOR = "1"}
for name, value in pairs(host.server.env) do env[name] = value end

local COMMAND <const> = {HERE .. "/tidelock", "apply", "playbooks/harden.lua", "--account", host.file, "--yes",
  "--output", "json"}
for _, word in ipairs {"shorten log retention", "close open buckets", "let items expire",
  "close databases to the world", "ask for TLS in connection URLs", "reboot example-postgres-production",
  "change task definitions"} do table.move({"--approve", word}, 1, 2, #COMMAND + 1, COMMAND) end

-- Runs it once: seconds, and the summary of what it did.
local function apply()
  local began <const> = loop.now()
  local run <const> = assert(proc.run {env = env, table.unpack(COMMAND)})
  if run.code ~= 0 then error(("the apply ended with %d:\n%s%s"):format(run.code, run.stdout, run.stderr), 0) end
  return loop.now() - began, json.decode(run.stdout).summary
end

local function by_service(requests)
  local out <const> = {}
  for service, n in pairs(requests) do out[#out + 1] = {service, n} end
  table.sort(out, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
  for i, pair in ipairs(out) do out[i] = ("%s %d"):format(pair[1], pair[2]) end
  print("           " .. table.concat(out, ", "))
end

local failed = false

local function row(what, unit, value, limit)
  local good <const> = not limit or value <= limit
  failed = failed or not good
  print(("  %-8s %10.2f %-12s %s"):format(what, value, unit,
    limit and ("at most %g%s"):format(limit, good and "" or ": NOT REACHED") or ""))
end

print "harden.lua on 3 clusters, 10 services, 24 queues, 23 tables, 12 buckets, 60 log groups, a database, a function"
local seconds, did = apply()
row("first", "s wall", seconds, 20)
row("", "reads", did.reads)
row("", "writes", did.writes)
by_service(did.requests)
seconds, did = apply()
row("second", "s wall", seconds, 6)
row("", "reads", did.reads, 400)
row("", "writes", did.writes, 0)
by_service(did.requests)
local many <const> = assert(proc.run {TOOLS .. "/measure", RUNS, env = env, table.unpack(COMMAND)})
assert(many.code == 0, many.stderr)
local cpu <const>, _, kb <const> = many.stdout:match "(%d+) (%d+) (%d+)"
row("", "s CPU", cpu / 1e6, 0.4)
row("", "MB", kb / 1024, 48)
host:close()
return failed and 1 or 0
