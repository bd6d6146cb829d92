local flow = require "support.flow"
local journal = require "playbook.journal"
local playbook = require "playbook"
local run = require "playbook.run"

local FLOW <const> = [[
playbook {name = "spec/flow"}
local a = ensure.test.thing {name = "a"}
local snap = step "snapshot" {
  run = function(token) return aws.test:do_step {name = "snapshot", token = token, arn = a.arn} end,
  undo = function(done) aws.test:do_undo {name = "snapshot", done = done} end}
ensure.test.thing {name = "b", Link = snap}
step "cut over" {run = function() return aws.test:do_step {name = "cut"} end,
  undo = function() aws.test:do_undo {name = "cut"} end}
]]

local calls <const>, context <const>, file <const> = flow.calls, flow.context, flow.file
local options <const>, resume <const>, start <const> = flow.options, flow.resume, flow.start
local world, kept

before_each(function()
  world, kept = flow.open()
  world.answer["test.do_step"] = function(input) return input.name .. ":" .. tostring(input.arn) end
  world.answer["test.do_undo"] = function(input)
    world.undone = world.undone or {}
    table.insert(world.undone, input)
    return {}
  end
end)
after_each(flow.close)

describe("a run with steps", function()
  it("applies what is above a step first, and hands its value on", function()
    local out = start(FLOW)
    assert.equal("done", out.result, out.message)
    assert.equal("snapshot:arn:thing:a:1", world.store.b.Link)
    assert.same({"create_thing a", "do_step snapshot", "create_thing b", "do_step cut"}, calls "^[cd][ro]")
  end)
  it("keeps every write in the journal before and after it is sent", function()
    local out = start(FLOW)
    local records = kept:records(out.run)
    local open, n = {}, 0
    for _, r in ipairs(records) do
      if r.kind == "call" then open[r.n] = true end
      if r.kind == "answer" then
        assert.is_true(open[r.call])
        n = n + 1
      end
    end
    assert.equal(4, n)
    assert.equal("done", journal.state(records))
  end)
  it("undoes in reverse what was done when a step fails, if so told, and ends as undone", function()
    world.fail["do_step cut"] = "Broken"
    local out = start(FLOW, {on_failure = "undo"})
    assert.equal("undone", out.result)
    assert.equal(1, out.exit)
    assert.same({{name = "snapshot", done = "snapshot:arn:thing:a:1"}}, world.undone)
  end)
  it("goes on after a failure from the step that failed, without repeating the ones before", function()
    world.fail["do_step cut"] = "Broken"
    local out = start(FLOW, {on_failure = "stop"})
    assert.equal("failed", out.result)
    assert.matches("tidelock resume " .. out.run, out.message, 1, true)
    world.fail = {}
    local again = resume(out.run)
    assert.equal("done", again.result)
    assert.equal(1, #calls "do_step snapshot")
    assert.equal(2, #calls "do_step cut")
    assert.equal(1, #calls "create_thing b")
  end)
  it("undoes an earlier failure later", function()
    world.fail["do_step cut"] = "Broken"
    local out = start(FLOW, {on_failure = "stop"})
    local again = resume(out.run, {undo = true})
    assert.equal("undone", again.result)
    assert.equal("snapshot", world.undone[1].name)
  end)
  it("refuses to start over while an earlier run has not ended", function()
    world.fail["do_step cut"] = "Broken"
    local out = start(FLOW, {on_failure = "stop"})
    local ok, err = pcall(start, FLOW)
    assert.is_false(ok)
    assert.matches("Run " .. out.run .. " of this playbook has not ended", tostring(err), 1, true)
    assert.equal(1, err.exit, "a failure stays one until somebody goes on")
    world.fail = {}
    assert.equal("done", start(FLOW, {new = true}).result)
  end)
  it("does not start over while an earlier run is parked: it waits, and that is no failure", function()
    local text = 'playbook {name = "spec/parks"} step "one" {run = function() end} park "1h"'
    assert.equal(75, start(text).exit)
    local ok, err = pcall(start, text)
    assert.is_false(ok)
    assert.equal(75, err.exit)
    assert.matches("has not ended %(parked%). Go on with: tidelock resume ", tostring(err))
  end)
  it("tries a step again as often as it says", function()
    local n = 0
    world.answer["test.do_step"] = function()
      n = n + 1
      return n >= 3 and n or error({code = "Busy", message = "busy"}, 0)
    end
    local out = start 'playbook {name = "spec/r"} step "x" {retry = 2, run = function() return aws.test:do_step {} end}'
    assert.equal("done", out.result)
    assert.equal(3, n)
  end)
  it("stops a step at its time limit", function()
    world.answer["test.do_step"] = function() require "tidelock.loop".sleep(5) end
    local out = start [[playbook {name = "spec/t"}
      step "x" {timeout = "0s", run = function() return aws.test:do_step {} end}]]
    assert.equal("failed", out.result)
    assert.matches("took longer than 0 seconds", out.message)
  end)
  it("refuses a value that the journal cannot keep, a secret by its name", function()
    local out = start 'playbook {name = "spec/v"} step "x" {run = function() return {f = print} end}'
    assert.matches("step x.f is a function", out.message)
  end)
  it("runs tasks side by side in a step, and nowhere else", function()
    local out = start [[playbook {name = "spec/tasks"}
      step "x" {run = function() return task.map({1, 2, 3}, function(n) return n * 2 end) end}]]
    assert.equal("done", out.result, out.message)
    local ok, err = pcall(start, 'playbook {name = "spec/tasks2"} task.map({}, print)')
    assert.is_false(ok)
    assert.matches("put it into a step's run function", tostring(err))
  end)
  it("gives a step all the words of tasks: what fails stops its siblings, what is cancelled is closed", function()
    local out = start [[playbook {name = "spec/tasks3"}
      step "x" {run = function()
        local log = {}
        local function waits(name)
          return function()
            local _ <close> = setmetatable({}, {__close = function() log[#log + 1] = name end})
            task.sleep(3600)
          end
        end
        local one = task.spawn(waits "cancelled")
        task.sleep(0)
        task.cancel(one)
        local _, late = task.timeout(0.001, waits "late")
        pcall(task.all, {waits "sibling", function() error "broken" end})
        assert(task.spawn(function() return 5 end):wait() == 5)
        local text = table.concat(log, " ") .. ", " .. late.code
        assert(text == "cancelled late sibling, timeout", text)
      end}]]
    assert.equal("done", out.result, out.message)
  end)
  it("skips a step that is not needed, and says so on resume too", function()
    local out = start 'playbook {name = "spec/w"} step "x" {when = false, run = function() error "no" end}'
    assert.equal("done", out.result)
  end)
  it("gives the same now() again on resume", function()
    local text = [[playbook {name = "spec/n"} local t = now()
      step "x" {run = function() return aws.test:do_step {name = "x", arn = t} end}
      step "y" {run = function() return aws.test:do_step {name = "y", arn = t} end}]]
    world.fail["do_step y"] = "Broken"
    local seen = {}
    world.answer["test.do_step"] = function(input) seen[#seen + 1] = input.arn return "v" end
    local out = start(text, {on_failure = "stop"})
    world.fail = {}
    require "tidelock.loop".sleep(1.1)
    resume(out.run)
    assert.equal(seen[1], seen[2])
  end)
end)

-- From a point on nothing reaches the journal or the world any more, as after SIGKILL: what still runs changes nothing.
local function killed_at(point)
  local n, dead = 0, false
  local function gate(effect, ...)
    n = n + 1
    if n == point then dead = "before" end
    if dead then error("killed", 0) end
    local result = table.pack(effect(...))
    n = n + 1
    if n == point then dead = "after" end
    if dead then error("killed", 0) end
    return table.unpack(result, 1, result.n)
  end
  local create = kept.create
  function kept:create(id)
    local j = create(self, id)
    local f = j.file
    j.file = {write = function(_, text) return gate(f.write, f, text) end}
    return j
  end
  local answers = {}
  for name, fn in pairs(world.answer) do
    answers[name] = fn
    if not name:find "get_" then world.answer[name] = function(input) return gate(fn, input) end end
  end
  return function()
    kept.create = nil
    for name, fn in pairs(answers) do world.answer[name] = fn end
    return dead ~= false
  end
end

local PROBED <const> = [[
playbook {name = "spec/flow"}
local a = ensure.test.thing {name = "a"}
local snap = step "snapshot" {
  run = function(token) return aws.test:do_step {name = "snapshot", arn = a.arn} end,
  probe = function(token) return aws.test:get_probe {name = "snapshot"} end}
ensure.test.thing {name = "b", Link = snap}
step "cut over" {run = function() return aws.test:do_step {name = "cut"} end,
  probe = function() return aws.test:get_probe {name = "cut"} end}
]]

local function last_run() return kept:runs()[1] end

local function start_killed(text, point)
  local revive = killed_at(point)
  local loaded = playbook.load(file(text), {})
  local plan = playbook.plan(loaded, context())
  pcall(run.execute, plan, options {on_failure = "stop", new = true})
  return revive()
end

describe("a run that was killed", function()
  before_each(function()
    world.made = {}
    world.answer["test.do_step"] = function(input)
      table.insert(world.made, input.name)
      world[input.name] = input.name .. ":" .. tostring(input.arn)
      return world[input.name]
    end
    world.answer["test.get_probe"] = function(input) return world[input.name] or false end
  end)

  it("ends as an undisturbed one, killed before and after every journal write and every AWS write", function()
    local point, points = 0, 0
    repeat
      point = point + 1
      world.store, world.made, world.snapshot, world.cut, world.calls, world.n = {}, {}, nil, nil, {}, 0
      local before = #kept:runs()
      local dead = start_killed(PROBED, point)
      local fresh = #kept:runs() > before
      if dead and fresh and #(kept:records(last_run())) > 0 then
        points = points + 1
        if journal.state(kept:records(last_run())) ~= "done" then
          local again = resume(last_run())
          assert.equal("done", again.result, "killed at point " .. point .. ": " .. tostring(again.message))
        end
        assert.equal("snapshot:arn:thing:a:1", world.store.b.Link, "killed at point " .. point)
        assert.same({"snapshot", "cut"}, world.made, "killed at point " .. point)
        assert.equal(2, world.n, "killed at point " .. point)
      end
      kept:mark_open("123456789012/eu-west-1/spec/flow", nil)
    until not dead
    assert.is_true(points > 30)
  end)
  it("reads a journal whose last line was cut in the middle", function()
    world.fail["do_step cut"] = "Broken"
    local out = start(FLOW, {on_failure = "stop"})
    local f = assert(io.open(kept:journal_path(out.run), "a"))
    f:write '{"kind":"step.done","na'
    f:close()
    world.fail = {}
    assert.equal("done", resume(out.run).result)
    local records, cut = journal.parse(io.open(kept:journal_path(out.run)):read "a")
    assert.equal(1, cut)
    assert.equal("end", records[#records].kind)
  end)
  it("asks about a step in flight that has no probe, and does neither unasked", function()
    local text = FLOW
    local point = 0
    local function in_flight()
      local records = last_run() and kept:records(last_run()) or {}
      local last = records[#records]
      return last and last.kind == "call" and last.address == "step cut over"
    end
    repeat
      point = point + 1
      world.store, world.made = {}, {}
      assert.is_true(start_killed(text, point))
      kept:mark_open("123456789012/eu-west-1/spec/flow", nil)
    until in_flight()
    local id, before = last_run(), #world.made
    local stopped = resume(id)
    assert.equal("parked", stopped.result)
    assert.equal(75, stopped.exit)
    assert.matches("was in flight when the run stopped", stopped.message)
    assert.equal(before, #world.made)
    assert.equal("done", resume(id, {assume = {["cut over"] = "done"}}).result)
    assert.equal(before, #world.made)
  end)
  it("is refused when its playbook has changed, unless told", function()
    world.fail["do_step cut"] = "Broken"
    local out = start(FLOW, {on_failure = "stop"})
    world.fail = {}
    local f = assert(io.open(flow.path, "a"))
    f:write "-- a word more\n"
    f:close()
    local ok, err = pcall(resume, out.run)
    assert.is_false(ok)
    assert.matches("began with another text", tostring(err))
    assert.equal("done", resume(out.run, {changed = true}).result)
  end)
end)

describe("a run that waits", function()
  it("parks for as long as it says, then goes on", function()
    local out = start [[playbook {name = "spec/p"} park {"24h", why = "soak"}
      step "x" {run = function() return aws.test:do_step {name = "x"} end}]]
    assert.equal("parked", out.result)
    assert.equal(75, out.exit)
    flow.clock = flow.clock + 3600
    local early = resume(out.run)
    assert.matches("for 23h more", early.message)
    flow.clock = flow.clock + 23 * 3600
    assert.equal("done", resume(out.run).result)
    assert.equal(1, #calls "do_step x")
  end)
  it("leaves out what may wait for a person, does the rest, and says how it is done later", function()
    local LATER <const> = [[playbook {name = "spec/later"}
step "ask" {confirm = "yes", later = true, run = function() return aws.test:do_step {name = "asked"} end}
step "tell" {run = function() return aws.test:do_step {name = "told"} end}]]
    local out = start(LATER)
    assert.same({"do_step told"}, calls "^do_step")
    assert.same({"done", 75}, {out.result, out.exit})
    assert.matches('1 step was left out, waiting for a confirmation. Do it with: tidelock apply %S+ %-%-approve "ask"',
      out.message)
    out = start(LATER)                                         -- a run that has ended keeps nobody from the next
    assert.equal(75, out.exit)
    out = start(LATER, {approved = {ask = true}})
    assert.same({"done", 0}, {out.result, out.exit})
    assert.equal(1, #calls "do_step asked")
    out = start(LATER, {ask = function() return "no" end})
    assert.same({"done", 75}, {out.result, out.exit})
    assert.equal(0, start(LATER, {ask = function() return "yes" end}).exit)
  end)
  it("says how what was left out is done with the account file and the vars that it was begun with", function()
    local loaded = playbook.load(file [[playbook {name = "spec/again", vars = {word = {"string"}, n = {"integer"}}}
step "ask" {confirm = "yes", later = true, run = function() end}]], {vars = {word = "it's me", n = 3}})
    loaded.account_path = "accounts/main.lua"
    local out = run.execute(playbook.plan(loaded, context()), options())
    assert.matches([[%-%-account accounts/main.lua %-%-var n=3 %-%-var 'word=it'\''s me' %-%-approve "ask"$]],
      out.message)
  end)
  it("tells what was approved and is asked for nowhere, and what was meant", function()
    local WAITS <const> = [[playbook {name = "spec/waits"}
approve "cut over"
step "clean up" {confirm = "yes", run = function() return aws.test:do_step {name = "cleaned"} end}
step "plain" {run = function() return aws.test:do_step {name = "plain"} end}]]
    local out = start(WAITS, {approved = {["cut-ower"] = true, plain = true}})
    assert.equal("parked", out.result)
    assert.matches('Nothing here asks for %-%-approve "cut%-ower"; did you mean "cut over"%?\n', out.message)
    assert.matches('Nothing here asks for %-%-approve "plain"', out.message)
    assert.matches("is not approved%. Go on with", out.message)
    local again = resume(out.run, {assume = {["clean-up"] = "done"}})
    assert.matches('No step here is called "clean%-up", as %-%-assume says; did you mean "clean up"%?\n', again.message)
    out = resume(out.run, {approved = {["cut over"] = true, ["clean up"] = true}})
    assert.same({"done", 0}, {out.result, out.exit})
    assert.is_nil(out.message)
  end)

  it("refuses a step that may wait for nothing", function()
    local ok, err = pcall(start, 'playbook {name = "spec/l"} step "x" {later = true, run = function() end}')
    assert.is_false(ok)
    assert.matches('step "x": later says that it may wait for a confirmation, but it asks for none', tostring(err))
  end)

  it("parks where nobody can approve, and takes the approval from the command line", function()
    local out = start 'playbook {name = "spec/a"} approve "cut over"'
    assert.equal(75, out.exit)
    assert.matches("--approve \"cut over\"", out.message, 1, true)
    assert.equal("done", resume(out.run, {approved = {["cut over"] = true}}).result)
  end)
  it("polls until what it waits for is so, and gives up at its limit", function()
    local n = 0
    world.answer["test.get_state"] = function() n = n + 1 return n >= 3 end
    local text = [[playbook {name = "spec/u"}
      wait_until "up" {every = 5, timeout = "1m", test = function() return aws.test:get_state {} end}]]
    assert.equal("done", start(text).result)
    n = -1000
    assert.matches("did not come true within 1m", start(text, {on_failure = "stop"}).message)
  end)
end)

describe("the lock", function()
  it("refuses a second writer, naming the other's run, host and start", function()
    local held = kept:lock("123456789012/eu-west-1", {run = "other", host = "h", start = "then", pid = 7})
    local ok, err = pcall(start, FLOW)
    held:close()
    assert.is_false(ok)
    assert.matches("run other on h since then", tostring(err))
    assert.equal(69, err.exit)
    assert.same({}, calls "create")
  end)
end)

describe("a journal that cannot be written", function()
  it("stops the run before anything is sent", function()
    local real = kept.create
    function kept:create(id)
      local j = real(self, id)
      local write, n = j.file, 0
      j.file = {write = function(_, text)
        n = n + 1
        if n > 2 then return nil, {message = "No space left on device"} end
        return write:write(text)
      end}
      return j
    end
    local ok, err = pcall(start, 'playbook {name = "spec/d"} ensure.test.thing {name = "a"}')
    local failed = ok and err.engine.nodes[1].failed or err
    assert.matches("No space left on device", tostring(failed))
    assert.same({}, calls "create_thing")
  end)
end)

describe("a run that is interrupted", function()
  local loop <const> = require "tidelock.loop"
  local resource <const> = require "resources"
  local thing <const> = resource.find "test.thing"

  after_each(function() thing.settle = nil end)

  -- Starts, interrupts as Ctrl-C does once `ready()`, and says what came of it and how long that took.
  local function interrupted(text, ready)
    local out, live
    local engine = playbook.plan(playbook.load(file(text), {}), context())
    local how = options {on_failure = "stop", sleep = loop.sleep, clock = loop.time,
      started = function(e) live = e end}
    local body = loop.spawn(function() out = run.execute(engine, how) end)
    repeat loop.sleep(0.01) until live and ready()
    local began = loop.now()
    live.recorder:interrupt()
    assert(loop.wait(body))
    return out, loop.now() - began
  end

  local function made(name) return function() return world.store[name] ~= nil end end

  it("ends a type's own waiting of ten minutes, closes the journal, and goes on to the same end", function()
    local slow = true
    thing.settle = function(aws, want, live)
      resource.await("the thing", function()
        return not slow and aws.test:get_thing {name = want.name}
      end)
      return live
    end
    local out, seconds = interrupted([[local a = ensure.test.thing {name = "a"}
      ensure.test.thing {name = "b", Link = a.arn}]], made "a")
    assert.equal("interrupted", out.result)
    assert.equal(130, out.exit)
    assert.is_true(seconds < 30, seconds)
    assert.equal("interrupted", journal.state(kept:records(out.run)))
    assert.is_nil(world.store.b)
    slow = false
    assert.equal("done", resume(out.run).result)
    assert.equal(world.store.a.arn, world.store.b.Link)
  end)
  it("ends the pause before another try", function()
    local tries = 0
    world.answer["test.create_thing"] = function()
      tries = tries + 1
      error({code = "Throttled", message = "slow down", retryable = true}, 0)
    end
    local out, seconds = interrupted('ensure.test.thing {name = "a"}', function() return tries == 3 end)
    assert.equal("interrupted", out.result)
    assert.is_true(seconds < 30, seconds)
    assert.equal(3, tries)
  end)
  it("leaves a step that slept in flight: it is asked about, not repeated", function()
    local text = [[playbook {name = "spec/nap"} step "nap" {run = function()
      aws.test:create_thing {name = "n"}
      task.sleep(600)
    end}]]
    local out, seconds = interrupted(text, made "n")
    assert.equal("interrupted", out.result)
    assert.is_true(seconds < 30, seconds)
    local again = resume(out.run)
    assert.equal("parked", again.result)
    assert.matches("was in flight when the run stopped", again.message)
    assert.equal(1, #calls "create_thing n")
  end)
  it("stops with a sentence where a step's when function fails, and goes on when it no longer does", function()
    file [[step "a" {when = function() return later.there end, run = function() return 1 end}]]
    local ok, err = pcall(function()
      return run.execute(playbook.plan(playbook.load(flow.path, {}), context()), options())
    end)
    assert.is_false(ok)                                     -- a name that is not defined is a fault of the text
    assert.matches("later is not defined", tostring(err))
    file [[step "a" {when = function() error("no answer from the gate", 0) end, run = function() return 1 end}]]
    local out = run.execute(playbook.plan(playbook.load(flow.path, {}), context()), options())
    assert.equal("failed", out.result)
    assert.equal(1, out.exit)
    assert.matches('step "a": its when function failed: no answer from the gate', out.message, 1, true)
  end)
  it("stops where a resource cannot be read between two steps, with the words that go on", function()
    file [[
      step "a" {run = function() return aws.test:do_step {name = "a"} end}
      ensure.test.thing {name = "late"}]]
    world.answer["test.do_step"] = function()
      world.fail["get_thing late"] = "AccessDenied"
      return 1
    end
    local out = run.execute(playbook.plan(playbook.load(flow.path, {}), context()), options())
    assert.equal("failed", out.result)
    assert.equal(1, out.exit)
    assert.matches("test.thing/late could not be read: AccessDenied", out.message, 1, true)
    assert.matches("go on with: tidelock resume " .. out.run, out.message, 1, true)
    local records = kept:records(out.run)
    assert.equal("end", records[#records].kind)
    assert.equal(1, records[#records].exit)
  end)
end)
