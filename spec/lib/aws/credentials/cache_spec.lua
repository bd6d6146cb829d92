local cache = require "aws.credentials.cache"
local loop = require "tidelock.loop"

-- A cache on the real loop whose finder takes a moment; `ends` gives the end of the nth set.
local function make(ends, clock)
  local found = 0
  local c = cache.new(function()
    found = found + 1
    local n = found
    loop.sleep(0.005)
    local e = ends(n)
    if e == nil then error("offline " .. n, 0) end
    return {access_key_id = "K" .. n, expires = e or nil}
  end, {clock = clock, spawn = loop.spawn, wait = loop.wait})
  return c, function() return found end
end

describe("aws.credentials.cache", function()
  it("fetches once for a hundred tasks that ask at once", function()
    local c, count = make(function() return false end, os.time)
    local tasks = {}
    for i = 1, 100 do tasks[i] = loop.spawn(function() return c:get().access_key_id end) end
    for _, task in ipairs(tasks) do assert.same({true, "K1"}, {loop.wait(task)}) end
    assert.equal(1, count())
    assert.equal("K1", c:get().access_key_id)
  end)

  it("goes on for the others when the task that began it is cancelled", function()
    local c, count = make(function() return false end, os.time)
    local first = loop.spawn(function() return c:get() end)
    local second = loop.spawn(function() return c:get().access_key_id end)
    loop.sleep(0.001)
    loop.cancel(first)
    assert.same({true, "K1"}, {loop.wait(second)})
    assert.equal(1, count())
  end)

  it("renews 15 minutes before the end", function()
    local now = 0
    local c, count = make(function(n) return n * 3600 end, function() return now end)
    c:get()
    now = 3600 - 901
    assert.equal("K1", c:get().access_key_id)
    now = 3600 - 899
    assert.equal("K2", c:get().access_key_id)
    assert.equal(2, count())
  end)

  it("gives the old ones to tasks that need not wait for the renewal", function()
    local now = 0
    local c = make(function(n) return n * 3600 end, function() return now end)
    c:get()
    now = 3600 - 700
    local first = loop.spawn(function() return c:get().access_key_id end)
    loop.sleep(0.001)
    assert.equal("K1", c:get().access_key_id)
    assert.same({true, "K2"}, {loop.wait(first)})
  end)

  it("lives on with the old ones while a renewal fails, without asking at every call", function()
    local now = 0
    local c, count = make(function(n) return n == 1 and 3600 or nil end, function() return now end)
    c:get()
    now = 3600 - 600
    assert.equal("K1", c:get().access_key_id)
    assert.equal("K1", c:get().access_key_id)
    assert.equal(2, count())
    now = now + 61
    c:get()
    assert.equal(3, count())
    now = 3600
    assert.has_error(function() c:get() end, "offline 4")
  end)

  it("tells every waiter why there are none, and tries again at the next call", function()
    local c, count = make(function(n) if n > 1 then return false end end, os.time)
    local tasks = {}
    for i = 1, 3 do tasks[i] = loop.spawn(function() return c:get() end) end
    for _, task in ipairs(tasks) do assert.same({false, "offline 1"}, {loop.wait(task)}) end
    assert.equal("K2", c:get().access_key_id)
    assert.equal(2, count())
  end)

  it("does not renew keys of a short life at every call", function()
    local now = 0
    local c, count = make(function() return now + 300 end, function() return now end)
    for _ = 1, 5 do c:get() end
    assert.equal(1, count())
  end)

  it("fetches anew once told that they have ended", function()
    local c, count = make(function() return false end, os.time)
    c:get()
    c:expire()
    assert.equal("K2", c:get().access_key_id)
    assert.equal(2, count())
  end)
end)
