--- A client of one Redis server: connects again when it must, and says of each command what became of it.
local loop = require "tidelock.loop"
local open = require "redis.open"
local subscription = require "redis.subscription"
local wire = require "tidelock.redis"

local FIRST <const>, MOST <const> = 0.05, 2.0      -- seconds between attempts to connect
local methods = {}

--- A failed attempt to connect, as the failure of a command that was never sent.
local function unsent(err)
  return {code = "unsent", reason = err.reason or err.code, message = err.message}
end

local function attempt(self)
  local connection, err = open.any(self.options)
  if connection and self.closed then
    connection:close()
    connection, err = nil, {code = "closed", message = "the Redis client was closed while it connected"}
  end
  if connection then
    self.connection, self.failures = connection, 0
    return connection
  end
  self.failures = self.failures + 1
  local pause = math.min(MOST, FIRST * 2 ^ (self.failures - 1)) * (0.5 + math.random() / 2)
  self.again, self.last = loop.now() + pause, err
  return nil, err
end

--- One attempt serves all who need the connection.
local function reopen(self)
  if self.closed then
    return nil, {code = "closed", message = "the Redis client is closed: connect a new one"}
  end
  if not self.opening then
    if self.again and loop.now() < self.again then return nil, self.last end
    self.opening = loop.spawn(function()   -- a task of its own: whoever waits may be cancelled
      local ok, connection, err = pcall(attempt, self)
      self.opening = false
      if not ok then error(connection, 0) end
      return connection, err
    end)
  end
  local ok, connection, err = loop.wait(self.opening)
  if not ok then error(connection, 0) end
  return connection, err
end

local function live(self)
  local connection = self.connection
  if connection and connection:alive() then return connection end
  local err
  connection, err = reopen(self)
  if not connection then return nil, unsent(err) end
  return connection
end

--- A primary that was demoted says READONLY: the next command looks for its successor.
local function judge(self, connection, reply, err)
  if err and err.code == "READONLY" and self.options.sentinel then
    connection:close()
  end
  return reply, err
end

--- Any command: client:call("SET", "key", "value") -> reply, or nil, err. err.code is Redis's own (WRONGTYPE, OOM ...),
-- "unsent" when the command surely did not run, "unknown" when the connection broke before its answer came.
function methods:call(...)
  local connection, err = live(self)
  if not connection then return nil, err end
  return judge(self, connection, connection:call(...))
end

--- Several commands sent together: client:batch {{"GET", "a"}, {"GET", "b"}} -> list of replies (nil is redis.null,
-- a refusal a table {code, message}), or nil, err.
function methods:batch(commands)
  local connection, err = live(self)
  if not connection then return nil, err end
  return connection:batch(commands)
end

local function discarded(replies)
  for i = 2, #replies - 1 do   -- the first that was not queued says why
    if type(replies[i]) == "table" then return replies[i] end
  end
  return replies[#replies]
end

--- All or none, with nothing of others' between: a list of replies, or nil, err.
function methods:transaction(commands)
  local list = table.move(commands, 1, #commands, 2, {{"MULTI"}})
  list[#list + 1] = {"EXEC"}
  local replies, err = self:batch(list)
  if not replies then return nil, err end
  local done = replies[#replies]
  if type(done) == "table" and not done.code then return done end
  local why = discarded(replies)
  return nil, {code = why.code, message = "the transaction was refused and nothing of it was done: " .. why.message}
end

--- A connection of its own that gets the messages of these channels; see redis.subscription.
function methods:subscribe(...) return subscription.open(self.options, "SUBSCRIBE", ...) end
function methods:psubscribe(...) return subscription.open(self.options, "PSUBSCRIBE", ...) end
function methods:ssubscribe(...) return subscription.open(self.options, "SSUBSCRIBE", ...) end

--- A new password (a rotated token) for this connection, if there is one, and for all later ones.
function methods:authenticate(password, user)
  self.options.password, self.options.user = password, user or self.options.user
  local connection = self.connection
  if not connection or not connection:alive() then return true end
  if type(password) == "function" then password = password() end
  if self.options.user then return connection:call("AUTH", self.options.user, password) end
  return connection:call("AUTH", password)
end

--- Ends the client; commands in flight fail as "unknown" or "unsent".
function methods:close()
  self.closed = true
  if self.connection then self.connection:close() end
end

--- Arguments as they are; in tables, lists are flattened and {ex = 10, nx = true} becomes EX 10 NX.
local function flatten(words, ...)
  for i = 1, select("#", ...) do
    local arg = select(i, ...)
    if type(arg) == "table" then
      flatten(words, table.unpack(arg))
      for name, value in pairs(arg) do
        if type(name) == "string" and value then
          words[#words + 1] = name:upper()
          if value ~= true then words[#words + 1] = value end
        end
      end
    elseif arg == nil then
      error(("argument #%d of the command is nil"):format(i), 3)
    else
      words[#words + 1] = arg
    end
  end
  return words
end

--- client:set(...) is client:call("SET", ...); client:config_get(...) is CONFIG GET; eval_ro stays one word.
local function command(name)
  local words, last = {}, name:upper():match "_RO$"
  for word in (last and name:sub(1, -4) or name):upper():gmatch "[^_]+" do words[#words + 1] = word end
  if last then words[#words] = words[#words] .. last end
  return function(self, ...)
    local all = flatten(table.move(words, 1, #words, 1, {}), ...)
    return self:call(table.unpack(all))
  end
end

local meta = {__name = "redis client", __close = methods.close}

function meta.__index(_, name)
  local method = methods[name]
  if method or type(name) ~= "string" or not name:match "^%a[%a_]*$" then return method end
  method = command(name)
  methods[name] = method
  return method
end

function meta.__tostring(self)
  return "redis client of " .. tostring(self.connection or "nobody yet")
end

local client = {null = wire.null}

--- A connected client, or nil, err; with options.lazy one that connects when it is first needed, and never fails here.
function client.new(options)
  local self = setmetatable({options = options, failures = 0, closed = false, connection = false, opening = false,
    again = false, last = false}, meta)
  if options.lazy then return self end
  local connection, err = reopen(self)
  if not connection then return nil, err end
  return self
end

return client
