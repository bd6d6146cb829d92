--- The messages of channels, on a connection of their own: lost ones are lost, but never in silence.
local open = require "redis.open"

local subscription = {}
subscription.__index = subscription
subscription.__name = "redis subscription"

local CONFIRMED <const> = {subscribe = true, psubscribe = true, ssubscribe = true}
local MESSAGE <const> = {message = true, smessage = true}

--- Subscribes and waits until each channel is confirmed; nil, err if that fails.
function subscription.open(options, command, ...)
  local connection, err = open.any(options)
  if not connection then return nil, err end
  local ok
  ok, err = connection:push(command, ...)
  for _ = 1, ok and select("#", ...) or 0 do
    local push, lost = connection:receive()
    if not push or not CONFIRMED[push[1]] then
      connection:close()
      return nil, lost or {code = push.code or "protocol", message = "subscribing failed: " .. (push.message or "?")}
    end
  end
  if not ok then return nil, err end
  return setmetatable({connection = connection}, subscription)
end

--- Waits for the next message: channel, text, and the pattern it matched; or nil, err when the connection is lost.
function subscription:receive()
  while true do
    local push, err = self.connection:receive()
    if not push then return nil, err end
    if MESSAGE[push[1]] then return push[2], push[3] end
    if push[1] == "pmessage" then return push[3], push[4], push[2] end
  end
end

--- for channel, text, pattern in s:messages() do ... end: ends when `close` is called; raises when the connection
-- is lost.
function subscription:messages()
  return function()
    local channel, text, pattern = self:receive()
    if channel or self.closed then return channel, text, pattern end
    error(text, 0)
  end
end

--- Ends it; a task that waits for a message wakes, and its loop is over.
function subscription:close()
  self.closed = true
  self.connection:close()
end

subscription.__close = subscription.close
return subscription
