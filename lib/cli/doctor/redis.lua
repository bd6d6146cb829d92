--- What the limiter needs of its Redis: nothing evicted, no old primary that goes on, a replid to see, a clock that
-- agrees, and a user who may do what its scripts do.
local loop = require "tidelock.loop"

local SKEW <const> = 2             -- seconds: further apart than this, a limit sends nothing
local NAME <const> = "onlyfans"    -- the limit whose keys are asked for: that of `tidelock limit`

local function field(text, name)
  return type(text) == "string" and text:match("%f[^\n\0]" .. name .. ":([^\r\n]*)") or nil
end

-- A setting of the server; nil where it does not tell (managed services rename CONFIG).
local function setting(client, name)
  local reply = client:call("CONFIG", "GET", name)
  if type(reply) ~= "table" then return nil end
  return reply[name] or reply[2]
end

local function policy(row, client, memory)
  local value = field(memory, "maxmemory_policy") or setting(client, "maxmemory-policy")
  if not value then
    row("redis eviction", "warn", "the server does not tell its maxmemory-policy",
      "See to it in its parameter group: maxmemory-policy must be noeviction.")
  elseif value == "noeviction" then
    row("redis eviction", "ok", "maxmemory-policy is noeviction")
  else
    row("redis eviction", "fault", "maxmemory-policy is " .. value .. ": it may evict the limiter's own keys",
      "Set it: CONFIG SET maxmemory-policy noeviction, or in the parameter group of ElastiCache.")
  end
end

local function replication(row, client, info)
  local replid = field(info, "master_replid")
  if replid and replid:find "^%x+$" and not replid:find "^0+$" then
    row("redis lineage", "ok", "the replication id is visible: a failover will be noticed")
  else
    row("redis lineage", "fault", "the server hides its replication id: a failover cannot be noticed",
      'Allow +info to this user, or accept it in the policy: fence = "none".')
  end
  local replicas = tonumber(field(info, "connected_slaves") or "")
  local least, lag = tonumber(setting(client, "min-replicas-to-write") or ""),
    tonumber(setting(client, "min-replicas-max-lag") or "")
  if field(info, "role") == "slave" then
    row("redis replicas", "fault", "this is a replica: it takes no writes", "Name the primary's address.")
  elseif replicas == 0 then
    row("redis replicas", "ok", "a single server, without replicas that could take over")
  elseif not least then
    row("redis replicas", "warn", "the server does not tell min-replicas-to-write",
      "With replicas it must be at least 1, min-replicas-max-lag at most 10.")
  elseif least >= 1 and lag and lag <= 10 then
    row("redis replicas", "ok", ("min-replicas-to-write %d, max-lag %d s"):format(least, lag))
  else
    row("redis replicas", "fault",
      ("min-replicas-to-write is %d, max-lag %d s: an old primary that is cut off goes on admitting"):format(least,
        lag or 0), "Set min-replicas-to-write 1 and min-replicas-max-lag 10.")
  end
end

local function clock(row, client)
  local before = loop.time()
  local told = client:call "TIME"
  local here = (before + loop.time()) / 2
  if type(told) ~= "table" then
    return row("redis clock", "fault", "TIME is refused: the limiter goes by the server's clock",
      "Allow +time to this user: ACL SETUSER NAME +time.")
  end
  local apart = told[1] + told[2] / 1e6 - here
  if math.abs(apart) <= SKEW then return row("redis clock", "ok", "agrees with this machine's") end
  row("redis clock", "fault", ("%.1f s %s this machine's: further than %d s apart, nothing is sent"):format(
    math.abs(apart), apart > 0 and "ahead of" or "behind", SKEW),
    "Set both clocks: timedatectl set-ntp true, on whichever is wrong.")
end

-- Asks of each command whether this user may, and runs none of them. Servers before 7 can't be asked.
local MAY <const> = [[
local wanting = {}
local function ask(name, ...)
  if not redis.acl_check_cmd(name, ...) then wanting[#wanting + 1] = string.lower(name) end
end
if not redis.acl_check_cmd then return {'?'} end
for _, key in ipairs(KEYS) do
  ask('GET', key)
  ask('SET', key, '')
  ask('SETEX', key, 1, '')
  ask('PSETEX', key, 1, '')
  ask('DEL', key)
end
ask('INFO', 'replication')
ask('TIME')
ask('EVALSHA', '', 0)
ask('WAIT', 0, 0)
return wanting
]]

local function rights(row, client)
  local limit = {name = NAME, windows = {{limit = 1, seconds = 1}}}
  local limiter <close> = require "ratelimit".new(limit, client, {shadow = false})
  local keys = {limiter:ring_key "-", limiter:claim_key("-", "-"), limiter:slots_key "-", limiter.policy.lineage,
    limiter.policy.evicted}
  local wanting, err = client:call("EVAL", MAY, #keys, table.unpack(keys))
  if not wanting then
    return row("redis rights", "fault", "the limiter's scripts would be refused: " .. err.message,
      "Allow this user +eval +evalsha +get +set +setex +psetex +del +info +time +wait on ~rate_limit* ~rate_slots* "
        .. "~idem*.")
  end
  if wanting[1] == "?" then
    return row("redis rights", "ok", "this user may run scripts (before Redis 7 no more can be asked)")
  end
  if #wanting == 0 then return row("redis rights", "ok", "this user may do what the limiter does") end
  local seen, list = {}, {}
  for _, name in ipairs(wanting) do
    if not seen[name] then list[#list + 1] = "+" .. name end
    seen[name] = true
  end
  row("redis rights", "fault", "this user may not do what the limiter's scripts do, so nothing would be sent",
    "Allow it, on ~rate_limit* ~rate_slots* ~idem*: ACL SETUSER NAME " .. table.concat(list, " "))
end

--- Adds rows about the Redis at `url`, which is never shown whole: it may hold a password.
return function(row, url)
  local parse, redis = require "redis.url".parse, require "redis"
  local parsed, why = parse(url)
  if not parsed then
    return row("redis", "fault", "TIDELOCK_REDIS_URL: " .. why, "It looks like rediss://user:password@host:6379/0.")
  end
  local where = parsed.path or parsed.sentinel and "the primary " .. parsed.sentinel.name
    or ("%s:%d"):format(parsed.host, parsed.port)
  local client <close>, err = redis.connect {url = url, connect_timeout = 3, timeout = 3}
  local pong
  if client then pong, err = client:call "PING" end
  if not pong then
    return row("redis", "fault", ("%s does not answer: %s"):format(where, err and err.message or "no reason was given"),
      "Check the address, the password, the security group, and whether it wants TLS (rediss://).")
  end
  local server = client:call("INFO", "server")
  row("redis", "ok", ("%s answers%s%s"):format(where, parsed.tls and " over TLS" or "",
    field(server, "redis_version") and ", version " .. field(server, "redis_version") or ""))
  local info, refused = client:call("INFO", "replication")
  if not info then
    return row("redis lineage", "fault", "INFO is refused: " .. (refused and refused.message or ""),
      "Allow +info to this user: ACL SETUSER NAME +info.")
  end
  policy(row, client, client:call("INFO", "memory"))
  replication(row, client, info)
  clock(row, client)
  rights(row, client)
end
