local things = require "support.things"

local ONE <const> = 'ensure.test.thing {name = "a", Size = 5}'

local function refusal(code, more)
  local err = {code = code, message = code, exit = 1}
  for k, v in pairs(more or {}) do err[k] = v end
  return setmetatable(err, {__tostring = function() return code end})
end

describe("a create whose answer is lost", function()
  local world, create, calls
  before_each(function()
    world, calls = things.world(), 0
    create = world.answer["test.create_thing"]
  end)

  -- The first create is done, by half, and answered with `err`.
  local function answered(err, change)
    world.answer["test.create_thing"] = function(input)
      calls = calls + 1
      local made = create(input)
      if change then change(world.store.a) end
      if calls == 1 then error(err, 0) end
      return made
    end
  end

  it("is looked at, found done, and not sent again", function()
    answered(refusal("closed", {retryable = true}))
    local engine = things.apply(world, ONE)
    assert.is_nil(engine.nodes[1].failed)
    assert.equal("create", engine.nodes[1].result)
    assert.equal(1, calls)
  end)
  it("is finished where it was done by half", function()
    answered(refusal("AlreadyExists", {attempts = 2}), function(thing) thing.Size = 1 end)
    local engine = things.apply(world, ONE)
    assert.is_nil(engine.nodes[1].failed)
    assert.equal(5, world.store.a.Size)
    assert.equal(1, calls)
  end)
  it("is finished where it bears our tag, though nobody told of a second try", function()
    answered(refusal "AlreadyExists", function(thing) thing.Size = 1 end)
    local engine = things.apply(world, ONE)
    assert.is_nil(engine.nodes[1].failed)
    assert.equal(5, world.store.a.Size)
  end)
  it("is left alone where somebody else has made one in the meantime", function()
    answered(refusal "AlreadyExists", function(thing) thing.Size, thing.Tags = 1, {Owner = "them"} end)
    local engine = things.apply(world, ONE)
    assert.equal("AlreadyExists", engine.nodes[1].failed.code)
    assert.equal(1, world.store.a.Size)
  end)
  it("is not tried again where the refusal is one that stays", function()
    answered(refusal "AccessDenied")
    local engine = things.apply(world, ONE)
    assert.equal("AccessDenied", engine.nodes[1].failed.code)
    assert.equal(1, calls)
  end)
end)
