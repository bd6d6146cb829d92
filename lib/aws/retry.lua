--- When to send again, and after how long. Decides only: client.lua sleeps and sends.
local date = require "aws.date"

local retry = {}

local CAP <const> = 20                                   -- seconds
local BASE <const> = {throttle = 1.0, transient = 0.05, timeout = 0.05}
local COST <const> = {throttle = 5, transient = 5, timeout = 10}
local QUOTA <const> = 500
local SKEWED <const> = 240                               -- seconds before a clock counts as wrong
local HINT_EXTRA <const> = 5                             -- how far x-amz-retry-after may raise a delay

local THROTTLING <const> = {}
for code in ([[Throttling ThrottlingException ThrottledException RequestThrottledException
    TooManyRequestsException ProvisionedThroughputExceededException TransactionInProgressException
    RequestLimitExceeded BandwidthLimitExceeded LimitExceededException RequestThrottled SlowDown
    PriorRequestNotComplete EC2ThrottledException]]):gmatch "%S+" do
  THROTTLING[code] = true
end

local TRANSIENT <const> = {RequestTimeout = true, RequestTimeoutException = true,
  InternalError = true, InternalServerError = true, InternalFailure = true, ServiceUnavailable = true,
  IDPCommunicationError = true, ChecksumMismatch = true, BrokenAnswer = true}
local STATUSES <const> = {[500] = true, [502] = true, [503] = true, [504] = true}
local NETWORK <const> = {connect = "transient", dns = "transient", closed = "transient",
  protocol = "transient", timeout = "timeout"}
local CLOCK <const> = {RequestTimeTooSkewed = true, RequestExpired = true, RequestInTheFuture = true,
  InvalidSignatureException = true, SignatureDoesNotMatch = true, AuthFailure = true,
  AccessDenied = true, AccessDeniedException = true, ExpiredToken = true}

--- What sort of failure `err` is: "throttle", "transient", "timeout", or nil for one that stays.
-- `modelled` is the error's `retryable` trait where the model has one.
function retry.kind(err, modelled)
  if THROTTLING[err.code] then return "throttle" end
  if modelled then return modelled.throttling and "throttle" or "transient" end
  if not err.status then return NETWORK[err.code] end
  if err.status == 429 then return "throttle" end
  if TRANSIENT[err.code] or STATUSES[err.status] then return "transient" end
  return nil
end

--- A quota of retries for one client: while all goes well it is full; in an outage it runs dry,
-- and calls fail at once instead of adding to the load.
function retry.quota() return {left = QUOTA} end

--- Gives back what the last retry of a call cost (or 1 for a call that needed none).
function retry.release(quota, cost) quota.left = math.min(QUOTA, quota.left + (cost or 1)) end

-- What the server asked for: the delay is raised to it, within reason.
local function hinted(delay, headers, now)
  local ms = tonumber(headers["x-amz-retry-after"])
  if ms and ms >= 0 then return math.max(delay, math.min(ms / 1000, delay + HINT_EXTRA)) end
  local text = headers["retry-after"]
  if not text then return delay end
  local seconds = tonumber(text)
  if not seconds then
    local at = date.http(text)
    seconds = at and at - now
  end
  if not (seconds and seconds == seconds and seconds >= 0) then return delay end
  return math.max(delay, math.min(seconds, CAP))
end

--- Seconds to wait before attempt `n + 1` and what that costs, or nil and the reason to give up.
-- `failure` is {kind=, headers=, service=}; `random()` is in [0, 1); `now` is epoch seconds.
function retry.delay(quota, failure, n, max, random, now)
  local kind = failure.kind
  if not kind then return nil, nil end
  if n >= max then return nil, nil end
  local cost = COST[kind]
  if quota.left < cost then
    return nil, "It was not tried again: too many calls of this client failed just before"
  end
  quota.left = quota.left - cost
  local base = BASE[kind]
  if kind ~= "throttle" and (failure.service or ""):find("^dynamodb") then base = base / 2 end
  local delay = random() * math.min(CAP, base * 2 ^ (n - 1))
  return hinted(delay, failure.headers or {}, now), cost
end

--- How far the server's clock is ahead of ours (seconds), where that explains the refusal; or nil.
function retry.skew(err, headers, now)
  if not CLOCK[err.code] then return nil end
  local theirs = headers and headers.date and date.http(headers.date)
  if not theirs then return nil end
  local ahead = theirs - now
  if math.abs(ahead) < SKEWED then return nil end
  return ahead
end

--- The mode and the number of attempts to use, from what was configured; or nil and a sentence.
function retry.mode(name, attempts)
  name = name or "standard"
  if name == "legacy" then name = "standard" end
  if name ~= "standard" and name ~= "adaptive" then
    return nil, ('The retry mode is "%s"; it must be standard or adaptive (AWS_RETRY_MODE).'):format(name)
  end
  attempts = attempts or 3
  if attempts < 1 then return nil, "The number of attempts must be at least 1 (AWS_MAX_ATTEMPTS)." end
  return name, attempts
end

return retry
