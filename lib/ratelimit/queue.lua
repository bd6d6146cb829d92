--- The limiter's queue on SQS, and its dead letters.
local queue = {}
local methods = {}
methods.__index = methods

local MAX_VISIBILITY <const>, MAX_DELAY <const> = 43200, 900

--- Opens a queue by its name or address.
-- @param session the aws session
-- @param options {queue =, dlq = (default: the queue's name with -dlq)}
function queue.open(session, options)
  local self = setmetatable({sqs = session.sqs}, methods)
  local function address(name)
    if name:find "^https?://" then return name end
    return self.sqs:get_queue_url{QueueName = name}.QueueUrl
  end
  self.url = address(options.queue)
  self.dlq_url = address(options.dlq or options.queue .. "-dlq")
  return self
end

--- Waits for messages, up to `wait` seconds. Each: {id=, handle=, body=, receives=, sent=epoch ms, reposts=}.
function methods:receive(max, wait, visibility)
  local out = self.sqs:receive_message {QueueUrl = self.url, MaxNumberOfMessages = max, WaitTimeSeconds = wait,
    VisibilityTimeout = visibility, AttributeNames = {"ApproximateReceiveCount", "SentTimestamp"},
    MessageAttributeNames = {"All"}}
  local list = {}
  for i, m in ipairs(out.Messages or {}) do list[i] = queue.record(m) end
  return list
end

local function text_of(attributes, name)
  local value = attributes and attributes[name]
  return value and (value.StringValue or value.stringValue)
end

--- A message as SQS or a Lambda event gives it.
function queue.record(m)
  local system, own = m.Attributes or m.attributes or {}, m.MessageAttributes or m.messageAttributes or {}
  return {id = m.MessageId or m.messageId, handle = m.ReceiptHandle or m.receiptHandle, body = m.Body or m.body or "",
    receives = tonumber(system.ApproximateReceiveCount) or 1,
    sent = tonumber(text_of(own, "firstSent")) or tonumber(system.SentTimestamp), attributes = own,
    reposts = math.tointeger(tonumber(text_of(own, "reposts"))) or 0}
end

function methods:delete(record) self.sqs:delete_message {QueueUrl = self.url, ReceiptHandle = record.handle} end

--- Hides it for so many seconds from now: 0 shows it again.
function methods:hide(record, seconds)
  self.sqs:change_message_visibility {QueueUrl = self.url, ReceiptHandle = record.handle,
    VisibilityTimeout = math.max(0, math.min(MAX_VISIBILITY, math.ceil(seconds)))}
end

-- What the sender of the message gave with it stays with it; ten attributes are SQS's most.
local function attributes_of(record, own)
  local out, n = {}, 0
  for name, value in pairs(own) do
    out[name] = {DataType = "String", StringValue = value}
    n = n + 1
  end
  for name, value in pairs(record.attributes) do
    local text, kind = value.StringValue or value.stringValue, value.DataType or value.dataType
    if text and kind and not out[name] and n < 10 then
      out[name] = {DataType = kind, StringValue = text}
      n = n + 1
    end
  end
  return out
end

--- Enqueues it again with a receive count of its own, to be seen in `seconds`, and deletes this one. A crash between
-- the two leaves both; the claim by messageId lets one of them be sent.
function methods:again(record, seconds)
  self.sqs:send_message {QueueUrl = self.url, MessageBody = record.body,
    DelaySeconds = math.max(0, math.min(MAX_DELAY, math.ceil(seconds))),
    MessageAttributes = attributes_of(record, {firstSent = ("%.0f"):format(record.sent or 0),
      reposts = tostring(record.reposts + 1)})}
  self:delete(record)
end

-- What SQS takes as text: XML's characters; at most 256 of them here.
local function clean(text)
  text = text:gsub("[%c\127-\255]", "?"):sub(1, 256)
  return text == "" and "?" or text
end

--- Moves it to the dead letters, with the reason as an attribute.
function methods:bury(record, reason, kind)
  local body = record.body ~= "" and record.body or " "
  self.sqs:send_message {QueueUrl = self.dlq_url, MessageBody = body, MessageAttributes = attributes_of(record,
    {reason = clean(reason), kind = kind, buriedFrom = clean(record.id or "?")})}
  self:delete(record)
end

return queue
