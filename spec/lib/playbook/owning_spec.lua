-- owns = false: what a playbook declares stays nobody's; ignore: what is left to others; owned and retire.
local catalog = require "resources.catalog"
local playbook = require "playbook"
local resource = require "resources"
local things = require "support.things"

local FREE <const> = 'playbook {name = "spec/free", owns = false}\n'
local BOTH <const> = FREE .. 'ensure.test.thing {name = "a", Size = 5, tags = {team = "x"}}\n'
  .. 'ensure.test.thing {name = "b"}'

local function refused(text)
  local ok, err = pcall(things.plan, things.world(), text)
  assert.is_false(ok)
  return tostring(err)
end

describe("a playbook that owns nothing", function()
  it("tags nothing of its own, and compares the tags that are given, or that there are none", function()
    local world = things.world()
    things.apply(world, BOTH)
    assert.same({team = "x"}, world.store.a.Tags)
    assert.same({}, world.store.b.Tags)
    world.store.b.Tags = {team = "y"}
    local engine = things.plan(world, BOTH)
    assert.same({["test.thing/a"] = "none", ["test.thing/b"] = "update"}, things.actions(engine))
    assert.equal("Tags differ", (engine.nodes[2].why:gsub("differs", "differ")))
    assert.is_nil(engine.nodes[1].adopts)
  end)
  it("is deleted by no destroy", function()
    local world = things.world()
    things.apply(world, BOTH)
    local engine = things.plan(world, BOTH)
    require "playbook.prune".everything(engine)
    assert.same({["test.thing/a"] = "none", ["test.thing/b"] = "none"}, things.actions(engine))
    assert.equal("its playbook says owns = false", engine.nodes[1].why)
  end)
  it("says so with true or false", function()
    assert.matches("playbook: owns must be true, or false", refused 'playbook {name = "spec/free", owns = "no"}')
  end)
end)

describe("what is left to others", function()
  it("need not be given, even where the type asks for it", function()
    catalog.test[#catalog.test + 1] = "strict"
    package.loaded["resources.test.strict"] = resource {
      type = "test.strict", about = "A thing that must say its size",
      properties = {name = {type = "string", required = true}, Size = {type = "integer", required = true}},
      absent = {"NoSuchThing"}, provides = {"arn"},
      read = function(aws, want) return aws.test:get_thing {name = want.name} end,
      create = function(aws, want) return aws.test:create_thing(want) end,
    }
    assert.matches("Size is missing", refused 'ensure.test.strict {name = "a"}')
    local world = things.world()
    world.store.a = {name = "a", Size = 7, arn = "arn:thing:a:1"}
    local engine = things.plan(world, FREE .. 'ensure.test.strict {name = "a", ignore = {"Size"}}')
    assert.same({["test.strict/a"] = "none"}, things.actions(engine))
  end)
  it("is as it is live in an update of the rest, not as its default says", function()
    local world, seen = things.world(), nil
    world.store.a = {name = "a", Size = 7, Mode = "fast", arn = "arn:thing:a:1", Tags = {}}
    local update = resource.find "test.thing".update
    resource.find "test.thing".update = function(aws, live, want, changed)
      seen = want.Size
      return update(aws, live, want, changed)
    end
    things.apply(world, FREE .. 'ensure.test.thing {name = "a", Mode = "slow", ignore = {"Size"}}')
    resource.find "test.thing".update = update
    assert.equal("slow", world.store.a.Mode)
    assert.same({7, 7}, {seen, world.store.a.Size})
  end)
end)

-- ## owned and retire

local TAG <const> = "tidelock:playbook"

catalog.owned = {"one", "part"}
package.loaded["resources.owned.one"] = resource {
  type = "owned.one", about = "A thing that may name others", properties = {name = {type = "string", required = true},
    Link = "string", Doc = "document"},
  documents = {Doc = "policy"}, provides = {"arn"}, absent = {"NoSuchThing"},
  all = function(aws) return aws.test:list_ones {} end,
  read = function(aws, want) return aws.test:get_thing {name = want.name} end,
  delete = function(aws, live) aws.test:delete_thing {name = live.name} end,
}
package.loaded["resources.owned.part"] = resource {
  type = "owned.part", about = "A part of a thing, which bears no tags", key = {"Of", "Id"}, tags = false,
  properties = {Of = {type = "string", required = true}, Id = {type = "string", required = true}, Link = "string"},
  all = function(aws) return aws.test:list_parts {} end,
  read = function(_, want) return want end,
}

local TEARDOWN <const> = [[
local made = find "made" {run = function() return owned {%s} end}
output {made = made}
for _, one in ipairs(made) do
  if #one.used_by == 0 then retire(one) end
end]]

-- A world of ones: {name = {owner =, link =, doc =}}, and parts of them.
local function a_world(ones, parts)
  local world = things.world()
  for name, row in pairs(ones) do
    world.store[name] = {name = name, arn = "arn:one:here:1:" .. name, Link = row.link, Doc = row.doc,
      Tags = row.owner and {[TAG] = row.owner} or {}}
  end
  world.answer["test.list_ones"] = function()
    local out = {}
    for name in pairs(world.store) do out[#out + 1] = {name = name} end
    return out
  end
  world.answer["test.list_parts"] = function() return parts or {} end
  return world
end

local function without_others()
  local out = {}
  for _, t in ipairs(require "resources.survey".types()) do
    if not t.type:find "^owned%." then out[#out + 1] = ("%q"):format(t.type) end
  end
  return "without = {" .. table.concat(out, ", ") .. "}"
end

local function teardown_of(more) return TEARDOWN:format((more and more .. ", " or "") .. without_others()) end

describe("owned and retire", function()
  it("delete what playbooks own and nothing else, who names another first; a plan deletes nothing", function()
    local world = a_world {a = {owner = "p", link = "arn:one:here:1:b"}, b = {owner = "p/q"}, c = {}}
    local engine = things.plan(world, teardown_of())
    assert.same({["owned.one/a"] = "delete", ["owned.one/b"] = "delete"}, things.actions(engine))
    assert.is_not_nil(world.store.a)
    things.apply(world, teardown_of())
    local order = {}
    for _, call in ipairs(world.calls) do
      if call:find "^delete" then order[#order + 1] = call end
    end
    assert.same({"delete_thing a", "delete_thing b"}, order)
    assert.is_not_nil(world.store.c)
    assert.same({}, things.actions(things.plan(world, teardown_of())))
  end)
  it("take only what the named playbooks own, or those below them", function()
    local world = a_world {a = {owner = "p"}, b = {owner = "p/q"}, c = {owner = "pq"}}
    assert.same({["owned.one/a"] = "delete", ["owned.one/b"] = "delete"},
      things.actions(things.plan(world, teardown_of 'playbooks = {"p"}')))
  end)
  it("say who leans on whom: what is needed, not what a policy allows; a part of a thing is no other", function()
    local policy = {Statement = {{Effect = "Allow", Action = "x:y", Resource = "arn:one:here:1:a/*"}}}
    local world = a_world({a = {owner = "p"}, b = {owner = "p", link = "arn:one:here:1:a:*", doc = policy},
      c = {owner = "p", doc = policy}, d = {link = "arn:one:here:1:c"}},
      {{Of = "arn:one:here:1:b", Id = "1"}, {Of = "somebody", Id = "2", Link = "arn:one:here:1:b"}})
    local made = playbook.outputs(things.plan(world, teardown_of())).made
    local by = {}
    for _, one in ipairs(made) do by[one.name] = one end
    assert.same({{}, {"owned.one/a"}, {}}, {by.a.leans, by.b.leans, by.c.leans})
    assert.same({{}, {"owned.part/somebody/2"}, {"owned.one/d"}}, {by.a.used_by, by.b.used_by, by.c.used_by})
  end)
  it("end the plan where something could not be looked at: who leans on what is then not known", function()
    local world = a_world {a = {owner = "p"}}
    world.fail["list_parts nil"] = "AccessDenied"
    local ok, err = pcall(things.plan, world, teardown_of())
    assert.is_false(ok)
    assert.matches("nothing was removed. Allow these reads, or leave their types out %(without%):\n"
      .. "owned.part: AccessDenied", tostring(err))
    local without = teardown_of():gsub("without = {", 'without = {"owned.part", ', 1)
    assert.same({["owned.one/a"] = "delete"}, things.actions(things.plan(world, without)))
  end)
  it("stand where they mean something", function()
    assert.matches("owned looks through the account; call it in a find's run function", refused "owned()")
    assert.matches("retire takes what owned has found", refused "retire {}")
    assert.matches('without names owned.ones, which is no type that is looked through; did you mean "owned.one"',
      refused 'find "x" {run = function() return owned {without = {"owned.ones"}} end}')
  end)
end)
