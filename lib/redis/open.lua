--- Opens a connection and says the first words on it; finds the primary by Sentinel where asked.
local wire = require "tidelock.redis"

local open = {}

local WIRE <const> = {"host", "port", "path", "tls", "ca", "cert", "key", "server_name", "verify",
  "connect_timeout", "timeout", "max_reply"}

local function copy(options, more)
  local o = {}
  for _, name in ipairs(WIRE) do o[name] = options[name] end
  for name, value in pairs(more or {}) do o[name] = value end
  return o
end

local function resp2(connection, options, password)
  if not password then return true end
  if options.user then return connection:call("AUTH", options.user, password) end
  return connection:call("AUTH", password)
end

--- HELLO with the password in it; servers before 6 know neither, and get AUTH.
local function hello(connection, options)
  local password = options.password
  if type(password) == "function" then password = password() end
  if options.resp == 2 then return resp2(connection, options, password) end
  local words = {"HELLO", 3}
  if password then table.move({"AUTH", options.user or "default", password}, 1, 3, 3, words) end
  local reply, err = connection:call(table.unpack(words))
  if reply then return reply end
  if err.code ~= "NOPROTO" and not err.message:find "unknown command" then return nil, err end
  return resp2(connection, options, password)
end

local function greet(connection, options)
  local told, err = hello(connection, options)
  local ok = told
  if ok and options.client_name then ok, err = connection:call("CLIENT", "SETNAME", options.client_name) end
  if ok and options.db then ok, err = connection:call("SELECT", options.db) end
  if not ok then
    connection:close()
    return nil, err
  end
  return connection, type(told) == "table" and told or {}
end

--- One server: a connection and what HELLO told, or nil, err.
function open.server(options)
  local connection, err = wire.connect(copy(options))
  if not connection then return nil, err end
  return greet(connection, options)
end

local function pick_replica(list)
  local good = {}
  for _, r in ipairs(list) do
    if #r > 0 then                          -- RESP2 gives pairs in a row
      local map = {}
      for i = 1, #r, 2 do map[r[i]] = r[i + 1] end
      r = map
    end
    if not r.flags:find "down" and not r.flags:find "disconnected" then good[#good + 1] = r end
  end
  local r = good[math.random(math.max(#good, 1))]
  return r and {r.ip, r.port}
end

local function ask(sentinel, spec, role)
  local options = copy(spec, {host = sentinel.host, port = sentinel.port or 26379,
    connect_timeout = spec.connect_timeout or 1, timeout = spec.timeout or 1})
  options.user, options.password, options.resp = spec.user, spec.password, spec.resp
  local connection, err = open.server(options)
  if not connection then return nil, err end
  local at, told
  if role == "replica" then
    told, err = connection:call("SENTINEL", "REPLICAS", spec.name)
    at = told and pick_replica(told)
  else
    at, err = connection:call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", spec.name)
  end
  connection:close()
  return at, err
end

--- What a server says of itself must agree with what Sentinel said of it: right after a failover it may not.
local function confirmed(connection, told, role)
  local is = told.role
  if not is then
    local reply = connection:call "ROLE"
    is = type(reply) == "table" and reply[1] or nil
  end
  return (role == "replica") == (is == "slave" or is == "replica")
end

--- The Sentinel that answered is asked first next time; others may have changed the list meanwhile.
local function promote(spec, sentinel)
  for i, s in ipairs(spec) do
    if s == sentinel then
      table.insert(spec, 1, table.remove(spec, i))
      return
    end
  end
end

--- The primary (or a replica) by Sentinel: a connection, or nil, err.
function open.sentinel(options)
  local spec, last = options.sentinel, nil
  for _, sentinel in ipairs({table.unpack(spec)}) do
    local at, err = ask(sentinel, spec, options.role)
    if at then
      local connection, told = open.server(copy(options, {host = at[1], port = math.tointeger(tonumber(at[2])),
        user = options.user, password = options.password, db = options.db, resp = options.resp,
        client_name = options.client_name}))
      if connection and confirmed(connection, told, options.role) then
        promote(spec, sentinel)
        return connection
      end
      if connection then connection:close() end
      err = not connection and told or {code = "connect", message = ("%s:%s is not the %s that Sentinel says it is;"
        .. " a failover may be under way: try again soon"):format(at[1], at[2], options.role or "primary")}
    end
    last = err or last
  end
  return nil, last or {code = "connect", message = ("no Sentinel knows a %s by the name %s; check the name")
    :format(options.role or "primary", spec.name)}
end

--- By Sentinel or directly, as the options say.
function open.any(options)
  if options.sentinel then return open.sentinel(options) end
  return open.server(options)
end

return open
