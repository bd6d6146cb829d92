-- zstd_spec.lua -- frames in and out, with a dictionary and without.
local sweep = require "support.sweep"
local zstd = require "tidelock.zstd"

describe("tidelock.zstd", function()
  local text = ("a tidally locked moon shows the same face\0"):rep(500)

  it("gives back what it was given, at any level", function()
    for _, level in ipairs {1, 3, 19, 22} do
      local frame = zstd.compress(text, level)
      assert.is_true(#frame < #text // 10)
      assert.equal(text, zstd.decompress(frame, #text))
    end
    assert.equal("", zstd.decompress(zstd.compress "", 0))
  end)

  it("needs the same dictionary on the way back", function()
    local samples = {}
    for i = 1, 400 do samples[i] = ('{"name":"moon %d","type":"structure","members":{"Face":%d}}'):format(i, i * 7) end
    local dictionary = assert(zstd.train(samples, 4096))
    local frame = zstd.compress(samples[7], 19, dictionary)
    assert.is_true(#frame < #zstd.compress(samples[7], 19))
    assert.equal(samples[7], zstd.decompress(frame, 1000, dictionary))
    local value, err = zstd.decompress(frame, 1000)
    assert.is_nil(value)
    assert.equal("corrupt", err.code)
  end)

  it("says why no dictionary can be made", function()
    local dictionary, err = zstd.train({"one"}, 1024)
    assert.is_nil(dictionary)
    assert.equal("untrained", err.code)
    assert.has_error(function() zstd.train({1, {}}, 1024) end)
  end)

  it("never takes more memory for the bytes than it may", function()
    local value, err = zstd.decompress(zstd.compress(text), #text - 1)
    assert.is_nil(value)
    assert.equal("too_large", err.code)
  end)

  it("refuses bytes that are no frame, are cut short, or have a bit turned", function()
    local frame = zstd.compress(text)
    assert.equal("corrupt", select(2, zstd.decompress("moonlight", 100)).code)
    assert.equal("corrupt", select(2, zstd.decompress("", 100)).code)
    for n = 4, #frame - 1 do assert.is_nil((zstd.decompress(frame:sub(1, n), #text))) end
    for n = 1, #frame do
      local turned = frame:sub(1, n - 1) .. string.char(frame:byte(n) ~ 0x10) .. frame:sub(n + 1)
      pcall(zstd.decompress, turned, #text)               -- whatever comes of it, no crash
    end
  end)

  it("raises where it is misused", function()
    assert.has_error(function() zstd.compress("x", 99) end)
    assert.has_error(function() zstd.compress(nil) end)
    assert.has_error(function() zstd.decompress("x", -1) end)
  end)

  it("survives every allocation failing in turn", function()
    local runs = sweep(function() assert(zstd.decompress(zstd.compress(text, 1, "moon"), #text, "moon")) end)
    assert.is_true(runs > 5)
  end)                                                    -- but train: see zstd.c
end)
