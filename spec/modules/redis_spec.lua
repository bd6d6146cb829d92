-- redis_spec.lua -- the wire to Redis, against real servers: plain, with TLS and a password, and one that misbehaves.
local loop = require "tidelock.loop"
local redis_server = require "support.redis"
local secret = require "tidelock.secret"
local server = require "support.server"
local sweep = require "support.sweep"
local tight = require "support.tight"
local wire = require "tidelock.redis"

--- A server on loopback that answers each connection with `reply` and closes it (after `hold` seconds).
local FAKE <const> = [[
import socket, sys, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
reply, hold = bytes.fromhex(sys.argv[1]), float(sys.argv[2])
while True:
    c, _ = s.accept()
    try:
        c.recv(65536)
        c.sendall(reply)
        time.sleep(hold)
    except OSError:
        pass
    c.close()
]]

local function fake(reply, hold)
  local hex = reply:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  local process, port = server.start({"setpriv", "--pdeathsig", "KILL", server.PYTHON, "-c", FAKE, hex,
    tostring(hold or 0)}, "^(%d+)\n")
  return process, math.tointeger(tonumber(port))
end

describe("tidelock.redis", function()
  local plain, c

  setup(function() plain = redis_server.start() end)
  teardown(function() plain:stop() end)
  before_each(function()
    plain:reset()
    c = assert(wire.connect {host = "127.0.0.1", port = plain.port})
  end)
  after_each(function() c:close() end)

  it("gives each its own where a large reply comes among thousands of small ones", function()
    assert(c:call("SET", "large", ("x"):rep(3000000)))
    local tasks, sum = {}, 0
    for i = 1, 200 do
      tasks[i] = loop.spawn(function()
        for _ = 1, 20 do
          local n = assert(c:call("INCR", "n"))
          sum = sum + n
        end
      end)
    end
    local size = loop.spawn(function() return #assert(c:call("GET", "large")) end)
    for i = 1, 200 do assert(loop.wait(tasks[i])) end
    assert.equal(4000 * 4001 // 2, sum)
    assert.equal(3000000, select(2, loop.wait(size)))
  end)

  local function refused(code, reply, err)
    assert.is_nil(reply)
    assert.equal(code, err.code, err.message)
    assert.is_nil(err.message:find("s3cret", 1, true))
    return err
  end

  describe("values", function()
    it("go and come byte for byte", function()
      local bytes = {}
      for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
      local value = table.concat(bytes) .. ("\r\n"):rep(100000)
      assert.equal("OK", c:call("SET", "k\0\r\n", value))
      assert.equal(value, c:call("GET", "k\0\r\n"))
    end)

    it("are sent as Lua holds them: integers exact, floats with all digits, secrets", function()
      c:call("MSET", "i", math.maxinteger, "f", 0.1, "w", 3.0, "s", secret.new "s3cret")
      assert.same({"9223372036854775807", "0.10000000000000001", "3", "s3cret"}, c:call("MGET", "i", "f", "w", "s"))
    end)

    it("come as integers, strings, lists, and nil for none", function()
      assert.equal(1, c:call("INCR", "n"))
      assert.equal("integer", math.type(c:call("DECRBY", "n", 5)))
      assert.is_nil(c:call("GET", "none"))
      assert.same({"1", wire.null, wire.null}, c:call("MGET", "x", "none", "nil") and
        (c:call("SET", "x", 1) and c:call("MGET", "x", "none", "nil")))
      assert.same({}, c:call("LRANGE", "none", 0, -1))
    end)

    it("have RESP3's types after HELLO 3", function()
      assert.equal("redis", c:call("HELLO", 3).server)
      c:call("HSET", "h", "a", 1)
      assert.same({a = "1"}, c:call("HGETALL", "h"))
      c:call("ZADD", "z", 1.5, "m")
      assert.equal(1.5, c:call("ZSCORE", "z", "m"))
      assert.is_true(c:call("DEBUG", "PROTOCOL", "true"))
      assert.is_false(c:call("DEBUG", "PROTOCOL", "false"))
      assert.is_nil(c:call("DEBUG", "PROTOCOL", "null"))
      assert.same({0, 1, 2}, c:call("DEBUG", "PROTOCOL", "set"))
      assert.equal("1234567999999999999999999999999999999", c:call("DEBUG", "PROTOCOL", "bignum"))
      assert.equal("This is a verbatim\nstring", c:call("DEBUG", "PROTOCOL", "verbatim"))
    end)

    it("that no command can have raise, and nothing is sent", function()
      assert.error_matches(function() c:call("SET", "k", {}) end, "strings and numbers, not of a table")
      assert.error_matches(function() c:call("SET", "k", true) end, "boolean")
      assert.error_matches(function() c:call() end, "needs its name")
      assert.error_matches(function() c:batch {{"GET", "a"}, {}} end, "list")
      assert.equal("PONG", c:call "PING")
    end)
  end)

  describe("many tasks on one connection", function()
    it("each get their own answer", function()
      local tasks = {}
      for i = 1, 200 do
        tasks[i] = loop.spawn(function()
          c:call("SET", "k" .. i, i)
          return c:call("GET", "k" .. i)
        end)
      end
      for i = 1, 200 do assert.same({true, tostring(i)}, {loop.wait(tasks[i])}) end
    end)

    it("share a write: 100 commands of one turn cost a few system calls, not 100", function()
      local before = tonumber(plain:call("INFO", "stats"):match "total_reads_processed:(%d+)")
      local tasks = {}
      for i = 1, 100 do tasks[i] = loop.spawn(function() c:call("INCR", "n") end) end
      for i = 1, 100 do loop.wait(tasks[i]) end
      local after = tonumber(plain:call("INFO", "stats"):match "total_reads_processed:(%d+)")
      assert.equal("100", c:call("GET", "n"))
      assert.truthy(after - before < 20)
    end)

    it("a batch has no other's command in it", function()
      local tasks = {}
      for i = 1, 20 do
        tasks[i] = loop.spawn(function()
          return c:batch {{"SET", "x", i}, {"GET", "x"}, {"INCRBY", "x", 100}, {"GET", "x"}}
        end)
      end
      for i = 1, 20 do
        local _, replies = loop.wait(tasks[i])
        assert.same({"OK", tostring(i), i + 100, tostring(i + 100)}, replies)
      end
    end)

    it("one that is cancelled does not shift the answers of the others", function()
      local gone = loop.spawn(function() return c:call("GET", "gone") end)
      local batch = loop.spawn(function() return c:batch {{"GET", "a"}, {"GET", "b"}} end)
      local stays = loop.spawn(function() return c:call("ECHO", "mine") end)
      loop.sleep(0)
      loop.cancel(gone)
      loop.cancel(batch)
      assert.same({true, "mine"}, {loop.wait(stays)})
      assert.equal("PONG", c:call "PING")
    end)
  end)

  describe("what Redis refuses comes as nil, err with its own code", function()
    it("WRONGTYPE, with command, server and remedy", function()
      c:call("SET", "k", "v")
      local err = refused("WRONGTYPE", c:call("LPUSH", "k", "s3cret"))
      assert.matches("^LPUSH at Redis 127.0.0.1:%d+ was refused: WRONGTYPE", err.message)
      assert.matches("another type of value", err.message)
    end)

    it("an unknown command, without the arguments that Redis repeats", function()
      local err = refused("ERR", c:call("NOSUCH", "s3cret"))
      assert.matches("unknown command", err.message)
    end)

    it("OOM", function()
      c:call("CONFIG", "SET", "maxmemory", 1)
      local err = refused("OOM", c:call("SET", "k", "v"))
      c:call("CONFIG", "SET", "maxmemory", 0)
      assert.matches("maxmemory", err.message)
    end)

    it("READONLY of a replica", function()
      c:call("REPLICAOF", "127.0.0.1", 1)
      refused("READONLY", c:call("SET", "k", "v"))
      c:call("REPLICAOF", "NO", "ONE")
    end)

    it("in a batch, each in its place", function()
      local replies = c:batch {{"SET", "k", "v"}, {"INCR", "k"}, {"GET", "k"}}
      assert.equal("OK", replies[1])
      assert.equal("ERR", replies[2].code)
      assert.equal("v", replies[3])
    end)
  end)

  describe("what became of a command when the connection ends", function()
    it("unknown: it was sent, and no answer came", function()
      local t = loop.spawn(function() return c:call("BLPOP", "none", 0) end)
      loop.sleep(0.05)
      plain:call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
      local _, reply, err = loop.wait(t)
      refused("unknown", reply, err)
      assert.equal("closed", err.reason)
      assert.matches("may or may not have been run", err.message)
      assert.is_false(c:alive())
    end)

    it("unsent: the connection was gone before", function()
      c:close()
      local err = refused("unsent", c:call("SET", "k", "v"))
      assert.matches("it was not run", err.message)
    end)

    it("unsent: closed in the turn in which it was called", function()
      local t = loop.spawn(function() return c:call("SET", "k", "v") end)
      local closer = loop.spawn(function() c:close() end)
      loop.wait(closer)
      local _, reply, err = loop.wait(t)
      refused("unsent", reply, err)
      assert.equal("", plain:call("GET", "k"))
    end)

    it("unsent: it stood behind more than the socket takes", function()
      plain.process:kill(19)                             -- SIGSTOP: it reads nothing
      local big = loop.spawn(function() return c:call("SET", "big", ("x"):rep(50 << 20)) end)
      loop.sleep(0.02)
      local behind = loop.spawn(function() return c:call("SET", "behind", "v") end)
      loop.sleep(0)
      c:close()
      plain.process:kill(18)                             -- SIGCONT
      local _, a, err_a = loop.wait(big)
      local _, b, err_b = loop.wait(behind)
      refused("unsent", a, err_a)                        -- half a command is none
      refused("unsent", b, err_b)
      loop.sleep(0.2)
      assert.equal("0", plain:call("EXISTS", "big", "behind"))
    end)

    it("unknown: the server hangs longer than timeout", function()
      local quick = assert(wire.connect {host = "127.0.0.1", port = plain.port, timeout = 1.5})
      assert.equal("PONG", quick:call "PING")
      local began = loop.now()
      local err = refused("unknown", quick:call("BLPOP", "none", 0))
      assert.equal("timeout", err.reason)
      assert.truthy(loop.now() - began < 50)
      refused("unsent", quick:call "PING")
    end)

    it("timeout = 0 waits for a blocking command", function()
      local patient = assert(wire.connect {host = "127.0.0.1", port = plain.port, timeout = 0})
      assert.is_nil(patient:call("BLPOP", "none", 0.3))
      patient:close()
    end)
  end)

  describe("connecting fails with a reason", function()
    local function connect(options)
      options.host = options.host or "127.0.0.1"
      return wire.connect(options)
    end

    it("connect, dns, a socket that is not there", function()
      refused("connect", connect {port = 1})
      refused("dns", connect {host = "nosuchhost.invalid"})
      refused("connect", wire.connect {path = "/tmp/tidelock-none.sock"})
    end)

    it("misuse raises", function()
      assert.error_matches(function() wire.connect {} end, "'host' or 'path'")
      assert.error_matches(function() connect {port = 70000} end, "port")
      assert.error_matches(function() connect {timeout = -1} end, "timeout")
      assert.error_matches(function() connect {tls = "yes"} end, "tls")
      assert.error_matches(function() connect {host = "a\0b"} end, "NUL")
    end)

    it("timeout, when the server speaks no TLS; closed, when it wants TLS and gets none", function()
      local tls <close> = redis_server.start {tls = true}
      local err = refused("timeout", connect {port = plain.port, tls = true, ca = tls.ca, connect_timeout = 0.2})
      assert.matches("handshake", err.message)
      local p = assert(connect {port = tls.port})
      assert.equal("closed", refused("unknown", p:call "PING").reason)
    end)

    it("can be cancelled", function()
      local process <close>, port = fake("", 5)
      local t = loop.spawn(function() wire.connect {host = "127.0.0.1", port = port, tls = true} end)
      loop.sleep(0.05)
      loop.cancel(t)
      assert.equal("cancelled", loop.status(t))
      assert.truthy(process)
    end)

    it("timeout, when TLS gets no answer", function()
      local process <close>, port = fake("", 5)
      refused("timeout", connect {port = port, tls = true, connect_timeout = 0.1})
      assert.truthy(process)
    end)
  end)

  describe("TLS", function()
    local tls, folder
    setup(function()
      tls = redis_server.start {tls = true, client_auth = true}
      folder = tls.ca:match "^(.*)/"
    end)
    teardown(function() tls:stop() end)

    local function connect(more)
      local o = {host = "127.0.0.1", port = tls.port, tls = true, ca = tls.ca, cert = folder .. "/client.pem",
        key = folder .. "/client.key"}
      for k, v in pairs(more or {}) do o[k] = v end
      return wire.connect(o)
    end

    it("shows a client certificate and checks the server's name", function()
      local t = assert(connect())
      assert.equal("PONG", t:call "PING")
      local big = ("x"):rep(3 << 20)
      assert.equal("OK", t:call("SET", "big", big))
      assert.equal(big, t:call("GET", "big"))
      t:close()
      t = assert(connect {host = "localhost"})
      assert.equal("PONG", t:call "PING")
      t:close()
    end)

    it("refuses another name, and takes one that is told", function()
      local err = refused("tls", connect {server_name = "elsewhere.invalid"})
      assert.matches("mismatch", err.message)
      assert(connect {server_name = "localhost"}):close()
    end)

    it("refuses a CA that did not sign, and a CA file that is none", function()
      refused("tls", connect {ca = folder .. "/lone.pem"})
      refused("tls", connect {ca = folder .. "/none.pem"})
      refused("tls", connect {cert = folder .. "/none.pem"})
    end)
  end)

  describe("a server that does not keep to the protocol", function()
    local function answer(bytes, options)
      local process <close>, port = fake(bytes, options and options.hold)
      local o = {host = "127.0.0.1", port = port}
      for k, v in pairs(options or {}) do if k ~= "hold" then o[k] = v end end
      local k = assert(wire.connect(o))
      local reply, err = k:call "PING"
      k:close()
      assert.truthy(process)
      return reply, err
    end

    for name, bytes in pairs {["is none"] = "HTTP/1.1 200 OK\r\n\r\n",
      ["has a length of no sense"] = "$-5\r\n", ["is too deep"] = ("*1\r\n"):rep(100),
      ["claims 4 billion elements"] = "*4294967295\r\n"} do
      it("protocol: " .. name, function()
        assert.equal("protocol", refused("unknown", answer(bytes, {hold = 1})).reason)
      end)
    end

    it("closed: half an answer", function()
      assert.equal("closed", refused("unknown", answer("$10\r\nhalf")).reason)
    end)

    it("too_large: more than max_reply", function()
      local bytes = "$" .. (1 << 20) .. "\r\n" .. ("x"):rep(30000)
      assert.equal("too_large", refused("unknown", answer(bytes, {max_reply = 20000, hold = 1})).reason)
    end)

    it("answers more than was asked", function()
      assert.equal("PONG", answer("+PONG\r\n+PONG\r\n", {hold = 1}))
    end)
  end)

  describe("pushes", function()
    local function subscribed(...)
      assert(c:push(...))
      return c:receive()
    end

    for _, resp in ipairs {2, 3} do
      it("come in order by RESP" .. resp, function()
        c:call("HELLO", resp)
        assert.same({"subscribe", "news", 1}, subscribed("SUBSCRIBE", "news"))
        for i = 1, 5 do plain:call("PUBLISH", "news", "m" .. i) end
        for i = 1, 5 do assert.same({"message", "news", "m" .. i}, c:receive()) end
      end)
    end

    it("wake who waits, and end with the connection", function()
      subscribed("PSUBSCRIBE", "n*")
      local t = loop.spawn(function() return c:receive() end)
      plain:call("PUBLISH", "news", "x")
      assert.same({true, {"pmessage", "n*", "news", "x"}}, {loop.wait(t)})
      t = loop.spawn(function() return c:receive() end)
      loop.sleep(0)
      assert.error_matches(function() c:receive() end, "another task")
      plain:call("CLIENT", "KILL", "TYPE", "pubsub")
      local _, reply, err = loop.wait(t)
      refused("closed", reply, err)
    end)

    it("that nobody fetches are not hoarded", function()
      subscribed("SUBSCRIBE", "flood")
      local p = assert(wire.connect {host = "127.0.0.1", port = plain.port})
      local text, list = ("x"):rep(1000), {}
      for i = 1, 1000 do list[i] = {"PUBLISH", "flood", text} end
      collectgarbage()
      for _ = 1, 20 do assert(p:batch(list)) end          -- 20 MB
      for _ = 1, 20000 do assert(c:receive()) end
      p:close()
    end)
  end)

  describe("recorded replies", function()
    it("are decoded, and what is cut off is left out", function()
      assert.same({"OK", 7, {"a", wire.null, {code = "ERR", message = "ERR no"}}, "bulk"},
        wire.decode "+OK\r\n:7\r\n*3\r\n$1\r\na\r\n$-1\r\n-ERR no\r\n$4\r\nbulk\r\n$10\r\nhal")
      assert.same({{k = 1.5, s = {true, false}}}, wire.decode "%2\r\n+k\r\n,1.5\r\n+s\r\n~2\r\n#t\r\n#f\r\n")
      assert.same({}, wire.decode "")
    end)
    it("nested without an end are refused as what they are", function()
      local _, err = wire.decode(("*1\r\n"):rep(100))
      assert.matches("more than 64 deep", err.message)
    end)
    it("live through every allocation of anybody's failing in turn", function()
      local whole = "*3\r\n:1\r\n$1\r\na\r\n%1\r\n+k\r\n~2\r\n,1.5\r\n(12345678901234567890\r\n-ERR no\r\n"
      local runs = sweep(function() assert.equal(2, #assert(wire.decode(whole))) end)
      assert.is_true(runs > 20, runs)
    end)
    it("that are none are refused", function()
      for _, bytes in ipairs {"HTTP/1.1 200 OK\r\n", "$-5\r\n", ("*1\r\n"):rep(100), "*4294967295\r\n", "+OK\r\n?"} do
        local replies, err = wire.decode(bytes)
        assert.is_nil(replies)
        assert.equal("protocol", err.code)
      end
    end)
  end)

  it("lives through every allocation of Lua's failing in turn", function()
    assert.is_true(tight(([[
      local wire = require "tidelock.redis"
      local function script()
        local c <close> = assert(wire.connect {host = "127.0.0.1", port = %d})
        local r, e = c:call("SET", "k", 1.5)
        if not r then error(e.message, 0) end
        c:call("NOSUCH", 1)
        c:batch {{"MGET", "k", "none"}, {"INCR", "n"}, {"LPUSH", "k", 1}}
        c:push("SUBSCRIBE", "c")
        c:receive()
      end]]):format(plain.port)) > 20)
  end)
end)
