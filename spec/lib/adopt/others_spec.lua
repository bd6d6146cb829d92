-- What no type knows: named, and told where it cannot be looked at; never taken for absent.
local moto = require "support.moto"
local others = require "adopt.others"

describe("what no resource type knows", function()
  local server <const> = moto.start()
  local place <const> = {id = server.account, region = server.region}
  before_each(function()
    server:reset()
    place.id = server.account
  end)

  local function look(session)
    local found = {items = {}, left = {}, failed = {}}
    others.add(found, session, place)
    return found
  end

  it("is named by its kind", function()
    server:session().ec2:create_vpc {CidrBlock = "10.1.0.0/16"}
    local found = look(server:session())
    local vpcs = 0
    for _, item in ipairs(found.left) do vpcs = vpcs + (item.kind == "ec2.vpc" and 1 or 0) end
    assert.equal(2, vpcs)                                          -- the account's own too
    assert.same({}, found.failed)
  end)
  it("is told where it cannot be looked at", function()
    local session <const> = server:session()
    local refused = {items = function() error {code = "AccessDenied", message = "not\nallowed"} end}
    local found = look(setmetatable({}, {__index = function(_, service)
      return service == "resourcegroupstaggingapi" and refused or session[service]
    end}))
    assert.equal(1, #found.failed)
    assert.same({"what has tags: not allowed"}, require "adopt.files".failed_lines(found.failed))
    found = look {ec2 = refused, elasticache = refused, iam = refused, resourcegroupstaggingapi = refused}
    local lines = table.concat(require "adopt.files".failed_lines(found.failed), "\n")
    assert.matches("ec2.vpc: ", lines, 1, true)
    assert.matches("ec2.security_group: ", lines, 1, true)
  end)
end)
