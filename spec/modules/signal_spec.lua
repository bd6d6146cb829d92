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
    sweep(function()
      local waiter = loop.spawn(signal.wait, "USR1")
      loop.sleep(0)
      loop.cancel(waiter)
    end)
  end)
end)
