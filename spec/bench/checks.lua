-- checks.lua -- six checks of the plan beside the same by hand with boto3, on moto; then all controls on it, and on the
-- account of the specs once it is hardened.
local hardened = require "runbook.hardened"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local server = require "support.server"

local TOOLS <const> = "build/bench"
local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local QUICK <const> = os.getenv "BENCH_QUICK" == "1"
local SIX <const> = "elasticache-encryption-at-rest elasticache-encryption-in-transit rds-force-ssl"
  .. " s3-account-public-access cloudtrail-multi-region guardduty-enabled securityhub-enabled"

assert(proc.run {"mkdir", "-p", TOOLS})
local out <const> = assert(proc.run {"cc", "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", TOOLS .. "/measure",
  "spec/bench/measure.c"})
assert(out.code == 0, out.stderr)

local bed <close> = moto.start {region = "us-east-1"}
local env = bed.env
env.AWS_S3_US_EAST_1_REGIONAL_ENDPOINT = "regional"

--- An account with one of each, so that every check reads something.
local s <const> = bed:session()
s.elasticache:create_cache_cluster {CacheClusterId = "old", Engine = "redis", CacheNodeType = "cache.t3.micro",
  NumCacheNodes = 1}
s.rds:create_db_instance {DBInstanceIdentifier = "db", Engine = "postgres", DBInstanceClass = "db.t3.micro",
  AllocatedStorage = 20, MasterUsername = "u", MasterUserPassword = "not-a-real-one"}
s.guardduty:create_detector {Enable = true}
s.securityhub:enable_security_hub {EnableDefaultStandards = false}

--- Medians: {cpu = ms, wall = ms, memory = MB}.
local function measure(runs, line)
  local got = assert(proc.run {TOOLS .. "/measure", QUICK and 3 or runs, "sh", "-c", line,
    env = env})
  assert(got.code == 0, got.stderr)
  local cpu, wall, kb = got.stdout:match "(%d+) (%d+) (%d+)"
  return {cpu = cpu / 1000, wall = wall / 1000, memory = kb / 1024}
end

local function requests(line)
  local got = assert(proc.run {"sh", "-c", line, env = env})
  return tonumber(got.stdout:match "(%d+) requests") or error(got.stdout .. got.stderr)
end

local failed = false

local function row(what, unit, ours, theirs, limit)
  print(("%-34s %-9s %10.2f %10s   %s"):format(what, unit, ours, theirs and ("%.2f"):format(theirs) or "",
    limit and ("at most %g%s"):format(limit, ours <= limit and "" or ": NOT REACHED") or ""))
  failed = failed or limit ~= nil and ours > limit
end

local six <const> = HERE .. "/tidelock check " .. SIX
local all <const> = HERE .. "/tidelock check --account example"
local by_hand <const> = server.PYTHON .. " spec/bench/parts/checks.py >/dev/null"
requests(six)                                                     -- moto loads its services at their first call
local count <const> = requests(six)
local function verdict(line) return line .. " >/dev/null; [ $? -eq 1 ]" end   -- something critical is not so
local ours <const>, theirs <const> = measure(15, verdict(six)), measure(5, by_hand)
print(("%-34s %-9s %10s %10s   %s"):format("", "", "tidelock", "boto3", "wanted"))
row("six checks", "ms CPU", ours.cpu, theirs.cpu, 25)
row("", "MB", ours.memory, theirs.memory, 16)
row("", "ms wall", ours.wall, theirs.wall, theirs.wall)
row("", "requests", count, nil, 10)
requests(all)
local whole = measure(7, verdict(all))
row("all controls", "ms CPU", whole.cpu, nil, 500)
row("", "MB", whole.memory)
row("", "ms wall", whole.wall)
row("", "requests", requests(all))

local host <const> = hardened.start()
hardened.harden(host)
env = host.server.env
local there <const> = HERE .. "/tidelock check --account " .. host.file
local n <const> = requests(there)
whole = measure(7, verdict(there))
row("all controls, the hardened account", "ms CPU", whole.cpu, nil, 500)
row("", "MB", whole.memory)
row("", "ms wall", whole.wall)
row("", "requests", n)
host:close()
return failed and 1 or 0
