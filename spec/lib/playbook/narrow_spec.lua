-- narrow_spec.lua -- --target and --exclude: what is planned, made, destroyed; with steps, and in a run that goes on.
local fs = require "tidelock.fs"
local playbook = require "playbook"
local run = require "playbook.run"
local store = require "playbook.store"
local things = require "support.things"

local FLOW <const> = [[
local a = ensure.test.thing {name = "a"}
ensure.test.thing {name = "b", Link = a.arn}
ensure.test.thing {name = "x"}
local got = step "tell" {run = function() return aws.test:do_step {name = tostring(a.arn)} end}
ensure.test.thing {name = "after", Link = got}
ensure.test.thing {name = "free"}]]

describe("a part of a playbook", function()
  local dir, world, kept, path

  before_each(function()
    dir, world = fs.tempdir "narrow_spec", things.world()
    kept = store.open(dir .. "/state")
    world.answer["test.do_step"] = function(input)
      world.told = input.name
      return "told"
    end
  end)
  after_each(function()
    os.execute("rm -rf '" .. dir .. "'")
    os.remove(path)
  end)

  local function plan(text, options)
    path = things.file(text)
    return playbook.plan(playbook.load(path, {}), things.context(world), options)
  end

  local function apply(text, options) return run.execute(plan(text, options), {store = kept, on_failure = "stop"}) end

  local function resume(id) return run.resume(id, {store = kept}, function() return things.context(world) end) end

  local function names_of(set)
    local out = {}
    for name in pairs(set) do out[#out + 1] = name end
    table.sort(out)
    return table.concat(out, " ")
  end

  it("that is a target is made with what it leans on, without the playbook's steps, as its plan shows", function()
    local engine = plan(FLOW, {target = {"test.thing/b", "test.thing/free"}})
    local shown = table.concat(require "report.terminal".plan(engine, require "report.paint".new(false), {}), "\n")
    assert.matches("3 to create", shown)
    assert.is_nil(shown:find("tell", 1, true))
    assert.same(0, #require "report.data".plan(engine).sequence)
    local out = run.execute(engine, {store = kept})
    assert.equal("done", out.result, out.message)
    assert.equal("a b free", names_of(world.store))
    assert.is_nil(world.told)
  end)
  it("that there is not is told, with the one that was meant", function()
    local ok, err = pcall(plan, FLOW, {target = {"test.thing/fre"}})
    assert.is_false(ok)
    assert.matches('is called test.thing/fre; did you mean "test.thing/free"?', tostring(err), 1, true)
    assert.is_nil(tostring(err):find("?.", 1, true))
    assert.equal("free", (names_of(things.actions(plan(FLOW, {target = {"test.thing/f?ee"}}))):gsub("test.thing/", "")))
  end)
  it("that needs a step's value is refused as a target", function()
    local ok, err = pcall(plan, FLOW, {target = {"test.thing/after"}})
    assert.is_false(ok)
    assert.equal(64, err.exit)
    assert.matches('test.thing/after needs the value of step "tell", and --target makes resources only. Nothing was',
      tostring(err), 1, true)
    assert.equal("drift", plan(FLOW, {target = {"test.thing/after"}, purpose = "drift"}).options.purpose)
  end)
  it("that is left out is left as it is in a run with steps too, and steps see what is there of it", function()
    world.store.a = {name = "a", Size = 7, arn = "arn:thing:a:old"}
    local out = apply(FLOW, {exclude = {"test.thing/a", "test.thing/b", "test.thing/x"}})
    assert.equal("done", out.result, out.message)
    assert.equal("a after free", names_of(world.store))
    assert.equal(7, world.store.a.Size)
    assert.equal("arn:thing:a:old", world.told)
    assert.equal(2, #require "report.data".apply(out.engine).resources)
  end)
  it("that is left out is not made because others need it: they take what is there, or are refused", function()
    local text = 'local a = ensure.test.thing {name = "a"}\nensure.test.thing {name = "b", Link = a.arn}'
    local ok, err = pcall(plan, text, {exclude = {"test.thing/a"}})
    assert.is_false(ok)
    assert.equal(64, err.exit)
    assert.matches("test.thing/b needs test.thing/a, which is left out and not there. Nothing was done", tostring(err),
      1, true)
    world.store.a = {name = "a", Size = 7, arn = "arn:thing:a:old"}
    world.fail["create_thing b"] = "LimitExceeded"
    local out = apply(text, {exclude = {"test.thing/a"}})
    assert.equal("failed", out.result)
    world.fail = {}
    assert.equal("done", resume(out.run).result)
    assert.equal("arn:thing:a:old", world.store.b.Link)
    assert.equal(7, world.store.a.Size)
    assert.equal("b", (names_of(things.actions(plan(text, {exclude = {"test.thing/a"}}))):gsub("test.thing/", "")))
  end)
  it("that is left out stays so where the run goes on, also what is found only then", function()
    local text = 'ensure.test.thing {name = "a"}\nensure.test.thing {name = "old-b"}\npark "1h"\n'
      .. 'ensure.test.thing {name = "c"}\nensure.test.thing {name = "old-d"}'
    local now = 1000
    path = things.file(text)
    local options = {store = kept, clock = function() return now end}
    local engine = playbook.plan(playbook.load(path, {}), things.context(world), {exclude = {"test.thing/old-*"}})
    local out = run.execute(engine, options)
    assert.equal("parked", out.result)
    now = now + 3601
    out = run.resume(out.run, options, function() return things.context(world) end)
    assert.equal("done", out.result, out.message)
    assert.equal("a c", names_of(world.store))
  end)
  it("that is left out stays so where a step has made a find find it", function()
    world.answer["test.list_names"] = function() return {names = world.told and {"old-x", "new-x"} or {}} end
    local out = apply([[step "tell" {run = function() return aws.test:do_step {name = "now"} end}
      local names = find "names" {run = function() return aws.test:list_names().names end}
      for _, name in ipairs(names) do ensure.test.thing {name = name} end]], {exclude = {"test.thing/old-*"}})
    assert.equal("done", out.result, out.message)
    assert.equal("new-x", names_of(world.store))
  end)
  it("is all that a run goes on with that was stopped in it", function()
    world.fail["create_thing b"] = "LimitExceeded"
    local out = apply('ensure.test.thing {name = "a"}\nensure.test.thing {name = "b"}\nensure.test.thing {name = "c"}',
      {target = {"test.thing/a", "test.thing/b"}})
    assert.equal("failed", out.result)
    world.fail = {}
    assert.equal("done", resume(out.run).result)
    assert.equal("a b", names_of(world.store))
  end)

  local CHAIN <const> = [[local a = ensure.test.thing {name = "a"}
    local b = ensure.test.thing {name = "b", Link = a.arn}
    ensure.test.thing {name = "c", Link = b.arn}
    ensure.test.thing {name = "d"}]]

  it("is destroyed with what leans on it, and without what it leans on; what stays keeps what it leans on", function()
    local function doomed(options)
      options.purpose = "destroy"
      return names_of(things.actions(plan(CHAIN, options))):gsub("test.thing/", "")
    end
    assert.equal("b c", (doomed {target = {"test.thing/b"}}))
    assert.equal("a b c", (doomed {target = {"test.thing/a"}}))
    assert.equal("c d", (doomed {exclude = {"test.thing/b"}}))
    assert.equal("", (doomed {target = {"test.thing/a"}, exclude = {"test.thing/c"}}))
  end)
end)

describe("a run that prunes", function()
  local thing <const> = require "resources".find "test.thing"
  after_each(function() thing.list = nil end)

  it("goes on to prune what it had agreed to, and nothing else", function()
    local dir, world = fs.tempdir "narrow_spec", things.world()
    local kept = store.open(dir .. "/state")
    world.answer["resourcegroupstaggingapi.items"] = function() return function() end end
    thing.list = function()
      local out = {}
      for name, live in pairs(world.store) do out[#out + 1] = {name = name, Tags = live.Tags} end
      return out
    end
    for _, steps in ipairs {"", 'step "one" {run = function() end}'} do
      world.store = {}
      local path = things.file('ensure.test.thing {name = "a"} ensure.test.thing {name = "gone"}')
      playbook.apply(playbook.plan(playbook.load(path, {}), things.context(world)))
      assert(fs.write(path, 'playbook {name = "spec/one"} ensure.test.thing {name = "a"}\n' .. steps))
      world.fail["delete_thing gone"] = "Throttled"
      local engine = playbook.plan(playbook.load(path, {}), things.context(world), {prune = true})
      local out = run.execute(engine, {store = kept, on_failure = "stop"})
      assert.equal("failed", out.result)
      world.fail = {}
      world.store.later = {name = "later", arn = "arn:thing:later", Tags = world.store.gone.Tags}
      out = run.resume(out.run, {store = kept}, function() return things.context(world) end)
      assert.equal("done", out.result, out.message)
      assert.is_nil(world.store.gone)
      assert.is_table(world.store.later)
      assert.is_table(world.store.a)
      os.remove(path)
    end
    os.execute("rm -rf '" .. dir .. "'")
  end)
end)
