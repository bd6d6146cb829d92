-- A var that is a secret is given by a name: the value is in no argument, journal, plan or error.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local program = require "support.program"
local run = require "playbook.run"
local secret = require "tidelock.secret"
local store = require "playbook.store"
local things = require "support.things"
local vars = require "playbook.vars"

local TEXT <const> = [[playbook {name = "spec/vars", vars = {token = {"secret", about = "the site's"}}}
print("token is " .. tostring(var.token))
step "use" {run = function() return var.token == secret "sesame" end}
approve "go"
step "again" {run = function() return var.token == secret "open" end}]]

describe("a var that is a secret", function()
  local restore
  local function hold(value)
    if restore then restore() end
    restore = program.environment {SITE_TOKEN = value}
  end
  after_each(function()
    if restore then restore() end
    restore = nil
  end)

  it("is what the named environment variable holds, and is never shown", function()
    hold "sesame"
    local value = vars.value({"secret"}, "SITE_TOKEN")
    assert.is_true(secret.is(value))
    assert.equal("sesame", secret.reveal(value))
    assert.equal("<secret>", tostring(value))
  end)

  it("is not given itself: neither as text nor as a name that is not set, and the error does not repeat it", function()
    hold(false)
    for _, given in ipairs {"ses-ame/1", "sesame", "", "SITE_TOKEN"} do
      local _, faults = vars.resolve({token = {"secret"}}, {token = given})
      assert.equal(1, #faults)
      assert.matches("^%-%-var token [im]", faults[1])
      assert.is_nil(faults[1]:find("sesame", 1, true) or faults[1]:find("ses-ame", 1, true))
    end
  end)

  it("comes from an including playbook as it is", function()
    local value <const> = secret.new "sesame"
    assert.equal(value, (vars.resolve({token = {"secret"}}, {token = value})).token)
  end)

  it("has no default that would stand in the playbook", function()
    assert.same({"vars.token: a secret takes about, and no default, choices, min or max"},
      vars.declared("token", {"secret", default = "sesame"}))
    assert.matches("secret is not known here", vars.declared("token", {"string", secret = true})[1])
  end)

  it("stands in the journal by its name, and a run that goes on reads it anew", function()
    local dir, path = fs.tempdir "vars_spec", things.file(TEXT)
    local kept = store.open(dir)
    hold "sesame"
    local engine = playbook.plan(playbook.load(path, {vars = {token = "SITE_TOKEN"}}), things.context(things.world()))
    local parked = run.execute(engine, {store = kept, clock = os.time, sleep = function() end})
    hold "open"
    local options = {store = kept, approved = {go = true}, clock = os.time, sleep = function() end}
    local done = run.resume(parked.run, options, function() return things.context(things.world()) end)
    local journal = assert(require "playbook.textfile".read(kept:journal_path(parked.run)))
    os.execute("rm -rf '" .. dir .. "'")
    os.remove(path)
    assert.equal("parked", parked.result, parked.message)
    assert.equal("done", done.result, done.message)
    assert.matches('"SITE_TOKEN"', journal)
    assert.is_nil(journal:find("sesame", 1, true))
    assert.equal(2, select(2, journal:gsub('"value":true', "")))
  end)
end)
