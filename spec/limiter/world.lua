-- world.lua -- one queue with its dead letters, a worker's process on it and a receiver that counts arrivals: what the
-- limiter's end-to-end specs share.
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"

local world = {LIMIT = 3, WINDOW = 2, SKEW = 1}
local LIMIT <const>, WINDOW <const> = world.LIMIT, world.WINDOW

--- A world of its own by `name`.
-- @param parts {account = moto's, sqs =, store = a redis-server, site_url = the receiver}
-- @param changes of what the worker is given
function world.new(name, parts, changes)
  local account, sqs, store, site_url = parts.account, parts.sqs, parts.store, parts.site_url
  local self, readers = {name = name}, {}
  local tidelua = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"
  self.queue = sqs:create_queue{QueueName = name}.QueueUrl
  self.dlq = sqs:create_queue{QueueName = name .. "-dlq"}.QueueUrl
  local arn = sqs:get_queue_attributes{QueueUrl = self.dlq, AttributeNames = {"QueueArn"}}.Attributes.QueueArn
  sqs:set_queue_attributes {QueueUrl = self.queue,
    Attributes = {RedrivePolicy = json.encode {deadLetterTargetArn = arn,
    maxReceiveCount = 5}}}
  self.spec = {queue = name, wait = 1, visibility = 3, stop = 5, backoff = 0.2,
    redis = {url = store.url, ca = store.ca},
    limit = {name = name, windows = {{limit = LIMIT, seconds = WINDOW}}, burst = {size = 2, seconds = 0.6},
      timeout = 2, lease = 2.5, lag = 0, skew = world.SKEW, clock_error = 0.01},
    send = {url = site_url .. "/send/{userId}", timeout = 1.5}}
  for field, value in pairs(changes or {}) do self.spec[field] = value end

  function self.put(id, user, more)
    local body = {version = 1, messageId = id, userId = user, recipientId = "fan", content = "secret words",
      timestamp = loop.time()}
    for field, value in pairs(more or {}) do body[field] = value end
    sqs:send_message {QueueUrl = self.queue, MessageBody = json.encode(body)}
  end
  function self.start(...)
    local env = {SPEC_WORKER = json.encode(self.spec)}
    for variable, value in pairs(account.env) do env[variable] = value end
    local process = assert(proc.spawn {tidelua, "spec/limiter/crash.lua", stdout = "pipe", env = env, ...})
    self.text = self.text or ""
    readers[process] = loop.spawn(function()
      while true do
        local chunk = process:read()
        if not chunk then break end
        self.text = self.text .. chunk
      end
    end)
    return process
  end
  function self.stop(process)
    process:kill "TERM"
    local code = process:wait()
    loop.wait(readers[process])
    process:close()
    self.lines = {}
    for line in self.text:gmatch "[^\n]+" do self.lines[#self.lines + 1] = line end
    return code
  end
  function self.left()
    local a = sqs:get_queue_attributes{QueueUrl = self.queue, AttributeNames = {"ApproximateNumberOfMessages",
      "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}}.Attributes
    return a.ApproximateNumberOfMessages + a.ApproximateNumberOfMessagesNotVisible
      + (a.ApproximateNumberOfMessagesDelayed or 0)
  end
  -- The queue counts its messages one kind after another: what changes kind meanwhile is in none of the sums. So it is
  -- empty when it was so three times running.
  function self.wait(seconds)
    local deadline, empty = loop.now() + seconds, 0
    while empty < 3 do
      local left = self.left()
      empty = left == 0 and empty + 1 or 0
      assert(loop.now() < deadline, self.name .. ": the queue doesn't empty: " .. left .. " left\n"
        .. self.text:sub(-3000))
      loop.sleep(0.2)
    end
  end
  function self.dead()
    local out = {}
    while true do
      local got = sqs:receive_message{QueueUrl = self.dlq, MaxNumberOfMessages = 10, MessageAttributeNames = {"All"},
        VisibilityTimeout = 600}.Messages or {}
      if #got == 0 then return out end
      for _, m in ipairs(got) do
        local body = json.decode(m.Body)
        out[type(body) == "table" and body.messageId or m.Body] = m.MessageAttributes.reason.StringValue
      end
    end
  end
  return self
end

--- What arrived at the receiver of messages whose ids begin with `prefix`.
function world.arrivals(site_url, prefix)
  local out = {}
  local response = assert(require "tidelock.http".send({method = "GET", scheme = "http", host = site_url:sub(8),
    path = "/arrivals", query = "", headers = {}}, {timeout = 10}))
  for _, a in ipairs(json.decode(response.body)) do
    if a[3]:sub(1, #prefix) == prefix then out[#out + 1] = {at = a[1], user = a[2], id = a[3], status = a[4]} end
  end
  return out
end

--- Cases that run at once, since they wait most of the time.
-- @param it busted's
-- @return what takes its place
function world.together(it)
  local bodies, runs = {}, {}
  return function(name, body)
    bodies[name] = body
    it(name, function()
      if next(runs) == nil then
        for each, fn in pairs(bodies) do runs[each] = loop.spawn(pcall, fn) end
      end
      local _, ok, err = loop.wait(runs[name])
      if not ok then error(type(err) == "table" and err.service and err.message or err, 0) end
    end)
  end
end

--- Sends a signal to a process that support.server started: "STOP" and "CONT", say.
function world.signal(process, name)
  assert(proc.run({"sh", "-c", ("kill -%s %d"):format(name, process:pid())}).code == 0)
end

--- Raises where a user has more than `limit` in any `window` seconds, at the receiver.
function world.within_limit(list, limit, window)
  limit, window = limit or LIMIT, window or WINDOW
  local by = {}
  for _, a in ipairs(list) do
    local times = by[a.user] or {}
    by[a.user] = times
    times[#times + 1] = a.at
  end
  for user, times in pairs(by) do
    table.sort(times)
    for i = limit + 1, #times do
      local span = times[i] - times[i - limit]
      if span < window then error(("%s: %d arrivals in %.3f s"):format(user, limit + 1, span), 2) end
    end
  end
end

--- How often each message was taken.
function world.counted(list)
  local n = {}
  for _, a in ipairs(list) do if a.status == 201 then n[a.id] = (n[a.id] or 0) + 1 end end
  return n
end

return world
