--- ec2.vpc_endpoint_route: one route table more for a gateway endpoint that somebody else made; the endpoint is theirs.
local resource = require "resources"

local function endpoint(aws, id) return aws.ec2:describe_vpc_endpoints {VpcEndpointIds = {id}}.VpcEndpoints[1] end

return resource {
  type = "ec2.vpc_endpoint_route", about = "A route table of a gateway endpoint that is there already",
  properties = {VpcEndpointId = {type = "string", required = true}, RouteTableId = {type = "string", required = true}},
  key = {"VpcEndpointId", "RouteTableId"}, tags = false,
  absent = {"InvalidVpcEndpointId.NotFound"},

  read = function(aws, want)
    for _, id in ipairs(endpoint(aws, want.VpcEndpointId).RouteTableIds or {}) do
      if id == want.RouteTableId then return {VpcEndpointId = want.VpcEndpointId, RouteTableId = id} end
    end
  end,

  create = function(aws, want)
    aws.ec2:modify_vpc_endpoint {VpcEndpointId = want.VpcEndpointId, AddRouteTableIds = {want.RouteTableId}}
    return {}
  end,

  update = function() end,

  delete = function(aws, live)
    aws.ec2:modify_vpc_endpoint {VpcEndpointId = live.VpcEndpointId, RemoveRouteTableIds = {live.RouteTableId}}
  end,
}
