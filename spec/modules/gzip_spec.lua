-- gzip_spec.lua -- gzip of whole strings, in both directions, and what is refused.
local digest = require "tidelock.digest"
local gzip = require "tidelock.gzip"
local proc = require "tidelock.proc"
local sweep = require "support.sweep"

describe("tidelock.gzip", function()
  local text = ("a tidally locked moon shows the same face\0"):rep(500)

  it("gives back what it was given, at any level", function()
    for level = 0, 9 do assert.equal(text, gzip.decompress(gzip.compress(text, level), #text)) end
    assert.equal("", gzip.decompress(gzip.compress "", 0))
    local noise = digest.random(300000)                 -- grows: it cannot be compressed
    assert.equal(noise, gzip.decompress(gzip.compress(noise), #noise))
    assert.has_error(function() gzip.compress(text, 10) end)
  end)

  it("is read by gzip, and reads what gzip wrote", function()
    assert.equal(text, assert(proc.run {"gzip", "-dc", input = gzip.compress(text)}).stdout)
    assert.equal(text, gzip.decompress(assert(proc.run {"gzip", "-c", input = text}).stdout, #text))
  end)

  it("gives the same for the same", function() assert.equal(gzip.compress(text), gzip.compress(text)) end)

  it("never gives more bytes than it may", function()
    local value, err = gzip.decompress(gzip.compress(text), #text - 1)
    assert.is_nil(value)
    assert.equal("too_large", err.code)
    local bomb = gzip.compress(("\0"):rep(100 << 20))
    assert.equal("too_large", select(2, gzip.decompress(bomb, 1 << 16)).code)
  end)

  it("refuses what is cut, changed or followed by something", function()
    local whole = gzip.compress(text)
    for _, bytes in ipairs {"", "\31", "no gzip", whole:sub(1, -2), whole:sub(1, 30), whole .. "x",
        whole:sub(1, -9) .. "\0\0\0\0" .. whole:sub(-4)} do
      local value, err = gzip.decompress(bytes, 1 << 20)
      assert.is_nil(value)
      assert.equal("corrupt", err.code)
    end
  end)

  it("survives every allocation failing", function()
    assert.is_true(sweep(function() gzip.compress(text) end) > 3)
    local whole = gzip.compress(text)
    assert.is_true(sweep(function() gzip.decompress(whole, #text) end) > 3)
  end)
end)
