--- The dead letters of a limiter's queue: looked at, sent again, or dropped, one by one.
local json = require "tidelock.json"

local deadletters = {}

local HOLD <const> = 30      -- seconds that letters are hidden from others while they are worked on
local OWN <const> = {reason = true, kind = true, buriedFrom = true, firstSent = true, reposts = true}   -- the limiter's

local function text_of(m, name)
  local attribute = m.MessageAttributes and m.MessageAttributes[name]
  return attribute and attribute.StringValue or nil
end

local function letter(m)
  local body = json.decode(m.Body)
  local own = type(body) == "table" and body or {}
  return {id = m.MessageId, handle = m.ReceiptHandle, body = m.Body, message_id = own.messageId, user = own.userId,
    reason = text_of(m, "reason") or "received five times by the queue's own count, without a reason",
    kind = text_of(m, "kind") or "queue", attributes = m.MessageAttributes or {},
    sent = math.tointeger(tonumber(m.Attributes and m.Attributes.SentTimestamp or ""))}
end

--- All letters that can be had now, at most `most`; hidden until `show` or 30 seconds later.
function deadletters.read(queue, most)
  local list, seen, empty = {}, {}, 0
  while #list < most and empty < 2 do
    local got = queue.sqs:receive_message{QueueUrl = queue.dlq_url, MaxNumberOfMessages = 10, WaitTimeSeconds = 0,
      VisibilityTimeout = HOLD, MessageAttributeNames = {"All"}, AttributeNames = {"All"}}.Messages or {}
    empty = #got == 0 and empty + 1 or 0
    for _, m in ipairs(got) do
      if not seen[m.MessageId] then
        seen[m.MessageId] = true
        list[#list + 1] = letter(m)
      end
    end
  end
  table.sort(list, function(a, b) return (a.sent or 0) < (b.sent or 0) end)
  return list
end

--- Shows letters to others again.
function deadletters.show(queue, list)
  for _, one in ipairs(list) do
    if not one.gone then
      queue.sqs:change_message_visibility {QueueUrl = queue.dlq_url, ReceiptHandle = one.handle, VisibilityTimeout = 0}
    end
  end
end

function deadletters.drop(queue, one)
  queue.sqs:delete_message {QueueUrl = queue.dlq_url, ReceiptHandle = one.handle}
  one.gone = true
end

-- What the sender of the message gave with it: it goes back as it came.
local function given_with(one)
  local out
  for name, value in pairs(one.attributes) do
    if not OWN[name] then
      out = out or {}
      out[name] = {DataType = value.DataType, StringValue = value.StringValue, BinaryValue = value.BinaryValue}
    end
  end
  return out
end

--- Puts a letter on the queue again. That it failed is forgotten, else it would be buried again; that it was sent is
-- not.
-- @param resend true: also where it may have been sent
function deadletters.redrive(queue, limiter, one, resend)
  if one.user and one.message_id then
    local _, why = limiter:forget(one.user, one.message_id, resend)
    if why then return nil, why end
  end
  queue.sqs:send_message {QueueUrl = queue.url, MessageBody = one.body, MessageAttributes = given_with(one)}
  deadletters.drop(queue, one)
  return true
end

return deadletters
