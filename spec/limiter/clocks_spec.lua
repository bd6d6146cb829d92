-- clocks_spec.lua -- greedy senders, each a process whose clock is wrong in its own way (libfaketime), against one
-- Redis and a site with latency and lost answers: no window at the site holds more than the limit.
local fixture = require "limiter.fixture"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local support = require "support.server"
local worlds = require "limiter.world"

local SECONDS <const>, SKEW <const> = 14, 2
local LIBRARY <const> = assert(proc.run {"sh", "-c", "ls /usr/lib/*/faketime/libfaketime.so.1"}).stdout:match "^(%S+)"

describe("senders with clocks of their own", function()
  local store, site, site_url, folder
  setup(function()
    store, folder = redis.start(), support.folder()
    local port
    site, port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
    site_url = "http://127.0.0.1:" .. port
  end)
  teardown(function()
    site:close()
    store:stop()
    support.remove(folder)
  end)

  local function limit_of(name)
    return {name = name, windows = {{limit = worlds.LIMIT, seconds = worlds.WINDOW}}, burst = {size = 2, seconds = 0.6},
      timeout = 2, lease = 2.5, lag = 0, skew = SKEW, clock_error = 0.01}
  end

  -- By rename, so that nobody reads half a line.
  local function set(clock, offset)
    local path = folder .. "/" .. clock
    local file <close> = assert(io.open(path .. ".new", "w"))
    file:write(offset, "\n")
    file:close()
    assert(os.rename(path .. ".new", path))
  end

  -- A sender whose clock is what `set` said last.
  local function sender(name, clock, offset, trusting)
    set(clock, offset)
    local tidelua = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"
    return assert(proc.spawn {tidelua, "spec/limiter/greedy.lua", stdout = "pipe", env = {LD_PRELOAD = LIBRARY,
      FAKETIME_DONT_FAKE_MONOTONIC = "1", FAKETIME_NO_CACHE = "1", FAKETIME_TIMESTAMP_FILE = folder .. "/" .. clock,
      SPEC_GREEDY = json.encode {redis = store.url, limit = limit_of(name), site = site_url, user = "u",
        prefix = ("%s-%s-"):format(name, clock), seconds = SECONDS, trusting = trusting}}})
  end

  local function answers(process)
    local text = ""
    for chunk in function() return process:read() end do text = text .. chunk end
    assert.equal(0, process:wait())
    process:close()
    return assert(json.decode(text))
  end

  local function open(name)
    local client <close> = fixture.connect(store)
    local limiter <close> = ratelimit.new(limit_of(name), client)
    fixture.open(limiter)
  end

  local case = worlds.together(it)

  case("slow, fast, stepping and far off, they keep the limit together, and the far one sends nothing", function()
    open "clocks"
    local list = {sender("clocks", "slow", "-0.9s"), sender("clocks", "fast", "+0.9s"),
      sender("clocks", "steps", "+0s"), sender("clocks", "far", "+60s")}
    for _, offset in ipairs {"+1.5s", "-1.5s", "+90s"} do
      loop.sleep(SECONDS / 4)
      set("steps", offset)
    end
    local told = {}
    for i, process in ipairs(list) do told[i] = answers(process) end
    local arrivals = worlds.arrivals(site_url, "clocks-")
    worlds.within_limit(arrivals)
    local ids, sent = {}, 0
    for _, a in ipairs(arrivals) do
      assert.is_nil(ids[a.id], a.id)
      ids[a.id] = true
    end
    for i = 1, 3 do sent = sent + (told[i].admitted or 0) end
    assert.equal(#arrivals, sent)
    -- The two seconds are held by the slower clock of two, and a lost answer holds its place for two more.
    assert.is_true(#arrivals >= 8, ("only %d arrived"):format(#arrivals))
    assert.is_true(told[4].clock > 0)
    told[4].clock, told[4].unavailable = nil, nil            -- a Redis that is slow for once decides nothing either
    assert.same({}, told[4])
    assert.is_nil(told[3].clock, "a step of the system's clock moved a sender that runs")
  end)

  case("a script that believed the senders' clocks would be caught at it", function()
    open "trusting"
    local list = {sender("trusting", "behind", "-3s", true)}
    local deadline = loop.now() + 60
    while #worlds.arrivals(site_url, "trusting-") < 2 do
      assert(loop.now() < deadline, "the first sends nothing")
      loop.sleep(0.05)
    end
    list[2] = sender("trusting", "ahead", "+3s", true)      -- to it, all of the other's sends were long ago
    for _, process in ipairs(list) do answers(process) end
    local ok, why = pcall(worlds.within_limit, worlds.arrivals(site_url, "trusting-"))
    assert.is_false(ok, "it was not caught")
    assert.matches("arrivals in", why)
  end)
end)
