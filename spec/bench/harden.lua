-- harden.lua -- playbooks/harden.lua on the account of the specs: the first apply, and a second, which writes nothing.
local hardened = require "runbook.hardened"
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
local env <const> = {TIDELOCK_STATE = host.state, NO_COLOR = "1"}
for name, value in pairs(host.server.env) do env[name] = value end

local COMMAND <const> = {HERE .. "/tidelock", "apply", "playbooks/harden.lua", "--account", host.file, "--yes",
  "--quiet"}
for _, word in ipairs {"shorten log retention", "close open buckets", "let items expire",
  "close databases to the world", "ask for TLS in connection URLs", "reboot example-postgres-production",
  "change task definitions"} do table.move({"--approve", word}, 1, 2, #COMMAND + 1, COMMAND) end

-- Runs it once: seconds, and what its last line counts.
local function apply()
  local began <const> = loop.now()
  local run <const> = assert(proc.run {env = env, table.unpack(COMMAND)})
  if run.code ~= 0 then error(("the apply ended with %d:\n%s%s"):format(run.code, run.stdout, run.stderr), 0) end
  local reads, writes = run.stdout:match ".*%D(%d+) reads?, (%d+) writes?"
  return loop.now() - began, math.tointeger(reads), math.tointeger(writes)
end

local failed = false

local function row(what, unit, value, limit)
  local good <const> = not limit or value <= limit
  failed = failed or not good
  print(("  %-8s %10.2f %-12s %s"):format(what, value, unit,
    limit and ("at most %g%s"):format(limit, good and "" or ": NOT REACHED") or ""))
end

print "harden.lua on 3 clusters, 10 services, 24 queues, 23 tables, 12 buckets, 60 log groups, a database, a function"
local seconds, reads, writes = apply()
row("first", "s wall", seconds, 20)
row("", "reads", reads)
row("", "writes", writes)
seconds, reads, writes = apply()
row("second", "s wall", seconds, 6)
row("", "reads", reads, 400)
row("", "writes", writes, 0)
local many <const> = assert(proc.run {TOOLS .. "/measure", RUNS, env = env, table.unpack(COMMAND)})
assert(many.code == 0, many.stderr)
local cpu <const>, _, kb <const> = many.stdout:match "(%d+) (%d+) (%d+)"
row("", "s CPU", cpu / 1e6, 0.4)
row("", "MB", kb / 1024, 48)
host:close()
return failed and 1 or 0
