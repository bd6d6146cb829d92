-- signal_spec.lua -- a task that waits for a signal.
local loop = require "tidelock.loop"
local signal = require "tidelock.signal"
local sweep = require "support.sweep"
local fs = require "tidelock.fs"

local function raise(name) os.execute(("kill -%s %d"):format(name, fs.pid())) end

describe("tidelock.signal", function()
  it("wakes the task that waits for one of several signals, with its name", function()
    local waiter = loop.spawn(signal.wait, "USR1", "HUP")
    loop.sleep(0)
    raise "HUP"
    local ok, name = loop.wait(waiter)
    assert.same({true, "HUP"}, {ok, name})
  end)

  it("can be cancelled and leaves no handle", function()
    local waiter = loop.spawn(signal.wait, "TERM")
    loop.sleep(0)
    loop.cancel(waiter)
    loop.sleep(0)
    assert.equal("cancelled", loop.status(waiter))
  end)

  it("refuses a name it does not know", function()
    assert.has_error(function() signal.wait "KILL" end)
    assert.has_error(function() signal.wait() end)
  end)

  it("lives through every allocation failing", function()
    local waiters, n = {}, 0
    for i = 1, 5001 do waiters[i] = false end              -- room for each, so that keeping one allocates nothing
    sweep(function()
      n = n + 1
      waiters[n] = loop.spawn(signal.wait, "USR1")
      loop.sleep(0)
      loop.cancel(waiters[n])
    end)
    for i = 1, n do                                        -- where the sleep or the cancel was refused, it still waits
      if waiters[i] and loop.status(waiters[i]) == "alive" then loop.cancel(waiters[i]) end
    end
    loop.sleep(0)
  end)
end)
