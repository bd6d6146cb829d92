--- Sends one message over HTTP, and says of each answer what became of the message.
local http = require "tidelock.http"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local proxy = require "proxy"
local secret = require "tidelock.secret"
local tokenbucket = require "tidelock.tokenbucket"

local sender = {}
local methods = {}
methods.__index = methods

local MAX_BODY <const> = 65536
local MOST_BLOCK <const> = 86400
local MONTHS <const> = {Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10,
  Nov = 11, Dec = 12}

--- Seconds of a Retry-After: a number or a date; nil where there is none that makes sense.
function sender.retry_after(value, now)
  if not value then return nil end
  local n = value:match "^%s*(%d+)%s*$"
  if n then return math.min(MOST_BLOCK, math.tointeger(tonumber(n)) or MOST_BLOCK) end
  local d, mon, y, h, mi, s = value:match "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
  if not MONTHS[mon] then return nil end
  local at = require "ratelimit.message".time(("%s-%02d-%sT%s:%s:%sZ"):format(y, MONTHS[mon], d, h, mi, s))
  return at and math.max(0, math.min(MOST_BLOCK, math.ceil(at - now))) or nil
end

--- What an answer, or the lack of one, means for the message. Pure.
-- @return {outcome = "S" | "F" | "R" | "U", detail =, block = seconds or nil}: S sent; F refused for good; R not taken,
--   may be sent again; U it may have been
function sender.judge(response, err, now)
  if not response then
    -- Not by its code: a site that takes a request on a kept connection and goes away ends as `connect`, and a
    -- connection that never came about as `timeout`.
    return {outcome = err.sent == false and "R" or "U", detail = err.code .. ": " .. err.message}
  end
  local status = response.status
  local detail = ("HTTP %d"):format(status)
  if status >= 200 and status < 300 then return {outcome = "S", detail = detail} end
  local retry = sender.retry_after(response.headers["retry-after"], now)
  if status == 429 then return {outcome = "R", detail = detail, block = retry or 60, limited = true} end
  if status >= 500 then return {outcome = "R", detail = detail, retry = retry} end
  if status == 408 or status == 425 then return {outcome = "R", detail = detail, retry = retry} end
  return {outcome = "F", detail = detail}
end

local function escape(text)
  return (text:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function fill(template, message)
  return (template:gsub("{(%a+)}", function(name)
    local value = message[name]
    return value and escape(tostring(value)) or nil
  end))
end

local function split(url)
  local scheme, host, path = url:match "^(https?)://([^/?#]+)([^#]*)"
  if not scheme then return nil end
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  local query = path:match "%?(.*)$" or ""
  return scheme, host, (path:gsub("%?.*$", "")), query
end

-- What the site says in the answer's head is all that is asked of it: a body that is too long or breaks off takes
-- nothing back of a 2xx or a 429. It is read at all only so that its connection can be kept.
local function exchange(out, options)
  local response, err = http.open(out, options)
  if not response then return nil, err end
  local left = MAX_BODY
  repeat
    local piece = response:read()
    left = left - #(piece or "")
  until not piece or left <= 0
  response:close()
  return response
end

--- Makes a sender.
-- @param options {url = "https://host/path/{userId}", method = "POST", headers = {}, ca =, timeout = 25, verify =
--   "https://host/messages/{messageId}" (200: it was sent, 404: it was not), auth = {header = "Authorization", prefix =
--   "Bearer ", secret = name or ARN in Secrets Manager}}
-- @param session of AWS; only needed with auth.secret
function sender.new(options, session)
  for _, name in ipairs {"url", "verify"} do
    if options[name] and not split(options[name]) then
      error({exit = 64, code = "Usage", message = ("The sender's %s '%s' is not an http or https address.")
        :format(name, options[name])}, 0)
    end
  end
  if not options.url then error({exit = 64, code = "Usage", message = "The sender needs a url to send to."}, 0) end
  return setmetatable({options = options, session = session, transport = options.transport or exchange}, methods)
end

local function read_token(self)
  local got = self.session:client("secretsmanager"):call("GetSecretValue", {SecretId = self.options.auth.secret})
  return type(got.SecretString) == "string" and secret.new(got.SecretString) or got.SecretString
end

-- The auth header, its value read once. Returns that.
local function authorise(self, headers)
  local auth = self.options.auth
  if not auth then return nil end
  self.token = self.token or read_token(self)
  headers[auth.header or "Authorization"] = (auth.prefix or "") .. secret.reveal(self.token)
  return self.token
end

-- What a function that asks for the secret gave; or nil and that nothing was sent. Who was cancelled says nothing.
local function attempt(fn, ...)
  local ok, got = pcall(fn, ...)
  if ok then return got end
  if got == loop.CANCELLED then error(got, 0) end
  return nil, {code = "the secret could not be read", sent = false,
    message = tostring(type(got) == "table" and got.code or got)}
end

-- Was the token that the site refused rotated meanwhile? Read anew, unless another message did so already.
local function rotated(self, used)
  if self.token == used then self.token = read_token(self) end
  return secret.reveal(self.token) ~= secret.reveal(used)
end

-- Within `seconds` from now, of which the secret may take some: a request that went out after its grant's time would
-- arrive when nobody counts it any more. Returns the response or nil, the error, and the token used.
local function request(self, method, url, message, body, seconds)
  local till = tokenbucket.now() + seconds * 1000
  local scheme, host, path, query = split(fill(url, message))
  local headers = {["User-Agent"] = "tidelock"}
  for name, value in pairs(self.options.headers or {}) do headers[name] = value end
  if body then
    headers["Content-Type"] = "application/json"
    headers["Idempotency-Key"] = message.messageId
  end
  local token, why = attempt(authorise, self, headers)
  if why then return nil, why end
  local timeout = (till - tokenbucket.now()) / 1000
  if timeout <= 0.05 then return nil, {code = "late", message = "no time was left to send in", sent = false} end
  local out = {method = method, scheme = scheme, host = host, path = path, query = query, headers = headers,
    body = body}
  local response, err = self.transport(out, proxy.options(out, {timeout = timeout,
    connect_timeout = math.min(5, timeout), read_timeout = timeout, ca = self.options.ca}))
  return response, err, token
end

--- Sends it within `seconds`. Where its secret can't be read, nothing was sent. A 401 to a token
-- that was rotated meanwhile took nothing either, and the next try has the new one.
-- @return as `sender.judge`
function methods:send(message, seconds, now)
  local body = json.encode({messageId = message.messageId, userId = message.userId, recipientId = message.recipientId,
    content = message.content, mediaUrls = message.mediaUrls and json.array(message.mediaUrls)}, {sort = true})
  local timeout = math.min(seconds, self.options.timeout or 25)
  local response, err, token = request(self, self.options.method or "POST", self.options.url, message, body, timeout)
  if token and response and response.status == 401 then
    local other, unread = attempt(rotated, self, token)
    if unread then return sender.judge(nil, unread, now) end
    if other then return {outcome = "R", detail = "HTTP 401; the secret was rotated, and is read anew"} end
  end
  return sender.judge(response, err, now)
end

--- Was it sent? "sent", "not sent", or nil where that can't be told.
function methods:verify(message)
  if not self.options.verify then return nil end
  local response = request(self, "GET", self.options.verify, message, nil, 10)
  if not response then return nil end
  if response.status == 200 then return "sent" end
  if response.status == 404 then return "not sent" end
  return nil
end

return sender
