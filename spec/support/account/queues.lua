-- queues.lua -- twenty-four queues: nine with their dead letters, six that lose them.
local json = require "tidelock.json"

local PAIRED <const> = {"email", "push", "webhooks", "campaigns", "media", "billing", "imports", "exports",
  "content.fifo"}
local ALONE <const> = {"analytics", "audit", "cleanup", "scheduler", "sync", "chat.fifo"}

local function make(world, name, attributes)
  if name:find "%.fifo$" then attributes.FifoQueue = "true" end
  world.aws.sqs:create_queue {QueueName = name, Attributes = attributes}
  return name
end

local function paired(world, word)
  local name = world.prefix .. "-" .. word
  local dlq = make(world, name:find "%.fifo$" and name:gsub("%.fifo$", "-dlq.fifo") or name .. "-dlq", {})
  local arn = ("arn:aws:sqs:%s:%s:%s"):format(world.region, world.id, dlq)
  make(world, name, {VisibilityTimeout = "60",
    RedrivePolicy = json.encode {deadLetterTargetArn = arn, maxReceiveCount = 5}})
  return {name, dlq}
end

return function(world)
  local queues, dlqs = {}, {}
  for _, pair in ipairs(world.each(PAIRED, function(word) return paired(world, word) end)) do
    queues[#queues + 1], queues[#queues + 2], dlqs[#dlqs + 1] = pair[1], pair[2], pair[2]
  end
  local alone = world.each(ALONE, function(word) return make(world, world.prefix .. "-" .. word, {}) end)
  table.move(alone, 1, #alone, #queues + 1, queues)
  return {queues = queues, dlqs = dlqs, alone = alone}
end
