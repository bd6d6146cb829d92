-- eventstream_spec.lua -- frames held to the reference messages that AWS's own SDKs carry, whole, cut and damaged.
local digest = require "tidelock.digest"
local eventstream = require "tidelock.eventstream"
local sweep = require "support.sweep"

local function text(hex) return (digest.unhex(hex:gsub("%s", ""))) end

-- Reference messages: bytes, and what they say. The headers are in the order of the wire.
local REFERENCE <const> = {
  {name = "an empty message", bytes = text "00000010 00000000 05c248eb 7d98c8ff", headers = {}, payload = ""},
  {name = "a byte", bytes = text "00000017 00000007 29860158 04 62797465 02 ff c2f869dc",
    headers = {{"byte", -1, "byte"}}, payload = ""},
  {name = "a short", bytes = text "00000019 00000009 710e923e 05 73686f7274 03 ffff b27cb6cc",
    headers = {{"short", -1, "short"}}, payload = ""},
  {name = "an int", bytes = text "0000001d 0000000d 83e3f0e7 07 696e7465676572 04 ffffffff 8b8e12eb",
    headers = {{"integer", -1, "int"}}, payload = ""},
  {name = "a long", bytes = text "0000001e 0000000e 5d4adb8d 04 6c6f6e67 05 ffffffffffffffff 4bc232da",
    headers = {{"long", -1, "long"}}, payload = ""},
  {name = "a payload without headers", bytes = text "0000001d 00000000 fd528c5a" .. "{'foo':'bar'}" .. text "c3653936",
    headers = {}, payload = "{'foo':'bar'}"},
  {name = "a payload with a string header", bytes = text "0000003d 00000020 07fd8396 0c" .. "content-type"
    .. text "07 0010" .. "application/json{'foo':'bar'}" .. text "8d9c08b1",
    headers = {{"content-type", "application/json", "string"}}, payload = "{'foo':'bar'}"},
  {name = "headers of all ten types", bytes = text([[00000062 00000052 03b5cb9c 0130 00 0131 01 0132 02 02
    0133 03 0003 0134 04 00000004 0135 05 0000000000000005 0136 06 0005 6279746573 0137 07 0004 75746638
    0138 08 0000000000000008 0139 09 30313233343536373839616263646566 63353671]]),
    headers = {{"0", true, "true"}, {"1", false, "false"}, {"2", 2, "byte"}, {"3", 3, "short"}, {"4", 4, "int"},
      {"5", 5, "long"}, {"6", "bytes", "bytes"}, {"7", "utf8", "string"}, {"8", 0.008, "timestamp"},
      {"9", "30313233-3435-3637-3839-616263646566", "uuid"}}, payload = ""},
  {name = "an error", bytes = text "00000052 00000042 bf23637e 0d" .. ":message-type" .. text "07 0005" .. "error"
    .. text "0b" .. ":error-code" .. text "07 0004" .. "code" .. text "0e" .. ":error-message" .. text "07 0007"
    .. "message" .. text "6b6cea3d",
    headers = {{":message-type", "error"}, {":error-code", "code"}, {":error-message", "message"}}, payload = ""},
}

local function message(case)
  local headers = {}
  for _, row in ipairs(case.headers) do headers[row[1]] = row[2] end
  return {headers = headers, payload = case.payload}
end

local stream, messages = {}, {}
for i, case in ipairs(REFERENCE) do stream[i], messages[i] = case.bytes, message(case) end
local whole <const> = table.concat(stream)

local function append(to, list)
  for _, each in ipairs(list) do to[#to + 1] = each end
end

describe("the reference messages", function()
  for _, case in ipairs(REFERENCE) do
    it("decode: " .. case.name, function()
      assert.same({message(case)}, eventstream.decoder():feed(case.bytes))
    end)

    it("encode to the same bytes: " .. case.name, function()
      local bytes = eventstream.encode {headers = case.headers, payload = case.payload}
      assert.equal(digest.hex(case.bytes), digest.hex(bytes))
    end)
  end

  it("come one after the other, in one piece", function()
    local d = eventstream.decoder()
    assert.same(messages, d:feed(whole))
    assert.is_true(d:finish())
  end)

  it("come in pieces of any size", function()
    for _, size in ipairs {1, 2, 3, 7, 11, 12, 13, 16, 17, 64} do
      local d, got = eventstream.decoder(), {}
      for at = 1, #whole, size do append(got, assert(d:feed(whole:sub(at, at + size - 1)))) end
      assert.same(messages, got)
      assert.is_true(d:finish())
    end
  end)

  it("cut anywhere, are a stream that ended too early", function()
    local case = REFERENCE[7].bytes
    for n = 1, #case - 1 do
      local d = eventstream.decoder()
      assert.same({}, d:feed(case:sub(1, n)))
      local ok, err = d:finish()
      assert.is_nil(ok)
      assert.equal("closed", err.code)
      assert.matches(("ended %d bytes into a message"):format(n), err.message, 1, true)
    end
  end)

  it("with any one bit turned over, are refused or still need bytes", function()
    for _, case in ipairs {REFERENCE[7].bytes, REFERENCE[8].bytes} do
      for i = 1, #case do
        for bit = 0, 7 do
          local damaged = case:sub(1, i - 1) .. string.char(case:byte(i) ~ 1 << bit) .. case:sub(i + 1)
          local list, err = eventstream.decoder():feed(damaged)
          if list then error(("byte %d, bit %d: taken as %d messages"):format(i, bit, #list)) end
          assert.equal("checksum", err.code)
        end
      end
    end
  end)
end)

-- A frame with any lengths, and checksums that match.
local function frame(total, headerslen, rest)
  local function crc(s) return digest.crc32(s) end
  local prelude = (">I4I4"):pack(total, headerslen)
  prelude = prelude .. crc(prelude)
  return prelude .. rest .. crc(prelude .. rest)
end

local function headers(bytes, payload)
  return frame(16 + #bytes + #(payload or ""), #bytes, bytes .. (payload or ""))
end

describe("a decoder", function()
  local function refused(bytes, code, pattern)
    local d = eventstream.decoder()
    local list, err = d:feed(bytes)
    assert.is_nil(list)
    assert.equal(code, err.code)
    assert.matches(pattern, err.message)
    local again, same = d:feed "more"
    assert.is_nil(again)
    assert.equal(err.message, same.message)
    assert.equal(err.message, select(2, d:finish()).message)
  end

  it("refuses a message over 24 MB before its bytes come", function()
    refused(frame(24 * 1048576 + 1, 0, ""):sub(1, 12), "too_large", "25165825 bytes; 24 MB")
  end)

  it("takes a message of just 24 MB", function()
    local payload = ("x"):rep(24 * 1048576 - 16)
    local d = eventstream.decoder()
    local bytes = eventstream.encode {payload = payload}
    assert.same({}, d:feed(bytes:sub(1, 5000000)))
    local list = d:feed(bytes:sub(5000001))
    assert.equal(1, #list)
    assert.is_true(list[1].payload == payload)
  end)

  it("refuses headers over 128 KB", function()
    refused(frame(200000, 131073, ""):sub(1, 12), "too_large", "131073 bytes of headers; 128 KB")
  end)

  it("refuses lengths that cannot be", function()
    refused(frame(15, 0, ""):sub(1, 12), "protocol", "of 15 bytes, with 0 bytes of headers: that cannot be")
    refused(frame(0, 0, ""):sub(1, 12), "protocol", "of 0 bytes")
    refused(frame(20, 5, "12345"):sub(1, 12), "protocol", "of 20 bytes, with 5 bytes of headers")
  end)

  it("refuses headers that are cut short, at every byte", function()
    for _, header in ipairs {"\4name\2x", "\4name\3xx", "\4name\4xxxx", "\4name\5xxxxxxxx", "\4name\6\0\4data",
      "\4name\7\0\4text", "\4name\8xxxxxxxx", "\4name\9xxxxxxxxxxxxxxxx"} do
      assert.equal(1, #eventstream.decoder():feed(headers(header)))
      for n = 1, #header - 1 do refused(headers(header:sub(1, n), "PAYLOAD"), "protocol", "cut short") end
    end
  end)

  it("refuses a header without a name, of an unknown type, or given twice", function()
    refused(headers "\0\0", "protocol", "without a name")
    refused(headers "\1a\10", "protocol", "of type 10, which is none")
    refused(headers "\1a\0\1a\1", "protocol", "two headers 'a'")
  end)

  it("hands out the messages before the damage, then says what is wrong", function()
    local d = eventstream.decoder()
    local bad = whole .. REFERENCE[6].bytes:sub(1, -2) .. "!"
    assert.same(messages, d:feed(bad))
    local list, err = d:feed ""
    assert.is_nil(list)
    assert.equal("checksum", err.code)
  end)

  it("keeps the bytes of names, values and payloads, NULs too", function()
    local got = eventstream.decoder():feed(headers("\3a\0b\7\0\3c\0d", "\0\1\0"))
    assert.same({{headers = {["a\0b"] = "c\0d"}, payload = "\0\1\0"}}, got)
  end)

  it("reads the ends of each number's range", function()
    local bytes = "\1a\2\128\1b\2\127\1c\3\128\0\1d\4\127\255\255\255\1e\5\128\0\0\0\0\0\0\0"
      .. "\1f\8" .. (">i8"):pack(-1500)
    assert.same({a = -128, b = 127, c = -32768, d = 2147483647, e = math.mininteger, f = -1.5},
      eventstream.decoder():feed(headers(bytes))[1].headers)
  end)

  it("is a decoder, and nothing else is", function()
    assert.has_error(function() eventstream.decoder().feed(io.stdout, "") end)
    assert.has_error(function() eventstream.decoder():feed() end)
  end)
end)

describe("encode", function()
  it("writes headers in the order of their names, as the type of Lua value says", function()
    local bytes = eventstream.encode {headers = {c = "text", a = true, b = 7, ["a\0"] = false, d = 1 << 40}}
    assert.equal("\1a\0\2a\0\1\1b\4\0\0\0\7\1c\7\0\4text\1d\5\0\0\1\0\0\0\0\0", bytes:sub(13, -5))
  end)

  it("refuses what no header can be, by its name", function()
    local cases = {
      {{x = 1.5}, "'x' .*must be true, false, a whole number or text"},
      {{x = {}}, "'x' .*must be true"},
      {{[""] = 1}, "1 to 255 bytes"},
      {{[("n"):rep(256)] = 1}, "1 to 255 bytes"},
      {{[2] = 1}, "names .*must be text"},
      {{x = ("v"):rep(32768)}, "'x' .*longer than 32767"},
      {{{"x", 128, "byte"}}, "'x' .*does not fit"},
      {{{"x", -32769, "short"}}, "'x' .*does not fit"},
      {{{"x", 1 << 31, "int"}}, "'x' .*does not fit"},
      {{{"x", "1", "long"}}, "'x' .*whole number"},
      {{{"x", 1, "string"}}, "'x' .*must be text"},
      {{{"x", 0 / 0, "timestamp"}}, "'x' .*seconds since 1970"},
      {{{"x", "30313233-3435-3637-3839-61626364656", "uuid"}}, "'x' .*UUID"},
      {{{"x", "30313233-3435-3637-3839-61626364656\16", "uuid"}}, "'x' .*UUID"},
      {{{"x", "30313233x3435-3637-3839-616263646566", "uuid"}}, "'x' .*UUID"},
      {{{"x", 1, "float"}}, "float"},
      {{{"x"}}, "'x' .*must be true"},
      {{"x"}, "{{name, value, type}, ...}"},
    }
    for _, case in ipairs(cases) do
      local ok, why = pcall(eventstream.encode, {headers = case[1]})
      assert.is_false(ok)
      assert.matches(case[2], why)
    end
  end)

  it("refuses more than 128 KB of headers and more than 24 MB in all", function()
    local many = {}
    for i = 1, 5 do many["h" .. i] = ("v"):rep(32767) end
    assert.error_matches(function() eventstream.encode {headers = many} end, "more than 128 KB of headers")
    local large = {payload = ("x"):rep(24 * 1048576 - 15)}
    assert.error_matches(function() eventstream.encode(large) end, "larger than 24 MB")
  end)

  it("survives every allocation that fails, both ways", function()
    sweep(function()
      local d = eventstream.decoder()
      local bytes = eventstream.encode {headers = REFERENCE[8].headers, payload = ("p"):rep(600)}
      bytes = bytes .. eventstream.encode {headers = {a = 1, b = "two"}}
      local list = assert(d:feed(bytes:sub(1, 400)))
      append(list, assert(d:feed(bytes:sub(401))))
      assert(#list == 2 and d:finish())
    end)
  end)
end)
