--- One message from its receive to its end: asks the limiter, sends, and says what the queue must do with it.
-- The same for the worker, which may wait in place, and the Lambda function, which never does.
local loop = require "tidelock.loop"
local messages = require "ratelimit.message"

local deliver = {}

local SURE <const> = {cooldown = true, clock = true, unavailable = true}
local BACKOFF <const>, MOST_BACKOFF <const> = 5, 300
local FEW <const> = 3             -- messages of one account that may wait here when it is for a second

-- self: {limiter=, sender=, report=, tries=, clock=, sleep=, patience= seconds, stopping= function,
--   waiting = {[user] = how many of its messages wait here}, places = how many more of all may}

local function note(self, event, message, fields)
  fields.messageId, fields.userId = message.messageId, message.userId
  self.report:log(event, fields)
end

local function bury(self, message, reason, kind)
  self.report:count "dlq"
  note(self, "dlq", message, {reason = reason, kind = kind})
  return {what = "bury", reason = reason, kind = kind}
end

-- A try that failed, and may be made again unless it was the last.
local function failed(self, message, info, result)
  self.report:count "failed"
  if info.attempt >= self.tries then
    self.limiter:finish(message.userId, message.messageId, info.nonce, "F", result.detail, result.block)
    if result.limited then self.report:count "blocked" end
    return bury(self, message, ("failed %d times; the last time: %s"):format(info.attempt, result.detail), "failed")
  end
  self.limiter:finish(message.userId, message.messageId, info.nonce, "R", result.detail, result.block)
  local wait = math.max(result.block or 0, result.retry or 0,
    math.min(MOST_BACKOFF, self.backoff * 2 ^ (info.attempt - 1)))
  note(self, "failed", message, {detail = result.detail, attempt = info.attempt, wait = wait})
  if result.limited then
    self.report:count "blocked"
    note(self, "blocked", message, {detail = "the platform limits this account", wait = result.block})
  end
  return {what = "defer", seconds = wait, tried = true}
end

local function sent(self, message, info, record, detail)
  local held, why = self.limiter:finish(message.userId, message.messageId, info.nonce, "S", detail)
  self.report:count "sent"
  local fields = {attempt = info.attempt, detail = detail, finish = not held and why or nil}
  if record.sent then
    local seconds = math.max(0, self.clock() - record.sent / 1000)
    self.report:time("queue", seconds)
    fields.queue_ms = math.floor(seconds * 1000)
  end
  note(self, "sent", message, fields)
  return {what = "delete"}
end

-- It may have been sent. Looked up where the site can be asked; else a person must. For `rest` seconds the request may
-- still be on its way, and that the site does not know it proves nothing: it is looked up again after that.
local function unknown(self, message, info, record, detail, rest)
  local found = self.sender:verify(message)
  if found == "sent" then return sent(self, message, info, record, "found at the site") end
  if found == "not sent" and rest <= 0 then
    return failed(self, message, info, {detail = detail .. "; not found at the site"})
  end
  self.limiter:finish(message.userId, message.messageId, info.nonce, "U", detail)
  if found == "not sent" then
    note(self, "unknown", message, {detail = detail .. "; not found at the site yet", wait = rest})
    return {what = "defer", seconds = rest + 1, quiet = true}
  end
  return bury(self, message, "unknown: " .. detail, "unknown")
end

local function send(self, message, info, record, took)
  local ends = loop.now() + info.timeout - took
  local result = self.sender:send(message, math.min(ends - loop.now(), self.time_left()), self.clock())
  if result.outcome == "S" then return sent(self, message, info, record, result.detail) end
  if result.outcome == "R" then return failed(self, message, info, result) end
  if result.outcome == "U" then
    return unknown(self, message, info, record, result.detail, ends - loop.now())
  end
  self.report:count "failed"
  self.limiter:finish(message.userId, message.messageId, info.nonce, "F", result.detail)
  return bury(self, message, "refused: " .. result.detail, "refused")
end

-- Waits here until `wait` is over or the worker stops. Who waits has one of few places, given back whatever ends it.
local function stay(self, user, wait)
  local function count(n)
    local left = (self.waiting[user] or 0) + n
    self.waiting[user], self.places = left > 0 and left or nil, self.places - n
  end
  local _ <close> = setmetatable({}, {__close = function() count(-1) end})
  count(1)
  local till = loop.now() + wait
  while loop.now() < till and not self.stopping() do self.sleep(math.max(0, math.min(0.25, till - loop.now()))) end
end

-- Waits here, or gives the message a time of its own; nil: ask again. One message of an account waits here, so that its
-- next token is used at once, or a few for less than a second; the rest of a crowd would only keep others from being
-- received.
local function limited(self, message, info)
  if info.detail == "blocked" then return {what = "defer", seconds = info.wait} end
  local user, wait = message.userId, info.wait
  local function may_stay()
    local most = wait <= 1 and FEW or 1
    return wait < self.patience and self.places > 0 and (self.waiting[user] or 0) < most and not self.stopping()
  end
  if not may_stay() then wait = self.limiter:slot(user) or wait end
  if not may_stay() then return {what = "defer", seconds = wait} end
  stay(self, user, wait)
  if self.stopping() then return {what = "defer", seconds = 0} end
  return nil
end

local function answer(self, message, info, record)
  if info.code == "limited" then return limited(self, message, info) end
  if info.code == "inflight" then return {what = "defer", seconds = info.wait + 1, quiet = true} end
  if info.code == "unknown" then return unknown(self, message, info, record, info.detail, info.wait) end
  if info.code == "done" then
    if info.detail:sub(1, 1) == "F" then
      return bury(self, message, "failed before: " .. info.detail:sub(3), "failed")
    end
    self.report:count "duplicate"
    note(self, "duplicate", message, {detail = info.detail})
    return {what = "delete"}
  end
  self.report:count "unavailable"
  note(self, info.code, message, {detail = info.detail, wait = info.wait})
  return {what = "defer", seconds = info.wait, pause = SURE[info.code] and info.wait or nil, quiet = true}
end

--- Handles a record of `ratelimit.queue`.
-- @return {what = "delete" | "bury" | "defer", seconds =, reason =, kind =, pause = seconds to stop receiving for}
function deliver.handle(self, record)
  self.report:count "received"
  local message, why = messages.parse(record.body, self.clock())
  if not message then
    return bury(self, messages.ids(record.body), why, "refused")
  end
  local priority = (message.metadata or {}).priority
  if priority then self.report:count(priority) end
  while true do
    local from = loop.now()
    local ok, info = self.limiter:take(message.userId, message.messageId)
    local took = loop.now() - from
    self.report:time("decision", took)
    local action
    if ok then action = send(self, message, info, record, took) else action = answer(self, message, info, record) end
    if action then
      if action.what == "defer" and not action.quiet and not action.tried then
        self.report:count "deferred"
        note(self, "deferred", message, {wait = action.seconds, detail = info.detail})
      end
      return action
    end
  end
end

--- The parts that both kinds of sender share.
-- @param options {limiter=, sender=, report=, tries = 5, patience = seconds to wait in place, places = how many
--   messages may at once, stopping = function}
function deliver.new(options)
  return {limiter = options.limiter, sender = options.sender, report = options.report, tries = options.tries or 5,
    patience = options.patience or 0, backoff = options.backoff or BACKOFF, clock = options.clock or loop.time,
    sleep = options.sleep or loop.sleep, waiting = {}, time_left = function() return math.huge end,
    places = options.places or math.huge,
    stopping = options.stopping or function() return false end}
end

local LAST_RECEIVE <const> = 4

--- Carries out what `handle` said. A message that was put off so often that the queue's own count would make it a dead
-- letter is enqueued anew.
-- @return whether this receive of it is over and done with; false: it is hidden, and comes again
function deliver.settle(queue, record, action)
  if action.what == "delete" then queue:delete(record)
  elseif action.what == "bury" then queue:bury(record, action.reason, action.kind)
  elseif record.receives >= LAST_RECEIVE then queue:again(record, action.seconds)
  else
    queue:hide(record, action.seconds)
    return false
  end
  return true
end

return deliver
