-- peers.lua -- the six checks of the plan: ours, Cloud Custodian's and a script's with boto3, on the same emulated
-- accounts: the verdicts beside each other, and what each costs.
-- usage: make compare. Ends with 1 where a verdict differs from ours and REASONS gives no reason.
local account = require "support.account"
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local python = require "support.server".PYTHON

local CUSTODIAN <const> = os.getenv "TIDELOCK_CUSTODIAN" or "build/venv-custodian/bin/custodian"
local HERE <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
local MEASURE <const> = "build/bench/measure"

-- The checks, by the script's names for them; ours, and Custodian's policies.
local SIX <const> = {
  {"cache", {"elasticache-encryption-at-rest", "elasticache-encryption-in-transit"},
    {"cache-groups", "cache-clusters"}},
  {"ssl", {"rds-force-ssl"}, {"ssl"}}, {"s3", {"s3-account-public-access"}, {"s3"}},
  {"trail", {"cloudtrail-multi-region"}, {"trail"}}, {"guardduty", {"guardduty-enabled"}, {"guardduty"}},
  {"hub", {"securityhub-enabled"}, {"hub"}},
}
-- check, tool, account: why its verdict is another, and ours right.
local REASONS <const> = {}

local function run(command, env)
  command.env = env
  return assert(proc.run(command))
end

local function controls()
  local out = {}
  for _, row in ipairs(SIX) do table.move(row[2], 1, #row[2], #out + 1, out) end
  return out
end

local tools = {}

function tools.tidelock(env)
  local command = {HERE .. "/tidelock", "check", "--output", "json", "--quiet"}
  table.move(controls(), 1, #controls(), #command + 1, command)
  local got, failed = run(command, env), {}
  for _, r in ipairs((json.decode(got.stdout) or error(got.stderr)).results) do
    if r.result ~= "pass" and r.result ~= "skip" then failed[r.id] = true end
  end
  local out = {}
  for _, row in ipairs(SIX) do
    out[row[1]] = true
    for _, id in ipairs(row[2]) do out[row[1]] = out[row[1]] and not failed[id] end
  end
  return out
end

local function custodian_command(folder)
  return {CUSTODIAN, "run", "--cache-period", "0", "--region", "us-east-1", "--output-dir", folder,
    "spec/compare/custodian.yml"}
end

function tools.custodian(env)
  local folder = fs.tempdir "custodian"
  local got, out = run(custodian_command(folder), env), {}
  for _, row in ipairs(SIX) do
    out[row[1]] = true
    for _, policy in ipairs(row[3]) do
      local file = io.open(("%s/%s/resources.json"):format(folder, policy))
      if not file then error(("Custodian has no answer for %s: %s"):format(policy, got.stderr:sub(-2000))) end
      out[row[1]] = out[row[1]] and #json.decode(file:read "a") == 0
      file:close()
    end
  end
  os.execute("rm -rf '" .. folder .. "'")
  return out
end

function tools.boto3(env)
  local got, out = run({python, "spec/bench/parts/checks.py"}, env), {}
  assert(got.code == 0, got.stderr)
  for _, row in ipairs(SIX) do out[row[1]] = not got.stdout:find("'" .. row[1] .. "'", 1, true) end
  return out
end

-- ## What it costs: medians

local function cost(runs, line, env)
  local got = run({MEASURE, runs, "sh", "-c", line}, env)
  local cpu, wall, kb = got.stdout:match "(%d+) (%d+) (%d+)"
  if not cpu then error(got.stderr) end
  return ("%8.0f ms CPU %8.0f ms %6.0f MB"):format(cpu / 1000, wall / 1000, kb / 1024)
end

local function costs(env)
  assert(proc.run {"mkdir", "-p", "build/bench"})
  local built = assert(proc.run {"cc", "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", MEASURE, "spec/bench/measure.c"})
  assert(built.code == 0, built.stderr)
  local folder = fs.tempdir "custodian"
  local ours = HERE .. "/tidelock check " .. table.concat(controls(), " ") .. " >/dev/null || true"
  print("What the six checks cost, medians:")
  print("  tidelock   " .. cost(9, ours, env))
  print("  custodian  " .. cost(3, table.concat(custodian_command(folder), " ") .. " >/dev/null 2>&1", env))
  print("  boto3      " .. cost(5, python .. " spec/bench/parts/checks.py >/dev/null", env))
  os.execute("rm -rf '" .. folder .. "'")
end

-- ## Beside each other

local function word(passed) return passed and "pass" or "fail" end

local function look(what, env)
  print(what)
  local said, unexplained = {}, 0
  for _, name in ipairs {"tidelock", "custodian", "boto3"} do said[name] = tools[name](env) end
  for _, row in ipairs(SIX) do
    local check = row[1]
    print(("  %-10s tidelock %s, custodian %s, boto3 %s"):format(check, word(said.tidelock[check]),
      word(said.custodian[check]), word(said.boto3[check])))
    for _, name in ipairs {"custodian", "boto3"} do
      if said[name][check] ~= said.tidelock[check] then
        local reason = REASONS[check .. " " .. name]
        print(("             %s differs: %s"):format(name, reason or "NO REASON GIVEN"))
        if not reason then unexplained = unexplained + 1 end
      end
    end
  end
  return unexplained
end

local server <close> = moto.start {region = "us-east-1", private = true}

-- The host of s3control begins with the account's number, so the peers must find that name here.
local function env_of()
  local env = {}
  for name, value in pairs(server.env) do env[name] = value end
  env.AWS_ENDPOINT_URL_S3_CONTROL = ("http://localhost:%d"):format(server.port)
  env.PYTHONPATH = "spec/compare/resolve"
  return env
end

local function session()
  return server:session()
end

account.build {session = session(), account = server.account, server = server}
local unexplained = look("The account that nobody has hardened", env_of())
server:reset()
require "compare.mixed"(session(), server.account)
unexplained = unexplained + look("An account with one of each as it should be, and one that is not", env_of())
server:reset()
require "compare.hardened"(session(), server.account)
unexplained = unexplained + look("An account where all six are as they should be", env_of())
costs(env_of())
if unexplained > 0 then
  print(("%d verdicts differ, and spec/compare/peers.lua gives no reason"):format(unexplained))
  os.exit(1)
end
