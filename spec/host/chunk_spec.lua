-- chunk_spec.lua -- chunks lose the names of locals and nothing else.
local chunk = require "chunk"

local function slim(source)
  return assert(load(chunk.slim(string.dump(assert(load(source, "@lib/x.lua")))), "x", "b"))
end

describe("chunk.slim", function()
  it("leaves every kind of constant, nested functions, upvalues and varargs as they were", function()
    local long = ("long "):rep(100)
    local run = slim(([[
      local n, f, s, l, t = 7, 1.5, "short", %q, {true, false, nil, -1}
      local function inner(...)
        n = n + select("#", ...)
        return function() return n, f, s, l, #t, math.maxinteger end
      end
      return inner(...)]]):format(long))
    assert.same({9, 1.5, "short", long, 4, math.maxinteger}, {run(1, 2)()})
  end)

  it("keeps the file's name and the line of an error, deep in a long function", function()
    local ok, why = pcall(slim(("\n"):rep(300) .. "local f = function() local t\n\n error 'here' end f()"))
    assert.is_false(ok)
    assert.equal("lib/x.lua:303: here", why)
  end)

  it("drops the names of locals", function()
    local bytes = chunk.slim(string.dump(assert(load("local distinctive = ... return distinctive", "@x"))))
    assert.is_nil(bytes:find("distinctive", 1, true))
  end)

  it("says what is no chunk", function()
    assert.has_error(function() chunk.slim "return 1" end, "this is no chunk of Lua 5.4")
  end)

  it("takes every library of the program", function()
    local list <close> = assert(io.popen "find lib -name '*.lua'")
    for path in list:lines() do
      assert(load(chunk.slim(string.dump(assert(loadfile(path)))), path, "b"))
    end
  end)
end)
