-- init_spec.lua -- the limiter as its users have it: every answer it can give, on a real redis-server that fails as
-- asked.
local fixture = require "limiter.fixture"
local loop = require "tidelock.loop"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local worlds = require "limiter.world"

local RULE <const> = {name = "spec", windows = {{limit = 3, seconds = 2}}, burst = {size = 2, seconds = 0.5},
  timeout = 5, lease = 8, clock_error = 0, lag = 0, skew = 2}

describe("ratelimit", function()
  local server, r, limiter
  setup(function()
    server = redis.start()
    r = fixture.connect(server)
  end)
  teardown(function()
    r:close()
    server:stop()
  end)
  before_each(function()
    server:reset()
    limiter = ratelimit.new(RULE, r)
    fixture.open(limiter)
  end)
  after_each(function() limiter:close() end)

  it("admits, is told the end, and counts from there", function()
    local began = loop.now()
    local ok, info = limiter:take("u", "m1")
    assert.is_true(ok)
    assert.equal("admitted", info.code)
    assert.equal(1, info.attempt)
    assert.is_true(info.timeout > 4.9 - (loop.now() - began) and info.timeout <= 5, info.timeout)
    assert.is_true(limiter:finish("u", "m1", info.nonce, "S", "201"))
    assert.same({false, "done"}, {(limiter:take("u", "m1")), select(2, limiter:take("u", "m1")).code})
    local open, state = limiter:peek "u"
    assert.is_true(open)
    assert.equal(1, state.left)
    assert.equal(1, #state.times)
  end)

  it("says how long it is limited for, and admits then", function()
    local slow <close> = ratelimit.new({name = "spec", windows = {{limit = 3, seconds = 6}}, clock_error = 0,
      burst = {size = 2, seconds = 2}, timeout = 5, lease = 8, lag = 0, skew = 2}, r)
    fixture.open(slow)
    for i = 1, 2 do
      local _, info = slow:take("u", "m" .. i)
      slow:finish("u", "m" .. i, info.nonce, "S")
    end
    local ok, info = slow:take("u", "m3")
    assert.same({false, "limited"}, {ok, info.code})
    assert.is_true(info.wait > 0 and info.wait <= 2.01, info.wait)
    loop.sleep(math.max(0, info.wait - 1))
    assert.equal("limited", select(2, slow:take("u", "m3")).code)
    loop.sleep(1.005)
    assert.is_true((slow:take("u", "m3")))
  end)

  it("keeps users and their messages apart, whatever colons they have", function()
    assert.is_true((limiter:take("a:b", "c")))
    assert.is_true((limiter:take("a", "b:c")))
    assert.not_equal(limiter:claim_key("a%3Ab", "c"), limiter:claim_key("a:b", "c"))
    assert.equal("rate_limit:spec:a:b", limiter:ring_key "a:b")
  end)

  it("is in flight for others and unknown once the owner is gone", function()
    local short <close> = ratelimit.new({name = "spec", clock_error = 0, windows = {{limit = 3, seconds = 2}},
      timeout = 0.1, lease = 1.5,
      lag = 0, skew = 2}, r)
    local other <close> = ratelimit.new(RULE, r)
    assert.is_true((short:take("u", "m")))
    assert.equal("inflight", select(2, other:take("u", "m")).code)
    loop.sleep(1.51)
    local _, info = other:take("u", "m")
    assert.equal("unknown", info.code)
    assert.is_true(other:finish("u", "m", info.nonce, "R", "looked up"))
    assert.equal("admitted", select(2, other:take("u", "m")).code)
    assert.equal(2, select(2, other:take("u", "m")).attempt)
  end)

  it("is in cool-down after a restart, and unavailable while Redis is away: nothing is let through", function()
    assert.is_true((limiter:take("u", "m1")))
    server:kill()
    local ok, info = limiter:take("u", "m2")
    assert.same({false, "unavailable", 5}, {ok, info.code, info.wait})
    assert.matches("Redis", info.detail)
    assert.same({false, "unavailable"}, {(limiter:peek "u"), select(2, limiter:peek "u").code})
    server:restart()
    local deadline = loop.now() + 20
    repeat
      loop.sleep(0.1)
      ok, info = limiter:take("u", "m2")
    until info.code ~= "unavailable" or loop.now() > deadline
    assert.same({false, "cooldown"}, {ok, info.code})
    assert.matches("may have forgotten.* nothing is sent for %d+%.%d s", info.detail)
  end)

  it("its own log refuses what Redis has forgotten", function()
    for i = 1, 2 do
      local _, info = limiter:take("u", "m" .. i)
      limiter:finish("u", "m" .. i, info.nonce, "S")
    end
    server:call("DEL", limiter:ring_key "u")
    local ok, info = limiter:take("u", "m3")
    assert.same({false, "limited", "own log"}, {ok, info.code, info.detail})
  end)

  it("refuses a server that may evict, and starts again after one that did", function()
    server:call("CONFIG", "SET", "maxmemory", "100mb")
    server:call("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
    local other <close> = ratelimit.new(RULE, r)
    local ok, info = other:take("u", "m")
    assert.same({false, "unavailable"}, {ok, info.code})
    assert.matches("noeviction", info.detail)
    server:call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert.is_true((other:take("u", "m")))
    server:call("SET", limiter.policy.evicted, "17")         -- another count than the server's
    other.guarded = nil
    assert.equal("cooldown", select(2, other:take("u", "m9")).code)
    server:call("CONFIG", "SET", "maxmemory", "0")
  end)

  it("is 'clock' where the two clocks are apart, and nothing is sent", function()
    local off <close> = ratelimit.new(RULE, r, {clock = function() return math.floor(loop.time() * 1000) + 60000 end})
    for _, ask in ipairs {"take", "peek", "ready"} do
      local ok, info = off[ask](off, "u", "m")
      assert.same({false, "clock"}, {ok, info.code})
      assert.matches("are 60%.%d s apart.*start it again", info.detail)
    end
  end)

  it("asks for replicas where the limit does, and gives the grant back without them", function()
    local wary <close> = ratelimit.new({name = "spec", clock_error = 0, windows = {{limit = 3, seconds = 2}},
      replicas = 1, lag = 0, skew = 2,
      timeout = 5, lease = 8}, r)
    local ok, info = wary:take("u", "m")
    assert.same({false, "unavailable"}, {ok, info.code})
    assert.matches("0 of the 1 replicas", info.detail)
    assert.equal("admitted", select(2, limiter:take("u", "m")).code)
  end)

  it("a lost answer is asked for again with the same nonce and costs one time", function()
    local lost = {}
    local flaky = {call = function(_, ...)
      local reply, err = r:call(...)
      if select(2, ...) == limiter.sha.take and not lost[1] then
        lost[1] = true
        return nil, {code = "unknown", message = "the connection broke"}
      end
      return reply, err
    end}
    local other <close> = ratelimit.new(RULE, flaky)
    assert.is_true((other:take("u", "m")))
    assert.equal(1, #select(2, other:peek "u").times)
  end)

  it("a grant that was lost altogether is not a message lost: its nonce is kept", function()
    local away, sha
    local flaky = {call = function(_, ...)
      local reply, err = r:call(...)
      if select(2, ...) == sha and err == nil and away then return nil, {code = "unknown", message = "broke"} end
      return reply, err
    end}
    local other <close> = ratelimit.new({name = "spec", clock_error = 0, windows = {{limit = 3, seconds = 2}},
      timeout = 0.2, lease = 1.5, lag = 0, skew = 2}, flaky)
    sha = other.sha.take
    assert(r:call("SCRIPT", "LOAD", other.scripts.take))
    away = true
    assert.equal("unavailable", select(2, other:take("u", "m")).code)
    loop.sleep(1.55)
    away = false
    local ok, info = other:take("u", "m")
    if info.code == "limited" then
      loop.sleep(info.wait)
      ok, info = other:take("u", "m")
    end
    assert.same({true, 2}, {ok, info.attempt}, info.code)
  end)

  it("forgets what failed, what may have been sent only where that is meant, and never what was sent", function()
    for outcome, forgotten in pairs {S = {false, false}, F = {true}, U = {false, true}, L = {false, false}} do
      local id = "m" .. outcome
      local ok, info = limiter:take("user" .. outcome, id)
      assert.is_true(ok)
      if outcome ~= "L" then limiter:finish("user" .. outcome, id, info.nonce, outcome) end
      for i, expected in ipairs(forgotten) do
        assert.equal(expected, limiter:forget("user" .. outcome, id, i == 2), outcome)
        assert.equal(expected, select(2, limiter:take("user" .. outcome, id)).code == "admitted", outcome)
      end
    end
  end)

  it("of two copies of a message whose grant was lost, one has its nonce", function()
    local away, other = true, nil
    local flaky = {call = function(_, ...)
      local reply, err = r:call(...)
      if away and select(2, ...) == other.sha.take then return nil, {code = "unknown", message = "broke"} end
      return reply, err
    end}
    other = ratelimit.new(RULE, flaky)
    assert(r:call("SCRIPT", "LOAD", other.scripts.take))
    assert.equal("unavailable", select(2, other:take("u", "m")).code)
    away = false
    local codes = {}
    for i = 1, 2 do codes[i] = loop.spawn(function() return select(2, other:take("u", "m")).code end) end
    for i = 1, 2 do codes[i] = select(2, assert(loop.wait(codes[i]))) end
    table.sort(codes)
    assert.same({"admitted", "inflight"}, codes)
    other:close()
  end)

  it("a server that hangs, and then runs what nobody waits for any more, grants once", function()
    local hasty <close> = require "redis".connect {url = server.url, timeout = 0.2}
    local other <close> = ratelimit.new(RULE, hasty)
    local deadline, ok, info = loop.now() + 20
    repeat ok = other:take("v", "m") until ok or loop.now() > deadline       -- it may itself be as slow for once
    assert.is_true(ok)
    worlds.signal(server.process, "STOP")
    ok, info = other:take("u", "m")
    worlds.signal(server.process, "CONT")
    assert.same({false, "unavailable"}, {ok, info.code})
    assert.matches("no answer", info.detail)
    while server:call("EXISTS", other:claim_key("u", "m")) ~= "1" do
      assert(loop.now() < deadline, "the server did not run what it had been sent")
      loop.sleep(0.02)
    end
    repeat ok, info = other:take("u", "m") until info.code ~= "unavailable" or loop.now() > deadline
    assert.same({true, "repeated", 1}, {ok, info.detail, info.attempt})
    assert.equal(1, #select(2, limiter:peek "u").times)
  end)

  it("a server that forgot its scripts is given them again", function()
    assert.is_true((limiter:take("u", "m1")))
    server:call("SCRIPT", "FLUSH")
    local ok, info = limiter:take("u", "m2")
    assert.is_true(ok)
    server:call("SCRIPT", "FLUSH")
    assert.is_true(limiter:finish("u", "m2", info.nonce, "S"))
    assert.equal(2, #select(2, limiter:peek "u").times)
  end)

  it("gives out slots, resets and forgets", function()
    local _, info = limiter:take("u", "m1")
    limiter:take("u", "m2")
    limiter:finish("u", "m1", info.nonce, "F")
    local began, first, second = loop.now(), limiter:slot "u", limiter:slot "u"
    local passed = loop.now() - began                        -- each is told from its own now on
    assert.is_true(second + passed >= first + 0.49, ("%g %g"):format(first, second))
    assert.is_true(limiter:reset "u" >= 1)
    assert.is_true((limiter:peek "u"))
    assert.is_true(limiter:forget("u", "m1"))
    assert.is_false(limiter:forget("u", "m1"))
  end)

  it("stops an account for as long as the site says", function()
    local _, info = limiter:take("u", "m")
    limiter:finish("u", "m", info.nonce, "R", "429", 90)
    local ok, after = limiter:take("u", "m")
    assert.same({false, "limited", "blocked"}, {ok, after.code, after.detail})
    -- the block ends by the later of the two clocks and is waited for by the earlier: never shorter than the site said
    assert.is_true(after.wait > 70 and after.wait < 90.1, ("%g s"):format(after.wait))
    assert.is_true((limiter:take("v", "m")))
  end)

  it("stops it though Redis goes away before it is told, and all others once it is back", function()
    local away = false
    local flaky = {call = function(_, ...)
      if away then return nil, {code = "unsent", message = "nobody is there"} end
      return r:call(...)
    end}
    local own <close> = ratelimit.new(RULE, flaky)
    local _, info = own:take("u", "m")
    away = true
    assert.is_nil((own:finish("u", "m", info.nonce, "R", "429", 90)))
    local function blocked(by, id)
      local ok, after = by:take("u", id)
      assert.same({false, "limited", "blocked"}, {ok, after.code, after.detail})
      assert.is_true(after.wait > 88 and after.wait < 90.1, after.wait)
    end
    blocked(own, "next")
    away = false
    assert.is_true((own:take("v", "other")))
    blocked(own, "next")
    blocked(own, "next")
    blocked(limiter, "another's")
  end)

  it("a clock of its own doesn't jump with the system's, but follows it slowly", function()
    local wall, steady = 1000000, 5000
    local clock = ratelimit.clock(function() return wall end, function() return steady end)
    assert.equal(1000000000, clock())
    wall, steady = 1000010, 15000
    assert.equal(1000010000, clock())
    wall, steady = 1000140, 25000                            -- stepped by two minutes
    assert.equal(1000020010, clock())
    steady = 35000
    assert.equal(1000030020, clock())
  end)

  it("says what is wrong with a limit", function()
    local ok, err = pcall(ratelimit.new, {name = "x", windows = {}}, r)
    assert.is_false(ok)
    assert.matches("at least one", err.message)
  end)
end)
