-- Bytes that are no text, in records and in kept values.
local bytes = require "playbook.bytes"
local digest = require "tidelock.digest"
local json = require "tidelock.json"

local RAW <const> = "\xff\x00\xfePK"

describe("what stands for a string in a record", function()
  it("is the text itself, whatever signs are in it", function()
    for _, text in ipairs {"", "plain", "Grüße ☂", "nul \0 and tab \t"} do assert.equal(text, bytes.said(text)) end
  end)
  it("is the whole of a few bytes that are no text", function()
    assert.same({base64 = digest.base64(RAW)}, bytes.said(RAW))
  end)
  it("is how many and their digest where they are many", function()
    local blob = RAW:rep(1000)
    assert.same({bytes = #blob, sha256 = digest.hex(digest.sha256(blob))}, bytes.said(blob))
  end)
  it("is the digest of a very long text too", function()
    assert.equal("string", type(bytes.said(("x"):rep(65536))))
    assert.equal(65537, bytes.said(("x"):rep(65537)).bytes)
  end)
  it("is always something that JSON can hold, for every single byte and cut sequence", function()
    for c = 0, 255 do
      for _, text in ipairs {string.char(c), "a" .. string.char(c), string.char(c, 0x80), string.char(0xed, 0xa0, c)} do
        assert.is_string(json.encode({bytes.said(text)}))
        assert.is_string(json.encode({[bytes.key(text)] = 1}))
      end
    end
  end)
end)

describe("a kept value", function()
  it("comes back to the last byte, through JSON", function()
    local value = {text = "Grüße", raw = RAW, list = {RAW:rep(700), "a"}, deep = {{x = {y = RAW}}}, n = 3, yes = true}
    assert.same(value, bytes.unpack((json.decode(json.encode(bytes.pack(value))))))
    assert.equal(RAW, bytes.unpack(bytes.pack(RAW)))
  end)
  it("is not changed by being packed", function()
    local value = {raw = RAW}
    bytes.pack(value)
    assert.equal(RAW, value.raw)
  end)
end)

describe("what JSON can hold as it is", function()
  it("is a list without gaps or a map of text, and nothing between", function()
    for _, t in ipairs {{}, {1, 2}, {a = 1}} do assert.is_true(bytes.fits(t)) end
    for _, t in ipairs {{1, x = 2}, {[2] = 1}, {[true] = 1}, {[1.5] = 1}, {["\xff"] = 1}, {[0] = 1}} do
      assert.is_false(bytes.fits(t))
    end
  end)
end)
