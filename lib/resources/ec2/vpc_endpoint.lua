--- ec2.vpc_endpoint: a way to a service that leads through neither the internet nor a NAT gateway.
local resource = require "resources"

-- Properties that are lists of ids, and how an update gives what comes and what goes.
local LISTS <const> = {
  RouteTableIds = {"AddRouteTableIds", "RemoveRouteTableIds"}, SubnetIds = {"AddSubnetIds", "RemoveSubnetIds"},
  SecurityGroupIds = {"AddSecurityGroupIds", "RemoveSecurityGroupIds"},
}
local GONE <const> = {deleted = true, deleting = true, rejected = true, failed = true, expired = true}

local function without(list, others)
  local known, out = {}, {}
  for _, id in ipairs(others or {}) do known[id] = true end
  for _, id in ipairs(list or {}) do
    if not known[id] then out[#out + 1] = id end
  end
  return #out > 0 and out or nil
end

-- There may be two for one service, on different route tables: ours is known by its tag, else the first is meant.
local function pick(found, want)
  local first
  for _, one in ipairs(found) do
    if not GONE[one.State:lower()] and one.VpcEndpointType == want.VpcEndpointType then
      for _, tag in ipairs(one.Tags or {}) do
        if tag.Key == "tidelock:playbook" then return one end
      end
      first = first or one
    end
  end
  return first
end

local function specification(tags)
  if not next(tags or {}) then return nil end
  return {{ResourceType = "vpc-endpoint", Tags = resource.tag_list(tags)}}
end

local function set_tags(aws, live, want)
  local set, gone = resource.tag_changes(live.Tags, want.Tags)
  local id = {live.VpcEndpointId}
  if next(set) then aws.ec2:create_tags {Resources = id, Tags = resource.tag_list(set)} end
  if #gone > 0 then
    local list = {}
    for i, name in ipairs(gone) do list[i] = {Key = name} end
    aws.ec2:delete_tags {Resources = id, Tags = list}
  end
end

local function available(aws, id)
  resource.await("the endpoint " .. id, function()
    return aws.ec2:describe_vpc_endpoints {VpcEndpointIds = {id}}.VpcEndpoints[1].State:lower() ~= "pending"
  end)
end

return resource {
  type = "ec2.vpc_endpoint", about = "A VPC's own way to S3, DynamoDB or another service",
  model = "create_vpc_endpoint",
  without = {"DryRun", "ClientToken", "TagSpecifications", "ServiceNetworkArn", "ResourceConfigurationArn",
    "SubnetConfigurations", "ServiceRegion", "DnsOptions", "IpAddressType"},
  required = {"ServiceName", "VpcEndpointType"},
  key = {"VpcId", "ServiceName", "VpcEndpointType"},
  provides = {"VpcEndpointId"},
  documents = {PolicyDocument = "policy"},
  sets = {"RouteTableIds", "SubnetIds", "SecurityGroupIds"},
  once = {"create_vpc_endpoint"},
  absent = {"InvalidVpcEndpointId.NotFound", "InvalidVpcID.NotFound"},

  check = function(want)
    if want.VpcEndpointType == "Gateway" and (want.SubnetIds or want.SecurityGroupIds) then
      return {"a Gateway endpoint has RouteTableIds, neither SubnetIds nor SecurityGroupIds"}
    elseif want.VpcEndpointType == "Interface" and want.RouteTableIds then
      return {"an Interface endpoint has SubnetIds and SecurityGroupIds, no RouteTableIds"}
    end
  end,

  read = function(aws, want)
    local live = pick(aws.ec2:describe_vpc_endpoints {Filters = {{Name = "vpc-id", Values = {want.VpcId}},
      {Name = "service-name", Values = {want.ServiceName}}}}.VpcEndpoints or {}, want)
    if not live then return nil end
    local groups = {}
    for i, group in ipairs(live.Groups or {}) do groups[i] = group.GroupId end
    return {VpcEndpointId = live.VpcEndpointId, VpcId = live.VpcId, ServiceName = live.ServiceName,
      VpcEndpointType = live.VpcEndpointType, PolicyDocument = resource.document(live.PolicyDocument),
      RouteTableIds = live.RouteTableIds or {}, SubnetIds = live.SubnetIds or {}, SecurityGroupIds = groups,
      PrivateDnsEnabled = live.PrivateDnsEnabled, Tags = resource.tag_map(live.Tags)}
  end,

  all = function(aws)
    local out, seen = {}, {}
    for one in aws.ec2:items("describe_vpc_endpoints", {}) do
      local id = ("%s %s %s"):format(one.VpcId, one.ServiceName, one.VpcEndpointType)
      if not GONE[one.State:lower()] then
        out[#out + 1] = {VpcId = one.VpcId, ServiceName = one.ServiceName, VpcEndpointType = one.VpcEndpointType,
          leave = seen[id] and "its VPC has another for the same service, and only one can be told by VPC and service"
            or nil}
        seen[id] = true
      end
    end
    return out
  end,

  create = function(aws, want)
    local made = aws.ec2:create_vpc_endpoint {VpcId = want.VpcId, ServiceName = want.ServiceName,
      VpcEndpointType = want.VpcEndpointType, RouteTableIds = want.RouteTableIds, SubnetIds = want.SubnetIds,
      SecurityGroupIds = want.SecurityGroupIds, PrivateDnsEnabled = want.PrivateDnsEnabled,
      PolicyDocument = want.PolicyDocument and resource.encode(want.PolicyDocument),
      TagSpecifications = specification(want.Tags)}.VpcEndpoint
    if made.State and made.State:lower() == "pending" then available(aws, made.VpcEndpointId) end
    return {VpcEndpointId = made.VpcEndpointId}
  end,

  update = function(aws, live, want, changed)
    local input, any = {VpcEndpointId = live.VpcEndpointId}, false
    for name in pairs(changed) do
      local words = LISTS[name]
      if words then
        input[words[1]], input[words[2]] = without(want[name], live[name]), without(live[name], want[name])
      elseif name == "PolicyDocument" then
        input.PolicyDocument = resource.encode(want.PolicyDocument)
      elseif name ~= "Tags" then
        input[name] = want[name]
      end
      any = any or name ~= "Tags"
    end
    if any then aws.ec2:modify_vpc_endpoint(input) end
    if changed.Tags then set_tags(aws, live, want) end
  end,

  delete = function(aws, live)
    local answer = aws.ec2:delete_vpc_endpoints {VpcEndpointIds = {live.VpcEndpointId}}
    for _, refused in ipairs(answer.Unsuccessful or {}) do
      error({code = refused.Error.Code, message = ("endpoint %s was not deleted: %s"):format(refused.ResourceId,
        refused.Error.Message)}, 0)
    end
  end,
}
