-- limit_spec.lua -- ceilings on memory and instructions.
local limit = require "tidelock.limit"
local sweep = require "support.sweep"

describe("tidelock.limit", function()
  after_each(function() limit.memory() limit.instructions() end)

  it("stops an endless loop, and pcall inside can't go on", function()
    local co = coroutine.create(function()
      limit.instructions(200000)
      local caught = 0
      while true do
        if not pcall(function() while true do end end) then caught = caught + 1 end
        if caught > 10 then return "ate the error" end
      end
    end)
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.matches("endless loop", err)
  end)

  it("lets a short run pass untouched", function()
    local sum = 0
    limit.instructions(1e7 // 1)
    for i = 1, 1000 do sum = sum + i end
    assert.equal(500500, sum)
  end)

  it("refuses a huge allocation and goes on below the ceiling", function()
    limit.memory(limit.used() + 8 * 1024 * 1024)
    local ok, err = pcall(string.rep, "x", 64 * 1024 * 1024)
    assert.same({false, "not enough memory"}, {ok, err})
    assert.equal(1024, #string.rep("x", 1024))
  end)

  it("counts what Lua holds", function()
    collectgarbage()
    local before = limit.used()
    local keep = string.rep("y", 1 << 20)
    assert.is_true(limit.used() - before >= 1 << 20 and #keep > 0)
  end)

  it("lives through every allocation failing: the limit's own sentence, and a pattern that is reckoned", function()
    assert.is_true(sweep(function()
      local ok, err = limit.call(1000, function() while true do end end)
      assert(not ok and (err:find "endless loop" or err == "not enough memory"), err)
      return limit.call(100000, string.match, ("x"):rep(100), "(x+)(x*)y?$")
    end) > 3)
  end)
end)
