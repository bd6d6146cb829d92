-- json_spec.lua -- JSON with exact integers.
local json = require "tidelock.json"
local secret = require "tidelock.secret"
local sweep = require "support.sweep"

describe("tidelock.json", function()
  it("keeps integers integers and floats floats, to the last digit", function()
    for _, text in ipairs {"0", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808"} do
      local n = json.decode(text)
      assert.equal("integer", math.type(n))
      assert.equal(text, json.encode(n))
    end
    for _, n in ipairs {1.0, 0.1, 1e300, 2 ^ 53, -0.0, 5e-324, 1 / 3} do
      assert.equal("float", math.type(json.decode(json.encode(n))))
      assert.equal(n, json.decode(json.encode(n)))
    end
    assert.equal(18446744073709551615.0, json.decode "18446744073709551615")
  end)

  it("keeps null, empty arrays and empty objects apart", function()
    local text = '[null,[],{},[[]],false]'
    assert.equal(text, json.encode(json.decode(text)))
    assert.equal("[]", json.encode(json.array {}))
    assert.equal("{}", json.encode {})
    assert.is_true(json.is_array(json.decode "[]"))
    assert.is_false(json.is_array {})
  end)

  it("sorts keys byte by byte, NULs and all, and indents as the aws CLI does", function()
    assert.equal('{"":0,"a":1,"a\\u0000":2,"ab":3,"b":{"x":4,"y":5}}',
      json.encode({b = {y = 5, x = 4}, ab = 3, ["a\0"] = 2, a = 1, [""] = 0}, {sort = true}))
    assert.equal('{\n    "a": [\n        1,\n        {}\n    ],\n    "b": []\n}',
      json.encode({a = {1, {}}, b = json.array {}}, {indent = 4, sort = true}))
  end)

  it("escapes what JSON can't hold raw, and reads it back", function()
    local all = {}
    for i = 0, 127 do all[#all + 1] = string.char(i) end
    local text = table.concat(all) .. "é€😀"
    assert.equal(text, json.decode(json.encode(text)))
    assert.is_nil(json.encode(text):find "[%c]")
    assert.equal("😀", json.decode '"\\ud83d\\ude00"')
  end)

  it("takes the last of two equal keys", function()
    assert.same({a = 2}, json.decode '{"a":1,"a":2}')
  end)

  it("says where a broken text is broken", function()
    local value, err = json.decode '{"a": 1,\n "b": }'
    assert.is_nil(value)
    assert.equal("json", err.code)
    assert.matches("line 2, column 7", err.message)
    for _, text in ipairs {"", "{", "[1,]", "nul", '"\1"', "01", "1 2", "NaN", "{'a':1}", '"\\ud800"', "\239\187\191"} do
      assert.is_nil((json.decode(text)), text)
    end
  end)

  it("refuses nesting without end, both ways", function()
    local deep = ("["):rep(127) .. ("]"):rep(127)
    assert.equal(deep, json.encode(json.decode(deep)))
    local value, err = json.decode(("["):rep(100000) .. ("]"):rep(100000))
    assert.is_nil(value)
    assert.matches("nested", err.message)
    local loop = {}
    loop.again = loop
    assert.has_error(function() json.encode(loop) end)
  end)

  it("refuses what JSON can't say", function()
    for _, value in ipairs {0 / 0, math.huge, -math.huge, print, io.stdout, {1, 2, x = 3}, {[1] = 1, [3] = 3}, {[true] = 1}} do
      local ok, err = pcall(json.encode, {value})
      assert.is_false(ok)
      assert.matches("could not write a value as JSON: ", err)
      assert.is_false(pcall(json.encode, {value}, {sort = true}))
    end
  end)

  it("never writes a secret", function()
    assert.equal('{"token":"<secret>"}', json.encode {token = secret.new "hunter2"})
  end)

  it("reads mutilated texts without a crash", function()
    math.randomseed(11)
    local text = '{"a":[1,2.5,{"b":"x\\u00e9\\n"},null,true],"c":{"d":[[],{}]},"e":-12345678901234567890}'
    for _ = 1, 3000 do
      local at = math.random(#text)
      local bad = text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + math.random(0, 3))
      local value, err = json.decode(bad)
      assert.is_true(value ~= nil or err.code == "json")
    end
  end)

  it("lives through every allocation failing", function()
    sweep(function()
      local value = assert(json.decode '{"a":[1,{"b":"cc"}],"d":null}')
      return json.encode(value, {sort = true, indent = 2})
    end)
  end)
end)
