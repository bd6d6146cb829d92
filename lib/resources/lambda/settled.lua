--- Waiting for Lambda: what was asked for becomes so some seconds later, and until then the next change is refused.
local resource = require "resources"

local settled = {}

--- Waits until the function can take the next change; raises with Lambda's own reason where it never will.
function settled.wait(aws, name)
  return resource.await("the function " .. name, function()
    local live = aws.lambda:get_function_configuration {FunctionName = name}
    if live.State == "Failed" or live.LastUpdateStatus == "Failed" then
      error({code = "FunctionFailed", message = ("Lambda could not set up the function %s: %s"):format(name,
        live.State == "Failed" and live.StateReason or live.LastUpdateStatusReason or "it gives no reason")}, 0)
    end
    return live.State ~= "Pending" and live.LastUpdateStatus ~= "InProgress" and live
  end, 300)
end

-- A new role is known to Lambda some seconds after it was made: sentences that mean "not yet".
local NOT_YET <const> = {"cannot be assumed by Lambda", "does not have permissions to call CreateNetworkInterface"}

--- Calls `fn`, again where a role that was just made is not known to Lambda yet.
function settled.with_role(fn, seconds)
  local loop = require "tidelock.loop"
  local limit = loop.now() + (seconds or 60)
  while true do
    local result = table.pack(pcall(fn))
    if result[1] then return table.unpack(result, 2, result.n) end
    local err, again = result[2], false
    for _, text in ipairs(NOT_YET) do
      again = again or type(err) == "table" and err.code == "InvalidParameterValueException"
        and tostring(err.message):find(text, 1, true) ~= nil
    end
    if not again or loop.now() >= limit then error(err, 0) end
    resource.nap(3)
  end
end

return settled
