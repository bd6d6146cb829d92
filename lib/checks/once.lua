--- A client that makes each read once: whoever asks the same again gets the first answer, or its refusal.
-- Reads in flight are shared too, so that fifty controls cost one list call.
local loop = require "tidelock.loop"

local once = {}

local function key_of(service, operation, input)
  return service .. "." .. operation .. " " .. require "tidelock.json".encode(input or {}, {sort = true})
end

-- When the last who waits for a read is stopped, the read is stopped too.
local Waiter <const> = {__close = function(waiter)
  local read = waiter.read
  read.waiting = read.waiting - 1
  if read.waiting == 0 and not read.ended then
    loop.cancel(read.task)
    waiter.kept[waiter.key] = nil
  end
end}

local function shared(kept, key, fn)
  local read = kept[key]
  if not read then
    read = {task = loop.spawn(fn), waiting = 0}
    kept[key] = read
  end
  read.waiting = read.waiting + 1
  local _ <close> = setmetatable({read = read, kept = kept, key = key}, Waiter)
  local ok, value = loop.wait(read.task)
  read.ended = true
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
