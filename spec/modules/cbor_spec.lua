-- cbor_spec.lua -- CBOR bodies held to the protocol's published cases, to RFC 8949, and to bytes that are no CBOR.
local codec = require "tidelock.codec"
local compile = require "pack.model".compile
local digest = require "tidelock.digest"
local json = require "tidelock.json"
local models = require "tidelock.models"
local read_cbor = require "support.cbor"
local sweep = require "support.sweep"

local VECTORS <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/protocols/"

local function hex(s) return (digest.unhex(s:gsub("%s", ""))) end

-- The published results have NaN and the infinities as text.
local function plain(value)
  if type(value) == "table" then
    local t = {}
    for k, v in pairs(value) do t[k] = plain(v) end
    return t
  end
  if value ~= value then return "NaN" end
  if value == math.huge then return "Infinity" end
  return value == -math.huge and "-Infinity" or value
end

local function operation(suite, case)
  local bytes = compile {metadata = suite.metadata, shapes = suite.shapes or {},
    operations = {[case.given.name] = case.given}}
  return assert(models.load(bytes)):operation(case.given.name)
end

local function suites(folder, name)
  local file = io.open(VECTORS .. folder .. "/" .. name .. ".json", "rb")
  if not file then
    if os.getenv "TIDELOCK_NO_VECTORS" == "1" then return {} end
    error "the vectors of protocols are absent: set TIDELOCK_CONFORMANCE, or TIDELOCK_NO_VECTORS=1 to do without"
  end
  local text = file:read "a"
  file:close()
  return json.decode(text)
end

local FILES <const> = {
  "smithy-rpc-v2-cbor", "smithy-rpc-v2-cbor-query-compatible", "smithy-rpc-v2-cbor-non-query-compatible",
}

describe("the protocol's published cases", function()
  for _, name in ipairs(FILES) do
    for _, suite in ipairs(suites("input", name)) do
      for _, case in ipairs(suite.cases) do
        it(case.id .. " as a request", function()
          local request = assert(codec.encode(operation(suite, case), case.params))
          local want, have = case.serialized, {}
          for header, value in pairs(request.headers) do have[header:lower()] = value end
          assert.equal(want.method, request.method)
          assert.equal(want.uri, request.path .. (request.query ~= "" and "?" .. request.query or ""))
          for header, value in pairs(want.headers or {}) do assert.equal(value, have[header:lower()]) end
          for _, header in ipairs(want.forbidHeaders or {}) do assert.is_nil(have[header:lower()]) end
          if want.body == "" then assert.equal("", request.body or "") return end
          assert.same(plain(read_cbor(digest.unbase64(want.body))), plain(read_cbor(request.body)))
        end)
      end
    end
    for _, suite in ipairs(suites("output", name)) do
      for _, case in ipairs(suite.cases) do
        it(case.id .. " as an answer", function()
          local headers = {}
          for header, value in pairs(case.response.headers or {}) do headers[header:lower()] = value end
          local output, err = codec.decode(operation(suite, case), {status = case.response.status_code,
            headers = headers, body = digest.unbase64(case.response.body or "")})
          if case.result then
            assert.same(case.result, plain(output))
            return
          end
          assert.is_nil(output)
          assert.equal(case.errorCode, err.code)
          if case.errorMessage then assert.equal(case.errorMessage, err.message) end
          assert.same(case.error, plain(err.detail))
        end)
      end
    end
  end
end)

local METADATA <const> = {apiVersion = "1", protocol = "smithy-rpc-v2-cbor", targetPrefix = "Moon", serviceId = "Moon"}
local op = assert(models.load(compile {metadata = METADATA, shapes = {
  Moon = {type = "structure", members = {
    Name = {shape = "Text"}, Long = {shape = "Long"}, Int = {shape = "Int"}, Float = {shape = "Float"},
    Double = {shape = "Double"}, Flag = {shape = "Flag"}, Bytes = {shape = "Bytes"}, Time = {shape = "Time"},
    List = {shape = "List"}, Map = {shape = "Map"}, Moon = {shape = "Moon"}, Either = {shape = "Either"},
    Free = {shape = "Free"}}},
  Either = {type = "structure", union = true, members = {A = {shape = "Text"}, B = {shape = "Long"}}},
  Free = {type = "structure", document = true, members = {}},
  Text = {type = "string"}, Long = {type = "long"}, Int = {type = "integer"}, Float = {type = "float"},
  Double = {type = "double"}, Flag = {type = "boolean"}, Bytes = {type = "blob"}, Time = {type = "timestamp"},
  List = {type = "list", member = {shape = "Long"}},
  Map = {type = "map", key = {shape = "Text"}, value = {shape = "Text"}},
}, operations = {Turn = {name = "Turn", http = {method = "POST", requestUri = "/"}, input = {shape = "Moon"},
  output = {shape = "Moon"}}}}):operation "Turn")

local function body(input) return assert(codec.encode(op, input)).body end
local function decode(bytes) return codec.decode(op, {status = 200, headers = {}, body = bytes}) end
local function text(s) return string.char(0x60 + #s) .. s end

-- One member's value as it was written, and as a value that was read.
local function wrote(name, value) return digest.hex(body {[name] = value}:sub(3 + #name, -2)) end
local function value(name, bytes) return assert(decode("\xa1" .. text(name) .. bytes))[name] end

describe("encode", function()
  it("writes whole numbers as short as they go", function()
    local cases = {
      [0] = "00", [23] = "17", [24] = "1818", [255] = "18ff", [256] = "190100", [65535] = "19ffff",
      [65536] = "1a00010000", [4294967295] = "1affffffff", [4294967296] = "1b0000000100000000",
      [math.maxinteger] = "1b7fffffffffffffff", [-1] = "20", [-24] = "37", [-25] = "3818", [-256] = "38ff",
      [-257] = "390100", [-65537] = "3a00010000", [-4294967297] = "3b0000000100000000",
      [math.mininteger] = "3b7fffffffffffffff",
    }
    for n, want in pairs(cases) do assert.equal(want, wrote("Long", n)) end
  end)

  it("writes floats in the width of their shape", function()
    assert.equal("fa40f40000", wrote("Float", 7.625))
    assert.equal("fb3ff199999999999a", wrote("Double", 1.1))
    assert.equal("fb4008000000000000", wrote("Double", 3))
    assert.equal("fa7fc00000", wrote("Float", 0 / 0))
    assert.equal("fa7fc00000", wrote("Float", -(0 / 0)))
    assert.equal("fbfff0000000000000", wrote("Double", -math.huge))
    local _, fault = codec.encode(op, {Float = 1e300})
    assert.equal("Float", fault.path)
    assert.matches("32 bits", fault.message)
  end)

  it("writes text, bytes, flags and times", function()
    assert.equal("63610062", wrote("Name", "a\0b"))
    assert.equal("43ff00fe", wrote("Bytes", "\255\0\254"))
    assert.equal("f4", wrote("Flag", false))
    assert.equal("c11a5fee6600", wrote("Time", 1609459200))
    assert.equal("c11a5fee6600", wrote("Time", "2021-01-01T00:00:00Z"))
    assert.equal("c1fb41d7fb9980200000", wrote("Time", 1609459200.5))
    assert.equal("7818" .. digest.hex(("x"):rep(24)), wrote("Name", ("x"):rep(24)))
  end)

  it("keeps a null in a list and drops a member that is null", function()
    assert.equal("8301f603", wrote("List", {1, json.null, 3}))
    assert.same({}, read_cbor(body {Name = json.null}))
  end)

  it("says where a value is wrong", function()
    local cases = {
      {{List = {1, "2"}}, "List[2]"}, {{Map = {a = 1}}, "Map.a"}, {{Moon = {Flag = 1}}, "Moon.Flag"},
      {{Moon = {Moon = {Bytes = {}}}}, "Moon.Moon.Bytes"}, {{Free = {}}, "Free"}, {{List = 7}, "List"},
    }
    for _, case in ipairs(cases) do
      local request, fault = codec.encode(op, case[1])
      assert.is_nil(request)
      assert.equal(case[2], fault.path)
    end
  end)

  it("refuses what is nested beyond 64", function()
    local deep = {}
    for _ = 1, 70 do deep = {Moon = deep} end
    local _, fault = codec.encode(op, deep)
    assert.matches("64", fault.message)
  end)

  it("reads back as it was, through another's eyes and through its own", function()
    local input = {Name = "Tide", Long = math.mininteger, Int = -5, Float = 0.5, Double = 1e-300, Flag = true,
      Bytes = "\0\255", Time = 12.25, List = {1, -2, 3}, Map = {a = "b", ["\0"] = ""}, Moon = {Moon = {}},
      Either = {B = 7}}
    assert.same(input, read_cbor(body(input)))
    assert.same(input, decode(body(input)))
  end)
end)

describe("decode", function()
  it("reads the numbers of RFC 8949's examples", function()
    local cases = {
      ["00"] = 0, ["17"] = 23, ["1818"] = 24, ["1903e8"] = 1000, ["1a000f4240"] = 1000000,
      ["1b000000e8d4a51000"] = 1000000000000, ["1bffffffffffffffff"] = 2.0 ^ 64, ["20"] = -1, ["3863"] = -100,
      ["3903e7"] = -1000, ["3bffffffffffffffff"] = -2.0 ^ 64, ["f90000"] = 0, ["f93c00"] = 1, ["f93e00"] = 1.5,
      ["f97bff"] = 65504, ["f90001"] = 5.960464477539063e-8, ["f90400"] = 0.00006103515625, ["f9c400"] = -4,
      ["fa47c35000"] = 100000, ["fa7f7fffff"] = 3.4028234663852886e+38, ["fb7e37e43c8800759c"] = 1.0e+300,
      ["fbc010666666666666"] = -4.1, ["f97c00"] = math.huge, ["faff800000"] = -math.huge,
      ["fb7ff0000000000000"] = math.huge,
    }
    for bytes, want in pairs(cases) do assert.equal(want, value("Double", hex(bytes))) end
    local nan = value("Double", hex "f97e00")
    assert.is_true(nan ~= nan)
  end)

  it("keeps 64-bit integers exact, and whole floats become integers", function()
    assert.equal("integer", math.type(value("Long", hex "1b7fffffffffffffff")))
    assert.equal(math.maxinteger, value("Long", hex "1b7fffffffffffffff"))
    assert.equal(math.mininteger, value("Long", hex "3b7fffffffffffffff"))
    assert.equal("integer", math.type(value("Int", hex "f93c00")))
    assert.equal("float", math.type(value("Double", hex "01")))
  end)

  it("reads times with and without their tag, whole and with fractions", function()
    assert.equal(1609459200, value("Time", hex "c11a5fee6600"))
    assert.equal("integer", math.type(value("Time", hex "c1fb41d7fb9980000000")))
    assert.equal(1609459200.5, value("Time", hex "fb41d7fb9980200000"))
    assert.equal(1609459200, value("Time", hex "c074" .. "2021-01-01T00:00:00Z"))
  end)

  it("reads strings, lists and maps of unknown length", function()
    assert.equal("streaming", value("Name", "\x7f\x65strea\x64ming\xff"))
    assert.equal("\1\2\3\4\5", value("Bytes", hex "5f 42 0102 43 030405 ff"))
    assert.same({1, 2}, value("List", hex "9f0102ff"))
    assert.same({a = "b"}, value("Map", "\xbfaaab\xff"))
    assert.same({Name = "x"}, decode("\xbf\x7f\x62Na\x62me\xffax\xff"))
    assert.same({ab = "c"}, value("Map", "\xa1\x7faaab\xff" .. "ac"))
    assert.equal("", value("Name", "\x7f\xff"))
  end)

  it("leaves out nulls but in lists, and what the model does not know", function()
    assert.same({}, decode("\xa1dName\xf6"))
    assert.same({}, decode("\xa1dName\xf7"))
    assert.same({a = "b"}, value("Map", "\xa2aaabac\xf6"))
    assert.same({1, json.null}, value("List", "\x82\1\xf6"))
    assert.same({Int = 1}, decode("\xa3" .. "ax\x9f\xa1ab\xc1\x80\x5f\x41x\xff\xff" .. "ay\xf9\0\0" .. "cInt\1"))
    assert.same({}, decode "\xf6")
    assert.same({}, decode "")
  end)

  it("tells a union's member that the model does not know", function()
    assert.same({SDK_UNKNOWN_MEMBER = {name = "C"}}, value("Either", "\xa1aC\1"))
    assert.same({B = 1}, value("Either", "\xa2\x66__type\x61xaB\1"))
  end)

  it("gives what does not fit its shape as it was sent", function()
    assert.equal(7, value("Name", "\7"))
    assert.same({a = 1, [2] = {}}, value("Free", "\xa2aa\1\2\x80"))
    assert.equal("text", value("List", "dtext"))
    assert.same({1, "2\0x", 3}, value("List", "\x83\1\x632\0x\3"))
  end)

  -- Every one of these would be read past its end, or without one, by a reader that believes what it is told.
  local BROKEN <const> = {
    {"bf", "middle"}, {"a1", "middle"}, {"ff", "break"}, {"80", "no map"}, {"00", "no map"}, {"a0a0", "after its end"},
    {"a1 64 4e616d65", "middle"}, {"a1 64 4e616d65 78", "middle"}, {"a1 64 4e616d65 7b ffffffffffffffff", "middle"},
    {"a1 64 4c697374 9b ffffffffffffffff 01", "middle"}, {"bb 7fffffffffffffff", "middle"},
    {"a1 64 4c697374 9a 00000002 01", "middle"}, {"a1 64 4e616d65 7f", "middle"}, {"a1 64 4e616d65 7f 61", "middle"},
    {"a1 64 4e616d65 7f 41 61 ff", "another kind"}, {"a1 64 4e616d65 7f 7f 61 61 ff ff", "another kind"},
    {"a1 64 4e616d65 5f 61 61 ff", "another kind"}, {"a1 01 01", "key that is not text"},
    {"bf 64 4e616d65 ff", "break"}, {"a1 ff 01", "break"}, {"a1 64 4e616d65 ff", "break"},
    {"a1 64 4e616d65 1c", "no value that CBOR knows"}, {"a1 64 4e616d65 1f", "no end"}, {"a1 64 4e616d65 df00", "tag"},
    {"a1 64 4e616d65 f8 10", "form it must not have"}, {"a1 64 4e616d65 f8 ff", "means nothing"},
    {"a1 64 4e616d65 e0", "means nothing"}, {"a1 64 4e616d65 f9 00", "middle"},
    {"a1 64 4e616d65 fb 00000000", "middle"},
    {"a1 64 46726565 a1 80 01", "neither text nor a whole number"}, {"a1 64 46726565 a1 f97e00 01", "neither text"},
    {"a1 61 78 9f", "middle"}, {"a1 61 78 c1", "middle"}, {"a1 61 78 a2 0101 01", "middle"},
  }
  it("refuses broken bytes with a place and a reason", function()
    for _, case in ipairs(BROKEN) do
      local output, err = decode(hex(case[1]))
      if output then error(case[1] .. " was taken") end
      assert.equal("BadResponse", err.code)
      assert.matches("CBOR is broken after %d+ of %d+ bytes", err.message)
      if not err.message:find(case[2]) then error(case[1] .. ": " .. err.message) end
    end
  end)

  it("refuses an answer cut at any byte", function()
    local whole = body {Name = "Tide", List = {1, 2, 300}, Map = {a = "b"}, Time = 1.5, Moon = {Bytes = "xyz"}}
    assert(decode(whole))
    for n = 1, #whole - 1 do assert.is_nil((decode(whole:sub(1, n)))) end
  end)

  it("holds nesting to 64, known and unknown alike", function()
    local function nested(open, close, n) return open:rep(n) .. close end
    for _, open in ipairs {"\xa1\x64Moon", "\xa1ax", "\xbf\x64Moon", "\xbf\x64Free"} do
      local _, err = decode(nested(open, "\xa0", 100000))
      assert.matches("nested more than 64 deep", err.message)
    end
    local _, err = decode("\xa1ax" .. ("\x9f"):rep(100000))
    assert.matches("nested more than 64 deep", err.message)
    assert(decode(nested("\xa1\x64Moon", "\xa0", 60)))
    local tags = decode("\xa1\x63Int" .. ("\xc1"):rep(100000) .. "\1")
    assert.same({Int = 1}, tags)
  end)

  it("gives no room to a list because it says that it is long", function()
    local before = collectgarbage "count"
    local bytes = "\xa1\x64List\x9a\0\x0f\xff\xff" .. ("\x9a\0\0\xff\xff"):rep(50) .. ("\xff"):rep(2000000)
    assert.is_nil((decode(bytes)))
    assert.is_true(collectgarbage "count" - before < 8192)
  end)

  it("reads an error whose body is no CBOR by its status", function()
    for _, bytes in ipairs {"", "\xff", "<html>", "\x80", "\xa1"} do
      local output, err = codec.decode(op, {status = 503, headers = {}, body = bytes})
      assert.is_nil(output)
      assert.equal(503, err.status)
    end
  end)

  it("survives every allocation that fails, both ways", function()
    local input = {Name = "Tide", Bytes = "\0", List = {1, 2, 300}, Map = {a = "b"}, Time = 1.5, Moon = {Flag = true}}
    sweep(function()
      local bytes = body(input)
      assert(decode(bytes).Moon.Flag)
      assert(decode("\xa1\x64Name\x7faaab\xff").Name == "ab")
      assert(select(2, codec.decode(op, {status = 400, headers = {}, body = "\xa1\x66__type\x63a#b"})).code == "b")
    end)
  end)
end)
