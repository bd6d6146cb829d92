-- script_spec.lua -- the Redis scripts against the C core and the textbook's rules, on a real server whose clock is
-- set.
local fixture = require "limiter.fixture"
local policies = require "ratelimit.policy"
local redis = require "support.redis"
local scripts = require "ratelimit.script"
local tokenbucket = require "tidelock.tokenbucket"

local SEED <const> = tonumber(os.getenv "SEED") or 20261
local START <const> = 1790000000000

describe("ratelimit.script", function()
  local server, r
  setup(function()
    server = redis.start()
    r = fixture.connect(server)
  end)
  teardown(function()
    r:close()
    server:stop()
  end)
  before_each(function() server:reset() end)

  --- A user's view: the scripts of a rule with the spec's clock; `change` may mutate their text.
  local function world(rule, change)
    local policy = assert(policies.new(rule))
    local texts = scripts.build(policy, fixture.CLOCK)
    for name, text in pairs(texts) do texts[name] = change and change(text, name) or text end
    local self = {policy = policy, user = "u"}
    local function keys(id) return policy.prefix .. self.user, "idem:" .. id end
    local function call(...)
      local reply, err = r:call(...)
      if reply == nil then error(err, 0) end
      return reply
    end
    function self.at(now) call("SET", "spec:now", now) end
    function self.take(now, id, nonce, caller)
      self.at(now)
      local ring, claim = keys(id)
      local out = call("EVAL", texts.take, 3, ring, claim, policy.lineage, caller or now, nonce or id)
      return out[1], out[2], out[3], out
    end
    function self.finish(now, id, nonce, outcome, block, caller)
      self.at(now)
      local ring, claim = keys(id)
      return call("EVAL", texts.finish, 2, ring, claim, caller or now, nonce or id, outcome or "S", "d", block or 0)
    end
    function self.peek(now)
      self.at(now)
      return call("EVAL", texts.peek, 2, policy.prefix .. self.user, policy.lineage, now)
    end
    function self.slot(now)
      self.at(now)
      return call("EVAL", texts.slot, 2, policy.prefix .. self.user, "slots", now)
    end
    return self
  end

  it("has the rule alone for those who measure it: the same verdicts of one key, no claim and no fence", function()
    local policy = assert(policies.new {name = "alone", windows = {{limit = 10, seconds = 60}},
      burst = {size = 3, seconds = 6}, timeout = 30, lease = 60, clock_error = 0, skew = 3600})
    local rule, caller = scripts.rule(policy), math.tointeger(r:call("TIME")[1]) * 1000
    local function take() return r:call("EVAL", rule, 1, "ring", caller) end
    for _ = 1, 3 do assert.equal("admitted", assert(take())[1]) end
    local refused = assert(take())
    assert.equal("limited", refused[1])
    assert.is_true(refused[2] > 30000 and refused[2] <= 37000)
    assert.same({"ring"}, r:call("KEYS", "*"))
  end)

  -- One random history; the first step at which the three don't agree, or nil.
  local function differs(seed, round, change, timeout)
    math.randomseed(seed, round)
    local rule = fixture.random_rule(math.random, timeout)
    local w = world(rule, change)
    w.user = ("u%d"):format(round)
    local store <close> = assert(tokenbucket.store(w.policy.core))
    local plain = fixture.oracle(w.policy.windows_ms, w.policy.burst_size, w.policy.every_ms)
    local now, flying = START, {}
    for step = 1, 60 do
      now = now + (math.random(3) == 1 and 0 or math.random(1, rule.windows[1].seconds * 250))
      local at = ("seed %d round %d step %d"):format(seed, round, step)
      if #flying > 0 and math.random(2) == 1 then
        local f = table.remove(flying, math.random(#flying))
        w.finish(now, f.id, f.id, "S")
        if now < f.stamp then
          store:finish("k", f.stamp, now)
          plain.lower(f.stamp, now)
        end
      end
      local id = ("%d-%d"):format(round, step)
      local want = plain.wait(now)
      local ok, got = store:take("k", now)
      local code, ms, stamp = w.take(now, id)
      if (want == 0) ~= ok or (not ok and got ~= want) then
        return ("%s: the core says %s %s, and the rules %d"):format(at, ok, got, want)
      end
      if (code == "admitted") ~= ok then return ("%s: %s, and the rules say %d"):format(at, code, want) end
      if ok then
        if stamp ~= got then return ("%s: stamp %d, and the core's %d"):format(at, stamp, got) end
        plain.add(stamp)
        flying[#flying + 1] = {id = id, stamp = stamp}
      elseif ms ~= want then
        return ("%s: wait %d, and the rules say %d"):format(at, ms, want)
      end
    end
  end

  local function first_difference(change, timeout, rounds)
    for round = 1, rounds do
      local ok, why = pcall(differs, SEED, round, change, timeout)
      if not ok then return tostring(type(why) == "table" and why.message or why) end
      if why then return why end
    end
  end

  it("decides as the C core and as bucket and log do, over random rules and arrivals", function()
    assert.is_nil(first_difference(nil, 0, 40))
  end)

  it("agrees with them where sends take their time and end in any order", function()
    assert.is_nil(first_difference(nil, 7, 40))
  end)

  it("keeps a log that is longer than a Lua function has names for", function()
    local w = world {name = "spec", windows = {{limit = 150, seconds = 600}}, timeout = 0, lease = 5, fence = "none",
      clock_error = 0}
    for i = 1, 150 do assert.equal("admitted", (w.take(START + i, "a" .. i))) end
    local code, ms = w.take(START + 200, "b")
    assert.same({"limited", 599802}, {code, ms})
    assert.equal("admitted", (w.take(START + 600002, "c")))
    assert.equal("limited", (w.take(START + 600002, "d")))
    assert.equal("admitted", (w.take(START + 600003, "e")))
  end)

  local RULE <const> = {name = "spec", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6},
    timeout = 0, lease = 5, fence = "none", clock_error = 0}

  local function tally(w)
    local times, now, n = {}, START, 0
    while now < START + 1200000 do
      n = n + 1
      local code, ms = w.take(now, "g" .. n)
      if code == "admitted" then times[#times + 1] = now else now = now + ms end
    end
    return times
  end

  it("lets a greedy sender have ten a minute and never eleven in any closed one", function()
    local times = tally(world(RULE))
    for i = 11, #times do assert.is_true(times[i] - times[i - 10] > 60000) end
    assert.is_true(#times >= 198, #times .. " in twenty minutes")
  end)

  it("admits after exactly the wait it told, and not a millisecond before", function()
    local w = world(RULE)
    for i = 1, 3 do assert.equal("admitted", (w.take(START, "a" .. i))) end
    local code, ms = w.take(START, "b")
    assert.same({"limited", 6000}, {code, ms})
    assert.equal("limited", (w.take(START + ms - 1, "b")))
    assert.equal("admitted", (w.take(START + ms, "b")))
  end)

  it("leaves no trace of a refusal", function()
    local w = world(RULE)
    for i = 1, 3 do w.take(START, "a" .. i) end
    local before = r:call("DUMP", w.policy.prefix .. "u")
    local keys = r:call("DBSIZE")
    for i = 1, 20 do assert.equal("limited", (w.take(START + i, "b" .. i))) end
    assert.equal(before, r:call("DUMP", w.policy.prefix .. "u"))
    assert.equal(keys, r:call("DBSIZE"))
  end)

  describe("with two clocks", function()
    local function counted(server_off, caller_off)
      local w = world {name = "spec", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6},
        timeout = 0,
        lease = 5, fence = "none", clock_error = 0, skew = 3600}
      local times, now, n = {}, START, 0
      while now < START + 300000 do
        n = n + 1
        local stepped = now >= START + 90000
        local code = w.take(now + (stepped and server_off or 0), "g" .. n, nil, now + (stepped and caller_off or 0))
        if code == "admitted" then times[#times + 1] = now else now = now + 500 end
      end
      for i = 11, #times do assert.is_true(times[i] - times[i - 10] > 59999, "eleven in a minute") end
      return #times
    end

    it("a step of one of them, to any side, lets nothing through early", function()
      for _, off in ipairs {-120000, -5000, 5000, 120000} do
        assert.is_true(counted(off, 0) <= 51)
        assert.is_true(counted(0, off) <= 51)
      end
    end)

    it("too far apart they are 'clock', and nothing is written", function()
      local w = world(RULE)
      assert.same({"clock", 2001}, {w.take(START, "a", nil, START + 2001), (select(2, w.take(START, "a", nil,
        START - 2001)))})
      assert.equal(1, r:call("DBSIZE"))                       -- the spec's own clock
      assert.equal("admitted", (w.take(START, "a", nil, START - 2000)))
    end)
  end)

  describe("claims", function()
    it("are in flight for others, repeat for the same nonce, and cost one time", function()
      local w = world {name = "spec", windows = {{limit = 10, seconds = 60}}, timeout = 3, lease = 5, fence = "none"}
      local code, left, stamp = w.take(START, "m", "n1")
      assert.same({"admitted", 3000, START + 3000}, {code, left, stamp})
      local again, rest, same, all = w.take(START + 1000, "m", "n1")
      assert.same({"admitted", 2000, stamp, "repeated"}, {again, rest, same, all[5]})
      assert.same({"inflight", 4000}, {(w.take(START + 1000, "m", "n2")), (select(2, w.take(START + 1000, "m", "n2")))})
      assert.equal(5, #w.peek(START + 1000))                  -- one time
    end)

    it("are unknown once the lease is over, for their owner too, until they are settled", function()
      local w = world {name = "spec", windows = {{limit = 10, seconds = 60}}, timeout = 3, lease = 5, fence = "none"}
      w.take(START, "m", "n1")
      assert.equal("unknown", (w.take(START + 3000, "m", "n1")))   -- its time to send is over
      w.take(START, "o", "n1")
      assert.equal("inflight", (w.take(START + 4999, "o", "n2")))
      local code, _, _, all = w.take(START + 5000, "o", "n2")
      assert.same({"unknown", "n1"}, {code, all[7]})
      assert.same({"ok", "U"}, w.finish(START + 6000, "o", "n1", "R"))
      local admitted, _, _, second = w.take(START + 7000, "o", "n3")
      assert.same({"admitted", 2}, {admitted, second[6]}, "the second try")
      assert.same({"not yours", "L"}, w.finish(START + 7000, "o", "n1", "S"), "the first one comes too late")
    end)

    it("say how long an unknown request may still arrive", function()
      local w = world {name = "spec", windows = {{limit = 10, seconds = 60}}, timeout = 3, lease = 5, fence = "none"}
      w.take(START, "m", "n1")
      w.finish(START + 100, "m", "n1", "U")
      assert.same({"unknown", 2000}, {(w.take(START + 1000, "m", "n2")), (select(2, w.take(START + 1000, "m", "n2")))})
      assert.equal(0, (select(2, w.take(START + 3000, "m", "n2"))))
    end)

    it("are done for ever once sent or failed, and keep why", function()
      local w = world(RULE)
      for i, outcome in ipairs {"S", "F"} do
        local id = "m" .. i
        w.take(START + i * 6000, id, "n")
        assert.same({"ok", "L"}, w.finish(START + i * 6000, id, "n", outcome))
        local code, _, _, all = w.take(START + 100000, id, "n")
        assert.same({"done", outcome .. ":d"}, {code, all[5]})
        assert.is_true(r:call("TTL", "idem:" .. id) > 13 * 86400)
      end
    end)

    it("a lost answer leaves the safe time where it is", function()
      local w = world {name = "spec", windows = {{limit = 1, seconds = 60}}, timeout = 30, lease = 40, fence = "none",
        clock_error = 0}
      local _, _, stamp = w.take(START, "a")
      w.finish(START + 30, "a", "a", "U")
      assert.equal(stamp, w.peek(START + 30)[5])
      w.finish(START + 40, "a", "a", "R")                    -- found not to have been sent
      assert.equal(START + 40, w.peek(START + 40)[5])
    end)
  end)

  it("stops the whole account for as long as the site says", function()
    local w = world(RULE)
    w.take(START, "a")
    w.finish(START + 100, "a", "a", "R", 7200000)
    local code, ms, _, all = w.take(START + 1000, "b")
    assert.same({"limited", 7199100, "blocked"}, {code, ms, all[5]})
    assert.is_true(r:call("PTTL", w.policy.prefix .. "u") > 7000000, "it is forgotten before it ends")
    assert.equal("admitted", (w.take(START + 7200100, "b")))
  end)

  it("stops it though claim and ring are gone, or another's by now", function()
    local w = world(RULE)
    w.take(START, "a")
    server:reset()
    assert.same({"not yours", ""}, w.finish(START + 100, "a", "a", "R", 7200000))
    assert.equal("limited", (w.take(START + 7200099, "b")))
    assert.equal("admitted", (w.take(START + 7200100, "b", "n1")))
    assert.same({"not yours", "L"}, w.finish(START + 7200200, "b", "n2", "R", 60000))
    assert.same({"limited", 59900}, {(w.take(START + 7200300, "c")), (select(2, w.take(START + 7200300, "c")))})
  end)

  it("gives each message that is put off a time of its own, at the pace of the rule", function()
    local w = world(RULE)
    for i = 1, 3 do w.take(START, "a" .. i) end
    local slots = {}
    for i = 1, 20 do slots[i] = w.slot(START) end
    assert.same({6000, 12000, 18000, 24000, 30000, 36000, 42000, 60001, 60001, 60001, 66001}, {table.unpack(slots, 1,
      11)})
    assert.equal("limited", (w.take(START, "b")), "hints decide nothing")
    assert.equal("admitted", (w.take(START + 6000, "b")))
  end)

  it("gives them as if what is being sent ended now, and not a time-out later", function()
    local rule = {timeout = 30, lease = 60}
    for name, value in pairs(RULE) do rule[name] = rule[name] or value end
    local w = world(rule)
    for i = 1, 3 do w.take(START, "a" .. i) end
    assert.same({6000, 12000, 18000}, {w.slot(START), w.slot(START), w.slot(START)})
    local code, ms = w.take(START, "b")
    assert.same({"limited", 36000}, {code, ms}, "the decision still waits for their end")
  end)

  describe("the fence", function()
    local FENCED <const> = {name = "spec", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6},
      timeout = 0, lease = 5, clock_error = 0}

    local function opened(w, now)
      local code, ms = w.take(now, "first")
      assert.equal("cooldown", code)
      assert.equal(72001, ms)
      return now + ms
    end

    it("waits a window, the lag and the skew where nothing is known", function()
      local w = world(FENCED)
      assert.equal("cooldown", w.peek(START)[1])
      local open = opened(w, START)
      assert.equal("cooldown", (w.take(open - 1, "a")))
      assert.equal("admitted", (w.take(open, "a")))
    end)

    it("closes after a restart, which may have forgotten sends", function()
      local w = world(FENCED)
      local open = opened(w, START)
      assert.equal("admitted", (w.take(open, "a")))
      server:restart()
      assert.same({"cooldown", 72001}, {w.take(open + 1000, "b"), (select(2, w.take(open + 1000, "b")))})
    end)

    it("closes when a replica is promoted, and again when it falls back", function()
      server:call("CONFIG", "SET", "repl-diskless-sync-delay", "0")
      local replica = redis.start {config = {"replicaof 127.0.0.1 " .. server.port, "repl-diskless-sync-delay 0"}}
      local deadline = os.time() + 60
      while not server:call("INFO", "replication"):find "state=online" do assert(os.time() < deadline, "no replica") end
      local w = world(FENCED)
      local open = opened(w, START)       -- the first replica to come changes the id too
      for i = 1, 3 do assert.equal("admitted", (w.take(open, "a" .. i))) end
      while replica:call("EXISTS", "idem:a3") ~= "1" do assert(os.time() < deadline, "no replication") end
      local first <const> = r
      r = fixture.connect(replica)
      finally(function()
        if r ~= first then r:close() end
        replica:stop()
        server:call("REPLICAOF", "NO", "ONE")
        r = first
      end)
      local _, refused = pcall(w.take, open + 60000, "b")
      assert.equal("READONLY", refused.code)
      replica:call("REPLICAOF", "NO", "ONE")
      assert.equal("cooldown", (w.take(open + 10000, "b")))
      assert.equal("cooldown", (w.take(open + 82000, "b")))
      assert.equal("admitted", (w.take(open + 82001, "b")))
      server:call("REPLICAOF", "127.0.0.1", tostring(replica.port))
      deadline = os.time() + 60
      while server:call("EXISTS", "idem:b") ~= "1" do assert(os.time() < deadline, "no replication back") end
      server:call("REPLICAOF", "NO", "ONE")
      r:close()
      r = first
      assert.equal("cooldown", (w.take(open + 100000, "c")))
    end)

    it("closes for a limit that looks further back than the one before", function()
      local w = world(FENCED)
      local open = opened(w, START)
      assert.equal("admitted", (w.take(open, "a")))
      local longer = world {name = "spec", windows = {{limit = 10, seconds = 60}, {limit = 100, seconds = 3600}},
        burst = {size = 3, seconds = 6}, timeout = 0, lease = 5, clock_error = 0}
      assert.equal("cooldown", (longer.take(open + 1, "b")))
      assert.equal("cooldown", (w.take(open + 6000, "b")), "the same lineage holds for both")
    end)
  end)

  it("says what it found where a key is not its own", function()
    local w = world(RULE)
    for _, value in ipairs {"", "\2" .. ("x"):rep(6), "\1abc"} do
      r:call("SET", w.policy.prefix .. "u", value)
      local ok, err = pcall(w.take, START, "a")
      assert.is_false(ok)
      assert.matches("not one of ours", err.message)
    end
    r:call("SET", "idem:z", "hello")
    r:call("DEL", w.policy.prefix .. "u")
    assert.is_false((pcall(w.take, START, "z")))
  end)

  it("says so too where a key is of another type, and writes nothing", function()
    local w = world {name = "spec", windows = {{limit = 10, seconds = 60}}, timeout = 0, lease = 5, clock_error = 0}
    local ring = w.policy.prefix .. "u"
    for _, key in ipairs {ring, "idem:a", w.policy.lineage} do
      server:reset()
      w.take(START, "z")                                               -- begins the lineage
      r:call("DEL", key)
      r:call("LPUSH", key, "x")
      local before = r:call("DBSIZE")
      local ok, err = pcall(w.take, START + 200000, "a")
      assert.is_false(ok, key)
      assert.matches("WRONGTYPE", err.message)
      assert.equal(before, r:call("DBSIZE"))
      assert.equal("list", r:call("TYPE", key))
      assert.equal(key == ring and "list" or "none", r:call("TYPE", ring))
    end
  end)

  -- Each mutation of the text must be seen by the property or the fact that is named.
  describe("a mutation is seen:", function()
    local function replace(from, to)
      return function(text)
        local at, stop = text:find(from, 1, true)
        return at and text:sub(1, at - 1) .. to .. text:sub(stop + 1) or text
      end
    end

    local function changes(change, timeout)
      local rule = {}
      for name, value in pairs(RULE) do rule[name] = value end
      rule.timeout, rule.lease = timeout or 0, 50
      local policy = assert(policies.new(rule))
      for _, text in pairs(scripts.build(policy, fixture.CLOCK)) do
        if change(text) ~= text then return true end
      end
    end

    local function property(name, change, timeout)
      it(name, function()
        assert.is_true(changes(change, timeout), "the text has no such place any more")
        assert.is_string(first_difference(change, timeout, 60))
      end)
    end

    property("a wait of abs(elapsed)", function(text)
      return (text:gsub("(%w+) %+ (%d+) > (%w+) then %w+ = %w+ %+ %d+", function(h, age, most)
        local asked = ("lo + %s - math.abs(lo - %s)"):format(age, h)
        return ("%s > %s then %s = %s"):format(asked, most, most, asked)
      end))
    end, 7)
    property("the last age left out", function(text)
      return (text:gsub("h = at%[%d+%][^\n]*\n(%s*latest, newest =)", "%1")
        :gsub("if at%d+ [^\n]*\n(%s*block, newest =)", "%1"))
    end, 0)
    property("a time put last instead of in order", replace("at[n] < time do", "false do"), 7)
    property("a ring one time too short", function(text)
      return (text:gsub("#at, (%d+) %+ 2, %-1", function(n) return ("#at, %d + 1, -1"):format(n) end))
    end, 0)
    property("the stamp at the start of the send", replace("local stamp = hi + 7000", "local stamp = hi"), 7)
    property("a stamp that isn't lowered", replace("ARGV[3] ~= 'U' and hi < stamp", "false"), 7)

    local function fact(name, change, prove)
      it(name, function()
        assert.is_true(changes(change), "the text has no such place any more")
        assert.is_false((pcall(prove, change)))
      end)
    end

    fact("> for >=", replace("if latest > lo then", "if latest > lo + 1 then"), function(change)
      local w = world(RULE, change)
      for i = 1, 3 do w.take(START, "a" .. i) end
      assert.equal("limited", (w.take(START + 5999, "b")))
    end)
    fact("lo moved up to the newest stamp", function(text)
      return (text:gsub("latest = at1\n", "%0if at2 > lo then lo = at2 end\n"))
    end, function(change)
      local w = world({name = "spec", windows = {{limit = 2, seconds = 60}}, timeout = 30, lease = 40, fence = "none",
        clock_error = 0}, change)
      w.take(START, "a")
      w.finish(START, "a")
      w.take(START + 40000, "b")                             -- in flight: it may end 30 s from now
      assert.equal("limited", (w.take(START + 40001, "c")))
    end)
    fact("the higher clock of the two decides", replace("if hi < lo then lo, hi = hi, lo end",
      "lo = math.max(server, caller) hi = lo"), function(change)
      local w = world({name = "spec", windows = {{limit = 1, seconds = 60}}, timeout = 0, lease = 5, fence = "none",
        skew = 3600, clock_error = 0}, change)
      w.take(START, "a")
      assert.equal("limited", (w.take(START + 90000, "b", nil, START + 1000)))
    end)
    fact("the lower clock recorded", replace("local stamp = hi + 0", "local stamp = lo + 0"), function(change)
      local w = world({name = "spec", windows = {{limit = 1, seconds = 60}}, timeout = 0, lease = 5, fence = "none",
        skew = 3600, clock_error = 0}, change)
      w.take(START + 50000, "a", nil, START)
      assert.equal("limited", (w.take(START + 70000, "b", nil, START + 70000)))
    end)
    fact("a refund when the answer is lost", replace("ARGV[3] ~= 'U' and hi < stamp", "hi < stamp"), function(change)
      local w = world({name = "spec", windows = {{limit = 1, seconds = 60}}, timeout = 30, lease = 40, fence = "none",
        clock_error = 0}, change)
      local _, _, stamp = w.take(START, "a")
      w.finish(START + 30, "a", "a", "U")
      assert.equal(stamp, w.peek(START + 30)[5])
    end)
    fact("a time to live shorter than the window", function(text)
      return (text:gsub("local ttl = %d+", "local ttl = 50"))
    end, function(change)
      local w = world(RULE, change)
      for i = 1, 3 do w.take(START, "a" .. i) end
      require "tidelock.loop".sleep(0.1)
      assert.equal("limited", (w.take(START + 100, "b")))
    end)
    fact("a claim that any nonce may end", replace("(state == 'L' or state == 'U') and nonce == ARGV[2]",
      "state == 'L' or state == 'U'"), function(change)
      local w = world(RULE, change)
      w.take(START, "a", "n1")
      assert.same({"not yours", "L"}, w.finish(START, "a", "n2", "S"))
    end)
    fact("what one who looked late says of a later try", replace("(state == 'L' or state == 'U') and nonce == ARGV[2]",
      "state == 'U' or (state == 'L' and nonce == ARGV[2])"), function(change)
      local w = world({name = "spec", windows = {{limit = 10, seconds = 60}}, timeout = 3, lease = 5, fence = "none"},
        change)
      w.take(START, "a", "n1")
      w.finish(START, "a", "n1", "U")
      w.finish(START + 5000, "a", "n1", "R")                 -- the first who looked: not sent
      assert.equal("admitted", (w.take(START + 5000, "a", "n2")))
      w.finish(START + 5100, "a", "n2", "U")
      assert.same({"not yours", "U"}, w.finish(START + 5200, "a", "n1", "R"))
      assert.equal("unknown", (w.take(START + 9000, "a", "n3")))
    end)

    it("a fence without the replication id", function()
      local fenced = {name = "spec", windows = {{limit = 1, seconds = 1}}, timeout = 0, lease = 5}
      local function change(text)
        return (text:gsub("local id = [^\n]*", "local id = 'same'"))
      end
      local w = world(fenced, change)
      local _, ms = w.take(START, "a")
      assert.equal("admitted", (w.take(START + ms, "a")))
      local lineage = r:call("GET", w.policy.lineage)
      server:restart()
      w.at(START + ms + 2000)
      r:call("SET", w.policy.lineage, lineage)               -- as a replica would have it
      assert.equal("admitted", (w.take(START + ms + 2000, "b")), "the mutant lets it through")
      local right = world(fenced)
      assert.equal("cooldown", (right.take(START + ms + 5000, "c")), "and the script does not")
    end)
  end)
end)
