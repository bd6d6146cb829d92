-- resuming_spec.lua -- a run that has not ended: what is said of it, who may go on with it, and which way.
local flow = require "support.flow"
local playbook = require "playbook"
local run = require "playbook.run"

local FLOW <const> = [[
playbook {name = "spec/flow"}
local snap = step "snapshot" {
  run = function() return aws.test:do_step {name = "snapshot"} end,
  undo = function(done) aws.test:do_undo {name = "snapshot", done = done} end}
step "cut over" {run = function() return aws.test:do_step {name = "cut"} end}
]]

local calls <const>, context <const> = flow.calls, flow.context
local options <const>, resume <const>, start <const> = flow.options, flow.resume, flow.start
local world, kept

before_each(function()
  world, kept = flow.open()
  world.answer["test.do_step"] = function(input) return input.name end
  world.answer["test.do_undo"] = function() return {} end
end)
after_each(flow.close)

describe("a run that has not ended", function()
  it("tells an earlier run that was killed, after it was parked too, from one at work, which its lock names", function()
    local text = 'playbook {name = "spec/parks"} step "one" {run = function() end} park "1h"'
    local out = start(text)
    kept:reopen(out.run):write {kind = "resume", run = out.run}       -- as a resume that was killed leaves it
    local ok, err = pcall(start, text)
    assert.is_false(ok)
    assert.equal(1, err.exit)
    assert.matches("has not ended %(it was stopped%)", tostring(err))
    local held <close> = kept:lock("123456789012/eu-west-1", {run = out.run, host = "h", start = "then", pid = 7})  -- luacheck: ignore
    local engine = playbook.plan(playbook.load(flow.path, {}), context())
    ok, err = pcall(run.refuse_open, engine, options())
    assert.is_false(ok)
    assert.equal(69, err.exit)
    assert.matches("run " .. out.run .. " on h since then", tostring(err), 1, true)
  end)
  it("stays refused while a later run of it is open, though an older one is ended by then", function()
    local text = 'playbook {name = "spec/parks"} step "one" {run = function() end} park "1h"'
    local old = start(text).run
    flow.clock = flow.clock + 3601
    local new = start(text, {new = true}).run
    assert.equal("done", resume(old).result)
    local ok, err = pcall(start, text)
    assert.is_false(ok)
    assert.matches("Run " .. new .. " of this playbook has not ended (parked)", tostring(err), 1, true)
  end)
  it("that is half undone goes no way but back: what is undone is not built on", function()
    local text = FLOW:gsub('step "cut over"', [[step "between" {run = function() return 1 end,
      undo = function() aws.test:do_undo {name = "between"} end}
      step "cut over"]])
    world.fail["do_step cut"], world.fail["do_undo snapshot"] = "Broken", "NoRight"
    local out = start(text, {on_failure = "undo"})
    assert.equal("failed", out.result)
    assert.matches('undoing step "snapshot" failed: NoRight.*go on with: tidelock resume %S+ %-%-undo$', out.message)
    world.fail = {}
    local ok, err = pcall(resume, out.run)
    assert.is_false(ok)
    assert.equal(1, err.exit)
    assert.matches('is half undone: the undo of step "between" has begun. Go on with: tidelock resume ' .. out.run
      .. " --undo", tostring(err), 1, true)
    assert.equal(1, #calls "do_step cut")
    assert.equal("undone", resume(out.run, {undo = true}).result)
    assert.equal(1, #calls "do_undo between")
    assert.equal(2, #calls "do_undo snapshot")
  end)
  it("is not gone on with by two: what the first has done since the journal was read is seen", function()
    world.fail["do_step cut"] = "Broken"
    local out = start(FLOW, {on_failure = "stop"})
    local lock = kept.lock
    function kept:lock(...)
      local other = self:reopen(out.run)
      other:write {kind = "step.done", name = "cut over", value = "done"}
      other:write {kind = "end", result = "done"}
      return lock(self, ...)
    end
    local ok, err = pcall(resume, out.run)
    assert.is_false(ok)
    assert.equal(69, err.exit)
    assert.matches("Another process has gone on with run " .. out.run .. " meanwhile", tostring(err), 1, true)
    assert.equal(1, #calls "do_step cut")
  end)
  it("keeps a confirmation that was given beforehand, and who gave it, for the whole run", function()
    world.fail["do_step cleaned"] = "Broken"
    local out = start([[playbook {name = "spec/kept"}
step "clean up" {confirm = "yes", run = function() return aws.test:do_step {name = "cleaned"} end}]],
      {approved = {["clean up"] = true}, on_failure = "stop"})
    assert.equal("failed", out.result)
    assert.equal(require "playbook.record".user(), kept:reopen(out.run):find("approve", "clean up").by)
    world.fail = {}
    assert.equal("done", resume(out.run).result)
  end)
end)
