-- A run killed at its boundaries and resumed ends as one that was left alone: nothing made twice.
-- TIDELOCK_SOAK=1 (make soak) takes every boundary; else 30 of them, by TIDELOCK_SEED: 22 with the journal in files,
-- 8 with journal and lock in S3 and DynamoDB; and a few with SIGTERM and SIGHUP (a closed terminal).
local fs = require "tidelock.fs"
local moto = require "support.moto"
local proc = require "tidelock.proc"

local FLOW <const> = "spec/kill/flow.lua"

local function tidelua() return arg[-1] or "build/tidelua" end

local CASES <const> = {{signal = "KILL", where = "in files", share = 22},
  {signal = "KILL", where = "in S3 and DynamoDB", share = 8}, {signal = "TERM", where = "in files", share = 4},
  {signal = "HUP", where = "in files", share = 2}}

for _, case in ipairs(CASES) do
describe(("a run that is killed with SIG%s, its journal %s"):format(case.signal, case.where), function()
  local remote <const>, share <const> = case.where ~= "in files", case.share
  local server <const> = moto.start()
  local state, total
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. state .. "'")
  end)

  local function tidelock(point, ...)
    local env = {KILL_WITH = case.signal, TIDELOCK_STATE = state,
      TIDELOCK_STORE = remote and "s3://runs-" .. server.account .. "/kill" or false}
    for k, v in pairs(server.env) do env[k] = v end
    return proc.run {tidelua(), "spec/kill/victim.lua", tostring(point), env = env, ...}
  end

  local function fresh()
    server:reset()
    if state then os.execute("rm -rf '" .. state .. "'") end
    state = fs.tempdir "kill_spec"
    if remote then
      local session = server:session {region = "us-east-1"}
      session.s3:create_bucket {Bucket = "runs-" .. server.account}
    end
  end

  -- What the dead had sent has landed when the emulator has closed each connection whose other end is gone: CLOSE_WAIT.
  -- The engine waits SETTLE seconds for it; on a machine as busy as a soak makes it that may be too short.
  local function landed()
    local port = (":%04X "):format(tonumber(server.url:match ":(%d+)$"))
    for _ = 1, 600 do
      local file = assert(io.open "/proc/net/tcp")
      local open = false
      for line in file:lines() do
        open = open or line:find("^%s*%d+: %x+" .. port .. "%x+:%x+ 08 ") ~= nil
      end
      file:close()
      if not open then return end
      require "tidelock.loop".sleep(0.1)
    end
    error "the emulator has not ended what it was sent within a minute"
  end

  local function must(result, what)
    assert.equal(0, result.code, what .. ": " .. result.stdout .. result.stderr)
    return result
  end

  local function check_state(what)
    local session = server:session()
    local keys = 0
    for k in session.kms:items("list_keys", {}) do
      local key = session.kms:describe_key {KeyId = k.KeyId}.KeyMetadata
      if key.Description == "made once" then keys = keys + 1 end
    end
    assert.equal(1, keys, what .. ": keys")
    local url = session.sqs:get_queue_url {QueueName = "kill"}.QueueUrl
    local n = session.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes
    assert.equal("1", n.ApproximateNumberOfMessages, what .. ": messages")
    must(tidelock(0, "plan", FLOW, "--detailed-exitcode"), what .. ": the plan after it is not empty")
  end

  local function points()
    if os.getenv "TIDELOCK_SOAK" then
      local all = {}
      for i = 1, total do all[i] = i end
      return all
    end
    local seed, out, seen = tonumber(os.getenv "TIDELOCK_SEED") or os.time(), {}, {}
    math.randomseed(seed)
    while #out < math.min(share, total) do
      local n = math.random(total)
      if not seen[n] then
        seen[n] = true
        out[#out + 1] = n
      end
    end
    return out, seed
  end

  it("has boundaries, and left alone ends well", function()
    fresh()
    local result = must(tidelock(0, "apply", FLOW, "--yes"), "undisturbed")
    total = tonumber(result.stderr:match "boundaries (%d+)")
    assert.is_true(total > 60)
    check_state "undisturbed"
  end)

  it("is resumed to the same end from each of them", function()
    local list, seed = points()
    for _, point in ipairs(list) do
      local what = ("killed at boundary %d of %d (TIDELOCK_SEED=%s)"):format(point, total, tostring(seed))
      fresh()
      local victim = tidelock(point, "apply", FLOW, "--yes")
      -- the other signals are taken: a run that has begun ends what is in flight and says how to go on, another that
      -- there is nothing to go on with
      local softly = victim.code == 130 and victim.stderr:find("tidelock resume", 1, true)
      local unbegun = victim.code == 130 and victim.stderr:find("Nothing was changed.", 1, true)
      assert.is_truthy(victim.signal or victim.code == 0 or softly or unbegun, what .. ": " .. victim.stderr)
      if victim.signal or victim.code ~= 0 then
        landed()
        local resumed = tidelock(0, "resume", "last")
        if resumed.stderr:find("has ended (done)", 1, true) then
          assert.equal(64, resumed.code)
        elseif resumed.stderr:find("there is no run", 1, true) or resumed.code == 65 then     -- it had not begun
          if remote then require "tidelock.loop".sleep(2.1) end       -- until the lease of the dead has run out
          must(tidelock(0, "apply", FLOW, "--yes"), what)
        else
          assert.is_falsy(unbegun, what .. ": there was a run, but it said: " .. victim.stderr)
          must(resumed, what)
        end
      end
      check_state(what)
    end
    print(("SIG%s, journal %s: resumed to the same end from %d of %d boundaries"):format(case.signal, case.where, #list,
      total))
  end)
end)
end
