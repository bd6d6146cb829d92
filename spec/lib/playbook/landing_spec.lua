-- landing_spec.lua -- what was on its way when a run was stopped is waited for, where it would be made a second time
-- longest.
local landing = require "playbook.landing"
local loop = require "tidelock.loop"
local things = require "support.things"

describe("a resumed run", function()
  local kind <const> = package.loaded["resources.test.thing"]
  local late <const> = landing.LATE
  local world, engine, said
  before_each(function()
    world, said = things.world(), {}
    engine = things.plan(world, 'ensure.test.thing {name = "a"} ensure.test.thing {name = "b"}')
    kind.once = {"create_thing"}
  end)
  after_each(function()
    kind.once = nil
    landing.LATE = late
  end)

  local function emit(event) said[#said + 1] = event.line end

  -- A journal whose last write was so many seconds ago, with a create of "a" that no answer followed.
  local function journal(ago, more)
    local function call(n, name) return {kind = "call", n = n, operation = "create_thing", address = name} end
    local records = {{kind = "run", n = 1}, call(2, "test.thing/b"), {kind = "answer", n = 3, call = 2},
      call(4, "test.thing/a")}
    table.move(more or {}, 1, #(more or {}), #records + 1, records)
    return {modified = loop.time() - ago, records = records}
  end

  local function looks()
    local n = 0
    for _, call in ipairs(world.calls) do
      if call == "get_thing a" then n = n + 1 end
    end
    return n
  end

  it("looks until what was in flight is there, and no longer", function()
    local before, slept = looks(), 0
    landing.look(engine, journal(1), {sleep = function(s)
      slept = slept + s
      if slept >= 6 then world.answer["test.create_thing"] {name = "a"} end
    end}, emit)
    assert.equal(6, slept)
    assert.equal(4, looks() - before)
    assert.equal(1, #said)
    assert.matches("^The request for test.thing/a was in flight .* second one; looking for it for up to 5%d s", said[1])
  end)
  it("gives up when it can no longer come", function()
    landing.LATE = 0.2
    local began = loop.now()
    landing.look(engine, journal(0), {}, emit)
    assert.is_true(loop.now() - began >= 0.15)
    assert.equal(1, #said)
  end)
  it("does not wait where it was stopped long ago, there is an answer, or AWS refuses the name twice", function()
    local function sleep() error "it waited" end
    landing.look(engine, journal(61), {sleep = sleep}, emit)
    landing.look(engine, journal(1, {{kind = "answer", n = 5, call = 4}}), {sleep = sleep}, emit)
    kind.once = nil
    landing.look(engine, journal(1), {sleep = sleep}, emit)
    world.answer["test.create_thing"] {name = "a"}
    kind.once = {"create_thing"}
    landing.look(engine, journal(1), {sleep = sleep}, emit)
    assert.same({}, said)
  end)
  it("lets whatever was in flight land first, for two seconds from the last record", function()
    local slept
    local function sleep(s) slept = s end
    landing.wait(journal(0.5), {sleep = sleep}, emit)
    assert.is_true(slept > 0 and slept <= 1.5, slept)
    assert.matches("^1 request was in flight when the run was stopped", said[1])
    slept = nil
    landing.wait(journal(5), {sleep = sleep}, emit)
    landing.wait(journal(0, {{kind = "answer", n = 5, call = 4}}), {sleep = sleep}, emit)
    assert.is_nil(slept)
  end)
end)
