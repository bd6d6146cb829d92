-- models.lua -- what a one-shot run pays for the model of the service it calls.
local models = require "tidelock.models"

local function measure(name)
  local open = package.preload["tidelock.models"]         -- opened anew: nothing is kept from the last time
  local best, size = math.huge, 0
  for _ = 1, 20 do
    local fresh = open()
    collectgarbage()
    local before, began = collectgarbage "count", os.clock()
    local service = fresh.service(name)
    local op = service:operation(service:operations()[1])
    local _ = op.input and op:input_shape()
    best = math.min(best, os.clock() - began)
    size = collectgarbage "count" - before
  end
  print(("models: %-10s %6.2f ms, %5.0f KB"):format(name, best * 1e3, size))
end

for _, name in ipairs {"sqs", "dynamodb", "s3", "ec2"} do measure(name) end
local began, operations = os.clock(), 0
for _, name in ipairs(models.services()) do operations = operations + #models.service(name):operations() end
print(("models: all %d services, %d operations: %.0f ms")
  :format(#models.services(), operations, (os.clock() - began) * 1e3))
