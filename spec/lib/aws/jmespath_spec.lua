-- jmespath_spec.lua -- JMESPath over plain Lua tables, its errors as sentences, and what no expression may do to it.
local jmespath = require "aws.jmespath"
local json = require "tidelock.json"

local function value(expression, data)
  local result, err = jmespath.search(expression, data)
  assert.is_nil(err and err.message)
  return result
end

local function refused(expression, data)
  local result, err = jmespath.search(expression, data)
  assert.is_nil(result)
  return err
end

describe("jmespath.search", function()
  it("takes plain tables: lists are arrays, tables with names objects", function()
    local data = {Queues = {{Name = "a", Size = 3}, {Name = "b", Size = 1}}, Tags = {x = "1", y = "2"}}
    assert.same({"b", "a"}, value("sort_by(Queues, &Size)[].Name", data))
    assert.same({"1", "2"}, value("Tags.*", data))
    assert.same({"x", "y"}, value("keys(Tags)", data))
    assert.equal("array", value("type(Queues)", data))
    assert.equal("object", value("type(Tags)", data))
  end)

  it("takes an empty plain table for either, where a function asks", function()
    assert.is_false(value("contains(L, 'x')", {L = {}}))
    assert.equal(0, value("length(L)", {L = {}}))
    assert.same({}, value("sort(L)", {L = {}}))
    assert.same({}, value("keys(L)", {L = {}}))
    assert.is_nil(value("max(L)", {L = {}}))
  end)

  it("gives nil for null, and keeps nulls of lists and maps as json.null", function()
    assert.is_nil(value("a", {}))
    assert.is_nil(value("a", {a = json.null}))
    assert.is_nil(value("@", json.null))
    assert.is_nil(value "`null`")
    assert.same({json.null, 1}, value("[a, b]", {b = 1}))
    assert.same({x = json.null}, value("{x: a}", {b = 1}))
    assert.same({1}, value("[].a", {{a = 1}, {b = 1}}))
    assert.is_true(value("a == `null`", {a = json.null}))
  end)

  it("marks the arrays it makes, so that an empty one prints as []", function()
    for _, expression in ipairs {"[?x]", "[*].y", "[]", "[1:0]", "[::-1]", "sort(@)", "reverse(@)", "map(&x, @)"} do
      assert.equal("[]", json.encode(value(expression, json.array {})), expression)
    end
    assert.equal("[]", json.encode(value("keys(@)", {})))
    assert.equal("{}", json.encode(value("merge(@)", {})))
  end)

  it("changes nothing of what it is given", function()
    local data = {list = {3, 1, 2}, nested = {{1}, {2}}}
    for _, expression in ipairs {"sort(list)", "reverse(list)", "nested[]", "merge(@, {x: list})", "list[::-1]"} do
      value(expression, data)
    end
    assert.same({list = {3, 1, 2}, nested = {{1}, {2}}}, data)
  end)

  it("keeps integers, and does not move equal ones past each other", function()
    assert.equal("integer", math.type(value("sum(@)", {1, 2})))
    assert.equal("integer", math.type(value("ceil(`1.5`)", {})))
    assert.equal(9007199254740993, value("to_number('9007199254740993')", {}))
    assert.same({"a", "b", "c"}, value("sort_by(@, &n)[].s", {{n = 1, s = "a"}, {n = 1, s = "b"}, {n = 1, s = "c"}}))
  end)

  it("counts characters, not bytes", function()
    assert.equal(2, value("length(@)", "\u{fc}\u{1F600}"))
    assert.equal("\u{1F600}\u{fc}", value("reverse(@)", "\u{fc}\u{1F600}"))
  end)

  it("compares deeply, and orders numbers and text only", function()
    assert.is_true(value("a == b", {a = {x = {1, 2}}, b = {x = {1, 2.0}}}))
    assert.is_false(value("a == b", {a = {x = {1, 2}}, b = {x = {1}}}))
    assert.is_true(value("a < b", {a = "2024-01-01", b = "2024-01-02"}))
    assert.is_nil(value("a < b", {a = "1", b = 2}))
  end)
end)

describe("jmespath.compile", function()
  it("gives one function for one expression", function()
    assert.equal(jmespath.compile "a.b", jmespath.compile "a.b")
  end)

  it("says what is wrong with an expression, and where", function()
    local function fault(expression, code, position, pattern)
      local run, err = jmespath.compile(expression)
      assert.is_nil(run, expression)
      assert.equal(code, err.code, expression)
      assert.equal(position, err.position, expression)
      assert.matches(pattern, err.message)
      assert.is_truthy(err.message:find(("%q"):format(expression), 1, true))
    end
    fault("a.", "syntax", 3, "at position 3 it ends, where a name")
    fault("", "syntax", 1, "it ends, where an expression was expected")
    fault("a b", "syntax", 3, 'stands "b", where an operator or the end')
    fault("a[1", "syntax", 4, "it ends")
    fault("a # b", "syntax", 3, 'stands "#", which begins nothing')
    fault("a == 'x", "syntax", 6, "opens a quote that is not closed")
    fault("a[::0]", "invalid-value", 3, "a step of 0")
    fault("lenght(a)", "unknown-function", 1, "function lenght, which does not exist.*length")
    fault("length(a, b)", "invalid-arity", 1, "given 2 arguments, and takes 1")
    fault("merge()", "invalid-arity", 1, "given 0 arguments, and takes 1 or more")
    fault("a[99999999999999999999]", "syntax", 3, "too large")
    fault(("("):rep(300), "syntax", 201, "nested too deep")
  end)

  it("says which argument does not fit the data", function()
    local err = refused("a | max(@)", {a = 1})
    assert.equal("invalid-type", err.code)
    assert.equal('The JMESPath expression "a | max(@)" does not fit the data: at position 5 max takes an array of '
      .. "numbers or of strings as argument 1, and got number.", err.message)
    assert.matches("element 1 gives a string", refused("sort_by(@, &n)", {{n = 1}, {n = "x"}}).message)
    assert.matches("takes an expression %(&%.%.%.%) as argument 2", refused("sort_by(@, n)", {}).message)
  end)

  it("runs a long chain, and a long list", function()
    assert.is_nil(value("a" .. (".a"):rep(20000), {}))
    local list = {}
    for i = 1, 10000 do list[i] = {n = i} end
    assert.equal(10000, value("max(@[].n)", list))
  end)

  it("answers or refuses whatever stands in an expression", function()
    local seed = 11
    local function random(n)
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      return (seed >> 8) % n + 1
    end
    local pieces = {"a", "b", ".", "[", "]", "[]", "[?", "*", "(", ")", "{", "}", ":", ",", "|", "||", "&&", "&", "!",
      "@", "==", "<", "`1`", "`[1,", "`", "'", '"', "'x'", '"a"', "1", "-1", "sort_by(", "length(", "map(&", "\\", " ",
      "\0", "\u{fc}", "\xff"}
    local good = 0
    for _ = 1, 20000 do
      local parts = {}
      for i = 1, random(10) do parts[i] = pieces[random(#pieces)] end
      local expression = table.concat(parts)
      local result, err = jmespath.search(expression, {a = {1, 2, {b = "x"}}, b = {a = json.null}})
      if err then
        assert.is_string(err.code)
        assert.is_string(err.message)
        assert.is_number(err.position)
      elseif result ~= nil then good = good + 1 end
    end
    assert.is_true(good > 100)
  end)
end)
