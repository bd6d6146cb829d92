-- shelf.lua -- a queue in memory with SQS's operations, visibility and counts of receives: as fast as a spec wants it.
local loop = require "tidelock.loop"

local shelf = {}
local operations = {}
operations.__index = operations

--- Makes one. A request takes `latency` seconds; what it costs is counted in `requests`.
function shelf.new(latency)
  return setmetatable({latency = latency or 0, messages = {}, handles = {}, requests = {}, dead = {}, n = 0},
    operations)
end

--- Puts a message on it.
function operations:put(body, delay)
  self.n = self.n + 1
  self.messages[#self.messages + 1] = {id = "m" .. self.n, body = body, receives = 0,
    seen = loop.now() + (delay or 0), sent = math.floor(loop.time() * 1000)}
end

local function asked(self, name)
  self.requests[name] = (self.requests[name] or 0) + 1
  loop.sleep(self.latency)
end

local function take(self, most, visibility)
  local out = {}
  for _, m in ipairs(self.messages) do
    if #out == most then break end
    if m.seen <= loop.now() then
      self.n = self.n + 1
      m.receives, m.seen, m.handle = m.receives + 1, loop.now() + visibility, "h" .. self.n
      self.handles[m.handle] = m
      out[#out + 1] = {MessageId = m.id, ReceiptHandle = m.handle, Body = m.body, MessageAttributes = m.attributes,
        Attributes = {ApproximateReceiveCount = tostring(m.receives), SentTimestamp = tostring(m.sent)}}
    end
  end
  return out
end

function operations:receive_message(input)
  asked(self, "receive_message")
  local till = loop.now() + input.WaitTimeSeconds
  while true do
    local out = take(self, input.MaxNumberOfMessages, input.VisibilityTimeout)
    if #out > 0 or loop.now() >= till then return {Messages = out} end
    loop.sleep(0.005)
  end
end

local function delete(self, entry)
  for i, m in ipairs(self.messages) do
    if m == self.handles[entry.ReceiptHandle] then
      table.remove(self.messages, i)
      break
    end
  end
  self.handles[entry.ReceiptHandle] = nil
end

local function hide(self, entry)
  local m = self.handles[entry.ReceiptHandle]
  if m then m.seen = loop.now() + entry.VisibilityTimeout end
end

local function send(self, entry, url)
  if url:find "dlq" then
    self.dead[#self.dead + 1] = entry
  else
    self:put(entry.MessageBody, entry.DelaySeconds)
    self.messages[#self.messages].attributes = entry.MessageAttributes
  end
end

for name, fn in pairs {delete_message = delete, change_message_visibility = hide, send_message = send} do
  operations[name] = function(self, input)
    asked(self, name)
    fn(self, input, input.QueueUrl)
    return {}
  end
  operations[name .. "_batch"] = function(self, input)
    asked(self, name .. "_batch")
    for _, entry in ipairs(input.Entries) do fn(self, entry, input.QueueUrl) end
    return {}
  end
end

return shelf
