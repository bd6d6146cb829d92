--- What is really sent below the client: counted, told of to the call it belongs to, and said where no answer comes.
local traffic = {}

--- Seconds without an answer after which a person is told what is waited for; then twice as long, and so on.
traffic.PATIENCE = 4

local function current()
  return require "tidelock.loop".current()
end

local function now() return require "tidelock.loop".now() end

-- The request that has waited longest, and how many wait.
local function oldest(self)
  local found, n = nil, 0
  for request in pairs(self.open) do
    n = n + 1
    if not found or request.began < found.began then found = request end
  end
  return found, n
end

local function sentence(request, n)
  return ("No answer from %s for %d s%s%s; waiting (Ctrl-C ends it)"):format(request.host, math.floor(now()
    - request.began + 0.5), request.call and (" to %s.%s"):format(request.call.service, request.call.operation) or "",
    n > 1 and (", and %d more request%s"):format(n - 1, n == 2 and "" or "s") or "")
end

-- Looks while there are requests without an answer; whoever sends the first of them starts it.
local function watch(self)
  require "tidelock.limit".instructions()       -- no part of the playbook's code that it may have been started from
  local patience, since = traffic.PATIENCE, now()
  while true do
    local request, n = oldest(self)
    local left = math.max(request.began, since) + patience - now()
    if left <= 0 then
      self.slow(sentence(request, n))
      patience, since = patience * 2, now()
    else
      require "tidelock.loop".sleep(left)
    end
  end
end

-- Notes a request for as long as its answer is waited for.
local function opened(self, request, call)
  local entry = {began = now(), host = request.host or "the endpoint", call = call}
  self.open[entry] = true
  if not self.watcher then self.watcher = require "tidelock.loop".spawn(watch, self) end
  return setmetatable({}, {__close = function()
    self.open[entry] = nil
    if next(self.open) ~= nil then return end
    require "tidelock.loop".cancel(self.watcher)
    self.watcher = nil
  end})
end

-- Tells the call what came for it.
local function told(call, response)
  local h = response.headers
  call.request_id = h["x-amzn-requestid"] or h["x-amz-request-id"] or call.request_id
  call.status = response.status
end

--- A transport that counts what is sent, retries and tokens too. `traffic.requests` is the sum; while a call is told to
-- it by `traffic.watched`, the request ids and the count go to that call. Where `traffic.slow` is set, it hears a
-- sentence on each wait that grows long; what `traffic.answers` (playbook.answers) has is not sent.
function traffic.new(send)
  local self = {requests = 0, watched = setmetatable({}, {__mode = "k"}), open = {}}
  function self.transport(request, options)
    send = send or require "tidelock.http".send
    local call, known, key = self.watched[current()], nil, nil
    if self.answers then known, key = self.answers:find(call, request, options) end
    if known then
      told(call, known)
      return known
    end
    self.requests = self.requests + 1
    if call then call.requests = call.requests + 1 end
    local ended <close> = self.slow and opened(self, request, call) or nil  -- luacheck: ignore
    local response, err = send(request, options)
    if call and response then told(call, response) end
    if key and response and self.answers then self.answers:keep(key, call, response) end
    return response, err
  end
  return self
end

return traffic
