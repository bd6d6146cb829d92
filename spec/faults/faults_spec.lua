-- An apply through a proxy that fails a fifth of all requests: it converges, makes nothing twice, and then is quiet.
-- TIDELOCK_SOAK=1 takes fifty seeds; else three, by TIDELOCK_SEED.
local faults = require "support.faults"
local fs = require "tidelock.fs"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"

local FLOW <const> = "spec/faults/set.lua"
local EVERY <const> = {"throttle", "error", "refuse", "lost", "half", "late"}

describe("with a fifth of the requests failing", function()
  local server <const> = moto.start()
  local state <const> = fs.tempdir "faults_spec"
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. state .. "'")
  end)

  local function tidelock(env, ...)
    local all = {TIDELOCK_STATE = state}
    for k, v in pairs(env) do all[k] = v end
    return proc.run(program.command(all, ...))
  end

  local function count(session)
    local keys, monitors = 0, 0
    for k in session.kms:items("list_keys", {}) do
      local key = session.kms:describe_key {KeyId = k.KeyId}.KeyMetadata
      if key.Description == "made once" then keys = keys + 1 end
    end
    for _, m in ipairs(session.ce:get_anomaly_monitors {}.AnomalyMonitors) do
      if m.MonitorName == "faults" then monitors = monitors + 1 end
    end
    return {keys = keys, monitors = monitors,
      subscriptions = #session.ce:get_anomaly_subscriptions {}.AnomalySubscriptions}
  end

  local function converge(seed, kinds)
    server:reset()
    local proxy <close> = faults.start(server, {rate = 0.2, seed = seed, kinds = kinds})
    local what = ("seed %d, %s"):format(seed, table.concat(kinds, " "))
    local first = tidelock(proxy.env, "apply", FLOW, "--yes")
    assert.equal(0, first.code, what .. ": " .. first.stdout .. first.stderr)
    local plan = tidelock(server.env, "apply", FLOW, "--yes")
    assert.equal(0, plan.code, what .. ": " .. plan.stdout .. plan.stderr)
    assert.matches(", 0 writes", plan.stdout, what)
    assert.same({keys = 1, monitors = 1, subscriptions = 1}, count(server:session()), what)
    local again = tidelock(proxy.env, "apply", FLOW, "--yes")
    assert.equal(0, again.code, what .. ": " .. again.stdout .. again.stderr)
    assert.matches(", 0 writes", again.stdout, what)
  end

  local soak <const> = os.getenv "TIDELOCK_SOAK"
  local from <const> = tonumber(os.getenv "TIDELOCK_SEED") or os.time() % 100000
  for seed = from, from + (soak and 49 or 2) do
    it(("converges and makes nothing twice (TIDELOCK_SEED=%d)"):format(seed), function() converge(seed, EVERY) end)
  end

  for _, kind in ipairs {"lost", "half", "error"} do
    it("converges where the only fault is: " .. kind, function() converge(1, {kind}) end)
  end

  it("says that the token has expired, and goes on once there is a new one", function()
    server:reset()
    local proxy = faults.start(server, {rate = 0.2, seed = 3, kinds = {"expired"}})
    local first = tidelock(proxy.env, "apply", FLOW, "--yes")
    proxy:stop()
    assert.not_equal(0, first.code)
    assert.matches("ExpiredToken", first.stdout .. first.stderr)
    local again = tidelock(server.env, "apply", FLOW, "--yes")
    assert.equal(0, again.code, again.stdout .. again.stderr)
    assert.matches("unchanged", tidelock(server.env, "plan", FLOW).stdout)
  end)

  it("resumes a run whose token expired in the middle: what was done before is not repeated", function()
    server:reset()
    local path = state .. "/middle.lua"
    assert(fs.write(path, [[playbook {name = "spec/middle"}
      for i = 1, 3 do ensure.sqs.queue {name = "before-" .. i} end
      step "count" {run = function() print "counting" return #aws.sqs:list_queues({}).QueueUrls end}
      for i = 1, 4 do ensure.sns.topic {name = "after-" .. i} end]]))
    local proxy = faults.start(server, {rate = 0.7, seed = 4, kinds = {"expired"}, only = {"CreateTopic"}})
    local first = tidelock(proxy.env, "apply", path, "--yes")
    proxy:stop()
    assert.equal(1, first.code, first.stdout .. first.stderr)
    assert.matches("Sign in again", first.stderr)
    local made = tonumber(first.stdout:match "Applied: (%d+) created")
    assert.is_true(made >= 3 and made < 7, first.stdout)
    local again = tidelock(server.env, "resume", "last")
    assert.equal(0, again.code, again.stdout .. again.stderr)
    assert.matches(("Applied: %d created"):format(7 - made), again.stdout)
    assert.is_nil(again.stderr:find("counting", 1, true), "the step was done before")
    assert.equal(0, tidelock(server.env, "plan", path, "--detailed-exitcode").code)
  end)
end)
