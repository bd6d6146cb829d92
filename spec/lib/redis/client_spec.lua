-- client_spec.lua -- the Redis client over real servers: commands, scripts, transactions, reconnects, Sentinel.
local loop = require "tidelock.loop"
local redis = require "redis"
local redis_server = require "support.redis"
local secret = require "tidelock.secret"
local server = require "support.server"

describe("redis", function()
  local plain, r

  setup(function() plain = redis_server.start() end)
  teardown(function() plain:stop() end)
  before_each(function()
    plain:reset()
    r = assert(redis.connect {url = plain.url})
  end)
  after_each(function() r:close() end)

  local function refused(code, reply, err)
    assert.is_nil(reply)
    assert.equal(code, err.code, err.message)
    return err
  end

  describe("commands", function()
    it("are methods, their options a table", function()
      assert.equal("OK", r:set("k", "v", {ex = 10, nx = true}))
      assert.is_nil(r:set("k", "w", {nx = true}))
      assert.equal(10, r:ttl "k")
      assert.equal(2, r:hset("h", {"a", 1, "b", 2}))
      assert.same({a = "1", b = "2"}, r:hgetall "h")
    end)

    it("of two words are joined by _; _ro stays", function()
      assert.equal("yes", r:config_get("lazyfree-lazy-user-del")["lazyfree-lazy-user-del"] and "yes")
      assert.equal(5, r:eval_ro("return 5", 0))
    end)

    it("with nil for an argument raise: it is a slip", function()
      assert.error_matches(function() r:set("k", nil, "x") end, "argument #2 of the command is nil")
    end)

    it("work by RESP2 too", function()
      local old <close> = assert(redis.connect {url = plain.url, resp = 2})
      old:hset("h", "a", 1)
      assert.same({"a", "1"}, old:hgetall "h")
    end)

    it("in the database that the URL names", function()
      local other <close> = assert(redis.connect {url = plain.url .. "/3", client_name = "spec"})
      other:set("k", "three")
      assert.is_nil(r:get "k")
      assert.equal("three", other:get "k")
      assert.equal("spec", other:client_getname())
    end)
  end)

  describe("connect", function()
    it("with wrong options raises, naming them", function()
      assert.error_matches(function() redis.connect {url = plain.url, sentinels = {}} end, "no option 'sentinels'")
      assert.error_matches(function() redis.connect {url = "http://x"} end, "redis://")
      assert.error_matches(function() redis.connect {} end, "is needed")
      assert.error_matches(function() redis.connect {host = "h", port = "1"} end, "'port' must be a number")
      assert.error_matches(function() redis.connect {url = plain.url, role = "replica"} end, "'role' needs 'sentinel'")
      assert.error_matches(function() redis.connect {sentinel = {name = "m"}, role = "slave"} end, 'not "slave"')
    end)

    it("refuses a wrong password and a missing one, and shows neither", function()
      local other <close> = redis_server.start {auth = true}
      local err = refused("WRONGPASS", redis.connect {host = "127.0.0.1", port = other.port, password = "s3cret"})
      assert.is_nil(err.message:find("s3cret", 1, true))
      local bare = assert(redis.connect {host = "127.0.0.1", port = other.port, resp = 2})
      assert.matches("user and password", refused("NOAUTH", bare:get "k").message)
      bare:close()
    end)

    it("takes the password from a secret, a function, or the URL", function()
      local other <close> = redis_server.start {auth = true}
      local password = other.password
      for _, p in ipairs {secret.new(password), function() return password end} do
        for _, resp in ipairs {2, 3} do
          local c <close> = assert(redis.connect {host = "127.0.0.1", port = other.port, password = p, resp = resp})
          assert.equal("PONG", c:ping())
        end
      end
      local c <close> = assert(redis.connect {url = other.url})
      assert.equal("PONG", c:ping())
    end)

    it("falls back to RESP2 where the server knows no HELLO, with a password and without", function()
      for _, auth in ipairs {true, false} do
        local old <close> = redis_server.start {auth = auth, config = {'rename-command HELLO ""'}}
        local c <close> = assert(redis.connect {url = old.url .. "/2", client_name = "spec"})
        assert.equal("spec", c:client_getname())
        c:hset("h", "a", 1)
        assert.same({"a", "1"}, c:hgetall "h")
        local wrong = refused(auth and "WRONGPASS" or "ERR",
          redis.connect {host = "127.0.0.1", port = old.port, password = "s3cret"})
        assert.is_nil(wrong.message:find("s3cret", 1, true))
      end
    end)

    it("by a socket in the file system", function()
      local folder = server.folder()
      local path = folder .. "/redis.sock"
      local near <close> = redis_server.start {config = {"unixsocket " .. path}}
      local c <close> = assert(redis.connect {url = "unix://" .. path .. "?db=4"})
      c:set("k", "v")
      assert.equal("v", c:get "k")
      assert.equal("", near:call("GET", "k"))                -- that is database 0
      server.remove(folder)
    end)

    it("with TLS and a password, as in production", function()
      local other <close> = redis_server.start {tls = true, auth = true}
      local c <close> = assert(redis.connect {url = other.url, ca = other.ca})
      assert.equal("PONG", c:ping())
      assert.equal("tls", select(2, redis.connect {url = other.url}).code)
    end)

    it("a rotated password is used on the live connection and on the next", function()
      local other <close> = redis_server.start {auth = true}
      local c <close> = assert(redis.connect {url = other.url})
      c:config_set("requirepass", "new")
      assert.equal("OK", c:authenticate(secret.new "new"))
      c.connection:close()
      assert.equal("PONG", c:ping())
    end)
  end)

  describe("scripts", function()
    it("are sent once and then named; again after the server forgot them", function()
      local s = redis.script "return {KEYS[1], ARGV[1], #KEYS}"
      assert.same({"k", "1", 1}, s:run(r, {"k"}, {1}))
      r:script_flush()
      assert.same({"k", "2", 1}, s:run(r, {"k"}, {2}))
      assert.matches("evalsha:calls=[23]", r:info "commandstats")
    end)

    it("that fail say so", function()
      refused("ERR", redis.script "return redis.call('NOSUCH')":run(r))
      refused("WRONGTYPE", redis.script "redis.call('SET', 'k', 1) return redis.call('LPUSH', 'k', 1)":run(r))
    end)
  end)

  describe("transactions", function()
    it("give the replies of all", function()
      assert.same({1, "1", redis.null}, r:transaction {{"INCR", "n"}, {"GET", "n"}, {"GET", "none"}})
    end)

    it("do nothing when one command is wrong, and say which fault", function()
      local err = refused("ERR", r:transaction {{"INCR", "n"}, {"GET"}})
      assert.matches("nothing of it was done: ERR wrong number", err.message)
      assert.is_nil(r:get "n")
    end)

    it("leave the caller's list alone", function()
      local list = {{"INCR", "n"}}
      r:transaction(list)
      assert.same({{"INCR", "n"}}, list)
    end)
  end)

  describe("a lost connection", function()
    it("is replaced by the next command", function()
      r.connection:close()
      assert.equal("PONG", r:ping())
    end)

    it("is replaced once for all who need it", function()
      local before = tonumber(r:info "stats":match "total_connections_received:(%d+)")
      r.connection:close()
      local tasks = {}
      for i = 1, 50 do tasks[i] = loop.spawn(function() return r:ping() end) end
      for i = 1, 50 do assert.same({true, "PONG"}, {loop.wait(tasks[i])}) end
      assert.equal(before + 1, tonumber(r:info "stats":match "total_connections_received:(%d+)"))
    end)

    it("survives that the task which began to reconnect is cancelled", function()
      r.connection:close()
      local first = loop.spawn(function() return r:ping() end)
      local second = loop.spawn(function() return r:ping() end)
      loop.sleep(0)
      loop.cancel(first)
      assert.same({true, "PONG"}, {loop.wait(second)})
    end)

    it("to a server that is down fails commands as unsent, at once, and not by a storm", function()
      local other <close> = redis_server.start()
      local c <close> = assert(redis.connect {url = other.url})
      other:kill()
      loop.sleep(0.02)
      local tries, began = 200, loop.now()
      for _ = 1, tries do
        local err = refused("unsent", c:set("k", "v"))
        assert.equal("connect", err.reason)
        loop.sleep(0.001)
      end
      assert.truthy(c.failures < 8 + (loop.now() - began), c.failures)    -- pauses of half a second and more by then
      other:restart()
      loop.sleep(2.1)                                   -- the longest pause
      assert.equal("OK", c:set("k", "v"))
    end)

    it("after close there is no other", function()
      r:close()
      local err = refused("unsent", r:ping())
      assert.matches("is closed", err.message)
    end)
  end)

  describe("subscriptions", function()
    it("give messages by channel and by pattern until they are closed", function()
      local s <close> = assert(r:subscribe("a", "b"))
      local p <close> = assert(r:psubscribe "a*")
      r:publish("a", "1")
      r:publish("b", "2")
      assert.same({"a", "1"}, {s:receive()})
      assert.same({"b", "2"}, {s:receive()})
      assert.same({"a", "1", "a*"}, {p:receive()})
      local seen = {}
      loop.spawn(function()
        r:publish("a", "last")
        while #seen == 0 do loop.sleep(0.01) end
        s:close()
      end)
      for channel, text in s:messages() do seen[#seen + 1] = channel .. text end
      assert.same({"alast"}, seen)
    end)

    it("may be to a shard's channel", function()
      local s <close> = assert(r:ssubscribe "s")
      r:spublish("s", "1")
      assert.same({"s", "1"}, {s:receive()})
    end)

    it("raise in the loop when they are lost: a gap is no silence", function()
      local s <close> = assert(r:subscribe "a")
      r:client_kill("TYPE", "pubsub")
      local ok, err = pcall(function() for _ in s:messages() do end end)
      assert.is_false(ok)
      assert.equal("closed", err.code)
    end)

    it("that the server refuses fail", function()
      r:acl_setuser("deaf", "on", ">pw", "+@all", "resetchannels")
      local c <close> = assert(redis.connect {host = "127.0.0.1", port = plain.port, user = "deaf", password = "pw"})
      refused("NOPERM", c:subscribe "a")
      r:acl_deluser "deaf"
    end)
  end)

  describe("Sentinel", function()
    local function within(seconds, fn)
      local ends = loop.now() + seconds
      repeat
        local result = fn()
        if result then return result end
        loop.sleep(0.05)
      until loop.now() > ends
      error("it did not come about within " .. seconds .. " s", 2)
    end

    it("leads to the primary, to a replica, and to the successor after a failover", function()
      local a <close> = redis_server.start()
      local b <close> = redis_server.start {config = {"replicaof 127.0.0.1 " .. a.port, "repl-diskless-sync-delay 0"}}
      local watcher <close> = redis_server.sentinel("m", a.port)
      local options = {sentinel = {name = "m",
        {host = "127.0.0.1", port = 1}, {host = "127.0.0.1", port = watcher.port}}}
      local c <close> = assert(redis.connect(options))
      assert.equal("master", c:role()[1])
      assert.equal(1, options.sentinel[1].port)              -- the caller's list is not reordered
      options.role = "replica"
      local reader <close> = within(60, function() return redis.connect(options) end)
      assert.equal("slave", reader:role()[1])
      within(60, function() return reader:role()[4] == "connected" end)
      a:kill()
      within(60, function() return c:set("k", "v") end)
      assert.equal("v", b:call("GET", "k"))
    end)

    it("is spoken to by TLS where its servers are, and its certificate is looked at", function()
      local primary <close> = redis_server.start {tls = true, auth = true}
      local watcher <close> = redis_server.sentinel("m", primary.port, true)
      local url = ("rediss-sentinel://:%s@localhost:%d#m"):format(primary.password, watcher.port)
      local c <close> = assert(redis.connect {url = url, ca = primary.ca})
      assert.equal("master", c:role()[1])
      refused("tls", redis.connect {url = url})
      assert.is_nil((redis.connect {url = url:gsub("^rediss", "redis"), ca = primary.ca}))
    end)

    it("that is none, or knows no such name, is told from an outage", function()
      assert.matches("SENTINEL", refused("ERR",
        redis.connect {sentinel = {name = "m", {host = "127.0.0.1", port = plain.port}}}).message)
      refused("connect", redis.connect {sentinel = {name = "m", {host = "127.0.0.1", port = 1}}})
      local watcher <close> = redis_server.sentinel("m", plain.port)
      local err = refused("connect", redis.connect {sentinel = {name = "x", {host = "127.0.0.1", port = watcher.port}}})
      assert.matches("no Sentinel knows a primary by the name x", err.message)
    end)
  end)
end)
