--- Services that tell their own address (Timestream): asked once, kept as long as they say.
local discovery = {}

-- The operation of the service that tells addresses: the model marks it.
local function asker(c)
  if c.asker == nil then
    c.asker = false
    for _, name in ipairs(c.model:operations()) do
      local op = c.model:operation(name)
      if op.endpoint_operation then c.asker = op end
    end
  end
  return c.asker
end

--- The host that an operation must go to, or nil where the rules' own will do. `call` makes a call.
function discovery.host(c, op, call)
  local trait = op.endpoint_discovery
  if not (trait and trait.required) or c.url then return nil end
  local now = c.world.clock()
  if c.discovered and now < c.discovered.ends then return c.discovered.host end
  local ask = asker(c)
  if not ask then return nil end
  local told = (call(c, ask, {}).Endpoints or {})[1]
  if not told then return nil end
  c.discovered = {host = told.Address, ends = now + 60 * (told.CachePeriodInMinutes or 1)}
  return told.Address
end

return discovery
