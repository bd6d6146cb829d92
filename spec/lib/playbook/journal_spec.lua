local digest = require "tidelock.digest"
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
        assert.matches(n == 0 and "nothing was done%. .*, then start anew" or "nothing more is done.*tidelock resume",
          tostring(out))
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
  it("holds whatever was sent: bytes, keys of any kind, tables in tables", function()
    local lines = {}
    local j = journal.new {write = function(_, text) lines[#lines + 1] = text return true end}
    local raw, blob = "PK\xff\0", ("\xfe"):rep(5000)
    j:write {kind = "call", input = {Short = raw, Long = blob, [7] = "seven", ["\xff"] = 0 / 0, Mixed = {1, x = raw}}}
    local input = journal.parse(lines[1])[1].input
    assert.equal(raw, digest.unbase64(input.Short.base64))
    assert.same({bytes = 5000, sha256 = digest.hex(digest.sha256(blob))}, input.Long)
    assert.equal("seven", input["7"])
    assert.same({["1"] = 1, x = {base64 = digest.base64(raw)}}, input.Mixed)
    assert.matches("nan", input["\\xff"])
  end)
  it("takes a create whose property is no text, and what was live of it", function()
    local path = things.file 'ensure.test.thing {name = "a", Link = "\\xff\\xfe"} step "go on" {run = print}'
    local out = run.execute(playbook.plan(playbook.load(path, {}), things.context(world)), {store = kept})
    assert.equal("done", out.result, out.message)
    assert.equal("\xff\xfe", world.store.a.Link)
    local sent
    for _, record in ipairs(kept:records(out.run)) do
      if record.kind == "call" then sent = record.input end
    end
    assert.same({base64 = digest.base64 "\xff\xfe"}, sent.Link)
    os.remove(path)
  end)
  it("hands the bytes that a step returned to the resumed run as they were", function()
    local path = things.file [[
      playbook {name = "spec/bytes"}
      local made = step "make" {run = function() return {blob = "\xff\0\xfe", list = {"\xff"}} end}
      step "use" {run = function() aws.test:do_use {name = "use", made = made} end}]]
    local got
    local function context() return things.context(world) end
    world.answer["test.do_use"] = function(input) got = input.made return {} end
    world.fail["do_use use"] = "Broken"
    local out = run.execute(playbook.plan(playbook.load(path, {}), context()), {store = kept})
    assert.equal("failed", out.result, out.message)
    assert.is_nil(got)
    world.fail = {}
    out = run.resume(out.run, {store = kept}, context)
    assert.equal("done", out.result, out.message)
    assert.same({blob = "\xff\0\xfe", list = {"\xff"}}, got)
    os.remove(path)
  end)
  for what, value in pairs {["a table of both kinds of keys"] = "{1, x = 2}", ["not a number"] = "0 / 0",
    ["the mark of bytes"] = "{['$base64'] = 'AA=='}"} do
    it("does not take from a step " .. what .. ", and says so", function()
      local path = things.file('step "make" {run = function() return ' .. value .. ' end}')
      local out = run.execute(playbook.plan(playbook.load(path, {}), things.context(world)), {store = kept})
      assert.equal("failed", out.result)
      assert.equal(1, out.exit)
      assert.matches("the value of step make", out.message, 1, true)
      os.remove(path)
    end)
  end
  it("keeps nothing of what the API calls sensitive, though it was given as text", function()
    local lines = {}
    local j = journal.new {write = function(_, text) lines[#lines + 1] = text return true end}
    j.run = "r"
    local text = table.concat {'step "keep" {run = function() aws.secretsmanager:put_secret_value {SecretId = "db", ',
      'SecretString = "hunter2"} end}'}
    world.answer["secretsmanager.put_secret_value"] = function() return {VersionId = "1"} end
    local context = things.context(world)
    context.models = require "tidelock.models"
    local store_of_lines = setmetatable({create = function() return j end}, {__index = kept})
    local out = run.execute(playbook.plan(things.load(text), context), {store = store_of_lines})
    assert.equal("done", out.result, out.message)
    local all = table.concat(lines)
    assert.is_nil(all:find("hunter2", 1, true))
    assert.matches('"SecretId":"db","SecretString":"<secret>"', all, 1, true)
  end)
end)
