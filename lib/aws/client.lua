--- A client of one service. `call` below is the whole way of a call, top to bottom.
local custom = require "aws.custom"
local discovery = require "aws.discovery"
local endpoint = require "aws.endpoint"
local error_of = require "aws.error"
local requests = require "aws.request"
local retry = require "aws.retry"
local stream = require "aws.stream"
local suggest = require "suggest"

local client = {}

-- ## What a call needs besides its input

-- A token that makes a repeated write one write: made once a call, so that all attempts share it.
local function tokens(c, op, input)
  for _, name in ipairs(op.idempotency) do
    if input[name] == nil then input[name] = c.world.digest.uuid() end
  end
end

local function copy(input)
  local t = {}
  for k, v in pairs(input) do t[k] = v end
  return t
end

-- The input as it is sent: the caller's table is never changed.
local function prepare(call, input)
  local c, op = call.client, call.op
  if type(input) ~= "table" then require "aws.input".refuse(c.name, op, input) end
  input = copy(input)
  call.file = stream.take(op, input)
  call.events = op.event_input and require "aws.outgoing".take(c, op, input)
  tokens(c, op, input)
  local rule = c.rules.input
  return rule and rule(call, input) or input
end

local function encode(c, op, input)
  local encoded, fault = c.world.codec.encode(op, input)
  if not encoded then require "aws.input".refuse(c.name, op, input, fault) end
  return encoded
end

-- What this call sends to, and the request to it.
local function aim(call)
  local c, op = call.client, call.op
  call.target = endpoint.of(c, op, call.input, call.region)
  call.request, call.sign = requests.build(c, op, call.input, encode(c, op, call.input), call.target, call.file)
  if call.events then require "aws.outgoing".frame(call.request, call.sign, call.target.auth.kind) end
  call.request.host = discovery.host(c, op, client.call) or call.request.host
  if c.rules.request then c.rules.request(call, call.request) end
end

-- ## One attempt

-- A bearer service takes a token instead of a signature.
local function bear(c, request)
  local token, why = c.session:bearer(c.model.metadata)
  if not token then
    error(error_of.new {code = "NoCredentials", service = c.name, exit = 77, message = why}, 0)
  end
  if token:find "[%c ]" then
    error(error_of.new {code = "CredentialsFailed", service = c.name, exit = 77,
      message = "The bearer token has a blank or line break in it.",
      remedy = "Copy it again, without what stands around it."}, 0)
  end
  request.headers.Authorization = "Bearer " .. token
end

-- Sends and waits for the answer's head, which leaves the rest to be read.
local function open(call, keys, signing)
  local c = call.client
  if not call.events then return c.world.open end
  return function(request, options)
    return require "aws.outgoing".open(c.world, request, options, call.events, keys, signing, call.now)
  end
end

-- Sends, with the client's options or those of the call; an answer for a file goes to it.
local function transfer(call, request, keys, signing)
  local c, own = call.client, call.options
  if not c.transport then c.transport, c.raw = requests.options(c, request.scheme) end
  local options = call.op.streaming_output and c.raw or c.transport
  if own then options = requests.with(options, own) end
  if call.by_pieces then return require "aws.answer".open(open(call, keys, signing), request, options) end
  if call.file and request.body.fed then
    return require "aws.upload".send(c.world, request, options, keys, signing)
  end
  if not own then return c.world.transport(request, options) end
  if own.to then stream.beside(options, own.to) end
  local response, fault = c.world.transport(request, options)
  if own.to and response then stream.recall(response, own.to) end
  return response, fault
end

-- Waits its turn in adaptive mode, signs a copy of the request with fresh time and keys, and sends it.
local function send(call)
  local c, auth = call.client, call.target.auth
  local request, keys, options = requests.copy(call.request), nil, nil
  if c.limiter then
    local wait = c.limiter:take(c.world.monotonic())
    if wait > 0 then c.world.sleep(wait) end
  end
  if auth.kind == "bearer" then
    bear(c, request)
  elseif auth.kind ~= "none" and not call.unsigned then
    keys, options = c.session:credentials(), auth.options
    options.time, options.payload = call.now(), call.sign.payload
    c.world.sigv4.sign(request, keys, options)
  end
  return transfer(call, request, keys, options)
end

-- Reads the answer: the output; or nil, an error's fields.
local function receive(call, response, fault)
  if not response then return nil, fault end
  local c, op = call.client, call.op
  if c.rules.response then response, call.redirect = c.rules.response(call, response) end
  if response.reader then return c.world.codec.decode(op, response, c.decoding) end
  local intact, header = requests.intact(c, op, response)
  if call.damaged then intact, header, call.damaged = false, call.damaged, nil end
  if intact == false then
    return nil, {code = "ChecksumMismatch", status = response.status,
      message = ("the body is not the one that %s is of; it was changed or cut on its way"):format(header)}
  end
  return c.world.codec.decode(op, response, c.decoding)
end

-- Where the body went to a file, the output says so in the body's place.
local function deliver(call, output, to)
  stream.settle(to, output ~= nil)
  local shape = output and call.op:output_shape()
  if shape and shape.payload then output[shape.payload] = {path = to} end
end

-- ## Failures

local REASONS <const> = {[400] = "Bad Request", [301] = "Moved Permanently", [403] = "Forbidden",
  [404] = "Not Found", [405] = "Method Not Allowed", [409] = "Conflict", [412] = "Precondition Failed",
  [304] = "Not Modified", [429] = "Too Many Requests", [500] = "Internal Server Error",
  [501] = "Not Implemented",
  [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout"}

local function is_page(response)
  local body = response.body or ""
  return body:find("^%s*<![Dd][Oo][Cc][Tt][Yy][Pp][Ee]%s+[Hh][Tt][Mm][Ll]") ~= nil
    or body:find("^%s*<[Hh][Tt][Mm][Ll]") ~= nil
end

-- Where to, without what may be secret in it; nil where the answer is no redirect.
local function sends_elsewhere(response)
  if response.status < 300 or response.status > 399 then return nil end
  return (response.headers.location or ""):match "^%a+://[^/?#@]+"
end

-- Emulators answer what they do not know with a web page, or with a word of their own.
local function not_emulated(call, response)
  if not call.target.custom or not response then return false end
  if is_page(response) then return response.status == 500 or response.status == 404 end
  return response.status == 400 and (response.body or ""):find("Unsupported service", 1, true) ~= nil
end

local function request_id(response)
  local h = response and response.headers or {}
  return h["x-amzn-requestid"] or h["x-amz-request-id"] or h["x-amzn-request-id"] or h["x-amz-id-2"]
end

-- The transport's own sentence is "POST URL: what happened; what to do": the first and the last part of
-- it the error says itself.
local function happened(fault)
  return fault.message:match("^%u+ %S+: (.*);[^;]*$") or fault.message
end

-- The error object of a failed attempt.
local function describe(call, fields, response)
  local c, op = call.client, call.op
  local e = {code = fields.code, message = fields.message, detail = fields.detail, service = c.name,
    operation = op.snake, operation_name = op.name, endpoint = call.target.url,
    region = call.target.auth.region, request_id = fields.request_id or request_id(response),
    status = response and response.status}
  if not response then e.message, e.next = happened(fields), fields.remedy end
  if not_emulated(call, response) then
    e.code = "NotImplemented"
    e.message = ("the emulator at %s answered with status %d and no AWS error"):format(call.target.url,
      response.status)
    e.remedy = ("It does not implement %s, most likely; its own log says more."):format(op.name)
  elseif response and is_page(response) then
    e.code = "NotAws"
    e.message = ("what answered with status %d sent a web page, not an AWS answer"):format(response.status)
    e.remedy = "A proxy or another server stands at this address: check the endpoint and HTTPS_PROXY."
  elseif response and (e.message or "") == "" and sends_elsewhere(response) then
    e.message = ("what answers there sends elsewhere, to %s"):format(sends_elsewhere(response))
    e.remedy = "Credentials are not taken there. If that is the right address, name it (--endpoint-url, "
      .. "AWS_ENDPOINT_URL); else check http or https, and HTTPS_PROXY."
  elseif response and (e.message == nil or e.message == "") then
    e.message = REASONS[response.status] or "status " .. response.status
  end
  if response and (e.code == nil or e.code == "") then e.code = tostring(response.status) end
  e.kind = e.code ~= "NotImplemented" and retry.kind(e, fields.retryable and fields or c.traits(op)[e.code]) or nil
  e.throttled, e.retryable = e.kind == "throttle", e.kind ~= nil
  return error_of.new(e)
end

-- How often to try, and in which mode: read from the configuration at the first failure only. What is wrong with it
-- must not hide the failure, which may be of a write: it is why that stands, in `c.unclear`.
local function policy(c)
  if not c.mode then
    local ok, mode, max = pcall(function()
      return retry.mode(c.settings:get "retry_mode", c.settings:get "max_attempts")
    end)
    if not (ok and mode) then
      c.unclear = "It was not tried again: " .. (ok and max or mode.message)
      mode, max = "standard", 1
    end
    c.mode, c.max_attempts = mode, max
    if mode == "adaptive" and not c.limiter then
      c.limiter = require "aws.throttle".new(c.world.monotonic())
    end
  end
  return c.max_attempts
end

-- Keys that the service calls expired are fetched again, once, where there is somebody to ask.
local function renewed(call, e)
  if call.renewed or not (e.code == "ExpiredToken" or e.code == "ExpiredTokenException") then return false end
  call.renewed = true
  return call.client.session:renew()
end

-- Whether to go round again after this failure, having waited for it. Sets why not in the error.
local function again(call, e, response)
  local c, now = call.client, call.client.world.clock()
  local headers = response and response.headers
  if call.file and call.file.spent or call.events and call.events.spent then
    if e.retryable or call.redirect then
      e.gave_up = "It was not tried again: the body came by pieces, and those are gone"
    end
    return false
  end
  if call.redirect and not call.redirected then
    call.redirected, call.region = true, call.redirect
    aim(call)
    return true
  end
  local skew = retry.skew(e, headers, now)
  if skew and math.abs(skew - c.skew) > 60 then
    c.skew = skew
    return call.attempts < policy(c)
  end
  if renewed(call, e) then return true end
  local delay, cost = retry.delay(c.quota, {kind = e.kind, headers = headers, service = c.name},
    call.attempts, policy(c), c.world.random, now)
  if not delay then
    e.gave_up = cost or e.retryable and c.unclear or nil
    return false
  end
  call.cost = cost
  c.world.sleep(delay)
  return true
end

-- Adaptive mode learns from every answer.
local function learn(c, throttled)
  if c.limiter then c.limiter:answered(throttled, c.world.monotonic()) end
end

-- ## The call

--- Makes one call of `op` with `input`: returns the output, or raises an error object. Options for this
-- call alone: `to` (a file for the body of the answer) or `by_pieces` (the body is an iterator of its pieces, with
-- `read(n)` and `close`), `read_timeout`, `timeout` in seconds. Streams of events are iterators always; those
-- that go to the service are a list of events, or a function that returns the next one.
function client.call(c, op, input, options)
  local call = {client = c, op = op, attempts = 0, options = options}
  function call.now() return math.floor(c.world.clock() + c.skew) end
  call.input = prepare(call, input)
  call.by_pieces = op.event_output or options and options.by_pieces and op.streaming_output
  aim(call)
  while true do
    call.attempts = call.attempts + 1
    local response, fault = send(call)
    local output, fields = receive(call, response, fault)
    if options and options.to then deliver(call, output, options.to) end
    if output then
      if response.reader then require "aws.answer".give(call, output, response, request_id(response)) end
      learn(c, false)
      retry.release(c.quota, call.cost)
      if c.rules.output then output = c.rules.output(call, output, response) end
      return output
    end
    local e = describe(call, fields, response)
    policy(c)
    learn(c, e.throttled)
    if not again(call, e, response) then
      e.attempts = call.attempts
      error(e, 0)
    end
  end
end

-- ## The object that users hold

local methods = {}

-- The inner state of a client, behind the object: users' names (operations) stand alone on it.
local states = setmetatable({}, {__mode = "k"})

local function operation_of(c, name)
  local op = c.model:operation(name)
  if op then return op end
  local names = {}
  for i, camel in ipairs(c.model:operations()) do names[i] = c.model:operation(camel).snake end
  error_of.usage(("%s has no operation %q%s. List them with: tidelock help %s"):format(c.name, tostring(name),
    suggest.phrase(name, names), c.name))
end

--- Whether the service has this operation.
function methods:can(name) return states[self].model:operation(name) ~= nil end

--- The operation's model, by either of its names; raises with did-you-mean.
function methods:operation(name) return operation_of(states[self], name) end

--- Calls an operation by name: `client:call("list_queues", {})`.
function methods:call(name, input, options)
  local c = states[self]
  return client.call(c, operation_of(c, name), input or {}, options)
end

--- Iterates over the pages of a list operation.
function methods:pages(name, input, options)
  return require "aws.paginate".pages(self, operation_of(states[self], name), input or {}, options)
end

--- Iterates over the items of all pages.
function methods:items(name, input, options)
  return require "aws.paginate".items(self, operation_of(states[self], name), input or {}, options)
end

--- Waits until what the waiter's name says is so.
function methods:wait(name, input, options)
  return require "aws.waiter".wait(self, name, input or {}, options)
end

--- A URL that carries the signature, good for `options.expires` seconds (default 3600).
function methods:presign(name, input, options)
  local c = states[self]
  return require "aws.presign".url(c, operation_of(c, name), input or {}, options or {})
end

--- What a client stands on: {name=, model=, settings=, session=, world=}. For paginators and waiters.
function methods:inner() return states[self] end

-- Operations come into being when they are first called, and stay on the client.
local function index(self, name)
  if methods[name] then return methods[name] end
  local c = states[self]
  local op = operation_of(c, name)
  local function run(_, input, options) return client.call(c, op, input or {}, options) end
  rawset(self, name, run)
  return run
end

local meta = {__index = index, __tostring = function(self) return "aws client of " .. states[self].name end,
  __name = "aws.client"}

-- Error shapes that the model marks as worth a retry, by code. Read once for an operation.
local function traits_of(model)
  local known = {}
  return function(op)
    local traits = known[op.name]
    if not traits then
      traits = {}
      for _, name in ipairs(op.errors) do
        local shape = model:shape(name)
        if shape.retryable then traits[shape.code or name] = shape end
      end
      known[op.name] = traits
    end
    return traits
  end
end

--- A client of the service `name` over `session`. Opens nothing and sends nothing yet.
function client.new(session, name, model, options)
  local world = session.world
  local c = {session = session, name = name, model = model, settings = session.settings, world = world,
    options = options, rules = custom.of(name), quota = retry.quota(), skew = 0, api = world.endpoint,
    anonymous = options.anonymous, traits = traits_of(model), decoding = options.secrets and {secrets = true} or nil,
    trace_name = session.settings:env "AWS_LAMBDA_FUNCTION_NAME"}
  if options.retry_mode == "adaptive" or session.settings:env "AWS_RETRY_MODE" == "adaptive" then
    c.limiter = require "aws.throttle".new(world.monotonic())
  end
  function c:known_account() return self.session:known_account() end
  local self = setmetatable({}, meta)
  states[self] = c
  return self
end

return client
