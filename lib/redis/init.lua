--- Redis: redis.connect {url = "rediss://user:password@host:port/db"} -> client, or nil, err.
local client = require "redis.client"
local script = require "redis.script"
local url = require "redis.url"

local redis = {null = client.null, script = script.new}

-- A Sentinel is spoken to as its servers are, but for what is said of it alone.
local function sentinel_of(options, parsed, given)
  local out = {}
  for _, name in ipairs {"ca", "cert", "key", "verify"} do out[name] = options[name] end
  for _, list in ipairs {parsed or {}, given or {}} do
    for name, value in pairs(list) do out[name] = value end
  end
  return out
end

local KNOWN <const> = {
  url = "string", host = "string", port = "number", path = "string", user = "string", password = "any",
  db = "number", tls = "boolean", ca = "string", cert = "string", key = "string", server_name = "string",
  verify = "boolean", connect_timeout = "number", timeout = "number", max_reply = "number", resp = "number",
  client_name = "string", sentinel = "table", role = "string", lazy = "boolean"
}

--- Connects. Beside `url`, or instead of it: host, port, path, user, password (a string, a secret, or a function that
-- returns one), db, tls, ca, cert, key, server_name, verify = true, resp = 3 (falls back to 2 where it must),
-- connect_timeout = 5, timeout = 5 (for each answer; 0 for a client that runs blocking commands), client_name,
-- lazy = false (true: connects with the first command, whose failure then tells what is wrong),
-- sentinel = {name =, {host =, port =}, ..., user =, password =, tls =, ca =} with role = "primary" or "replica"; a url
-- redis-sentinel://host:port,host:port/db#name (rediss-sentinel:// by TLS) says the same.
function redis.connect(options)
  local o, parsed = {}, nil
  if options.url then
    local wrong
    parsed, wrong = url.parse(options.url)
    if not parsed then error("redis.connect: " .. wrong, 2) end
    for name, value in pairs(parsed) do o[name] = value end
  end
  for name, value in pairs(options) do
    local kind = KNOWN[name]
    if not kind then error(("redis.connect: there is no option '%s'"):format(name), 2) end
    if kind ~= "any" and type(value) ~= kind then
      error(("redis.connect: option '%s' must be a %s"):format(name, kind), 2)
    end
    if name ~= "url" then o[name] = value end
  end
  if not (o.host or o.path or o.sentinel) then
    error("redis.connect: 'url', 'host', 'path' or 'sentinel' is needed", 2)
  end
  if o.role and o.role ~= "primary" and o.role ~= "replica" then
    error(("redis.connect: option 'role' must be \"primary\" or \"replica\", not %q"):format(o.role), 2)
  end
  if o.role and not o.sentinel then
    error("redis.connect: option 'role' needs 'sentinel', which knows who is what; else give that server's address", 2)
  end
  if o.sentinel then   -- a copy: it is reordered by who answers
    o.sentinel = sentinel_of(parsed and parsed.sentinel and o or {}, parsed and parsed.sentinel, options.sentinel)
  end
  return client.new(o)
end

return redis
