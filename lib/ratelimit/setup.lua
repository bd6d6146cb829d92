--- From what a playbook says of its worker to the parts that do the work.
local ratelimit = require "ratelimit"
local redis = require "redis"
local report = require "ratelimit.report"
local senders = require "ratelimit.sender"
local suggest = require "suggest"

local setup = {}

local FIELDS <const> = {queue = "string", dlq = "string", redis = "table", limit = "table", send = "table",
  tries = "number", visibility = "number", flight = "number", patience = "number", stop = "number", wait = "number",
  backoff = "number", metrics = "table"}
local NEEDED <const> = {"queue", "redis", "limit", "send"}

local function usage(text, ...) error({exit = 64, code = "Usage", message = text:format(...)}, 0) end

-- A queue that can't put one message off, or that is its own dead letters.
local function queue_faults(spec, faults)
  if type(spec.queue) ~= "string" then return end
  if spec.queue:find "%.fifo$" then
    faults[#faults + 1] = ("queue %s is a FIFO queue: SQS takes no delay for a single message there, so a message that "
      .. "must wait could not be put off. Use a standard queue."):format(spec.queue)
  end
  if spec.dlq == spec.queue then
    faults[#faults + 1] = ("queue and dlq are both %s: a dead letter would be sent again"):format(spec.queue)
  end
end

--- Checks the table that a playbook gave to `worker`; raises all that is wrong with it.
function setup.check(spec)
  local faults, names = {}, {}
  if type(spec) ~= "table" then
    usage("worker takes a table: worker {queue = ..., redis = ..., limit = ..., send = ...}")
  end
  for name in pairs(FIELDS) do names[#names + 1] = name end
  for name, value in pairs(spec) do
    if not FIELDS[name] then
      faults[#faults + 1] = ("worker has no field '%s'%s"):format(tostring(name), suggest.phrase(tostring(name), names))
    elseif type(value) ~= FIELDS[name] then
      faults[#faults + 1] = ("worker's %s must be a %s, not a %s"):format(name, FIELDS[name], type(value))
    end
  end
  for _, name in ipairs(NEEDED) do
    if spec[name] == nil then faults[#faults + 1] = "worker needs " .. name end
  end
  queue_faults(spec, faults)
  table.sort(faults)
  if #faults > 0 then usage("%s", table.concat(faults, "\n")) end
  local policy, why = ratelimit.policy(spec.limit)
  if not policy then usage("This limit can't be kept: %s", why) end
  return policy
end

local function given(text) return text ~= nil and text ~= "" and text or nil end

-- A function, since a rotated secret is read anew with each connection.
local function password_of(name, session)
  if not given(name) then return nil end
  return function()
    return session:client("secretsmanager"):call("GetSecretValue", {SecretId = name}).SecretString
  end
end

--- A connection of {url =, secret = name in Secrets Manager, ca =, sentinel_secret = the Sentinels' own}.
function setup.redis(options, session)
  local own = {url = options.url, ca = given(options.ca), timeout = options.timeout or 2, connect_timeout = 2,
    password = password_of(options.secret, session)}
  if given(options.sentinel_secret) then own.sentinel = {password = password_of(options.sentinel_secret, session)} end
  -- Lazy, so that a Redis that is down stops sends and not the program; one client for all, so that it is asked for
  -- its connection, and Secrets Manager for the password, by one at a time.
  own.lazy = true
  local ok, client = pcall(redis.connect, own)
  if not ok then usage("The limiter's Redis has no right address: %s", (client:gsub("^.-redis%.connect: ", ""))) end
  return client
end

--- All parts: {limiter=, sender=, report=, redis=, close = function}.
function setup.parts(spec, session, write)
  local policy = setup.check(spec)
  local send = {}
  for name, value in pairs(spec.send) do send[name] = given(value) end
  local parts = {policy = policy, sender = senders.new(send, session), redis = setup.redis(spec.redis, session)}
  parts.limiter = ratelimit.new(policy, parts.redis)
  local metrics = spec.metrics or {}
  parts.report = report.new {namespace = metrics.namespace, environment = metrics.environment, write = write}
  function parts.close()
    parts.limiter:close()
    parts.redis:close()
  end
  return parts
end

return setup
