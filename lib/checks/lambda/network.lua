--- The limiter's consumer runs in a VPC, where its Redis is: outside it reaches none that is closed to the world.
local consumer = require "checks.consumer"
local control = require "checks"

return control {
  id = "lambda-limiter-network", title = "The limiter's consumer runs in a VPC", severity = "medium",
  hub = "Lambda.3", requirement = "10.4", subjects = "account",
  needs = {"lambda:ListEventSourceMappings", "lambda:GetFunctionConfiguration"}, remedy = "provision/rate-limiter",
  command = "tidelock call lambda list-event-source-mappings --region {region}",
  means = "It reaches no Redis that is closed to the world, as it should be: every message waits.",
  todo = "Name subnets and security_groups under limiter in the account file, and apply again.",
  read = function(aws, _, world)
    local mapping, why = consumer.mapping(aws, world)
    if not mapping then return {skip = why or "no function reads the limiter's queue"} end
    return {vpc = aws.lambda:get_function_configuration({FunctionName = mapping.FunctionArn}).VpcConfig or {}}
  end,
  test = function(live)
    if live.skip then return control.skip(live.skip) end
    local n = #(live.vpc.SubnetIds or {})
    return control.judge(n > 0, ("in %d subnet(s)"):format(n), "it is in no VPC")
  end,
}
