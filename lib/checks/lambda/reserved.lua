--- 5.2: the consumer of the limiter's queue runs once at a time.
local consumer = require "checks.consumer"
local control = require "checks"

local LEAST <const> = 2           -- the lowest MaximumConcurrency there is; without one it is five to begin with

return control {
  id = "lambda-limiter-concurrency", title = "The limiter's consumer runs once at a time", severity = "high",
  requirement = "5.2, 10.4", subjects = "account",
  needs = {"lambda:ListEventSourceMappings", "lambda:GetFunctionConcurrency"}, remedy = "provision/rate-limiter",
  command = "tidelock call lambda list-event-source-mappings --region {region}",
  means = "Two consumers may send more than the limit lets them.",
  todo = "Set the function's reserved concurrency to 1.",
  read = function(aws, _, world)
    local mapping, why = consumer.mapping(aws, world)
    if not mapping then return {skip = why} end
    local name = mapping.FunctionArn:match "^arn:[^:]+:lambda:[^:]*:%d+:function:[^:]+" or mapping.FunctionArn
    return {mapping = mapping, reserved = aws.lambda:get_function_concurrency({FunctionName = name})
      .ReservedConcurrentExecutions}
  end,
  test = function(live)
    if live.skip then return control.skip(live.skip) end
    if not live.mapping then return control.fail("no function reads the limiter's queue") end
    local most = (live.mapping.ScalingConfig or {}).MaximumConcurrency
    if live.reserved == 1 and most and most > LEAST then
      return control.fail("the mapping starts up to %d at once, and all but 1 are refused", most)
    end
    return control.judge(live.reserved == 1, "reserved concurrency is 1",
      "reserved concurrency is " .. tostring(live.reserved or "not set"))
  end,
}
