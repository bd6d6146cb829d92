--- What the limiter needs of its Redis (RATELIMIT: nothing evicted, no old primary that goes on, a replid to see).

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
end
