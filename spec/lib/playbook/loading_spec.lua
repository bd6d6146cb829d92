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
  it("is a file: no pipe, device or folder is waited for, and none of a size that nobody writes", function()
    local fifo = os.tmpname()
    os.remove(fifo)
    assert(os.execute("mkfifo " .. fifo))
    local large = os.tmpname()
    local file <close> = assert(io.open(large, "wb"))
    file:seek("set", 9 * 1024 * 1024)
    file:write "x"
    file:flush()
    local planfile = require "playbook.planfile"
    for path, why in pairs {["/dev/zero"] = "is a pipe or a device; save what it gives in a file",
      [fifo] = "is a pipe or a device", ["/tmp"] = "/tmp is a folder", [large] = "has 10 MB, and 8 are the most",
      ["/nowhere/x.lua"] = "No such file"} do
      for _, load in ipairs {function() playbook.load(path, {}) end, account.load} do
        local ok, err = pcall(load, path)
        assert.is_false(ok)
        assert.equal(64, err.exit)
        assert.matches(why, tostring(err))
      end
      assert.is_nil(planfile.load(path))
    end
    os.remove(fifo)
    os.remove(large)
  end)
  it("is named as a person would name it, whichever folder it was found from", function()
    for _, folder in ipairs {"parts", "accounts"} do assert(fs.mkdir(dir .. "/" .. folder)) end
    assert(fs.write(dir .. "/parts/one.lua", 'playbook {name = "spec/one"}\ninclude "parts/two"\n'))
    assert(fs.write(dir .. "/parts/two.lua", 'playbook {name = "spec/two"}\n'
      .. 'ensure.test.thing {name = account.prefix, X = 1}\n'))
    assert(fs.write(dir .. "/accounts/main.lua", 'return {prefix = "p", env = "test"}'))
    local loaded = playbook.load(dir .. "/parts/one.lua", {account = "main"})
    assert.equal(dir .. "/accounts/main.lua", loaded.account_path)
    local things = require "support.things"
    local ok, err = pcall(playbook.plan, loaded, things.context(things.world()))
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find(dir .. "/parts/two.lua:2: ", 1, true), tostring(err))
    assert(os.execute(("ln -s '%s/parts' '%s/accounts/link'"):format(dir, dir)))      -- whose .. is not its folder's
    assert.equal(dir .. "/accounts/link/../parts/one.lua", require "playbook.textfile".short(dir
      .. "/accounts/link/../parts/one.lua"))
  end)
  it("leaves a header's and an account file's own mistakes as they are told", function()
    assert.matches("begins with its header", refused(function(path) return playbook.load(path, {}) end, "local x = 1"))
    assert.matches("play.lua:2: attempt to", refused(account.load, "local x\nreturn x.y"))
  end)
  it("has all its faults told at once, each with the line that it is on", function()
    local err = refused(account.load, [[
return {
  prefix = "My_Company", env = "production",
  -- region = "eu-west-1", was that of the old account
  region = "us-est-1",
  limiter = {limit = 10},
  budget = {
    forecast_percent = 0, limit = -500,
  },
  emails = {ops = 1},
}]])
    for _, said in ipairs {':2: prefix must be of lower-case letters', ':4: region must be a region of AWS',
      'did you mean "us-east-1"?', ":7: budget.forecast_percent must be more than 0, not 0",
      ":7: budget.limit must be more than 0, not -500", ":9: emails.ops must be text", "5 faults. Nothing was sent."} do
      assert.is_truthy(err:find(said, 1, true), ("%s is not in: %s"):format(said, err))
    end
  end)
  it("takes the example, and an emulator's region as its specs write it", function()
    assert.equal("us-east-1", account.load "playbooks/accounts/example.lua".region)
    assert(fs.write(dir .. "/emulated.lua", 'return {prefix = "p", env = "test", region = "us-east-2"}'))
    assert.equal("us-east-2", account.load(dir .. "/emulated.lua").region)
  end)
  it("is checked once as long as its text is the same and sound; a fault is told each time", function()
    local source = require "playbook.source"
    local good, bad = 'playbook {name = "x", about = "y"}', 'playbook {name = "x", about = "y"}\nensur.sqs.queue {}'
    local path = dir .. "/play.lua"
    local function faults(text)
      local list = {}
      local program = source.parse(path, text, list)
      assert.equal(text, program.text)
      return #list, program
    end
    local _, first = faults(good)
    assert.equal(first, select(2, faults(good)))
    for _ = 1, 2 do assert.equal(1, (faults(bad))) end
    local n, again = faults(good)
    assert.equal(0, n)
    assert.are_not.equal(first, again)
  end)
end)
