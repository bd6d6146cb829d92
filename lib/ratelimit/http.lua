--- A verdict as an HTTP answer: 429 with Retry-After (RFC 9110) and RateLimit fields, 503, 409, 200.
local json = require "tidelock.json"

local http = {}

local function seconds(ms) return math.max(1, math.ceil(ms / 1000)) end

-- The policies of a limit by name: {name, quota, window in seconds}. The burst of b, one more every T, refills in b*T.
local function named(policy)
  local out = {}
  if policy.burst_size then
    out[#out + 1] = {name = "burst", quota = policy.burst_size, ms = policy.burst_size * policy.every_ms}
  end
  for i, window in ipairs(policy.windows) do
    local name = window.seconds == 60 and "minute" or window.seconds == 3600 and "hour"
      or window.seconds == 86400 and "day" or "window-" .. i
    out[#out + 1] = {name = name, quota = window.limit, ms = math.floor(window.seconds * 1000 + 0.5)}
  end
  return out
end

--- RateLimit-Policy of a limit: '"burst";q=3;w=18, "minute";q=10;w=60'.
function http.policy(policy)
  local parts = {}
  for i, p in ipairs(named(policy)) do parts[i] = ('"%s";q=%d;w=%d'):format(p.name, p.quota, math.ceil(p.ms / 1000)) end
  return table.concat(parts, ", ")
end

-- Which rule holds a request back longest: only that one is told, so that Retry-After is not earlier than its t.
local function violated(policy, info)
  local list = named(policy)
  local times, now = info.times, info.server_ms
  if not times or not now then return list[#list] end
  for i, window in ipairs(policy.windows_ms) do
    local h = times[window.limit]
    if h and h + window.ms - now >= info.wait_ms - 1000 then return list[i + (policy.burst_size and 1 or 0)] end
  end
  return list[1]
end

local function problem(status, headers, kind, title, more)
  local body = {type = "urn:ietf:params:http-problem:" .. kind, title = title, status = status}
  for name, value in pairs(more or {}) do body[name] = value end
  headers["Content-Type"] = "application/problem+json"
  headers["Cache-Control"] = "no-store"
  return {status = status, headers = headers, body = json.encode(body, {sort = true})}
end

local function limited(policy, info)
  local rule, retry = violated(policy, info), seconds(info.wait_ms)
  local headers = {["Retry-After"] = tostring(retry), ["RateLimit-Policy"] = http.policy(policy),
    ["X-RateLimit-Limit"] = tostring(rule.quota), ["X-RateLimit-Remaining"] = "0",
    ["X-RateLimit-Reset"] = tostring(retry)}
  if info.detail == "blocked" then
    return problem(429, headers, "quota-exceeded", "The platform itself has stopped this account.",
      {["violated-policies"] = {"platform"}})
  end
  headers["RateLimit"] = ('"%s";r=0;t=%d'):format(rule.name, retry)
  return problem(429, headers, "quota-exceeded", "This account sends faster than its limit allows.",
    {["violated-policies"] = {rule.name}})
end

local AWAY <const> = {
  cooldown = "Nothing is sent until what may have been forgotten is too old to matter.",
  clock = "Two clocks disagree, so nothing is sent until they are set.",
  unavailable = "The limit can't be asked for now, so nothing is sent.",
}

--- The answer for a verdict.
-- @param policy the limiter's
-- @param info of take or peek
-- @return {status =, headers =, body =}
function http.answer(policy, info)
  local code = info.code
  if code == "limited" then return limited(policy, info) end
  local retry = {["Retry-After"] = tostring(seconds(info.wait_ms or 0))}
  if AWAY[code] then return problem(503, retry, "temporary-reduced-capacity", AWAY[code]) end
  if code == "inflight" then return problem(409, retry, "conflict", "This message is being sent right now.") end
  if code == "unknown" then
    return problem(409, {}, "conflict", "Whether this message was sent is not known; a person has to look.")
  end
  local headers = {["Content-Type"] = "application/json", ["Cache-Control"] = "no-store",
    ["RateLimit-Policy"] = http.policy(policy)}
  if code == "done" then
    return {status = 200, headers = headers, body = json.encode({outcome = info.detail}, {sort = true})}
  end
  if info.left then
    local burst = named(policy)[1]
    headers["RateLimit"] = ('"%s";r=%d;t=%d'):format(burst.name, info.left, math.ceil(burst.ms / 1000))
  end
  return {status = 202, headers = headers, body = json.encode({accepted = true})}
end

return http
