-- tidelua_spec.lua -- how a script ends: what it left parked is closed, what nobody could catch is told.
local proc = require "tidelock.proc"

-- Its output, what was said, its exit code.
local function run(text)
  local path <const> = os.tmpname()
  local _ <close> = setmetatable({}, {__close = function() os.remove(path) end})
  local file <close> = assert(io.open(path, "w"))
  assert(file:write('local loop = require "tidelock.loop"\n', text))
  assert(file:close())
  local out = assert(proc.run {arg[-1], path})
  return out.stdout, out.stderr, out.code
end

describe("tidelua", function()
  it("ends with the number its script returns, and at once where other tasks still wait", function()
    local out, said, code = run [[
      loop.spawn(function()
        local _ <close> = setmetatable({}, {__close = function() print "closed" end})
        loop.sleep(3600)
      end)
      loop.sleep(0)
      print "the script ends"
      return 3]]
    assert.same({"the script ends\nclosed\n", "", 3}, {out, said, code})
  end)
  it("tells an error with the way to it", function()
    local out, said, code = run [[
      local function fails() error "broken" end
      local function calls() fails() return 1 end
      calls()]]
    assert.same({"", 70}, {out, code})
    assert.matches("^tidelua: %S+:2: broken\nstack traceback:\n.*in upvalue 'fails'.*in local 'calls'", said)
  end)
  it("tells what a finalizer raised, and does not end well", function()
    for _, after in ipairs {"collectgarbage()", ""} do
      local _, said, code = run('setmetatable({}, {__gc = function() error "in a finalizer" end}) ' .. after)
      assert.matches("^tidelua: warning: error in __gc.* %(?.*in a finalizer", said)
      assert.equal(70, code)
    end
  end)
end)
