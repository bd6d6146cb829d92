-- Values as Lua: what is written reads back as the same value, and looks as a person writes it.
local text = require "adopt.text"

local function back(written)
  return assert(load("return " .. written, "=written", "t", {minutes = function(n) return n * 60 end,
    hours = function(n) return n * 3600 end, days = function(n) return n * 86400 end}))()
end

describe("a value as Lua", function()
  for name, value in pairs {
    ["an integer"] = 42, ["a float"] = 0.1, ["a whole float"] = 80.0, ["a text"] = 'say "hi"',
    ["a text of lines"] = "a\nb\\n",
    ["bytes"] = "\0\1\255", ["both quotes"] = [['"]], ["true"] = true, ["a list"] = {1, {2, "x"}},
    ["odd keys"] = {["a-b"] = 1, ["end"] = 2, ["1"] = 3, ["x\ny"] = 4},
    ["a long one"] = {Statement = {{Effect = "Allow", Action = {("x"):rep(60), ("y"):rep(60)}, Resource = "*"}}},
  } do
    it("reads back: " .. name, function()
      local written = text.value(value, nil, 0)
      assert.same(value, back(written))
      assert.equal(math.type(value), math.type(back(written)))
    end)
  end
  it("stands on one line where it fits, else on a line each, none of them too long", function()
    assert.equal('{name = "a", Size = 1}', text.value({Size = 1, name = "a"}, nil, 0))
    local written = text.value({name = "a", List = {("x"):rep(50), ("y"):rep(50)}, tags = {a = "b"}}, nil, 0)
    assert.equal('{\n  name = "a",\n  List = {\n    "' .. ("x"):rep(50) .. '",\n    "' .. ("y"):rep(50)
      .. '",\n  },\n  tags = {a = "b"},\n}', written)
  end)
  it("has seconds in the unit that people use", function()
    assert.equal("{MessageRetentionPeriod = days(4), VisibilityTimeout = minutes(3), WindowSeconds = 60}",
      text.value({VisibilityTimeout = 180, MessageRetentionPeriod = 345600, WindowSeconds = 60}, nil, 0))
  end)
  it("has expressions for the texts that they stand for", function()
    local function expression(value) return value == "x" and "account.id" or nil end
    assert.equal('{a = account.id, b = "y"}', text.value({a = "x", b = "y"}, expression, 0))
  end)
  it("of a comment ends in no line of code, whatever a thing is called", function()
    for _, line in ipairs(text.comment("-- names:", {"a\nos.exit()", "b\r\nprint(1)"})) do
      assert.matches("^%-%-", line)
      assert.is_nil(line:find "%c")
    end
  end)
end)
