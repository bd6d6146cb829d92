-- Looking: nothing that writes is ever sent, what is refused is told and not taken for absent, filters, owners.
local catalog = require "resources.catalog"
local look = require "adopt.look"
local resource = require "resources"
local things = require "support.things"

catalog.look = {"one", "closed"}
package.loaded["resources.look.one"] = resource {
  type = "look.one", about = "What there is for the specs of adopt", properties = {name = "string"},
  provides = {"arn"}, absent = {"NoSuchThing"},
  all = function(aws) return aws.test:list_ones {} end,
  read = function(aws, want)
    if want.name == "sly" then aws.test:create_thing {name = "made while reading"} end
    return aws.test:get_thing {name = want.name}
  end,
}
package.loaded["resources.look.closed"] = resource {
  type = "look.closed", about = "What nobody may list", properties = {name = "string"},
  all = function(aws) return aws.test:list_closed {} end,
  read = function() end,
}

-- A world of ones: {name = tags}.
local function survey(ones, only)
  local world = things.world()
  for name, tags in pairs(ones) do world.store[name] = {name = name, arn = "arn:one:" .. name, Tags = tags} end
  world.answer["test.list_ones"] = function()
    local out = {}
    for name in pairs(ones) do out[#out + 1] = {name = name, leave = name == "theirs" and "a service's own" or nil} end
    return out
  end
  world.fail["list_closed nil"] = "AccessDenied"
  local aws, recorder = look.client(world.session, nil, {region = "eu-west-1", id = "123456789012"})
  local found = look.all(aws, {resource.find "look.one", resource.find "look.closed"}, only or {}, 4)
  return found, world, recorder
end

local function names(list)
  local out = {}
  for i, item in ipairs(list) do out[i] = item.name or item.type.type end
  return out
end

describe("looking at an account", function()
  it("sends nothing that is not only reading, and says so", function()
    local found, world, recorder = survey {sly = {}, plain = {}}
    assert.same({"plain"}, names(found.items))
    assert.is_nil(world.store["made while reading"])
    for _, call in ipairs(world.calls) do assert.is_nil(call:find "^create", call) end
    assert.equal(0, recorder.writes)
    assert.matches("adopt was about to call test.create_thing, which is not only reading; nothing was sent",
      found.failed[2].error)
  end)
  it("tells what it may not list, and takes it for nothing that is absent", function()
    local found = survey {a = {}}
    assert.same({"look.closed"}, names(found.failed))
    assert.equal("AccessDenied", found.failed[1].error)
  end)
  it("leaves what a playbook owns, and what its service looks after", function()
    local found = survey {a = {}, b = {["tidelock:playbook"] = "provision/all"}, theirs = {}}
    assert.same({"a"}, names(found.items))
    assert.same({"b", "theirs"}, names(found.left))
    assert.equal("it is tidelock's already: the playbook provision/all owns it", found.left[1].why)
    assert.equal("a service's own", found.left[2].why)
  end)
  it("keeps to names and tags that are asked for", function()
    local ones = {["a-1"] = {team = "x"}, ["a-2"] = {team = "y"}, b = {team = "x"}, ["a.1"] = {}}
    assert.same({"a-1", "a-2"}, names(survey(ones, {name = {"a-*"}}).items))
    assert.same({"a-1", "a.1"}, names(survey(ones, {name = {"a?1"}}).items))
    assert.same({"a-1", "b"}, names(survey(ones, {tag = {team = "x"}}).items))
    assert.same({"a-1", "a-2", "b"}, names(survey(ones, {tag = {team = ""}}).items))
    assert.same({}, names(survey(ones, {name = {"A-*"}}).items))
  end)
end)
