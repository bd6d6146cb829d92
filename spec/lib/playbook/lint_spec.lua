local lint = require "playbook.lint"

local function faults(text)
  local list = {}
  assert(load(text))
  lint.check("p.lua", text, list)
  local out = {}
  for i, f in ipairs(list) do out[i] = f.line .. ": " .. f.message end
  return out
end

local HEAD <const> = 'local q = ensure.sqs.queue {name = "q"}\n'

describe("a name that is not defined", function()
  it("is named with its line and the nearest word", function()
    assert.same({'2: acount is not defined; did you mean "account"?'}, faults "local x = 1\nlocal y = acount.prefix")
  end)
  it("is found inside functions, tables and calls, all at once", function()
    assert.equal(3, #faults "local function f(a) return a + b end\nlocal t = {x = c}\nprint(d[1])")
  end)
  it("is not what a scope, a loop or a parameter binds", function()
    assert.same({}, faults [[
      local a <const> = 1
      for i = 1, 3 do print(i, a) end
      for k, v in pairs {} do print(k, v) end
      local function f(x, ...) return x, ..., f end
      local function g() return g end
      do local z = 2; print(z) end
      repeat local r = 1 until r == 1
      goto done
      ::done::
      local z2; z2 = 1; print(z2)
      local t = {} function t.f() return t end function t:g() return self end t.x = 1]])
  end)
  it("is set with local, or told once, where it is set", function()
    assert.same({"1: z is set without local; write local z = ...",
      "2: function g stands without local; write local function g"},
      faults "z = 1 print(z)\nfunction g() return z end g()")
  end)
  it("is seen again once its scope has ended", function()
    assert.equal(1, #faults "do local z = 1 print(z) end\nprint(z)")
  end)
  it("is not what stands in strings, comments and field names", function()
    assert.same({}, faults("-- foo\n--[[ bar\nbaz ]]\nlocal t = {nope = 'x y', ['z'] = [==[ w ]==]}\n"
      .. "print(t.other, t:method())"))
  end)
end)

describe("a branch on what is not known", function()
  for what, text in pairs {
    ["an if"] = "if q.arn then end", ["an elseif"] = "if true then elseif q.arn then end",
    ["a while"] = "while q.url do end", ["an until"] = "repeat until q.url",
    ["an equality"] = 'local x = q.arn == "a"', ["an and"] = 'local x = q.arn and "y"',
    ["a not"] = "local x = not q.arn",
    ["a template"] = 'if q.arn .. "x" then end', ["a local of it"] = "local a = q.arn\nif a then end",
    ["a handle in a table"] = "local t = {}\nt.q = q\nif t.q.arn then end",
    ["a step's result"] = 'local s = step "x" {run = function() end}\nif s.id then end',
  } do
    it("is refused: " .. what, function()
      local found = faults(HEAD .. text)
      assert.equal(1, #found)
      assert.matches("cannot branch on it; ask known%(", found[1])
    end)
  end
  it("is allowed through known(), and on whether there is a handle at all", function()
    assert.same({}, faults(HEAD .. "if known(q.arn) then end\nif q then end\nlocal x = true and q.arn or 'none'"))
  end)
  it("is allowed inside a step's run, where the value is real", function()
    assert.same({}, faults(HEAD .. 'step "x" {run = function() if q.arn == "a" then return 1 end end}'))
  end)
end)
