-- setup_spec.lua -- what a playbook says of its worker, and every way a Redis can be wrong: told plainly, and no send.
local fixture = require "limiter.fixture"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local setup = require "ratelimit.setup"
local worlds = require "limiter.world"

local LIMIT <const> = {name = "onlyfans", windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6}}

describe("ratelimit.setup", function()
  it("refuses a worker with fields missing, unknown or of the wrong kind, all at once", function()
    local ok, err = pcall(setup.check, {queue = 5, limit = LIMIT, sned = {}})
    assert.is_false(ok)
    assert.equal(64, err.exit)
    for _, why in ipairs {"queue must be a string", "no field 'sned'; did you mean \"send\"", "needs redis",
      "needs send"} do
      assert.matches(why, err.message)
    end
    ok, err = pcall(setup.check, {queue = "q", redis = {}, send = {}, limit = {name = "x", windows = {}}})
    assert.is_false(ok)
    assert.matches("limit can't be kept", err.message)
  end)

  it("refuses a FIFO queue, where nothing can be put off, and dead letters on the queue itself", function()
    local ok, err = pcall(setup.check, {queue = "q.fifo", dlq = "q.fifo", limit = LIMIT, redis = {}, send = {}})
    assert.is_false(ok)
    assert.equal(64, err.exit)
    assert.matches("q%.fifo is a FIFO queue", err.message)
    assert.matches("queue and dlq are both q%.fifo", err.message)
    local sqs = {get_queue_url = function() return {QueueUrl = "http://sqs/1/q"} end}
    ok, err = pcall(require "ratelimit.queue".open, {sqs = sqs}, {queue = "q", dlq = "http://sqs/1/q"})
    assert.is_false(ok)
    assert.matches("one and the same, http://sqs/1/q", err.message)
  end)

  describe("a Redis that is wrong is 'unavailable', with a sentence that says how:", function()
    local plain, tls
    before_each(function()
      plain = plain or redis.start()
      tls = tls or redis.start {tls = true, auth = true}
      plain:reset()
    end)
    teardown(function()
      plain:stop()
      tls:stop()
    end)

    -- What take says over a connection of these options.
    local function told(options, why, warm, limits)
      local link = setup.redis(options)
      local limiter <close> = ratelimit.new(LIMIT, link, limits)
      if warm then
        fixture.open(limiter)
        warm()
        limiter.guarded = loop.now()
      end
      local ok, info = limiter:take("u", "m")
      link:close()
      assert.same({false, "unavailable"}, {ok, info.code})
      assert.matches(why, info.detail)
      assert.not_matches("spec%-password", info.detail)
    end

    -- Until the server refuses whoever asks with this word.
    local function says(which, word)
      local deadline, text = loop.now() + 20
      repeat
        loop.sleep(0.02)
        text = assert(proc.run {"redis-cli", "-p", tostring(which.port), "PING"}).stdout
        assert(loop.now() < deadline, "it never said " .. word)
      until text:find(word, 1, true)
    end

    it("a wrong password", function()
      told({url = tls.url:gsub(":spec%-password@", ":wrong@"), ca = tls.ca}, "password")
    end)
    it("no TLS where the server wants it", function()
      told({url = (tls.url:gsub("^rediss", "redis"))}, "127.0.0.1")
    end)
    it("a certificate that nobody vouches for", function() told({url = tls.url}, "certificate") end)
    it("nobody there", function() told({url = "redis://127.0.0.1:1"}, "refused") end)

    it("a replica", function()
      told({url = plain.url}, "READONLY", function() plain:call("REPLICAOF", "127.0.0.1", "1") end)
      plain:call("REPLICAOF", "NO", "ONE")
    end)
    it("a full one", function()
      told({url = plain.url}, "OOM", function() plain:call("CONFIG", "SET", "maxmemory", "1") end)
      plain:call("CONFIG", "SET", "maxmemory", "0")
    end)
    it("one whose keys are another's", function()
      told({url = plain.url}, "WRONGTYPE", function() plain:call("LPUSH", "rate_limit:onlyfans:u", "x") end)
    end)
    it("one without the replicas that it asks for itself", function()
      told({url = plain.url}, "NOREPLICAS", function() plain:call("CONFIG", "SET", "min-replicas-to-write", "1") end)
      plain:call("CONFIG", "SET", "min-replicas-to-write", "0")
    end)
    it("one that loads its data", function()
      local loading <close> = redis.start {config = {"key-load-delay 10000",
        "loading-process-events-interval-bytes 1024"}}
      loading:call("DEBUG", "POPULATE", "3000", "filler", "100")         -- half a minute, which nobody waits for
      local reload
      told({url = loading.url}, "LOADING", function()
        reload = loop.spawn(function() pcall(loading.call, loading, "DEBUG", "RELOAD") end)
        says(loading, "LOADING")
      end)
      loading:kill()
      loop.wait(reload)
    end)
    it("one that is busy with another's script, and one whose script is killed", function()
      local busy <close> = redis.start {config = {"busy-reply-threshold 50"}}
      local other
      told({url = busy.url}, "BUSY", function()
        other = loop.spawn(function() pcall(busy.call, busy, "EVAL", "while true do end", "0") end)
        says(busy, "BUSY")
      end)
      busy:call("SCRIPT", "KILL")
      loop.wait(other)
      local killer = loop.spawn(function()
        while true do
          loop.sleep(0.1)
          pcall(busy.call, busy, "SCRIPT", "KILL")
        end
      end)
      told({url = busy.url}, "killed", nil, {script_clock = "while true do end local server = 0"})
      loop.cancel(killer)
    end)
    it("one that answers with something else", function()
      local link = {call = function() return "PONG" end}
      local limiter <close> = ratelimit.new(LIMIT, link)
      for _, ask in ipairs {"take", "peek", "ready"} do
        local ok, info = limiter[ask](limiter, "u", "m")
        assert.same({false, "unavailable"}, {ok, info.code}, ask)
        assert.matches("makes no sense", info.detail)
      end
      assert.is_nil(limiter:slot "u")
      assert.is_nil((limiter:finish("u", "m", "n", "S")))
    end)
    it("none, by an address that is none: before anything is begun, and without repeating it", function()
      local ok, err = pcall(setup.redis, {url = "http://:s3cret@h"})
      assert.is_false(ok)
      assert.equal(64, err.exit)
      assert.matches("begins with redis://", err.message)
      assert.not_matches("s3cret", err.message)
    end)
    it("one whose password was rotated: many callers look at the secret a few times, and it goes on", function()
      local asked, password = 0, "old"
      local session = {client = function() return {call = function()
        asked = asked + 1
        return {SecretString = password}
      end} end}
      local link <close> = setup.redis({url = (tls.url:gsub(":spec%-password@", "")), ca = tls.ca, secret = "token"},
        session)
      local tasks, began = {}, loop.now()
      for i = 1, 200 do
        tasks[i] = loop.spawn(function()
          loop.sleep(i / 400)
          return link:call "PING"
        end)
      end
      for _, task in ipairs(tasks) do
        local _, reply, err = loop.wait(task)
        assert.is_nil(reply)
        assert.equal("unsent", err.code)
      end
      assert.is_true(asked >= 1 and asked <= 12 + (loop.now() - began), asked)
      password = "spec-password"
      local deadline = loop.now() + 20
      while link:call "PING" ~= "PONG" do
        assert(loop.now() < deadline, "it did not come back")
        loop.sleep(0.05)
      end
      for _ = 1, 50 do assert.equal("PONG", link:call "PING") end
    end)
    it("one that hangs", function()
      local link = {url = plain.url, timeout = 1}            -- it must open within it
      local ok, err = pcall(told, link, "answer", function() worlds.signal(plain.process, "STOP") end)
      worlds.signal(plain.process, "CONT")
      assert(ok, err)
    end)
  end)
end)
