-- network.lua -- a VPC as most are: private subnets that reach the world, and S3, through one NAT gateway.
local function subnet(aws, vpc, n, zone)
  return aws.ec2:create_subnet {VpcId = vpc, CidrBlock = ("10.20.%d.0/24"):format(n), AvailabilityZone = zone}
    .Subnet.SubnetId
end

local function route_table(aws, vpc, name, subnet_id, route)
  local id = aws.ec2:create_route_table {VpcId = vpc, TagSpecifications = {{ResourceType = "route-table",
    Tags = {{Key = "Name", Value = name}}}}}.RouteTable.RouteTableId
  if subnet_id then aws.ec2:associate_route_table {RouteTableId = id, SubnetId = subnet_id} end
  if route then
    route.RouteTableId, route.DestinationCidrBlock = id, "0.0.0.0/0"
    aws.ec2:create_route(route)
  end
  return id
end

local function gateways(aws, vpc, public)
  local igw = aws.ec2:create_internet_gateway {}.InternetGateway.InternetGatewayId
  aws.ec2:attach_internet_gateway {InternetGatewayId = igw, VpcId = vpc}
  local address = aws.ec2:allocate_address {Domain = "vpc"}.AllocationId
  return igw, aws.ec2:create_nat_gateway {SubnetId = public, AllocationId = address}.NatGateway.NatGatewayId
end

local function balancer(aws, prefix, vpc, subnets, group)
  local made = aws.elbv2:create_load_balancer {Name = prefix .. "-api", Subnets = subnets, SecurityGroups = {group},
    Scheme = "internet-facing", Type = "application"}.LoadBalancers[1].LoadBalancerArn
  local target = aws.elbv2:create_target_group {Name = prefix .. "-api", Protocol = "HTTP", Port = 3000, VpcId = vpc,
    TargetType = "ip", HealthCheckPath = "/api/health"}.TargetGroups[1].TargetGroupArn
  aws.elbv2:create_listener {LoadBalancerArn = made, Protocol = "HTTP", Port = 80,
    DefaultActions = {{Type = "forward", TargetGroupArn = target}}}
  return made, target
end

return function(world)
  local aws, zone = world.aws, world.region
  local vpc = aws.ec2:create_vpc {CidrBlock = "10.20.0.0/16"}.Vpc.VpcId
  aws.ec2:modify_vpc_attribute {VpcId = vpc, EnableDnsHostnames = {Value = true}}
  local public = {subnet(aws, vpc, 0, zone .. "a"), subnet(aws, vpc, 1, zone .. "b")}
  local private = {subnet(aws, vpc, 10, zone .. "a"), subnet(aws, vpc, 11, zone .. "b")}
  local isolated = subnet(aws, vpc, 20, zone .. "a")
  local igw, nat = gateways(aws, vpc, public[1])
  local main = aws.ec2:describe_route_tables {Filters = {{Name = "vpc-id", Values = {vpc}}}}.RouteTables[1].RouteTableId
  local tables = {main = main,
    public = route_table(aws, vpc, "public", public[1], {GatewayId = igw}),
    private_a = route_table(aws, vpc, "private-a", private[1], {NatGatewayId = nat}),
    private_b = route_table(aws, vpc, "private-b", private[2], {NatGatewayId = nat}),
    isolated = route_table(aws, vpc, "isolated", isolated)}
  local group = aws.ec2:create_security_group {VpcId = vpc, GroupName = world.prefix .. "-app",
    Description = "the application"}.GroupId
  local load_balancer, target = balancer(aws, world.prefix, vpc, public, group)
  return {vpc = vpc, subnets = {public = public, private = private}, route_tables = tables, nat = nat, igw = igw,
    security_group = group, load_balancer = load_balancer, target_group = target}
end
