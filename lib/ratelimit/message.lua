--- The limiter's one message contract: what a message on the queue must be, and why one is refused.
-- {"version": 1, "messageId", "userId", "recipientId", "content", "mediaUrls": [...], "timestamp", "metadata": {...}}
local json = require "tidelock.json"
local suggest = require "suggest"

local message = {}

message.VERSION = 1
local SKEW <const> = 300                -- seconds that a sender's clock may be ahead
local MAX_ID <const>, MAX_CONTENT <const>, MAX_URLS <const> = 128, 10000, 20
local PRIORITIES <const> = {low = true, medium = true, high = true}
local FIELDS <const> = {"version", "messageId", "userId", "recipientId", "content", "mediaUrls", "timestamp",
  "metadata"}
local METADATA <const> = {"source", "workflowId", "traceId", "priority"}

local function known(list, name)
  for _, field in ipairs(list) do if field == name then return true end end
  return false
end

-- A word for people from what strangers wrote: short, and without anything a terminal would obey.
local function shown(value)
  local text = tostring(value)
  if #text > 40 then text = text:sub(1, 40) .. "..." end
  return (text:gsub("[^%g ]", "?"))
end

local function check_fields(body, list, where)
  local names = {}
  for name in pairs(body) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    if not known(list, name) then
      return ("%sthere is no field '%s'%s"):format(where, shown(name), suggest.phrase(shown(name), list))
    end
  end
end

-- An id goes into keys, log lines and headers: visible ASCII or well-formed UTF-8, no blanks at the ends, not long.
local function check_id(body, name)
  local id = body[name]
  if id == nil or id == json.null then return name .. " is missing" end
  if type(id) ~= "string" then return ("%s must be text, not a %s"):format(name, type(id)) end
  if id == "" then return name .. " is empty" end
  if #id > MAX_ID then return ("%s has %d bytes; at most %d are allowed"):format(name, #id, MAX_ID) end
  if not utf8.len(id) then return name .. " is not well-formed UTF-8" end
  if id:find "[%c\127]" or id:find "\194[\128-\159]" then return name .. " has control characters in it" end
  if id:find "[{}]" then return name .. " has braces in it" end
  if id:find "^%s" or id:find "%s$" then return name .. " begins or ends with a blank" end
end

local function check_content(body)
  local text = body.content
  if text == nil or text == json.null then
    local urls = body.mediaUrls
    return not (type(urls) == "table" and next(urls)) and "content is missing, and there are no mediaUrls" or nil
  end
  if type(text) ~= "string" then return ("content must be text, not a %s"):format(type(text)) end
  local length = utf8.len(text)
  if not length then return "content is not well-formed UTF-8" end
  if length < 1 then return "content is empty" end
  if length > MAX_CONTENT then
    return ("content has %d characters; at most %d are allowed"):format(length, MAX_CONTENT)
  end
end

local function check_urls(body)
  local urls = body.mediaUrls
  if urls == nil then return end
  if type(urls) ~= "table" then return "mediaUrls must be a list" end
  local n = 0
  for key, url in pairs(urls) do
    n = n + 1
    if math.type(key) ~= "integer" then return "mediaUrls must be a list" end
    if type(url) ~= "string" or not url:find "^https?://[%w%.%-%[%]:]+[%g]*$" or #url > 2048 then
      return ("mediaUrls[%d] is not an http or https address"):format(key)
    end
  end
  if n > MAX_URLS then return ("mediaUrls has %d entries; at most %d are allowed"):format(n, MAX_URLS) end
end

-- Days since 1970 of a date, by the civil calendar.
local function days(y, m, d)
  if m <= 2 then y, m = y - 1, m + 12 end
  return 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + d - 719469
end

local MONTHS <const> = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

local function days_in(y, m)
  if m == 2 and y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0) then return 29 end
  return MONTHS[m]
end

-- From 1970 to 2100.
local function sensible(seconds) return seconds >= 0 and seconds < 4102444800 and seconds or nil end

--- Epoch seconds of a number or an ISO 8601 time with a zone; nil for anything else.
function message.time(value)
  if type(value) == "number" then return sensible(value) end
  if type(value) ~= "string" or #value > 40 then return nil end
  local y, mo, d, h, mi, s, rest = value:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)(.*)$"
  if not y then return nil end
  y, mo, d, h, mi, s = tonumber(y), tonumber(mo), tonumber(d), tonumber(h), tonumber(mi), tonumber(s)
  if mo < 1 or mo > 12 or d < 1 or d > days_in(y, mo) or h > 23 or mi > 59 or s > 59 then return nil end
  local fraction, zone = rest:match "^(%.?%d*)([Z+-].*)$"
  if not zone or fraction == "." or (fraction ~= "" and fraction:sub(1, 1) ~= ".") then return nil end
  local offset = 0
  if zone ~= "Z" then
    local sign, zh, zm = zone:match "^([+-])(%d%d):?(%d%d)$"
    if not sign or tonumber(zh) > 14 or tonumber(zm) > 59 then return nil end
    offset = (zh * 3600 + zm * 60) * (sign == "-" and -1 or 1)
  end
  return sensible(days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - offset
    + (fraction == "" and 0 or tonumber("0" .. fraction)))
end

local function check_time(body, now)
  if body.timestamp == nil or body.timestamp == json.null then return "timestamp is missing" end
  local at = message.time(body.timestamp)
  if not at then return "timestamp must be epoch seconds or an ISO 8601 time with a zone" end
  if at > now + SKEW then return ("timestamp is %.0f seconds in the future"):format(at - now) end
end

local function check_metadata(body)
  local metadata = body.metadata
  if metadata == nil then return end
  if type(metadata) ~= "table" or #metadata > 0 then return "metadata must be an object" end
  local why = check_fields(metadata, METADATA, "in metadata ")
  if why then return why end
  for _, name in ipairs(METADATA) do
    local value = metadata[name]
    if value ~= nil and (type(value) ~= "string" or #value > 256 or value:find "%c") then
      return ("metadata.%s must be a short line of text"):format(name)
    end
  end
  if metadata.priority and not PRIORITIES[metadata.priority] then
    return "metadata.priority must be low, medium or high"
  end
end

--- Reads a message.
-- @param text the body as it came
-- @param now epoch seconds
-- @return {messageId=, userId=, recipientId=, content=, mediaUrls=, timestamp=epoch seconds, metadata=}; or nil and
--   why, a phrase that repeats none of the message's text
function message.parse(text, now)
  local body, err = json.decode(text)
  if err or body == nil then return nil, "the body is not JSON" end
  if type(body) ~= "table" or (#body > 0) then return nil, "the body is not a JSON object" end
  if body.version == nil then
    return nil, ("version is missing: this is version %d of the contract"):format(message.VERSION)
  end
  if body.version ~= message.VERSION or math.type(body.version) ~= "integer" then
    return nil, ("version %s is not the one that this limiter reads (%d)"):format(shown(body.version), message.VERSION)
  end
  local why = check_fields(body, FIELDS, "") or check_id(body, "messageId") or check_id(body, "userId")
    or check_id(body, "recipientId") or check_content(body) or check_urls(body) or check_time(body, now)
    or check_metadata(body)
  if why then return nil, why end
  return {messageId = body.messageId, userId = body.userId, recipientId = body.recipientId,
    content = body.content ~= json.null and body.content or nil, mediaUrls = body.mediaUrls,
    timestamp = message.time(body.timestamp), metadata = body.metadata or {}}
end

--- Whether a body that was refused still says whose it is: for log lines. Ids that are not fit for one are left out.
function message.ids(text)
  local body, err = json.decode(text)
  if err or type(body) ~= "table" then return {} end
  local out = {}
  for _, name in ipairs {"messageId", "userId"} do
    if check_id(body, name) == nil then out[name] = body[name] end
  end
  return out
end

return message
