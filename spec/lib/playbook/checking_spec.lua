-- A check: what fails it, what is an error, and what its table may say.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

local world, dir, kept
before_each(function()
  world, dir = things.world(), fs.tempdir "checking_spec"
  kept = store.open(dir)
end)
after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

local function start(text)
  local path = things.file(text)
  local plan = playbook.plan(playbook.load(path, {}), things.context(world))
  os.remove(path)
  return run.execute(plan, {store = kept, clock = os.time, sleep = function() end})
end

-- What the one check of a run says, and the run's exit code.
local function checked(text)
  local out = start(text)
  local one = out.engine.workflow.checks[1]
  return one.result, one.evidence, out.exit
end

local LOOK <const> = [[check "the thing is there" {%s test = function()
  return aws.test:get_thing {name = "x"}.Size == 1, "of size 1"
end}]]
local ABSENT <const> = 'absent = {NoSuchThing = "there is none; make it with: make"},'

describe("what a check says to be absent", function()
  it("fails it in those words, and is no error", function()
    assert.same({"fail", "there is none; make it with: make", 1}, {checked(LOOK:format(ABSENT))})
    assert.same({"fail", "there is none; make it with: make", 2},
      {checked(LOOK:format(ABSENT .. 'severity = "warning",'))})
  end)
  it("passes where it is there after all", function()
    world.session.test:create_thing {name = "x"}
    assert.same({"pass", "of size 1", 0}, {checked(LOOK:format(ABSENT))})
  end)
  it("is that code alone: every other refusal is an error, and so is that one where the check says nothing", function()
    world.fail["get_thing x"] = "AccessDenied"
    assert.same({"error", "AccessDenied", 1}, {checked(LOOK:format(ABSENT))})
    world.fail = {}
    assert.same({"error", "no such thing", 1}, {checked(LOOK:format "")})
  end)
  it("is a table of codes and sentences, in a check and nowhere else; all faults at once", function()
    local ok, err = pcall(start, [[
      check "a" {absent = "NoSuchThing", test = function() return true end}
      check "b" {absent = {"NoSuchThing"}, test = function() return true end}
      check "c" {absnt = {}, test = function() return true end}
      check "f" {controls = "rds-force-ssl", sevrity = "high"}
      step "d" {absent = {}, run = function() end}
      wait_until "e" {retry = 2, test = function() return true end}]])
    assert.is_false(ok)
    for _, text in ipairs {'check "a": absent must be a table of error codes and sentences',
      'check "b": absent says what an error code means', 'check "c": absnt is not known; did you mean "absent"?',
      'check "f": sevrity is not known; did you mean "severity"?',
      'step "d": absent is not known', 'wait_until "e": retry is not known'} do
      assert.matches(text, tostring(err), 1, true)
    end
  end)
end)

describe("what a check's test returns", function()
  it("is true, false, or skip; text that says something else is an error and no pass", function()
    assert.same({"fail", "seen", 1}, {checked 'check "a" {test = function() return false, "seen" end}'})
    assert.same({"skip", "not tried", 0}, {checked 'check "a" {test = function() return "skip", "not tried" end}'})
    for _, word in ipairs {"fail", "pass", ""} do
      local result, evidence, exit = checked(('check "a" {test = function() return %q, "seen" end}'):format(word))
      assert.same({"error", 1}, {result, exit})
      assert.matches(("its test returned the text %q; it returns true or false"):format(word), evidence, 1, true)
    end
  end)
end)

describe("a word that declares", function()
  it("is refused while a step runs, where no plan would show it", function()
    for _, word in ipairs {'ensure.test.thing {name = "hidden"}', 'approve "go"', 'park "1h"',
      'step "inner" {run = function() end}', 'check "inner" {test = function() return true end}'} do
      local out = start('step "outer" {run = function() ' .. word .. " end}")
      assert.equal("failed", out.result)
      assert.matches("cannot be called in step outer, where no plan would show it; put it above or below",
        out.message, 1, true)
      assert.is_nil(world.store.hidden)
      dir = fs.tempdir "checking_spec"
      kept = store.open(dir)
    end
    local ok, err = pcall(start, 'find "x" {run = function() ensure.test.thing {name = "hidden"} end}')
    assert.is_false(ok)
    assert.matches("ensure.test.thing cannot be called in find x", tostring(err), 1, true)
  end)
end)
