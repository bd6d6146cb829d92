--- Runs of a whole program, measured from outside by measure.c: what benches of single calls share.
local proc = require "tidelock.proc"

local shot = {}

local TOOLS <const> = "build/bench"
local QUICK <const> = os.getenv "BENCH_QUICK" == "1"

--- The folder of the programs: that of the one that runs this.
function shot.here()
  return assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
end

--- Compiles spec/bench/NAME.c and returns the program's path.
function shot.compile(name)
  assert(proc.run {"mkdir", "-p", TOOLS})
  local path = TOOLS .. "/" .. name
  local out = assert(proc.run {os.getenv "CC" or "cc", "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", path,
    "spec/bench/" .. name .. ".c"})
  assert(out.code == 0, out.stderr)
  return path
end

--- What the AWS client of any language needs to call `url`.
function shot.environment(url)
  return {AWS_ENDPOINT_URL = url, AWS_REGION = "eu-west-1", AWS_DEFAULT_REGION = "eu-west-1",
    AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_EC2_METADATA_DISABLED = "true",
    AWS_PROFILE = false, AWS_SESSION_TOKEN = false}
end

--- Medians of `runs` runs: {cpu = ms, wall = ms, memory = MB}.
function shot.measure(env, runs, ...)
  local out = assert(proc.run {TOOLS .. "/measure", QUICK and 3 or runs, env = env, ...})
  assert(out.code == 0, out.stderr)
  local cpu, wall, kb = out.stdout:match "(%d+) (%d+) (%d+)"
  return {cpu = cpu / 1000, wall = wall / 1000, memory = kb / 1024}
end

--- The head of a table of rows, beside boto3 unless `them` says beside what.
function shot.head(them)
  print(("%-38s %-7s %10s %10s %10s   %s"):format("", "", "tidelock", them or "boto3", "ratio", "wanted"))
end

--- One row: ours beside theirs, and whether a limit is kept; `shot.failed` once one is not.
function shot.row(what, unit, ours, theirs, limit)
  shot.failed = shot.failed or limit ~= nil and ours > limit
  print(("%-38s %-7s %10.2f %10.2f %8.3g x   %s"):format(what, unit, ours, theirs, theirs / ours,
    limit and ("at most %g%s"):format(limit, ours <= limit and "" or ": NOT REACHED") or ""))
end

return shot
