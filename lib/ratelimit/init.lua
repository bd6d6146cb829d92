--- The limiter: `ratelimit.new(policy, redis)`; `limiter:take(user, message_id)` before every send, `finish` after it.
-- Closed whenever it is not sure: "limited" and "unavailable" are different answers, and neither lets a send through.
local digest = require "tidelock.digest"
local loop = require "tidelock.loop"
local policies = require "ratelimit.policy"
local scripts = require "ratelimit.script"
local tokenbucket = require "tidelock.tokenbucket"

local ratelimit = {}
local limiter = {}
limiter.__index = limiter

local GUARD_SECONDS <const> = 5        -- how old the answer may be to: does this server evict?
local AWAY_SECONDS <const> = 5         -- when to ask again where the server said nothing of use
local SHADOW_SLACK <const> = 100       -- ms that this process's own log may lag behind Redis's
local SLEW <const> = 0.001             -- how fast the caller's clock follows the system's, which may be set

--- A clock of ms since 1970 that a step of the system's clock doesn't move: anchored when made, it runs by BOOTTIME and
-- follows the system's clock by at most a thousandth, as NTP does.
function ratelimit.clock(wall, steady)
  wall, steady = wall or loop.time, steady or tokenbucket.now
  local offset, last = wall() * 1000 - steady(), steady()
  return function()
    local now = steady()
    local most = (now - last) * SLEW
    local off = wall() * 1000 - now - offset
    offset, last = offset + math.max(-most, math.min(most, off)), now
    return math.floor(now + offset)
  end
end

--- Makes a limiter.
-- @param policy what `ratelimit.policy` takes, or what it gave
-- @param redis a connection with `call(command, ...) -> reply | nil, err`
-- @param options {clock = function -> ms, shadow = false}; for specs
-- @return the limiter; raises what is wrong with the policy
function ratelimit.new(policy, redis, options)
  options = options or {}
  if not policy.core then
    local made, why = policies.new(policy)
    if not made then error({code = "Usage", exit = 64, message = "This limit can't be kept: " .. why}, 0) end
    policy = made
  end
  local self = setmetatable({policy = policy, redis = redis, clock = options.clock or ratelimit.clock(),
    sleep = options.sleep or loop.sleep, sha = {}, grants = {}, pending = {}, untold = {},
    claims = ("idem:%s:"):format(policy.name), origin = digest.hex(digest.random(12)) .. "-", asked = 0}, limiter)
  self.scripts = scripts.build(policy, options.script_clock)
  for name, text in pairs(self.scripts) do self.sha[name] = digest.hex(digest.sha1(text)) end
  if options.shadow ~= false then self.shadow = assert(tokenbucket.store(policy.core)) end
  return self
end

ratelimit.policy = policies.new

-- ## Keys

-- A user and a message in one key, so that no two pairs have the same.
local function pair(user, id)
  if user:find "[%%:]" then user = user:gsub("[%%:]", {["%"] = "%25", [":"] = "%3A"}) end
  return user .. ":" .. id
end

function limiter:ring_key(user) return self.policy.prefix .. user end
function limiter:claim_key(user, id) return self.claims .. pair(user, id) end
function limiter:slots_key(user) return ("rate_slots:%s:%s"):format(self.policy.name, user) end

-- ## Talking to Redis

local ANSWERS <const> = {take = "string", finish = "string", peek = "string", ready = "string", guard = "string",
  forget = "string", slot = "number"}

-- A script's reply, if it is of the script's kind: a list that begins with a word, or a number. Whatever else is at
-- that address may answer anything.
local function checked(name, reply)
  local first = reply
  if ANSWERS[name] == "string" then first = type(reply) == "table" and reply[1] end
  if type(first) == ANSWERS[name] then return reply end
  return nil, {code = "protocol", message = ("Redis answered the limiter's script '%s' with a %s that makes no sense, "
    .. "so nothing is sent. Is it a Redis that is at this address?"):format(name, type(reply))}
end

-- Runs a script over its first `n` words, the keys, loading it where the server does not have it. Returns its reply, or
-- nil and the error.
local function evaluate(self, name, n, ...)
  local reply, err = self.redis:call("EVALSHA", self.sha[name], n, ...)
  if reply == nil and err and (err.code == "NOSCRIPT" or tostring(err.message):find("NOSCRIPT", 1, true)) then
    reply, err = self.redis:call("EVAL", self.scripts[name], n, ...)
  end
  if reply == nil and err then return nil, err end
  return checked(name, reply)
end

local function sentence(err) return type(err) == "table" and err.message or tostring(err) end

-- Does the server keep what it is given? nil and why where it may evict. It forgets the lineage itself if it did.
local function guard(self)
  if self.guarded and loop.now() - self.guarded < GUARD_SECONDS then return true end
  local reply, err = evaluate(self, "guard", 2, self.policy.lineage, self.policy.evicted)
  if not reply then return nil, sentence(err) end
  local memory, eviction = tonumber(reply[1]), tostring(reply[2])
  if memory ~= 0 and eviction ~= "noeviction" then
    return nil, ("This Redis may evict the limiter's keys when it is full (maxmemory-policy %s): with them it would "
      .. "forget what was sent. Set maxmemory-policy to noeviction."):format(eviction)
  end
  self.guarded = loop.now()
  return true
end

-- ## Deciding

-- What the scripts leave to be said.
local WHY <const> = {
  clock = "Redis's clock and this process's are %.1f s apart, so nothing is sent. Set both by NTP; a process that "
    .. "started by a wrong clock follows the right one slowly: start it again.",
  cooldown = "Redis may have forgotten what was sent (a first start, a restart, a failover), so nothing is sent for "
    .. "%.1f s; then it goes on by itself.",
}

local function info(self, user, id, fields)
  fields.user, fields.message_id, fields.limiter = user, id, self.policy.name
  fields.wait = (fields.wait_ms or 0) / 1000
  if WHY[fields.code] then fields.detail = WHY[fields.code]:format(fields.wait) end
  return fields.code == "admitted", fields
end

local function unavailable(self, user, id, why)
  self.guarded = nil
  return info(self, user, id, {code = "unavailable", wait_ms = AWAY_SECONDS * 1000, detail = why})
end

-- This process's own log of its sends agrees, or Redis has forgotten some of them.
local function shadow_agrees(self, user)
  local ok, wait = self.shadow:take(user)
  if not ok and wait <= SHADOW_SLACK then
    self.sleep(wait / 1000)
    ok, wait = self.shadow:take(user)
  end
  return ok, wait
end

local function replicated(self)
  local wanted = self.policy.replicas
  if wanted == 0 then return true end
  local have, err = self.redis:call("WAIT", wanted, 50)
  if not have then return nil, sentence(err) end
  if have < wanted then
    return nil, ("%d of the %d replicas that the limit asks for had the grant after 50 ms; a failover now would "
      .. "forget it."):format(have, wanted)
  end
  return true
end

-- Redis admitted it; what remains to be asked. Gives the grant back as "not sent" where it is not used.
local function confirm(self, user, id, nonce, grant)
  local held, why = replicated(self)
  if not held then
    self:finish(user, id, nonce, "R", "not replicated")
    return unavailable(self, user, id, why)
  end
  if self.shadow and not self.grants[nonce] then
    local ok, stamp = shadow_agrees(self, user)
    if not ok then
      self:finish(user, id, nonce, "R", "own log")
      return info(self, user, id, {code = "limited", wait_ms = stamp, detail = "own log", attempt = grant.attempt - 1})
    end
    self.grants[nonce] = stamp
  end
  return info(self, user, id, grant)
end

local function ask(self, user, key, nonce)
  return evaluate(self, "take", 3, self:ring_key(user), self.claims .. key, self.policy.lineage, self.clock(), nonce)
end

-- A word that no other try has, of this process or another.
local function new_nonce(self)
  self.asked = self.asked + 1
  return self.origin .. self.asked
end

-- The ms of a block that Redis could not be told: it holds here, and is told with the account's next message, so that
-- it holds for all.
local function stopped(self, user)
  local till = self.untold[user]
  local left = till - tokenbucket.now()
  if left <= 0 or evaluate(self, "finish", 2, self:ring_key(user), self:claim_key(user, ""), self.clock(), "", "U", "",
    left) then
    self.untold[user] = nil
  end
  return left > 0 and left or nil
end

--- May this message be sent now? Only where `ok` is true, and within `info.timeout` seconds; `finish` must be told.
-- @param user whose limit it is
-- @param id the message's
-- @param nonce this attempt's own word; the same one again repeats its answer. Default: a new one
-- @return ok, info: {code = "admitted" | "limited" | "done" | "inflight" | "unknown" | "cooldown" | "clock" |
--   "unavailable", wait = seconds, wait_ms =, detail =, attempt =, nonce =, timeout =, stamp =}
function limiter:take(user, id, nonce)
  local started = tokenbucket.now()
  local block = self.untold[user] and stopped(self, user)
  if block then return info(self, user, id, {code = "limited", wait_ms = block, detail = "blocked"}) end
  local key = pair(user, id)
  -- Taken out before anything waits: were two copies of a message to ask with one nonce, both would be let through.
  local kept = self.pending[key]
  self.pending[key] = nil
  nonce = nonce or kept or new_nonce(self)
  local ok, why = guard(self)
  if not ok then
    self.pending[key] = self.pending[key] or kept
    return unavailable(self, user, id, why)
  end
  local reply, err = ask(self, user, key, nonce)
  if not reply and err.code ~= "unsent" then       -- it may have run: the same nonce makes asking again harmless
    reply, err = ask(self, user, key, nonce)
    if not reply then self.pending[key] = nonce end
  end
  if not reply then return unavailable(self, user, id, sentence(err)) end
  local code, ms, stamp, server, detail, attempt, owner = table.unpack(reply)
  if code == "unknown" and owner == nonce then     -- a grant of ours that we never used
    self:finish(user, id, nonce, "R", "not used")
    return self:take(user, id)
  end
  local grant = {code = code, wait_ms = ms, stamp = stamp, server_ms = server, detail = detail, attempt = attempt,
    nonce = owner}
  if code ~= "admitted" then return info(self, user, id, grant) end
  grant.wait_ms, grant.nonce = 0, nonce
  grant.timeout = (math.min(ms, self.policy.hold_ms) - (tokenbucket.now() - started)) / 1000
  return confirm(self, user, id, nonce, grant)
end

--- Says how a send ended: "S" sent; "F" failed for good; "R" refused or proved not sent, may be tried again;
-- "U" unknown: it may have been sent. Also settles a message found "unknown", with the nonce of its info.
-- @param user whose limit it is
-- @param id the message's
-- @param nonce that of the take
-- @param outcome "S", "F", "R" or "U"
-- @param detail a few words on it, kept with it
-- @param block seconds to stop the whole account for: the site's own Retry-After
-- @return true; or nil and why: "not yours", or Redis's error (the safe time then stands, and the claim runs out)
function limiter:finish(user, id, nonce, outcome, detail, block)
  assert(outcome == "S" or outcome == "F" or outcome == "R" or outcome == "U", "outcome must be S, F, R or U")
  local block_ms = math.floor((block or 0) * 1000)
  if self.shadow and self.grants[nonce] and outcome ~= "U" then self.shadow:finish(user, self.grants[nonce]) end
  self.grants[nonce] = nil
  local reply, err
  for _ = 1, 2 do            -- ending twice is ending once
    reply, err = evaluate(self, "finish", 2, self:ring_key(user), self:claim_key(user, id), self.clock(), nonce,
      outcome, tostring(detail or ""):sub(1, 200), block_ms)
    if reply then break end
  end
  if not reply then
    if block_ms > 0 then self.untold[user] = tokenbucket.now() + block_ms end
    return nil, sentence(err)
  end
  if reply[1] == "ok" or reply[2] == outcome then return true end
  return nil, "not yours"
end

-- How many could start at once: the rule run on until it refuses.
local function left_of(policy, times, now)
  local at, left = table.move(times, 1, #times, 1, {}), 0
  while left <= policy.log do
    for _, step in ipairs(policy.steps) do
      local h = at[step.k]
      if h and h + step.age > now then return left end
    end
    table.insert(at, 1, now)
    left = left + 1
  end
  return left
end

--- What `take` would say for a new message of the user, and how much is left; takes nothing.
-- @return ok, info: code "open", "limited", "cooldown", "clock" or "unavailable"; left, times (ms, newest first)
function limiter:peek(user)
  local ok, why = guard(self)
  if not ok then return unavailable(self, user, nil, why) end
  local now = self.clock()
  local reply, err = evaluate(self, "peek", 2, self:ring_key(user), self.policy.lineage, now)
  if not reply then return unavailable(self, user, nil, sentence(err)) end
  local code, wait, server, blocked = table.unpack(reply, 1, 4)
  local times = table.move(reply, 5, #reply, 1, {})
  local _, out = info(self, user, nil, {code = code, wait_ms = wait, server_ms = server, times = times,
    blocked_until = blocked > 0 and blocked or nil, left = code == "open" and left_of(self.policy, times,
      math.min(server, now)) or 0})
  return code == "open", out
end

--- Whether anything could be sent now: asked before messages are received, since each receive counts against them.
-- @return ok, info: code "open", "cooldown", "clock" or "unavailable"
function limiter:ready()
  local ok, why = guard(self)
  if not ok then return unavailable(self, nil, nil, why) end
  local lineage = self.policy.lineage
  local reply, err = evaluate(self, "ready", 3, lineage, lineage, lineage, self.clock())
  if not reply then return unavailable(self, nil, nil, sentence(err)) end
  local _, out = info(self, nil, nil, {code = reply[1], wait_ms = reply[2]})
  return out.code == "open", out
end

--- A time of its own for a message that is put off: seconds from now, later than all that were given out before.
-- @return seconds; or nil and why
function limiter:slot(user)
  local wait, err = evaluate(self, "slot", 2, self:ring_key(user), self:slots_key(user), self.clock())
  if not wait then return nil, sentence(err) end
  return wait / 1000
end

--- Forgets a user's times and blocks: the next sends may then break the limit. For people, who were asked.
function limiter:reset(user)
  local n, err = self.redis:call("DEL", self:ring_key(user), self:slots_key(user))
  if not n then return nil, sentence(err) end
  return n
end

--- Forgets that a message failed, so that it may be sent. For people, who were asked. What was sent stays so: a second
-- letter of it, or one that the queue itself made after the send, is a copy.
-- @param resend true: also where it may have been sent
-- @return whether it was forgotten; or nil and why
function limiter:forget(user, id, resend)
  local reply, err = evaluate(self, "forget", 1, self:claim_key(user, id), resend and "1" or "0")
  if not reply then return nil, sentence(err) end
  return reply[1] == "forgotten"
end

--- Frees what the limiter holds in this process.
function limiter:close()
  if self.shadow then self.shadow:close() end
end
limiter.__close = limiter.close

return ratelimit
