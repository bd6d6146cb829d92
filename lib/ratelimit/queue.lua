--- The limiter's queue on SQS, and its dead letters. What many messages want at once is asked for in one request.
local together = require "ratelimit.together"

local queue = {}
local methods = {}
methods.__index = methods

local MAX_VISIBILITY <const>, MAX_DELAY <const> = 43200, 900
local ROOMY <const> = 200000      -- bytes of a body that leave room for attributes on any queue as ours
local ABSENT <const> = {QueueDoesNotExist = true, ["AWS.SimpleQueueService.NonExistentQueue"] = true}

-- What a batch refused, as the error that the single call would have raised.
local function refused(what, failed)
  return {code = failed.Code, operation = what, service = "sqs",
    message = ("SQS refused %s for a message: %s: %s"):format(what, failed.Code, failed.Message or "it gave no reason")}
end

local function copy(entry, more)
  for name, value in pairs(entry) do more[name] = value end
  return more
end

-- A kind of request: one entry goes alone, more as a batch; what a batch could not do for a fault of the service's own
-- is asked for alone once more.
local function requests(sqs, single, url, key)
  local plural = single .. "_batch"
  local function alone(entry) return sqs[single](sqs, copy(entry, {QueueUrl = url})) end
  local function again(entry)
    local ok, err = pcall(alone, entry)
    return not ok and err or nil
  end
  return together.new(function(entries)
    if #entries == 1 then
      alone(entries[1])
      return {}
    end
    local list, faults = {}, {}
    for i, entry in ipairs(entries) do list[i] = copy(entry, {Id = tostring(i)}) end
    for _, failed in ipairs(sqs[plural](sqs, {QueueUrl = url, Entries = list}).Failed or {}) do
      local i = math.tointeger(tonumber(failed.Id))
      faults[i] = failed.SenderFault and refused(plural, failed) or again(entries[i])
    end
    return faults
  end, key)
end

local function handle_of(entry) return entry.ReceiptHandle end
local function itself(entry) return entry end

--- Opens a queue by its name or address.
-- @param session the aws session
-- @param options {queue =, dlq = (default: the queue's name with -dlq)}
function queue.open(session, options)
  local self = setmetatable({sqs = session.sqs}, methods)
  local function address(name)
    if name:find "^https?://" then return name end
    local ok, answer = pcall(self.sqs.get_queue_url, self.sqs, {QueueName = name})
    if ok then return answer.QueueUrl end
    if not ABSENT[answer.code] then error(answer, 0) end
    error({exit = 1, code = answer.code, message = ("There is no queue %s in this account and region: look at its name"
      .. " and at --region; what there is says: tidelock call sqs list-queues. Nothing was done."):format(name)}, 0)
  end
  self.url = address(options.queue)
  self.dlq_url = address(options.dlq or options.queue .. "-dlq")
  if self.dlq_url == self.url then
    error({exit = 64, code = "Usage", message = ("The queue and its dead-letter queue are one and the same, %s: a dead "
      .. "letter would be sent again. Give dlq another."):format(self.url)}, 0)
  end
  self.deletes = requests(self.sqs, "delete_message", self.url, handle_of)
  self.hides = requests(self.sqs, "change_message_visibility", self.url, handle_of)
  self.sends = requests(self.sqs, "send_message", self.url, itself)
  self.burials = requests(self.sqs, "send_message", self.dlq_url, itself)
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

function methods:delete(record) self.deletes:call {ReceiptHandle = record.handle} end

--- Hides it for so many seconds from now: 0 shows it again.
function methods:hide(record, seconds)
  self.hides:call {ReceiptHandle = record.handle,
    VisibilityTimeout = math.max(0, math.min(MAX_VISIBILITY, math.ceil(seconds)))}
end

-- An upper bound of what it adds to a batch: all of one may be 262,144 bytes.
local function size_of(entry)
  local n = #entry.MessageBody
  for name, value in pairs(entry.MessageAttributes) do n = n + #name + #value.DataType + #value.StringValue end
  return n
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
  local entry = {MessageBody = record.body, DelaySeconds = math.max(0, math.min(MAX_DELAY, math.ceil(seconds))),
    MessageAttributes = attributes_of(record, {firstSent = ("%.0f"):format(record.sent or 0),
      reposts = tostring(record.reposts + 1)})}
  self.sends:call(entry, size_of(entry))
  self:delete(record)
end

-- What SQS takes as text: XML's characters; at most 256 of them here.
local function clean(text)
  text = text:gsub("[%c\127-\255]", "?"):sub(1, 256)
  return text == "" and "?" or text
end

-- A text without its last `n` bytes, or the few more that leave no character in pieces.
local function shorter(text, n)
  local last = #text - n
  while last > 0 and text:find("^[\128-\191]", last + 1) do last = last - 1 end
  return text:sub(1, last)
end

-- A body may fill a message to its last byte, and then its reason has no room.
local function no_room(err)
  return type(err) == "table" and tostring(err.code):find "^InvalidParameterValue" ~= nil
end

--- Moves it to the dead letters, with the reason as an attribute. Where the queue has no room for both, the body's end
-- goes: what is as long as that is none of our messages.
function methods:bury(record, reason, kind)
  local body = record.body ~= "" and record.body or " "
  local function letter(text)
    return {MessageBody = text, MessageAttributes = attributes_of(record,
      {reason = clean(reason), kind = kind, buriedFrom = clean(record.id or "?")})}
  end
  local function send(entry) self.burials:call(entry, size_of(entry)) end
  local ok, err = pcall(send, letter(body))
  if not ok then
    if #body < ROOMY or not no_room(err) then error(err, 0) end
    reason = "the body's end is cut off here; " .. reason
    send(letter(shorter(body, size_of(letter ""))))
  end
  self:delete(record)
end

return queue
