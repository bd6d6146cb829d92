--- An aws client as resource types see it: every call counted as read or write, writes told before and after.
local recorder = {}

local READS <const> = {"^get_", "^list_", "^describe_", "^lookup_", "^batch_get_", "^head_", "^query$", "^scan$",
  "^search", "^filter_", "^select_", "^test_", "^validate_", "^simulate_", "^check_", "^estimate_", "^assume_role",
  "^decode_", "^preview_", "^view_", "^can_", "^is_", "^download_", "^generate_credential_report$", "^poll_",
  "^receive_"}
local HELPERS <const> = {pages = true, items = true, wait = true}
local PLAIN <const> = {can = true, operation = true, presign = true, inner = true}

--- Whether an operation only looks: list_queues or ListQueues.
function recorder.is_read(name)
  name = name:gsub("(%l)(%u)", "%1_%2"):lower()
  for _, pattern in ipairs(READS) do
    if name:find(pattern) then return true end
  end
  return false
end

local function current()
  return require "tidelock.loop".current()
end

--- The transport below a session that counts (playbook.traffic).
recorder.traffic = require "playbook.traffic".new

-- task -> the recorder that it calls through: whose interruption ends its waiting
local serving <const> = setmetatable({}, {__mode = "kv"})

local function began(self, service, operation, input, node)
  serving[current()] = self
  local call = {service = service, operation = operation, node = node, requests = 0, read = recorder.is_read(operation),
    began = self.on_call and require "tidelock.loop".time() or nil}
  if not call.read and self.before then self.before(call, input) end
  if self.traffic then
    local task = current()
    call.outer = self.traffic.watched[task]
    self.traffic.watched[task] = call
    call.task = task
  end
  return call
end

local function ended(self, call, err)
  if call.node and call.node.in_playbook then require "playbook.guard".arm(self.instructions) end
  if call.task then self.traffic.watched[call.task] = call.outer end
  local count = math.max(call.requests, self.traffic and 0 or 1)
  if call.read then self.reads = self.reads + count else self.writes = self.writes + count end
  if not call.read and call.node and call.node.in_playbook then self.step_writes = self.step_writes + count end
  self.calls = self.calls + 1
  self.requests[call.service] = (self.requests[call.service] or 0) + count
  if not call.read and self.after then self.after(call, err) end
  if self.on_call then self.on_call(call, err) end
end

local function run(self, call, fn, ...)
  local result = table.pack(pcall(fn, ...))
  ended(self, call, not result[1] and result[2] or nil)
  if not result[1] then error(result[2], 0) end
  return table.unpack(result, 2, result.n)
end

-- An iterator yields between requests: the watch stands only while it is running.
local function iterate(self, service, name, node, next_item, a, b)
  return function()
    local call = began(self, service, name, nil, node)
    return run(self, call, function()
      b = table.pack(next_item(a, b))
      return table.unpack(b, 1, b.n)
    end)
  end
end

local function interrupted(what)
  error({code = "Interrupted", message = ("the run was interrupted while it waited (%s)"):format(what)}, 0)
end

-- Runs `fn(...)` in a task of its own, so that an interrupted run need not see the end of it.
local function patiently(self, what, fn, ...)
  if self.interrupted then interrupted(what) end
  local loop = require "tidelock.loop"
  local body = loop.spawn(fn, ...)
  self.waits[body] = true
  local stop <close> = setmetatable({}, {__close = function()  -- luacheck: ignore
    self.waits[body] = nil
    loop.cancel(body)
  end})
  local out = table.pack(loop.wait(body))
  if out[1] then return table.unpack(out, 2, out.n) end
  if out[2] == loop.CANCELLED and self.interrupted then interrupted(what) end
  error(out[2], 0)
end

-- A service's own waiter: what it sends belongs to the call.
local function follow(self, call, wait, client, waiter, ...)
  return patiently(self, waiter, function(...)
    if self.traffic then self.traffic.watched[current()] = call end
    return wait(client, waiter, ...)
  end, ...)
end

-- Operations that must not be sent twice blindly, because twice means two: where the answer is lost, the engine looks
-- before it sends again.
local function sent_once(self, service, node)
  local names = node and node.type and node.type.once
  if not names then return {} end
  local once, client = {}, nil
  for _, name in ipairs(names) do
    once[name] = function(_, input)
      client = client or self.session:client(service, {max_attempts = 1})
      return client[name](client, input)
    end
  end
  return once
end

local function service_proxy(self, client, service, node)
  local once = sent_once(self, service, node)
  return setmetatable({}, {__index = function(proxy, name)
    local fn
    if PLAIN[name] then
      fn = function(_, ...) return client[name](client, ...) end
    elseif name == "call" then
      fn = function(_, operation, input)
        return run(self, began(self, service, operation, input, node), client.call, client, operation, input)
      end
    elseif name == "wait" then
      fn = function(_, waiter, ...)
        local call = began(self, service, "get_" .. waiter, nil, node)
        return run(self, call, follow, self, call, client.wait, client, waiter, ...)
      end
    elseif HELPERS[name] then
      fn = function(_, operation, ...)
        return iterate(self, service, operation, node, client[name](client, operation, ...))
      end
    else
      local operation = once[name] or client[name]
      fn = function(_, input)
        return run(self, began(self, service, name, input, node), operation, client, input)
      end
    end
    rawset(proxy, name, fn)
    return fn
  end})
end

local PLACE <const> = {account_id = true, region = true, arn = true, tags = true}

local methods = {}

-- What the code of a playbook may hold: passwords and keys come to it as secrets. Types are part of the program.
local function session_of(self, node)
  if not (node and node.in_playbook) or type(self.session.derive) ~= "function" then return self.session end
  self.discreet = self.discreet or self.session:derive {secrets = true}
  return self.discreet
end

--- The client for a node's calls (or for nobody's): `aws.sqs:create_queue{...}`.
function methods:client(node)
  local session, place = session_of(self, node), self.place
  return setmetatable({}, {__index = function(aws, service)
    if PLACE[service] then return place and place(service) end
    local proxy
    if service == "client" then
      proxy = function(_, name, options)
        return service_proxy(self, session:client(name, options), name, node)
      end
    else
      proxy = service_proxy(self, session[service], service, node)
    end
    rawset(aws, service, proxy)
    return proxy
  end})
end

--- Waits so many seconds; raises as soon as the run is interrupted. `what` is waited for.
function methods:nap(seconds, what)
  patiently(self, what or "a pause", require "tidelock.loop".sleep, seconds)
end

--- The run is interrupted (`interrupted` says so from here on): what is in flight is let end, what only waits is not.
function methods:interrupt()
  self.interrupted = true
  for body in pairs(self.waits) do require "tidelock.loop".cancel(body) end
end

--- Counts what another has sent as well: the reads of the plan before this one, no writes.
function methods:count_also(other)
  self.reads = self.reads + other.reads
  for service, n in pairs(other.requests) do self.requests[service] = (self.requests[service] or 0) + n end
end

--- A recorder over a session (or a fake of one). `traffic` is what counts below it, if anything does.
function recorder.new(session, traffic)
  return setmetatable({session = session, traffic = traffic, reads = 0, writes = 0, step_writes = 0, calls = 0,
    requests = {}, waits = {}}, {__index = methods})
end

-- Types wait with resources.await, which knows of no run: the run whose client they called ends it.
require "resources.tools".pause_by(function(seconds, what)
  local self = serving[current()]
  if self then return self:nap(seconds, what) end
  require "tidelock.loop".sleep(seconds)
end)

--- Waits so many seconds for the run that the running task works for; false as soon as that is interrupted.
function recorder.pause(seconds)
  local ok, err = pcall(require "resources.tools".nap, seconds, "before the next try")
  if not ok and not (type(err) == "table" and err.code == "Interrupted") then error(err, 0) end
  return ok
end

return recorder
