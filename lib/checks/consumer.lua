--- The function that works off the limiter's queue, as several controls look for it.
local consumer = {}

--- Its event source mapping; nil and why none is expected, or nil alone where there should be one.
function consumer.mapping(aws, world)
  if not world.account.prefix then return nil, "no account file was given, so no consumer is expected" end
  if world.account.consumer == "worker" then return nil, "the consumer is a worker, not a function" end
  local queue = world.account.prefix .. "-rate-limiter-queue"
  for mapping in aws.lambda:items("list_event_source_mappings", {}) do
    if (mapping.EventSourceArn or ""):match "[^:]+$" == queue then return mapping end
  end
  return nil
end

return consumer
