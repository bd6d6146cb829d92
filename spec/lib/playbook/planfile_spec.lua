-- planfile_spec.lua -- what a plan stands on: live state, declarations, included texts; a journal keeps them too.
local fs = require "tidelock.fs"
local planfile = require "playbook.planfile"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

describe("a plan that was shown or saved", function()
  local dir, world
  before_each(function() dir, world = fs.tempdir "planfile_spec", things.world() end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  local function write(name, text)
    local path = ("%s/%s.lua"):format(dir, name)
    assert(fs.write(path, ('playbook {name = "spec/%s"}\n'):format(name) .. text))
    return path
  end

  local function plan(path, drawn)
    local context = things.context(world)
    context.drawn = drawn
    return playbook.plan(playbook.load(path, {}), context)
  end

  -- What a second plan of `path` has to say against the first, after `change`.
  local function against(path, change)
    local before = plan(path)
    local basis = planfile.basis(before)
    change()
    return planfile.differs(basis, plan(path, before.drawn))
  end

  it("holds as long as nothing changes, and not where what is live does", function()
    local path = write("one", 'ensure.test.thing {name = "a", Size = 5}')
    assert.is_nil(against(path, function() end))
    world.store.a = {name = "a", Size = 1, arn = "arn:thing:a:1"}
    assert.matches("^test.thing/a is not as it was %(now: Size, Tags differ%)$",
      against(path, function() world.store.a.Size = 2 end))
    assert.matches("^test.thing/a is not as it was %(now: there is none%)$",
      against(path, function() world.store.a = nil end))
  end)
  it("holds where only a state differs that nobody declares or is handed", function()
    world.store.a = {name = "a", Size = 1, arn = "arn:thing:a:1", State = "at rest"}
    assert.is_nil(against(write("one", 'ensure.test.thing {name = "a", Size = 5}'), function()
      world.store.a.State = "at work"
    end))
  end)
  it("does not hold where an included playbook has another text, though each plan is an update of the same", function()
    world.store.a = {name = "a", Size = 1, arn = "arn:thing:a:1"}
    write("part", 'ensure.test.thing {name = "a", Size = 5}')
    assert.equal(("%s/part.lua has another text; test.thing/a is declared otherwise"):format(dir),
      against(write("whole", 'include "part"'), function()
        write("part", 'ensure.test.thing {name = "a", Size = 99}')
      end))
  end)
  it("does not hold where what a find finds makes another declaration", function()
    world.answer["test.get_size"] = function() return {n = world.size} end
    local path = write("found", [[local size = find "size" {run = function() return aws.test:get_size().n end}
      ensure.test.thing {name = "a", Size = size}]])
    world.size = 5
    assert.is_nil(against(path, function() end))
    assert.equal("test.thing/a is declared otherwise", against(path, function() world.size = 6 end))
    path = write("ignored", [[local size = find "size" {run = function() return aws.test:get_size().n end}
      ensure.test.thing {name = "a", Size = size, ignore = {"Size"}}]])
    world.store.a = {name = "a", Size = 1, arn = "arn:thing:a:1"}
    assert.is_nil(against(path, function() world.size = 7 end))
  end)
  it("is refused in a sentence where its file is cut or lacks a part", function()
    local path, json = dir .. "/saved", require "tidelock.json"
    planfile.save(path, plan(write("one", 'ensure.test.thing {name = "a"}')), {})
    local text = assert(require "playbook.textfile".read(path))
    assert.equal(1, #planfile.load(path).resources)
    local function refused(other)
      assert(fs.write(path, other))
      local ok, err = pcall(planfile.load, path)
      assert.is_false(ok, other)
      assert.equal(65, err.exit)
      assert.matches("saved is no plan that this tidelock can read. Make it anew with: tidelock plan", tostring(err))
    end
    refused(text:sub(1, -20))
    for _, name in ipairs {"format", "file", "source", "region", "vars", "options", "resources"} do
      local less = json.decode(text)
      less[name] = nil
      refused(json.encode(less))
    end
    refused((text:gsub('"address"', '"adress"')))
  end)
  it("is not another one because time passes while a person reads it", function()
    local path = write("timed", 'ensure.test.thing {name = "a" .. random(1 << 50), Link = "made " .. now()}')
    assert.is_nil(against(path, function() end))
  end)
end)

describe("a run", function()
  local dir, world, kept
  before_each(function()
    dir, world = fs.tempdir "planfile_spec", things.world()
    kept = store.open(dir .. "/state")
  end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  local function write(name, text)
    local path = ("%s/%s.lua"):format(dir, name)
    assert(fs.write(path, ('playbook {name = "spec/%s"}\n'):format(name) .. text))
    return path
  end

  local function start(path)
    return run.execute(playbook.plan(playbook.load(path, {}), things.context(world)), {store = kept})
  end

  local function resume(id, more)
    return pcall(run.resume, id, {store = kept, changed = more}, function() return things.context(world) end)
  end

  it("is not gone on with where what it includes has another text, unless that is accepted", function()
    write("part", 'step "one" {run = function() end}\napprove "go"\nensure.test.thing {name = "a", Size = 5}')
    local out = start(write("whole", 'include "part"'))
    assert.equal("parked", out.result)
    local part = write("part", 'step "one" {run = function() end}\nensure.test.thing {name = "a", Size = 99}')
    local ok, err = resume(out.run)
    assert.is_false(ok)
    assert.equal(65, err.exit)
    assert.matches("began with another text of " .. part .. ". Put the old one back", tostring(err), 1, true)
    assert.is_nil(world.store.a)
    ok, out = resume(out.run, true)
    assert.is_true(ok, tostring(out))
    assert.equal("done", out.result)
    assert.equal(99, world.store.a.Size)
  end)
  it("is not gone on with in another account or region than its own", function()
    world.answer["test.get_size"] = function() return {} end
    local out = start(write("one", [[find "one" {run = function() return aws.test:get_size() end}
      approve "go"
      ensure.test.thing {name = "a"}]]))
    world.answer["sts.get_caller_identity"] = function() return {Account = "210987654321", Arn = "arn:other"} end
    local ok, err = pcall(run.resume, out.run, {store = kept, approved = {go = true}},
      function() return things.context(world) end)
    assert.is_false(ok)
    assert.equal(77, err.exit)
    assert.equal(("These credentials are of account 210987654321, but run %s is for account 123456789012. Nothing was"
      .. " changed. Use other credentials (--profile)."):format(out.run), tostring(err))
    assert.is_nil(world.store.a)
    world.answer["sts.get_caller_identity"] = things.world().answer["sts.get_caller_identity"]
    ok, err = pcall(run.resume, out.run, {store = kept}, function()
      local context = things.context(world)
      context.region = "us-east-1"
      return context
    end)
    assert.is_false(ok)
    assert.matches("is in eu-west-1, not in us-east-1. Nothing was changed. Leave --region out", tostring(err), 1, true)
  end)
  it("has steps of two playbooks with one name: the later bears its playbook's, also where it is approved", function()
    write("one", 'approve "go"\nlocal v = step "tell" {run = function() return 1 end}\noutput {v = v}')
    write("two", 'approve "go"\nlocal v = step "tell" {run = function() return 2 end}\noutput {v = v}')
    local path = write("whole", [[local one, two = include "one", include "two"
      step "both" {run = function() return {one.v, two.v} end}]])
    local engine = playbook.plan(playbook.load(path, {}), things.context(world))
    local out = run.execute(engine, {store = kept, approved = {go = true}})
    assert.matches('"spec/two: go" is not approved. Go on with: .* %-%-approve "spec/two: go"', out.message)
    out = run.resume(out.run, {store = kept, approved = {["spec/two: go"] = true}},
      function() return things.context(world) end)
    assert.equal("done", out.result, out.message)
    local journal = kept:reopen(out.run)
    assert.same({1, 2}, journal:find("step.done", "both").value)
    assert.equal(2, journal:find("step.done", "spec/two: tell").value)
  end)
  it("has the same chance again outside of steps, whatever its steps asked for when they ran", function()
    world.fail["do_step last"] = "Broken"
    world.answer["test.do_step"] = function(input) world.told = input.n return 1 end
    local out = start(write("one", [[step "first" {run = function() return random(1 << 50) end}
      local n = random(1 << 50)
      step "last" {run = function() return aws.test:do_step {name = "last", n = n} end}]]))
    assert.equal("failed", out.result)
    world.fail = {}
    local values = {}
    for _, r in ipairs(kept:records(out.run)) do
      if r.kind == "value" then values[#values + 1] = r.value end
    end
    assert.equal(1, #values)
    assert.equal("done", (select(2, resume(out.run))).result)
    assert.equal(values[1], world.told)
  end)
  it("draws a number for each playbook that asks for one, also where one includes another", function()
    write("part", 'output {n = random(1 << 50)}')
    local out = start(write("whole", [[local first = random(2)
      local part = include "part"
      step "tell" {run = function() return {first, part.n} end}]]))
    assert.equal("done", out.result, out.message)
    local values = {}
    for _, r in ipairs(kept:records(out.run)) do
      if r.kind == "value" then values[#values + 1] = r.name end
    end
    assert.same({"random #1", "random #2"}, values)
  end)
end)
