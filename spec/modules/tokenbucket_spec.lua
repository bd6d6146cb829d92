-- tokenbucket_spec.lua -- the limiter's core against a plain bucket and a plain log, and its file against kills.
local fs = require "tidelock.fs"
local sweep = require "support.sweep"
local tokenbucket = require "tidelock.tokenbucket"

local MINUTE <const> = 60000
local RULE <const> = {windows = {{limit = 10, ms = MINUTE}}, burst = 3, every = 6000}

--- The two rules kept apart, as a textbook would: a bucket of tokens in 1/every steps, and the whole log.
local function oracle(rule)
  local self = {log = {}, tat = -1 << 50}
  function self.allows(now)
    if rule.burst and now < self.tat - (rule.burst - 1) * rule.every then return false end
    for _, w in ipairs(rule.windows) do
      local n = 0
      for _, t in ipairs(self.log) do if t > now - w.ms then n = n + 1 end end
      if n >= w.limit then return false end
    end
    return true
  end
  function self.wait(now)
    local ms = 0
    local high = 90000000
    if self.allows(now) then return 0 end
    while high - ms > 1 do
      local mid = (ms + high) // 2
      if self.allows(now + mid) then high = mid else ms = mid end
    end
    return high
  end
  function self.add(now)
    self.log[#self.log + 1] = now
    if rule.burst then self.tat = math.max(self.tat, now) + rule.every end
  end
  return self
end

local function random_rule(random)
  local limit = random(1, 12)
  local ms = random(1000, 90000)
  local rule = {windows = {{limit = limit, ms = ms}}}
  if random(4) > 1 then
    rule.burst = random(1, limit)
    rule.every = random(1, math.max(1, ms // limit))
  end
  if random(3) == 1 then rule.windows[2] = {limit = limit * random(2, 6), ms = ms * random(2, 8)} end
  return rule
end

describe("tidelock.tokenbucket", function()
  it("decides as bucket and log do, verdict and wait, over random rules and arrivals", function()
    local seed = tonumber(os.getenv "SEED") or 71
    math.randomseed(seed)
    for round = 1, 60 do
      local rule = random_rule(math.random)
      local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(rule))))
      local plain, now = oracle(rule), 1000000
      for step = 1, 120 do
        now = now + (math.random(3) == 1 and 0 or math.random(1, rule.windows[1].ms // 4))
        local want = plain.wait(now)
        local wait, left = store:peek("k", now)
        local ok, got = store:take("k", now)
        local at = ("seed %d round %d step %d"):format(seed, round, step)
        assert.equal(want, wait, at)
        assert.equal(want == 0, ok, at)
        if ok then
          assert.is_true(left >= 1, at)
          plain.add(now)
        else
          assert.equal(want, got, at)
        end
      end
    end
  end)

  it("says rightly how many could start at once", function()
    math.randomseed(5)
    for _ = 1, 40 do
      local rule, now = random_rule(math.random), 1000000
      local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(rule))))
      for _ = 1, 30 do
        now = now + math.random(0, rule.windows[1].ms)
        local _, left = store:peek("k", now)
        local took = 0
        while store:take("k", now) do took = took + 1 end
        assert.equal(left, took)
      end
    end
  end)

  it("admits a burst of 3, the paced ten, and tells the eleventh its exact wait", function()
    local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(RULE))))
    for _ = 1, 3 do assert.is_true(store:take("u", 0 + MINUTE)) end
    local ok, wait, why = store:take("u", MINUTE)
    assert.same({false, 6000, "limited"}, {ok, wait, why})
    for i = 0, 9 do assert.is_true(store:take("v", 2 * MINUTE + i * 6000 - i)) end
    ok, wait = store:take("v", 3 * MINUTE - 10)
    assert.same({false, 10}, {ok, wait})
    assert.is_true(store:take("v", 3 * MINUTE))
  end)

  it("never lets more than ten start in any minute, however greedy, and reaches ten a minute", function()
    local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(RULE))))
    local times, now = {}, 500000
    while now < 500000 + 60 * MINUTE do
      local ok, wait = store:take("u", now)
      if ok then times[#times + 1] = now else now = now + wait end
    end
    for i = 11, #times do assert.is_true(times[i] - times[i - 10] >= MINUTE) end
    assert.is_true(#times >= 599, #times .. " in an hour")
  end)

  it("lets no span of any length have more than its burst and one for each six seconds of it", function()
    math.randomseed(tonumber(os.getenv "SEED") or 31337)
    for _ = 1, 30 do
      local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(RULE))))
      local times, now = {}, 500000
      for _ = 1, 300 do
        now = now + (math.random(3) == 1 and 0 or math.random(1, 12000))
        if store:take("u", now) then times[#times + 1] = now end
      end
      for i = 1, #times do
        for j = i + 3, #times do
          local most = 3 + (times[j] - times[i]) // 6000
          if j - i + 1 > most then error(("%d in %d ms"):format(j - i + 1, times[j] - times[i])) end
        end
      end
    end
  end)

  it("counts a request until it is finished, and from its end after", function()
    local policy = assert(tokenbucket.policy {windows = {{limit = 1, ms = 1000}}, hold = 30000})
    local store <close> = assert(tokenbucket.store(policy))
    local _, stamp = store:take("u", 100000)
    assert.equal(130000, stamp)
    assert.same({false, 30500, "limited"}, {store:take("u", 100500)}, "its end is not known: the safe time stands")
    assert.is_true(store:finish("u", stamp, 100700))
    assert.same({200}, {(store:peek("u", 101500))})
    assert.is_true(store:take("u", 101700))
    assert.is_false(store:finish("u", 42, 101800))
    assert.is_false(store:finish("nobody", stamp, 101800))
  end)

  it("reserves the next free time, each caller another", function()
    local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(RULE))))
    local got = {}
    for i = 1, 11 do got[i] = store:reserve("u", 1000000) - 1000000 end
    assert.same({0, 0, 0, 6000, 12000, 18000, 24000, 30000, 36000, 42000, 60000}, got)
  end)

  it("never goes back in time", function()
    local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(RULE))))
    for _ = 1, 3 do store:take("u", 10 * MINUTE) end
    assert.same({false, 6000, "limited"}, {store:take("u", MINUTE)})
  end)

  it("keeps a plain bucket where there is no window", function()
    local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy {burst = 5, every = 1000})))
    for _ = 1, 5 do assert.is_true(store:take("u", 1000000)) end
    assert.same({false, 1000, "limited"}, {store:take("u", 1000000)})
    assert.is_true(store:take("u", 1001000))
    assert.same({0, 4}, {store:peek("u", 1005000)})
  end)

  it("refuses what it can't keep exactly, and says why", function()
    for _, case in ipairs {
      {{windows = {{limit = 10, ms = 60000}}, burst = 3, every = 6001}, "slower than its windows"},
      {{windows = {{limit = 10, ms = 60000}}, burst = 11, every = 6000}, "burst"},
      {{windows = {{limit = 0, ms = 60000}}}, "limit must be from 1"},
      {{windows = {{limit = 10, ms = 86460001}}}, "to a day"},
      {{}, "size must be from 1"},
      {{burst = 3, every = 0}, "time from 1 ms"},
      {{windows = {{limit = 1, ms = 1}}, hold = -1}, "held"},
    } do
      local policy, err = tokenbucket.policy(case[1])
      assert.is_nil(policy)
      assert.equal("policy", err.code)
      assert.matches(case[2], err.message)
    end
    assert.has_error(function() tokenbucket.policy {burst = 1.5, every = 10} end)
  end)

  it("keeps a hundred thousand keys apart, in at most 128 bytes each, and forgets the idle ones", function()
    local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(RULE))))
    for i = 1, 100000 do assert.is_true(store:take("user-" .. i, 1000000)) end
    local stats = store:stats()
    assert.equal(100000, stats.keys)
    assert.is_true(stats.bytes / stats.keys <= 129, stats.bytes / stats.keys)
    for i = 1, 100000, 997 do
      assert.is_true(store:take("user-" .. i, 1000000))
      assert.is_true(store:take("user-" .. i, 1000000))
      assert.is_false(store:take("user-" .. i, 1000000))
    end
    for i = 1, 100000 do store:take("later-" .. i, 1000000 + 10 * MINUTE) end
    assert.is_true(store:stats().bytes <= stats.bytes * 1.1, "the places of idle keys were not reused")
  end)

  it("treats a key with a NUL, an empty one and a megabyte alike", function()
    local store <close> = assert(tokenbucket.store(assert(tokenbucket.policy(RULE))))
    for _, key in ipairs {"", "a\0b", "a\0c", ("x"):rep(1 << 20)} do
      for _ = 1, 3 do assert.is_true(store:take(key, 1000000)) end
      assert.is_false(store:take(key, 1000000))
    end
  end)

  describe("with a file", function()
    local dir, path, policy
    before_each(function()
      dir = assert(fs.tempdir "bucket")
      path = dir .. "/limits"
      policy = assert(tokenbucket.policy(RULE))
    end)
    after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

    it("goes on where the last process stopped", function()
      local now = tokenbucket.now()
      local first = assert(tokenbucket.store(policy, {file = path, fresh = true}))
      for _ = 1, 3 do assert.is_true(first:take("u", now)) end
      for i = 1, 1000 do first:take("other" .. i, now) end
      first:close()
      local second <close> = assert(tokenbucket.store(policy, {file = path}))
      assert.same({false, 6000, "limited"}, {second:take("u", now)})
      assert.equal(1001, second:stats().keys)
    end)

    it("waits a whole window where the past is unknown", function()
      local store <close> = assert(tokenbucket.store(policy, {file = path}))
      local ok, wait, why = store:take("u")
      assert.same({false, "cooldown"}, {ok, why})
      assert.is_true(wait > 59000 and wait <= MINUTE)
    end)

    it("takes nothing from a file of another policy, cut short, or of another boot", function()
      local function spoil(change)
        local store = assert(tokenbucket.store(policy, {file = path, fresh = true}))
        store:take("u")
        store:close()
        change()
        local after <close> = assert(tokenbucket.store(policy, {file = path}))
        assert.same({false, "cooldown"}, {(after:take "u"), (select(3, after:take "u"))})
        after:close()
        fs.remove(path)
      end
      local function patch(at, bytes)
        local file <close> = assert(io.open(path, "r+b"))
        file:seek("set", at)
        file:write(bytes)
      end
      spoil(function() patch(16, "00000000") end)                     -- boot id
      spoil(function() patch(0, "XXXX") end)                          -- magic
      spoil(function() patch(72, ("\255"):rep(8)) end)                -- capacity
      spoil(function() os.execute("truncate -s 5000 '" .. path .. "'") end)
      policy = assert(tokenbucket.policy(RULE))
      local store = assert(tokenbucket.store(policy, {file = path, fresh = true}))
      store:close()
      local other = assert(tokenbucket.policy {windows = {{limit = 9, ms = MINUTE}}})
      local after <close> = assert(tokenbucket.store(other, {file = path}))
      assert.equal("cooldown", (select(3, after:take "u")))
    end)

    it("lets one process at a time use the file", function()
      local first <close> = assert(tokenbucket.store(policy, {file = path, fresh = true}))
      local second, err = tokenbucket.store(policy, {file = path})
      assert.is_nil(second)
      assert.equal("locked", err.code)
      assert.matches("only one sender", err.message)
      assert.is_true(first:take "u")
    end)
  end)

  it("lives through every allocation failing", function()
    local path = os.tmpname()
    sweep(function()
      local policy = assert(tokenbucket.policy(RULE))
      local store <close> = assert(tokenbucket.store(policy, {file = path, fresh = true}))
      store:take("u", 5)
      policy:steps()
      return store:stats().keys
    end)
    os.remove(path)
  end)
end)
