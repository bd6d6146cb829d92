-- failover_spec.lua -- Redis emptied, restarted, made to evict, stopped and failed over in the middle of a run: the
-- limit holds at the receiver, each message is sent once, nothing is lost and nothing is a dead letter.
local fixture = require "limiter.fixture"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local support = require "support.server"
local worlds = require "limiter.world"

local MESSAGES <const>, BEFORE <const> = 8, 4          -- of them, so many have arrived when the fault comes

describe("in the middle of a run", function()
  local account, site, sqs, site_url
  local case = worlds.together(it)

  setup(function()
    account = moto.start()
    local port
    site, port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
    site_url = "http://127.0.0.1:" .. port
    sqs = account:session().sqs
  end)
  teardown(function() site:close() end)

  local function within(seconds, what, fn)
    local ends = loop.now() + seconds
    repeat
      local result = fn()
      if result then return result end
      loop.sleep(0.05)
    until loop.now() > ends
    error(("%s did not come about within %d s"):format(what, seconds), 2)
  end

  -- The lineage of a primary that has been up for long, so that only the fault closes the limit.
  local function settled(store, limit)
    local client = fixture.connect(store)
    local limiter <close> = ratelimit.new(limit, client)
    fixture.open(limiter)
    client:close()
  end

  -- One user's messages, a fault after the first of them, and what must be true of all of them.
  local function survives(name, store, url, fault)
    local w = worlds.new(name, {account = account, sqs = sqs, store = store, site_url = site_url},
      {redis = {url = url, ca = store.ca}})
    settled(store, w.spec.limit)
    for i = 1, MESSAGES do w.put(("%s-%d"):format(name, i), "u") end
    local process = w.start()
    local function arrived() return worlds.arrivals(site_url, name .. "-") end
    within(60, "the first sends", function() return #arrived() >= BEFORE end)
    fault()
    w.wait(90)
    assert.equal(0, w.stop(process))
    local list, n = arrived(), 0
    worlds.within_limit(list)
    for id, times in pairs(worlds.counted(list)) do
      assert.equal(1, times, id)
      n = n + 1
    end
    assert.same({}, w.dead())
    assert.is_true(n == MESSAGES, ("%d of %d were sent\n%s"):format(n, MESSAGES, w.text:sub(-4000)))
    return list, table.concat(w.lines, "\n")
  end

  -- After the fault nothing starts for a window and the skew, since nobody knows what was sent before it. The rule by
  -- itself makes no pause as long as that.
  local function paused(list, text)
    table.sort(list, function(a, b) return a.at < b.at end)
    local gap = 0
    for i = 2, #list do gap = math.max(gap, list[i].at - list[i - 1].at) end
    assert.is_true(gap >= worlds.WINDOW + worlds.SKEW, ("the longest pause was %.2f s"):format(gap))
    assert.is_truthy(text:find '"event":"cooldown"' or text:find '"code":"cooldown"', text:sub(-2000))
  end

  case("Redis is emptied", function()
    local store <close> = redis.start {auth = true}
    local list, text = survives("emptied", store, store.url, function() store:call("FLUSHALL") end)
    paused(list, text)
  end)

  case("Redis is restarted without its data", function()
    local store <close> = redis.start {tls = true, auth = true}
    local list, text = survives("restarted", store, store.url, function() store:restart() end)
    paused(list, text)
  end)

  case("a replica takes over at the same address, by REPLICAOF NO ONE", function()
    local folder = support.folder()
    local primary <close> = redis.start {config = {"unixsocket " .. folder .. "/a"}}
    local replica <close> = redis.start {config = {"unixsocket " .. folder .. "/b",
      "replicaof 127.0.0.1 " .. primary.port, "repl-diskless-sync-delay 0"}}
    within(60, "replication", function() return replica:call("ROLE"):find "connected" end)
    local function points_to(which)
      assert(proc.run({"ln", "-sfn", which, folder .. "/now"}).code == 0)
    end
    points_to "a"
    local list, text = survives("byhand", primary, "unix://" .. folder .. "/now", function()
      primary:kill()
      replica:call("REPLICAOF", "NO", "ONE")
      points_to "b"
    end)
    paused(list, text)
    support.remove(folder)
  end)

  case("a replica takes over by Sentinel, which the worker's address names", function()
    local primary <close> = redis.start()
    local replica <close> = redis.start {config = {"replicaof 127.0.0.1 " .. primary.port,
      "repl-diskless-sync-delay 0"}}
    local watcher <close> = redis.sentinel("m", primary.port)
    within(60, "Sentinel's sight of the replica", function()
      return redis.call({port = watcher.port, options = {}}, "SENTINEL", "REPLICAS", "m"):find(tostring(replica.port))
        and replica:call("ROLE"):find "connected"
    end)
    local list, text = survives("sentinel", primary,
      ("redis-sentinel://127.0.0.1:1,127.0.0.1:%d#m"):format(watcher.port), function() primary:kill() end)
    paused(list, text)
    assert.matches("^master", replica:call "ROLE")
  end)

  case("Redis is restarted with its append-only file, which looks the same from outside", function()
    local store <close> = redis.start {auth = true, config = {"appendonly yes"}}
    local list, text = survives("appended", store, store.url, function() store:restart() end)
    paused(list, text)
  end)

  case("Redis evicts what it was given, since somebody let it", function()
    local store <close> = redis.start {auth = true}
    local list, text = survives("evicted", store, store.url, function()
      store:call("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
      store:call("CONFIG", "SET", "maxmemory", "1kb")
      pcall(store.call, store, "SET", "filler", "x")
      store:call("CONFIG", "SET", "maxmemory", "0")
      store:call("CONFIG", "SET", "maxmemory-policy", "noeviction")
      assert.is_true(tonumber(store:call("INFO", "stats"):match "evicted_keys:(%d+)") > 0)
    end)
    paused(list, text)
  end)

  case("Redis's process is stopped, and goes on with what nobody waits for any more", function()
    local store <close> = redis.start {auth = true}
    local stopped
    local list, text = survives("stopped", store, store.url, function()
      worlds.signal(store.process, "STOP")
      stopped = #worlds.arrivals(site_url, "stopped-")
      loop.sleep(6)                                        -- longer than a command is waited for
      assert.is_true(#worlds.arrivals(site_url, "stopped-") <= stopped + 1, "it sent while nothing was answered")
      worlds.signal(store.process, "CONT")
    end)
    assert.equal(MESSAGES, #list)
    assert.matches('"code":"unavailable"', text)
  end)

  case("a replica that missed the last writes takes over", function()
    local folder = support.folder()
    local primary <close> = redis.start {config = {"unixsocket " .. folder .. "/a"}}
    local replica <close> = redis.start {config = {"unixsocket " .. folder .. "/b",
      "replicaof 127.0.0.1 " .. primary.port, "repl-diskless-sync-delay 0"}}
    within(60, "replication", function() return replica:call("ROLE"):find "connected" end)
    worlds.signal(replica.process, "STOP")
    primary:call("CLIENT", "KILL", "TYPE", "replica")      -- or what is on its way would still be read
    assert(proc.run({"ln", "-sfn", "a", folder .. "/now"}).code == 0)
    local list, text = survives("missed", primary, "unix://" .. folder .. "/now", function()
      primary:kill()
      worlds.signal(replica.process, "CONT")
      within(60, "the end of its primary", function() return not replica:call("ROLE"):find "connected" end)
      assert.equal("0", replica:call("EXISTS", "rate_limit:missed:u"))
      replica:call("REPLICAOF", "NO", "ONE")
      assert(proc.run({"ln", "-sfn", "b", folder .. "/now"}).code == 0)
    end)
    paused(list, text)
    support.remove(folder)
  end)
end)
