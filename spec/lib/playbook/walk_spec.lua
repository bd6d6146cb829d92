-- The walk along the graph: order, how many at a time, and that no node is ever left silently.
local applier = require "playbook.applier"
local loop = require "tidelock.loop"
local playbook = require "playbook"
local things = require "support.things"
local walk = require "playbook.walk"

-- {a = "b c"}: a leans on b and c. Returns the nodes in the order of their names, and by name.
local function graph(edges, action)
  local by, list = {}, {}
  for name in pairs(edges) do list[#list + 1] = {name = name, address = "t/" .. name, deps = {}, action = action} end
  table.sort(list, function(x, y) return x.name < y.name end)
  for i, node in ipairs(list) do by[node.name], node.index = node, i end
  for name, others in pairs(edges) do
    for other in others:gmatch "%S+" do by[name].deps[by[other]] = true end
  end
  return list, by
end

local function names(nodes)
  local out = {}
  for i, node in ipairs(nodes) do out[i] = node.name end
  return table.concat(out, " ")
end

local function visited(nodes, most)
  local out = {}
  local left = walk.along(nodes, most or 1, function(node) out[#out + 1] = node end)
  return names(out), names(left)
end

describe("the walk", function()
  it("comes to a node after all that it leans on", function()
    assert.equal("d b c a", (visited((graph {a = "b c", b = "d", c = "d", d = ""}))))
  end)
  it("goes the other way where nodes are deleted", function()
    assert.equal("a b c d", (visited((graph({a = "b c", b = "d", c = "d", d = ""}, "delete")))))
  end)
  it("visits nothing of nothing", function() assert.equal("", (visited {})) end)
  it("has as many at work as it may, and never more", function()
    for _, most in ipairs {1, 3, 16} do
      local edges, now, peak = {}, 0, 0
      for i = 1, 40 do edges[("n%02d"):format(i)] = i > 30 and "n01" or "" end
      local nodes = graph(edges)
      local left = walk.along(nodes, most, function()
        now = now + 1
        peak = math.max(peak, now)
        loop.sleep(0.001)
        now = now - 1
      end)
      assert.same({}, left)
      assert.equal(most, peak)
    end
  end)
  it("says who waits in a circle, and who waits behind one; all others are visited", function()
    local done, left = visited((graph {a = "b", b = "c", c = "b", d = "", e = "d", self = "self"}))
    assert.equal("d e", done)
    assert.equal("a b c self", left)
  end)
  it("stops at what a visit raises", function()
    local ok, err = pcall(walk.along, (graph {a = "", b = "a"}), 4, function() error({code = "Full"}, 0) end)
    assert.is_false(ok)
    assert.equal("Full", err.code)
  end)
end)

describe("a circle", function()
  local function refusal(text)
    local ok, err = pcall(things.plan, things.world(), text)
    assert.is_false(ok)
    assert.equal(65, err.exit)
    return tostring(err)
  end

  it("through `after` is refused by the plan, with its path", function()
    assert.matches("in a circle: test.thing/a -> test.thing/b -> test.thing/c -> test.thing/a", refusal [[
      ensure.test.thing {name = "a", after = "test.thing/b"}
      ensure.test.thing {name = "b", after = "test.thing/c"}
      ensure.test.thing {name = "c", after = {"test.thing/a"}}]], 1, true)
    assert.matches("in a circle: test.thing/a -> test.thing/a",
      refusal 'ensure.test.thing {name = "a", after = "test.thing/a"}', 1, true)
  end)
  it("through a handle's field and an `after` is so too", function()
    assert.matches("in a circle: test.thing/a -> test.thing/b -> test.thing/a", refusal [[
      local a = ensure.test.thing {name = "a", after = "test.thing/b"}
      ensure.test.thing {name = "b", Link = "x/" .. a.arn}]], 1, true)
    assert.matches("in a circle: test.thing/a -> test.thing/b -> test.thing/a", refusal [[
      local a = ensure.test.thing {name = "a", after = "test.thing/b"}
      ensure.test.thing {name = "b", after = a}]], 1, true)
  end)
  it("of a step between two is refused: what stands above a step cannot come after what stands below", function()
    assert.matches(":1: test.thing/a: after names test.thing/b, which is declared further down, behind a step",
      refusal [[ensure.test.thing {name = "a", after = "test.thing/b"} step "s" {run = print}
      ensure.test.thing {name = "b"}]])
  end)
  it("that came about all the same is told for every node in it and behind it, and the rest is done", function()
    local world, events = things.world(), {}
    local engine = things.plan(world, [[
      for _, name in ipairs {"a", "b", "behind", "free"} do ensure.test.thing {name = name} end]])
    local by = engine.by_address
    by["test.thing/a"].deps[by["test.thing/b"]], by["test.thing/b"].deps[by["test.thing/a"]] = true, true
    by["test.thing/behind"].deps[by["test.thing/a"]] = true
    engine.emit = function(event) events[#events + 1] = event.kind .. " " .. event.node.name end
    applier.apply(engine, engine.nodes)
    assert.is_table(world.store.free)
    assert.is_nil(world.store.a or world.store.b or world.store.behind)
    for _, name in ipairs {"a", "b", "behind"} do
      local node = by["test.thing/" .. name]
      assert.equal("failed", node.result)
      assert.matches("in a circle (test.thing/a -> test.thing/b -> test.thing/a)", node.failed.message, 1, true)
    end
    local s = playbook.summary(engine)
    assert.equal(3, s.failed)
    assert.equal(1, s.created)
    local told = table.concat(events, ", ")
    for _, name in ipairs {"a", "b", "behind"} do assert.matches("resource.fail " .. name, told, 1, true) end
  end)
  it("of what is to be pruned is cut, and all of it is deleted", function()
    local world = things.world()
    things.apply(world, 'for _, name in ipairs {"a", "b", "c"} do ensure.test.thing {name = name} end')
    local arn = {a = world.store.a.arn, b = world.store.b.arn, c = world.store.c.arn}
    world.store.a.Link, world.store.b.Link, world.store.c.Link = arn.b, arn.c, arn.a
    local engine = things.plan(world, 'ensure.test.thing {name = "other"}')
    local thing = require "resources".find "test.thing"
    local function rows()
      local i, all = 0, {"a", "b", "c"}
      return function()
        i = i + 1
        return all[i] and {ResourceARN = arn[all[i]]}
      end
    end
    local arns = thing.arns
    thing.arns = "^arn:thing:(%w+):"
    local client = engine.recorder.client
    function engine.recorder.client(...)
      local aws = client(...)
      rawset(aws, "resourcegroupstaggingapi", {items = rows})
      return aws
    end
    engine.orphans = require "playbook.prune".find(engine)
    thing.arns = arns
    assert.equal(3, #engine.orphans)
    playbook.apply(engine)
    assert.is_nil(world.store.a or world.store.b or world.store.c)
    assert.is_table(world.store.other)
    assert.equal(3, playbook.summary(engine).deleted)
  end)
end)

describe("a deletion that fails", function()
  it("leaves what it leans on, and says why", function()
    local world, said = things.world(), {}
    local text <const> = [[
      local base = ensure.test.thing {name = "base"}
      ensure.test.thing {name = "top", Link = base.arn}
      ensure.test.thing {name = "free"}]]
    things.apply(world, text)
    world.fail["delete_thing top"] = "AccessDenied"
    local engine = things.plan(world, text)
    require "playbook.prune".everything(engine)
    engine.emit = function(event) if event.why then said[#said + 1] = event.why end end
    playbook.apply(engine)
    assert.is_table(world.store.base)
    assert.is_table(world.store.top)
    assert.is_nil(world.store.free)
    assert.equal("skipped", engine.by_address["test.thing/base"].result)
    assert.same({"test.thing/top leans on it, which failed"}, said)
  end)
end)
