--- A client that makes each read once: whoever asks the same again gets the first answer, or its refusal.
-- Reads in flight are shared too, so that fifty controls cost one list call.
local loop = require "tidelock.loop"

local once = {}

local function key_of(service, operation, input)
  return service .. "." .. operation .. " " .. require "tidelock.json".encode(input or {}, {sort = true})
end

local function shared(kept, key, fn)
  local task = kept[key]
  if not task then
    task = loop.spawn(fn)
    kept[key] = task
  end
  local ok, value = loop.wait(task)
  if not ok then error(value, 0) end
  return value
end

local function collect(client, operation, input)
  local out = {}
  for item in client:items(operation, input or {}) do out[#out + 1] = item end
  return out
end

local function each(list)
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

local function service(kept, aws, name)
  return setmetatable({}, {__index = function(proxy, operation)
    local call
    if operation == "items" then
      call = function(_, of, input)
        return each(shared(kept, key_of(name, of .. "*", input), function() return collect(aws[name], of, input) end))
      end
    else
      call = function(_, input)
        return shared(kept, key_of(name, operation, input), function()
          local client = aws[name]
          return client[operation](client, input or {})
        end)
      end
    end
    rawset(proxy, operation, call)
    return call
  end})
end

--- `aws` with a memory. What it gives must not be changed by those who ask.
function once.client(aws)
  local kept = {}
  return setmetatable({}, {__index = function(client, name)
    local proxy = service(kept, aws, name)
    rawset(client, name, proxy)
    return proxy
  end})
end

return once
