-- redis_spec.lua -- what the doctor says of a Redis: each setting that the limiter's safety needs, and each lack of it.
local doctor = require "cli.doctor.redis"
local loop = require "tidelock.loop"
local redis = require "support.redis"

describe("the doctor of the limiter's Redis", function()
  -- Rows by name: {state =, text =, remedy =}.
  local function look(url)
    local rows = {}
    doctor(function(name, state, text, remedy) rows[name] = {state = state, text = text, remedy = remedy} end, url)
    return rows
  end

  local function within(seconds, fn)
    local ends = loop.now() + seconds
    while not fn() do
      assert(loop.now() < ends, "it did not come about")
      loop.sleep(0.05)
    end
  end

  it("is content with a single server that keeps what it is given", function()
    local server <close> = redis.start {tls = false}
    local rows = look(server.url)
    for _, name in ipairs {"redis", "redis eviction", "redis lineage", "redis replicas", "redis clock",
      "redis rights"} do
      assert.equal("ok", rows[name].state, name)
    end
    assert.matches("single server", rows["redis replicas"].text)
  end)

  it("finds each policy that evicts", function()
    local server <close> = redis.start()
    for _, policy in ipairs {"volatile-ttl", "allkeys-lru", "volatile-lfu"} do
      server:call("CONFIG", "SET", "maxmemory-policy", policy)
      local row = look(server.url)["redis eviction"]
      assert.equal("fault", row.state)
      assert.matches(policy, row.text, 1, true)
      assert.matches("noeviction", row.remedy)
    end
  end)

  it("wants min-replicas of a primary that has a replica, and no replica at all as the limiter's address", function()
    local server <close> = redis.start()
    local replica <close> = redis.start {config = {"replicaof 127.0.0.1 " .. server.port,
      "repl-diskless-sync-delay 0"}}
    within(60, function() return server:call("INFO", "replication"):find "connected_slaves:1" end)
    local row = look(server.url)["redis replicas"]
    assert.equal("fault", row.state)
    assert.matches("min%-replicas%-to%-write is 0", row.text)
    server:call("CONFIG", "SET", "min-replicas-to-write", "1")
    assert.equal("ok", look(server.url)["redis replicas"].state)
    server:call("CONFIG", "SET", "min-replicas-max-lag", "60")
    assert.equal("fault", look(server.url)["redis replicas"].state)
    row = look(replica.url)["redis replicas"]
    assert.equal("fault", row.state)
    assert.matches("takes no writes", row.text)
  end)

  it("says what a user may not: INFO, and CONFIG", function()
    local server <close> = redis.start()
    local function as(...)
      server:call("ACL", "SETUSER", "limiter", "reset", "on", ">hush", "~*", "+@all", ...)
      return look(("redis://limiter:hush@127.0.0.1:%d"):format(server.port))
    end
    local rows = as "-info"
    assert.equal("fault", rows["redis lineage"].state)
    assert.matches("+info", rows["redis lineage"].remedy, 1, true)
    server:call("CONFIG", "SET", "min-replicas-to-write", "0")
    rows = as "-config"
    assert.equal("ok", rows["redis eviction"].state)        -- INFO tells it too
    assert.equal("ok", rows["redis lineage"].state)
    assert.equal("ok", rows["redis rights"].state)
  end)

  it("says what the limiter's scripts need and a user may not, and writes nothing to find out", function()
    local server <close> = redis.start()
    local function as(...)
      server:call("ACL", "SETUSER", "limiter", "reset", "on", ">hush", ...)
      return look(("redis://limiter:hush@127.0.0.1:%d"):format(server.port))
    end
    local row = as("~*", "+@all", "-set", "-wait")["redis rights"]
    assert.equal("fault", row.state)
    assert.matches("NAME +set +wait", row.remedy, 1, true)
    row = as("~*", "+@all", "-@scripting")["redis rights"]
    assert.same({"fault", true}, {row.state, row.text:find("NOPERM", 1, true) ~= nil})
    row = as("~rate_limit:*", "+@all")["redis rights"]              -- its messages' claims are elsewhere
    assert.equal("fault", row.state)
    assert.matches("~idem*", row.remedy, 1, true)
    local rows = as("~rate_limit*", "~rate_slots*", "~idem*", "+eval", "+evalsha", "+get", "+set", "+setex",
      "+psetex", "+del", "+info", "+time", "+wait", "+ping")
    assert.equal("ok", rows["redis rights"].state)
    assert.equal("fault", as("~*", "+@all", "-time")["redis clock"].state)
    assert.equal("0", server:call("DBSIZE"))
  end)

  it("compares the server's clock with this machine's", function()
    local server <close> = redis.start()
    local real, shift = loop.time, 0
    loop.time = function() return real() + shift end
    local restore <close> = setmetatable({}, {__close = function() loop.time = real end})
    assert.truthy(restore)
    assert.equal("ok", look(server.url)["redis clock"].state)
    for seconds, way in pairs {[7] = "7.0 s behind", [-3] = "3.0 s ahead of"} do
      shift = seconds
      local row = look(server.url)["redis clock"]
      assert.equal("fault", row.state)
      assert.matches(way, row.text, 1, true)
      assert.matches("nothing is sent", row.text)
    end
  end)

  it("finds the primary by Sentinel, and says who does not answer, never the password", function()
    local server <close> = redis.start()
    local watcher <close> = redis.sentinel("main", server.port)
    local rows = look(("redis-sentinel://127.0.0.1:%d#main"):format(watcher.port))
    assert.equal("ok", rows.redis.state)
    assert.matches("the primary main answers", rows.redis.text)
    for _, url in ipairs {"redis-sentinel://:hush@127.0.0.1:1#main", "redis://:hush@127.0.0.1:1",
      "redis://:hush@h:x"} do
      rows = look(url)
      assert.equal("fault", rows.redis.state)
      assert.not_matches("hush", rows.redis.text .. rows.redis.remedy)
    end
  end)
end)
