-- json_spec.lua -- what tidelock.json keeps exact, and how it refuses.
local json = require "tidelock.json"
local secret = require "tidelock.secret"
local sweep = require "support.sweep"

local function refused(value, options)
  local ok, err = pcall(json.encode, value, options)
  assert.is_false(ok)
  return (tostring(err):gsub("^[^ ]+:%d+: ", ""))
end

describe("json.decode", function()
  it("keeps integers exact up to 64 bits, and falls back to floats only beyond", function()
    assert.equal(9007199254740993, json.decode "9007199254740993")
    assert.equal(math.maxinteger, json.decode "9223372036854775807")
    assert.equal(math.mininteger, json.decode "-9223372036854775808")
    assert.equal("float", math.type(json.decode "9223372036854775808"))
    assert.equal(2.0 ^ 63, json.decode "9223372036854775808")
    assert.equal(1e30, json.decode "1000000000000000000000000000000")
  end)

  it("keeps floats floats", function()
    assert.equal("float", math.type(json.decode "1.0"))
    assert.equal("float", math.type(json.decode "1e2"))
    assert.equal("integer", math.type(json.decode "1"))
  end)

  it("reads null as json.null, or drops it", function()
    assert.same({a = json.null, b = json.array {1, json.null}}, json.decode '{"a":null,"b":[1,null]}')
    assert.same({b = {1, 2}}, json.decode('{"a":null,"b":[1,null,2]}', {null = false}))
    assert.equal(json.null, json.decode "null")
    assert.equal("userdata", type(json.null))
  end)

  it("lets the last of two equal keys win", function()
    assert.same({a = 2}, json.decode '{"a":1,"a":2}')
  end)

  it("keeps NULs, escapes and every plane of Unicode", function()
    assert.equal("a\0b", json.decode '"a\\u0000b"')
    assert.equal("\u{1F600}é", json.decode '"\\ud83d\\ude00\\u00e9"')
  end)

  it("says line and column where the text is broken", function()
    local value, err = json.decode '{"a": 1,\n  "b": x}'
    assert.is_nil(value)
    assert.equal("bad_json", err.code)
    assert.matches("line 2, column 8", err.message)
  end)

  it("refuses what is cut, empty, not UTF-8, or followed by more", function()
    for _, text in ipairs {"", " ", "{", "[1,", '"abc', '{"a"', "tru", '"\xff"', "1 2", "[1]]", "{'a':1}", "1e999",
      "[1,]", "NaN", "01", '"\1"', '"\\ud800"'} do
      local value, err = json.decode(text)
      assert.is_nil(value, text)
      assert.equal("bad_json", err.code, text)
      assert.is_true(#err.message > 20, text)
    end
  end)

  it("skips the byte order mark that editors leave", function()
    assert.equal(1, json.decode "\xEF\xBB\xBF1")
  end)

  it("reads 512 levels and refuses more without falling over", function()
    local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
    assert.equal("table", type(json.decode(nested(512))))
    local value, err = json.decode(nested(513))
    assert.is_nil(value)
    assert.matches("512", err.message)
    assert.is_nil((json.decode(nested(1000000))))
    assert.is_nil((json.decode(('{"a":'):rep(100000) .. "1" .. ("}"):rep(100000))))
  end)

  it("raises on what is no text", function()
    assert.has_error(function() json.decode(nil) end)
    assert.has_error(function() json.decode {} end)
  end)
end)

describe("json.encode", function()
  it("writes compact text, or indented as the aws CLI does", function()
    local value = {a = {1, 2.5, true}, b = json.array {}, c = {}, d = {e = "x"}}
    assert.equal('{"a":[1,2.5,true],"b":[],"c":{},"d":{"e":"x"}}', json.encode(value, {sort = true}))
    assert.equal([[{
    "a": [
        1,
        2.5,
        true
    ],
    "b": [],
    "c": {},
    "d": {
        "e": "x"
    }
}]], json.encode(value, {sort = true, indent = 4}))
  end)

  it("sorts keys by bytes, shorter first", function()
    assert.equal('{"":0,"A":1,"a":2,"a\\u0000":3,"aa":4,"é":5}',
      json.encode({a = 2, aa = 4, A = 1, ["é"] = 5, [""] = 0, ["a\0"] = 3}, {sort = true}))
  end)

  it("takes 1..n without a gap as an array, and an empty table as an object unless marked", function()
    assert.equal("[1,2,3]", json.encode {1, 2, 3})
    local hashed = {}
    for i = 4, 1, -1 do hashed[i] = i end
    assert.equal("[1,2,3,4]", json.encode(hashed))
    assert.equal("{}", json.encode {})
    assert.equal("[]", json.encode(json.array()))
    assert.equal("[]", json.encode(json.decode "[]"))
    assert.equal("{}", json.encode(json.decode "{}"))
  end)

  it("refuses gaps, and text beside numbers, naming the place", function()
    assert.matches("value.a%[2%] cannot be written as JSON: its keys", refused {a = {1, {[1] = 1, [3] = 3}}})
    assert.matches("value cannot be written as JSON: its keys", refused {1, 2, x = 3})
    assert.matches("its keys", refused({[0] = 1, x = 2}, {sort = true}))
    assert.matches("its keys", refused {[1.5] = 1})
    assert.matches("its keys", refused {[true] = 1})
  end)

  it("refuses NaN, infinities, functions and itself, naming the place", function()
    assert.matches("^value.a cannot be written as JSON: JSON has no NaN", refused {a = 0 / 0})
    assert.matches("no infinity", refused {1 / 0})
    assert.matches("value.f cannot be written as JSON: it is a function", refused {f = print})
    local loop = {}
    loop.loop = loop
    assert.matches("contains itself", refused(loop))
    assert.matches("contains itself", refused(loop, {sort = true}))
  end)

  it("refuses bytes that are not UTF-8, or replaces them when asked", function()
    assert.matches("value.k cannot be written as JSON: it is not UTF%-8", refused {k = "\xff"})
    for _, bad in ipairs {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80"} do refused(bad) end
    assert.equal('"a\u{FFFD}b"', json.encode("a\xffb", {replace = true}))
    assert.matches("not UTF", refused {["\xff"] = 1})
  end)

  it("writes floats so that they come back as the same float", function()
    for _, n in ipairs {0.1, 1.0, -0.0, 1e300, 5e-324, 2.0 ^ 53, 1 / 3, 1e16, 123456789.125} do
      local back = json.decode(json.encode(n))
      assert.equal("float", math.type(back))
      assert.equal(string.pack("d", n), string.pack("d", back))
    end
    assert.equal("1.0", json.encode(1.0))
    assert.equal("9223372036854775807", json.encode(math.maxinteger))
  end)

  it("writes a secret as <secret>", function()
    assert.equal('{"password":"<secret>"}', json.encode {password = secret.new "hunter2"})
  end)

  it("ignores metamethods", function()
    local t = setmetatable({a = 1}, {__index = {b = 2}, __pairs = function() error "no" end})
    assert.equal('{"a":1}', json.encode(t))
  end)

  it("comes back equal for random values", function()
    local seed = 20260101
    local function random(n)
      seed = (seed * 6364136223846793005 + 1442695040888963407)
      return (seed >> 33) % n
    end
    local function value(depth)
      local kind = random(depth > 4 and 5 or 7)
      if kind == 0 then return random(2) == 0 end
      if kind == 1 then return math.tointeger(random(2 ^ 31) - 2 ^ 30) << random(32) end
      if kind == 2 then return (random(2 ^ 31) - 2 ^ 30) / (1 + random(1000)) end
      if kind == 3 then return json.null end
      if kind == 4 then
        local s = {}
        for i = 1, random(12) do s[i] = utf8.char(random(3) == 0 and random(0xD800) or random(128)) end
        return table.concat(s)
      end
      local t = {}
      for i = 1, random(6) do t[kind == 5 and i or "k" .. random(100)] = value(depth + 1) end
      return kind == 5 and json.array(t) or t
    end
    for _ = 1, 300 do
      local v = value(1)
      assert.same(v, json.decode(json.encode(v)))
      assert.same(v, json.decode(json.encode(v, {sort = true, indent = 3})))
    end
  end)

  it("survives any allocation that fails, reading and writing", function()
    local text = '{"a":[1,2.5,{"b":"' .. ("x"):rep(400) .. '","c":null}],"d":{},"e":"\\u00e9"}'
    local runs = sweep(function()
      return json.encode(assert(json.decode(text)), {sort = true, indent = 2})
    end)
    assert.is_true(runs > 10)
  end)
end)

describe("json.array", function()
  it("marks and returns the table, and refuses one with a metatable of its own", function()
    local t = {}
    assert.equal(t, json.array(t))
    assert.is_true(json.isarray(t))
    assert.is_true(json.isarray(json.array(t)))
    assert.is_false(json.isarray {})
    assert.is_false(json.isarray(1))
    assert.has_error(function() json.array(setmetatable({}, {})) end)
    assert.has_error(function() json.array "x" end)
  end)
end)
