-- loading_spec.lua -- an account file and a header are the reader's code too: neither may keep a plan from ending.
local account = require "playbook.account"
local fs = require "tidelock.fs"
local playbook = require "playbook"

describe("what is read before the body", function()
  local dir
  before_each(function() dir = fs.tempdir "loading_spec" end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  local function refused(fn, text)
    local path = dir .. "/play.lua"
    assert(fs.write(path, text))
    local ok, err = pcall(fn, path)
    assert.is_false(ok, text)
    assert.equal(65, err.exit, text)
    return tostring(err)
  end

  it("is stopped in an endless loop of an account file", function()
    assert.matches("play.lua:1: it ran too long without an end", refused(account.load, "while true do end"))
  end)
  it("is stopped in an endless loop before or in the header", function()
    local function load(path) return playbook.load(path, {}) end
    for _, text in ipairs {'while true do end playbook {name = "x", about = "y"}',
      'playbook {name = (function() while true do end end)(), about = "y"}'} do
      assert.matches("play.lua:1: it ran too long without an end", refused(load, text))
    end
  end)
  it("leaves a header's and an account file's own mistakes as they are told", function()
    assert.matches("begins with its header", refused(function(path) return playbook.load(path, {}) end, "local x = 1"))
    assert.matches("play.lua:2: attempt to", refused(account.load, "local x\nreturn x.y"))
  end)
end)
