-- faults_spec.lua -- greedy senders with latencies, for half an hour of a clock that the spec moves, against the
-- scripts on
-- a real server that fails once or more in each run: no minute at the receiver ever holds more than ten arrivals.
local fixture = require "limiter.fixture"
local policies = require "ratelimit.policy"
local redis = require "support.redis"
local scripts = require "ratelimit.script"

local SEED <const> = tonumber(os.getenv "SEED") or 4711
local RUNS <const> = tonumber(os.getenv "RUNS") or 3
local START <const>, LENGTH <const> = 1790000000000, 1800000
local USER <const> = "u"

describe("no minute holds more than ten arrivals", function()
  local server, r, policy, texts
  setup(function()
    server = redis.start()
    r = fixture.connect(server)
    policy = assert(policies.new {name = "spec", windows = {{limit = 10, seconds = 60}}, burst = {size = 3,
      seconds = 6},
      timeout = 30, lease = 60})
    texts = scripts.build(policy, fixture.CLOCK)
  end)
  teardown(function()
    r:close()
    server:stop()
  end)

  local function call(...)
    local deadline = os.time() + 30
    while true do
      local reply, err = r:call(...)
      if err == nil then return reply end
      if err.code ~= "unsent" or os.time() > deadline then error(err, 0) end     -- it was restarted
      require "tidelock.loop".sleep(0.02)
    end
  end

  -- Milliseconds that a send takes: half in 0.2 s, one in a hundred 2 s, some for ever.
  local function latency()
    if math.random() < 0.005 then return math.huge end
    local normal = math.sqrt(-2 * math.log(1 - math.random())) * math.cos(2 * math.pi * math.random())
    return math.floor(200 * math.exp(normal))
  end

  --- One run. `fault` gets the world at the times that it chose, and may change it.
  local function run(senders, fault)
    server:reset()
    local w = {now = START, server_off = 0, away_till = 0, arrivals = {}, events = {}, senders = {}, copies = {}}
    local function at(time, fn) w.events[#w.events + 1] = {time = time, fn = fn} end
    local function keys(id) return policy.prefix .. USER, "idem:" .. id, policy.lineage end
    local n = 0
    local function finish(sender, epoch, id, outcome)
      if sender.epoch ~= epoch then return end               -- it died meanwhile
      if w.now < w.away_till then return end                 -- nobody is told: the safe time stands
      call("SET", "spec:now", w.now + w.server_off)
      local ring, claim = keys(id)
      call("EVAL", texts.finish, 2, ring, claim, w.now + sender.off, id, outcome, "", 0)
    end
    local function try(sender)
      local pause = 1000
      if w.now >= w.away_till then
        n = n + 1
        local id = "m" .. n
        call("SET", "spec:now", w.now + w.server_off)
        local ring, claim, lineage = keys(id)
        local reply = call("EVAL", texts.take, 3, ring, claim, lineage, w.now + sender.off, id)
        pause = math.max(1, math.min(reply[2], 15000))
        if reply[1] == "admitted" then
          pause = 1
          local took, epoch = latency(), sender.epoch
          if took <= policy.hold_ms then
            w.arrivals[#w.arrivals + 1] = w.now + math.random(0, took)
            local lost = math.random() < 0.01
            at(w.now + (lost and policy.hold_ms or took), function() finish(sender, epoch, id, lost and "U" or "S") end)
          else                                                -- it came, and its answer never did
            w.arrivals[#w.arrivals + 1] = w.now + math.random(0, policy.hold_ms)
          end
        end
      end
      at(w.now + pause, function() try(sender) end)
    end
    for i = 1, senders do
      w.senders[i] = {off = math.random(-40, 40), epoch = 0}
      at(START + i, function() try(w.senders[i]) end)
    end
    for _ = 1, 4 do
      at(START + math.random(120000, LENGTH - 200000), function() fault(w, at) end)
    end
    while true do
      local best
      for i, e in ipairs(w.events) do if not best or e.time < w.events[best].time then best = i end end
      local event = table.remove(w.events, best)
      if event.time > START + LENGTH then break end
      w.now = math.max(w.now, event.time)
      event.fn()
    end
    table.sort(w.arrivals)
    for i = 11, #w.arrivals do
      local span = w.arrivals[i] - w.arrivals[i - 10]
      assert.is_true(span > 60000, ("eleven in %.3f s at %.1f s"):format(span / 1000, (w.arrivals[i] - START) / 1000))
    end
    return #w.arrivals
  end

  local function keep(w)
    w.copies = {call("GET", policy.prefix .. USER), call("GET", policy.lineage)}
  end

  local FAULTS <const> = {
    none = function() end,
    ["everything is deleted"] = function() call("FLUSHALL") end,
    ["a restart without its data"] = function() server:restart() end,
    ["a failover that loses up to 30 seconds"] = function(w, at)
      keep(w)
      at(w.now + math.random(0, 30000), function()
        server:restart()                                      -- another replication id, and the data of a while ago
        if w.copies[1] then call("SET", policy.prefix .. USER, w.copies[1]) end
        if w.copies[2] then call("SET", policy.lineage, w.copies[2]) end
      end)
    end,
    ["Redis's clock steps, and back"] = function(w, at)
      w.server_off = math.random(5000, 120000) * (math.random(2) == 1 and 1 or -1)
      at(w.now + math.random(1000, 90000), function() w.server_off = 0 end)
    end,
    ["a sender's clock steps, and back"] = function(w, at)
      local sender = w.senders[math.random(#w.senders)]
      sender.off = math.random(5000, 120000) * (math.random(2) == 1 and 1 or -1)
      at(w.now + math.random(1000, 90000), function() sender.off = 0 end)
    end,
    ["Redis's clock steps by less than the skew allowed"] = function(w)
      w.server_off = math.random(-1900, 1900)
    end,
    ["senders die"] = function(w)
      for _, sender in ipairs(w.senders) do sender.epoch = sender.epoch + 1 end
    end,
    ["Redis is away"] = function(w) w.away_till = w.now + math.random(10000, 90000) end,
  }

  for name, fault in pairs(FAULTS) do
    for _, senders in ipairs {1, 3} do
      it(("%d sender%s, %s"):format(senders, senders == 1 and "" or "s", name), function()
        for i = 1, RUNS do
          math.randomseed(SEED, i * 10 + senders)
          local sent = run(senders, fault)
          assert.is_true(sent >= (name == "none" and 270 or 60), ("only %d in half an hour"):format(sent))
        end
      end)
    end
  end

  it("and a script without its fence, or with one clock, is caught at it", function()
    local right = texts
    local function caught(change, fault)
      texts = {}
      for name, text in pairs(right) do texts[name] = change(text) end
      local hits = 0
      for i = 1, 4 do
        math.randomseed(SEED, i)
        if not pcall(run, 3, FAULTS[fault]) then hits = hits + 1 end
      end
      texts = right
      assert.is_true(hits > 0, fault)
    end
    caught(function(text) return (text:gsub("if lo < open then", "if false then")) end, "everything is deleted")
    caught(function(text)
      return (text:gsub("local lo, hi = server, caller", "caller = server local lo, hi = server, server"))
    end, "Redis's clock steps, and back")
    caught(function(text) return (text:gsub("local stamp = hi %+ %d+", "local stamp = hi")) end, "none")
  end)
end)
