--- What a function could not do after three tries is kept, where whoever called it did not wait for an answer.
local control = require "checks"
local policy = require "checks.policy"

-- Services that call and do not wait.
local DO_NOT_WAIT <const> = {"s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com", "ses.amazonaws.com",
  "logs.amazonaws.com", "config.amazonaws.com", "codecommit.amazonaws.com", "iot.amazonaws.com"}

-- The answer, or nil where there is none of it.
local function or_none(fn)
  local ok, got = pcall(fn)
  if ok then return got end
  if type(got) == "table" and got.code == "ResourceNotFoundException" then return nil end
  error(got, 0)
end

local function callers(statements)
  local out = {}
  for _, service in ipairs(DO_NOT_WAIT) do
    if policy.allows_service(statements, service, "lambda:InvokeFunction") then out[#out + 1] = service end
  end
  return out
end

return control {
  id = "lambda-dead-letters", title = "What functions fail at is kept, where nobody waits for the answer",
  severity = "low", subjects = "lambda.function", needs = {"lambda:GetPolicy", "lambda:GetFunctionEventInvokeConfig"},
  command = "tidelock call lambda get-function-event-invoke-config --function-name {name} --region {region}",
  means = "After three tries the event is dropped, and nobody learns of it.",
  todo = "Give the function a dead-letter queue, or a destination on failure, that its role may send to.",
  read = function(aws, subject)
    local given = or_none(function() return aws.lambda:get_policy({FunctionName = subject.name}).Policy end)
    local config = or_none(function()
      return aws.lambda:get_function_event_invoke_config({FunctionName = subject.name}).DestinationConfig
    end)
    return {callers = callers(policy.statements(given)), target = (subject.raw.DeadLetterConfig or {}).TargetArn
      or ((config or {}).OnFailure or {}).Destination}
  end,
  test = function(live)
    if (live.target or "") ~= "" then return control.pass("to " .. live.target:match "[^:]+$") end
    return control.judge(#live.callers == 0, "no service calls it without waiting for the answer",
      table.concat(live.callers, ", ") .. " may call it, and what fails is dropped")
  end,
}
