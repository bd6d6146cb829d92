local fs = require "tidelock.fs"
local journal = require "playbook.journal"
local playbook = require "playbook"
local run = require "playbook.run"
local secret = require "tidelock.secret"
local store = require "playbook.store"
local things = require "support.things"

local TWO <const> = 'local a = ensure.test.thing {name = "a"} ensure.test.thing {name = "b", Link = a.arn}'

describe("a journal", function()
  local world, dir, kept
  before_each(function()
    world, dir = things.world(), fs.tempdir "journal_spec"
    kept = store.open(dir)
  end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  local function start(how)
    return run.execute(playbook.plan(things.load(TWO), things.context(world)), {store = how or kept})
  end

  -- A store whose disk is full after so many records.
  local function full_after(n)
    return setmetatable({create = function(_, id)
      local made, left = kept:create(id), n
      local file = made.file
      made.file = {write = function(_, text)
        left = left - 1
        if left < 0 then return nil, {code = "full", message = "No space left on device"} end
        return file:write(text)
      end}
      return made
    end}, {__index = kept})
  end

  local function writes()
    local n = 0
    for _, call in ipairs(world.calls) do
      if not call:find "^get_" then n = n + 1 end
    end
    return n
  end

  it("that cannot be written, at whichever record, lets nothing be sent that is not in it", function()
    for n = 0, 9 do
      world = things.world()
      local ok, out = pcall(start, full_after(n))
      local id = kept:runs()[1]
      local called = 0
      for _, record in ipairs(id and kept:records(id) or {}) do
        if record.kind == "call" then called = called + 1 end
      end
      assert.is_true(writes() <= called, ("%d writes, %d in the journal of %d records"):format(writes(), called, n))
      if ok then
        assert.not_equal("done", out.result)
      else
        assert.equal(69, out.exit)
        assert.matches("No space left on device", tostring(out))
        assert.matches("nothing more is done", tostring(out))
      end
      os.execute("rm -rf '" .. dir .. "/runs'")
    end
  end)
  it("is told as full by the disk itself", function()
    local file = assert(fs.append "/dev/full")
    local ok, err = pcall(function() journal.new(file):write {kind = "run"} end)
    assert.is_false(ok)
    assert.matches("No space left on device", tostring(err))
  end)
  it("cut in the middle of a line is read up to there, and gone on with on a line of its own", function()
    local out = start()
    local path = kept:journal_path(out.run)
    local file = assert(io.open(path, "rb"))
    local text = file:read "a"
    file:close()
    local whole = journal.parse(text)
    for cut = 1, #text - 1, 7 do
      local records = journal.parse(text:sub(1, cut))
      assert.is_true(#records <= #whole)
      for i, record in ipairs(records) do assert.equal(whole[i].n, record.n) end
    end
    assert(fs.write(path, text:sub(1, -20)))
    kept:reopen(out.run):write {kind = "resume", run = out.run}
    local records = kept:records(out.run)
    assert.equal("resume", records[#records].kind)
    assert.equal(#whole, #records)                   -- its last went with the cut, the new one came
  end)
  it("never holds a secret", function()
    local lines = {}
    local j = journal.new {write = function(_, text) lines[#lines + 1] = text return true end}
    j:write {kind = "call", input = {Password = secret.new "hunter2", deep = {{secret.new "hunter2"}}}}
    assert.is_nil(lines[1]:find("hunter2", 1, true))
    assert.matches('"Password":"<secret>"', lines[1])
  end)
end)
