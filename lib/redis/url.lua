--- The address of a Redis server, as people write it.
local url = {}

local function decode(s)
  return (s:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function split_user(authority)
  local user, host = authority:match "^(.*)@([^@]*)$"
  if not user then return nil, nil, authority end
  local name, password = user:match "^([^:]*):(.*)$"
  name = decode(name or user)
  return name ~= "" and name or nil, password and decode(password), host
end

local function split_port(host)
  local inside, rest = host:match "^%[(.-)%](.*)$"
  if inside then return inside, rest == "" and 6379 or math.tointeger(tonumber(rest:match "^:(%d+)$")) end
  local name, port = host:match "^([^:]*):(%d+)$"
  if name then return name, math.tointeger(tonumber(port)) end
  return host, not host:find ":" and 6379 or nil
end

-- redis-sentinel://user:password@host:port,host:port/db#name: who to ask for the primary that is called so.
local function sentinels(text)
  local scheme, main, name = text:match "^(rediss?)%-sentinel://([^?#]*)#([%w%.%-_]+)$"
  if not scheme then
    return nil, "a Redis URL of Sentinels is redis-sentinel://HOST:PORT,HOST:PORT/DB#NAME, with the primary's name"
  end
  local user, password, hosts = split_user(main:match "^[^/]*")
  local db = main:match "^[^/]*/(%d+)$"
  if not db and not main:find "^[^/]*/?$" then
    return nil, "after the hosts a Redis URL has the number of the database, and nothing else"
  end
  local out = {user = user, password = password, tls = scheme == "rediss", db = db and math.tointeger(tonumber(db)),
    sentinel = {name = name, tls = scheme == "rediss"}}
  for one in (hosts .. ","):gmatch "([^,]*)," do
    local host, port = split_port(one)
    if port == 6379 and not one:find ":6379$" then port = 26379 end
    if host == "" or not port or port < 1 or port > 65535 then
      return nil, "the Redis URL has a Sentinel without host, or without a right port"
    end
    table.insert(out.sentinel, {host = host, port = port})
  end
  return out
end

--- {host, port, path, user, password, db, tls} of redis://user:password@host:port/db, rediss:// or
-- unix:///path?db=1, with `sentinel` instead of a host for redis-sentinel:// and rediss-sentinel://; or nil and what is
-- wrong with it. The text is never in the complaint: it holds a password.
function url.parse(text)
  if text:find "^rediss?%-sentinel:" then return sentinels(text) end
  local scheme, rest = text:match "^(%a+)://(.*)$"
  if scheme ~= "redis" and scheme ~= "rediss" and scheme ~= "unix" then
    return nil, "a Redis URL begins with redis://, rediss:// (TLS) or unix://"
  end
  local main, query = rest:match "^([^?]*)%??(.*)$"
  local authority, path = main:match "^([^/]*)(.*)$"
  local user, password, host = split_user(authority)
  local out = {user = user, password = password, tls = scheme == "rediss"}
  local db = query:match "^db=(%d+)$"
  if query ~= "" and not db then return nil, "a Redis URL takes ?db=NUMBER and nothing else after the path" end
  if scheme == "unix" then
    if path == "" then return nil, "a unix:// URL needs the socket's path" end
    out.path = decode(path)
  else
    db = db or path:match "^/(%d+)$"
    if path ~= "" and path ~= "/" and not path:match "^/%d+$" then
      return nil, "after the host a Redis URL has the number of the database, and nothing else"
    end
    out.host, out.port = split_port(host)
    if out.host == "" or not out.port or out.port < 1 or out.port > 65535 then
      return nil, "the Redis URL has no host, or no right port"
    end
  end
  out.db = db and math.tointeger(tonumber(db))
  return out
end

return url
