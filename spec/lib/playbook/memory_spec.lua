-- keep and recall: one run leaves what a later one finds, of the same account and region, only from within steps.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

local world, dir, kept
before_each(function()
  world, dir = things.world(), fs.tempdir "memory_spec"
  kept = store.open(dir)
end)
after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

local function start(text, region)
  local path = things.file(text)
  local context = things.context(world)
  context.region = region or context.region
  local out = run.execute(playbook.plan(playbook.load(path, {}), context),
    {store = kept, clock = os.time, sleep = function() end})
  os.remove(path)
  return out
end

local KEEP <const> = 'step "keep" {run = function() keep("figures", {n = 7, list = {1, 2}}) end}'
local RECALL <const> = 'output {seen = step "recall" {run = function() return recall "figures" end}}'

describe("what is kept", function()
  it("is recalled by a later run, and by a check", function()
    assert.equal("done", start(KEEP).result)
    assert.same({n = 7, list = {1, 2}}, start(RECALL).engine.outputs.seen)
    local out = start 'check "it is there" {test = function() return recall("figures").n == 7 end}'
    assert.equal(0, out.exit)
  end)
  it("is the same to the last byte, and an output of it can be printed as JSON", function()
    start [[step "keep" {run = function() keep("figures", "\xff\0") end}]]
    local out = start(RECALL)
    assert.equal("\xff\0", out.engine.outputs.seen)
    assert.same({seen = {base64 = "/wA="}}, playbook.outputs(out.engine))
    assert.is_string(require "tidelock.json".encode(require "report.data".apply(out.engine)))
  end)
  it("is nothing where nothing was kept, and in another region", function()
    assert.is_nil(start(RECALL).engine.outputs.seen)
    start(KEEP)
    assert.is_nil(start(RECALL, "us-east-1").engine.outputs.seen)
  end)
  it("is no function and no secret", function()
    local out = start 'step "keep" {run = function() keep("f", {f = print}) end}'
    assert.equal("failed", out.result)
    assert.matches("what is kept as f.f is a function", out.message)
  end)
  it("is asked for in steps only: a plan has no run to remember it", function()
    for _, text in ipairs {'recall "x"', 'keep("x", 1)', 'find "y" {run = function() return recall "x" end}'} do
      local ok, err = pcall(things.plan, world, text)
      assert.is_false(ok)
      assert.matches("belongs into a step's or a check's function", tostring(err))
    end
  end)
end)
