-- The worker's message contract: what is taken is within its bounds and is taken again from its own fields; what is
-- refused is refused by a phrase that is fit for a log line and for a dead letter's attribute.
local json = require "tidelock.json"
local messages = require "ratelimit.message"

local NOW <const> = 1790000000

local function fit(text)
  assert(type(text) == "string" and text ~= "" and #text < 400 and not text:find "%c", "the reason is no line of text")
end

local function bounded(message)
  for _, name in ipairs {"messageId", "userId", "recipientId"} do
    local id = message[name]
    assert(type(id) == "string" and id ~= "" and #id <= 128 and not id:find "%c", name .. " is no id")
  end
  local urls = message.mediaUrls
  assert(type(message.content) == "string" or message.content == nil and next(urls), "there is nothing to send")
  assert(message.timestamp >= 0 and message.timestamp <= NOW + 300, "the time is in the future")
  for key, url in pairs(urls or {}) do
    assert(math.type(key) == "integer" and url:find "^https?://", "an address is none")
  end
end

local function target(bytes)
  local message, why = messages.parse(bytes, NOW)
  for _, id in pairs(messages.ids(bytes)) do fit(id .. "!") end
  if not message then return fit(why) end
  bounded(message)
  local again = assert(messages.parse(json.encode {version = messages.VERSION, messageId = message.messageId,
    userId = message.userId, recipientId = message.recipientId, content = message.content,
    mediaUrls = message.mediaUrls and json.array(message.mediaUrls), timestamp = message.timestamp}, NOW))
  for name, value in pairs(again) do
    if type(value) ~= "table" then assert(value == message[name], name .. " changes on its way") end
  end
end

local function seeds()
  local list, base = {}, {version = 1, messageId = "m", userId = "u", recipientId = "r", content = "hi",
    timestamp = NOW}
  local function seed(changes)
    local body = {}
    for name, value in pairs(base) do body[name] = value end
    for name, value in pairs(changes) do body[name] = value end
    list[#list + 1] = json.encode(body)
  end
  seed {}
  seed {timestamp = "2026-09-21T12:00:00Z"}
  seed {timestamp = "2026-09-21T12:00:00.25+02:00"}
  seed {mediaUrls = json.array {"https://h/x", "http://[::1]/y"}}
  seed {metadata = {source = "app", priority = "high"}}
  seed {messageId = ("x"):rep(1025), version = 2, extra = true}
  seed {userId = "a\n", content = ""}
  return list
end

return target, seeds
