-- moto_ec2_spec.lua -- the extension's gateway endpoints: routes that come and go with their tables, and refusals.
local moto = require "support.moto"

describe("a gateway endpoint of the extension", function()
  local server <const> = moto.start()
  local ec2, vpc, a, b, endpoint
  before_each(function()
    server:reset()
    ec2 = server:session().ec2
    vpc = ec2:create_vpc {CidrBlock = "10.0.0.0/16"}.Vpc.VpcId
    a = ec2:create_route_table {VpcId = vpc}.RouteTable.RouteTableId
    b = ec2:create_route_table {VpcId = vpc}.RouteTable.RouteTableId
    endpoint = ec2:create_vpc_endpoint {VpcId = vpc, VpcEndpointType = "Gateway", RouteTableIds = {a},
      ServiceName = "com.amazonaws.eu-west-1.s3"}.VpcEndpoint.VpcEndpointId
  end)
  teardown(function() server:stop() end)

  local function leads(route_table)
    for _, route in ipairs(ec2:describe_route_tables {RouteTableIds = {route_table}}.RouteTables[1].Routes) do
      if route.GatewayId == endpoint then return true end
    end
    return false
  end
  local function refused(code, operation, input)
    local ok, err = pcall(ec2[operation], ec2, input)
    assert.is_false(ok)
    assert.equal(code, err.code)
  end

  it("has a route in each of its tables, and in no other", function()
    assert.same({true, false}, {leads(a), leads(b)})
    ec2:modify_vpc_endpoint {VpcEndpointId = endpoint, AddRouteTableIds = {b}, RemoveRouteTableIds = {a}}
    assert.same({false, true}, {leads(a), leads(b)})
    ec2:delete_vpc_endpoints {VpcEndpointIds = {endpoint}}
    assert.same({false, false}, {leads(a), leads(b)})
  end)
  it("is refused a table that there is not, one of another VPC, and one that has such a route", function()
    local other = ec2:create_vpc {CidrBlock = "10.1.0.0/16"}.Vpc.VpcId
    local far = ec2:create_route_table {VpcId = other}.RouteTable.RouteTableId
    refused("InvalidRouteTableId.NotFound", "modify_vpc_endpoint", {VpcEndpointId = endpoint,
      AddRouteTableIds = {"rtb-0123456789abcdef0"}})
    refused("InvalidParameter", "modify_vpc_endpoint", {VpcEndpointId = endpoint, AddRouteTableIds = {far}})
    refused("RouteAlreadyExists", "create_vpc_endpoint", {VpcId = vpc, VpcEndpointType = "Gateway",
      ServiceName = "com.amazonaws.eu-west-1.s3", RouteTableIds = {a}})
  end)
  it("is refused a policy that is none, and goes back to the open one", function()
    refused("InvalidPolicyDocument", "modify_vpc_endpoint", {VpcEndpointId = endpoint, PolicyDocument = "{}"})
    ec2:modify_vpc_endpoint {VpcEndpointId = endpoint, PolicyDocument = '{"Version":"2012-10-17","Statement":[]}'}
    ec2:modify_vpc_endpoint {VpcEndpointId = endpoint, ResetPolicy = true}
    assert.matches('"Action": "%*"', ec2:describe_vpc_endpoints {}.VpcEndpoints[1].PolicyDocument)
  end)
end)
