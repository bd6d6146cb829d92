--- 7.2: what goes to S3 and DynamoDB does not pay for the NAT gateway.
local control = require "checks"

return control {
  id = "ec2-gateway-endpoints", title = "VPCs with a NAT gateway have endpoints for S3 and DynamoDB", severity = "low",
  requirement = "7.2", subjects = "ec2.vpc", needs = {"ec2:DescribeVpcEndpoints", "ec2:DescribeNatGateways"},
  remedy = "harden/costs", command = "tidelock call ec2 describe-vpc-endpoints --region {region}",
  means = "Every byte to S3 and DynamoDB is paid for twice.",
  todo = "Add gateway endpoints for both, on the private route tables; they cost nothing.",
  read = function(aws, subject)
    local out = {nat = false, endpoints = {}}
    for nat in aws.ec2:items("describe_nat_gateways", {}) do
      if nat.VpcId == subject.name and not (nat.State or ""):find "^delet" then out.nat = true end
    end
    for endpoint in aws.ec2:items("describe_vpc_endpoints", {}) do
      local gone = (endpoint.State or ""):lower():find "^delet"
      if endpoint.VpcId == subject.name and #(endpoint.RouteTableIds or {}) > 0 and not gone then
        out.endpoints[endpoint.ServiceName:match "[^.]+$"] = true
      end
    end
    return out
  end,
  test = function(live)
    if not live.nat then return control.skip("it has no NAT gateway") end
    local missing = {}
    for _, service in ipairs {"s3", "dynamodb"} do
      if not live.endpoints[service] then missing[#missing + 1] = service end
    end
    return control.judge(#missing == 0, "both have routes",
      "no endpoint with routes for " .. table.concat(missing, ", "))
  end,
}
