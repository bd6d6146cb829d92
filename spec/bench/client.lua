-- client.lua -- the AWS client beside boto3, on this machine, against a server that answers at once.
-- Peers run side by side in one run; the last column says what the issue asks for.
local proc = require "tidelock.proc"
local server = require "support.server"

local TOOLS <const> = "build/bench"
local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local TIDELOCK <const>, TIDELUA <const> = HERE .. "/tidelock", HERE .. "/tidelua"
local QUICK <const> = os.getenv "BENCH_QUICK" == "1"

local function compile(name)
  assert(proc.run {"mkdir", "-p", TOOLS})
  local out = assert(proc.run {os.getenv "CC" or "cc", "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", TOOLS .. "/" .. name,
    "spec/bench/" .. name .. ".c"})
  assert(out.code == 0, out.stderr)
end

local function environment(port)
  return {AWS_ENDPOINT_URL = "http://127.0.0.1:" .. port, AWS_REGION = "eu-west-1", AWS_DEFAULT_REGION = "eu-west-1",
    AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", AWS_EC2_METADATA_DISABLED = "true",
    AWS_PROFILE = false, AWS_SESSION_TOKEN = false}
end

--- Medians of `runs` runs: {cpu = ms, wall = ms, memory = MB}.
local function measure(env, runs, ...)
  local out = assert(proc.run {TOOLS .. "/measure", QUICK and 3 or runs, env = env, ...})
  assert(out.code == 0, out.stderr)
  local cpu, wall, kb = out.stdout:match "(%d+) (%d+) (%d+)"
  return {cpu = cpu / 1000, wall = wall / 1000, memory = kb / 1024}
end

local function row(what, unit, ours, theirs, limit)
  print(("%-34s %-9s %10.2f %10.2f %8.0f x   %s"):format(what, unit, ours, theirs, theirs / ours,
    limit and ("at most %g%s"):format(limit, ours <= limit and "" or ": NOT REACHED") or ""))
end

local ONE <const> = {
  {"sqs", "list-queues"}, {"ec2", "describe-regions"}, {"s3", "list-buckets"},
  {"dynamodb", "put-item", "--table-name", "t", "--item", '{"pk":{"S":"a"}}'},
}

local function one_shot(env)
  for _, words in ipairs(ONE) do
    local ours = measure(env, 31, TIDELOCK, "call", table.unpack(words))
    local theirs = measure(env, 7, server.PYTHON, "spec/bench/parts/one.py", words[1], (words[2]:gsub("-", "_")))
    local name = "one shot " .. words[1] .. " " .. words[2]
    row(name, "ms CPU", ours.cpu, theirs.cpu, 4)
    row("", "MB", ours.memory, theirs.memory, 8)
  end
end

-- The cost of starting is taken away: the same program with no call in it.
local function many(env, count, flight, limit)
  local function each(runs, ...)
    local words = {...}
    local full = measure(env, runs, table.unpack(words))
    words[#words - 1] = 0
    local empty = measure(env, runs, table.unpack(words))
    return (full.cpu - empty.cpu) * 1000 / count, full.memory
  end
  local ours, memory = each(5, TIDELUA, "spec/bench/parts/many.lua", count, flight)
  local theirs, their_memory = each(3, server.PYTHON, "spec/bench/parts/many.py", count, flight)
  row(("%d calls, %d in flight"):format(count, flight), "us CPU", ours, theirs, limit)
  row("", "MB", memory, their_memory, 16)
end

compile "stub"
compile "measure"
local stub, port = server.start({TOOLS .. "/stub"}, "^(%d+)\n")
local _ <close> = stub
local env = environment(port)
print(("%-34s %-9s %10s %10s %10s   %s"):format("", "", "tidelock", "boto3", "ratio", "wanted"))
one_shot(env)
many(env, QUICK and 500 or 2000, 1, 60)
many(env, QUICK and 500 or 5000, 32, 60)
return 0
