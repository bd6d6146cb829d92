--- Events that go to a service: encoded by the model, each signed on the one before, and sent by a task of their own
-- while the answer's events come.
local error_of = require "aws.error"
local events_of = require "aws.events"
local input_of = require "aws.input"

local outgoing = {}

local SIGNED <const> = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
local SIGNED_4A <const> = "STREAMING-AWS4-ECDSA-P256-SHA256-EVENTS"

local function member_of(c, op)
  if not op.event_output then
    error_of.usage(("%s.%s takes events and answers with none, which no service had when this was written: "
      .. "tidelock cannot call it."):format(c.name, op.snake))
  end
  return (events_of.member(op, op:input_shape()))
end

-- The event's message, or a raise that tells all that is wrong with it.
local function encoded(c, op, member, event)
  local eventbody, eventstream = require "tidelock.eventbody", require "tidelock.eventstream"
  local message, fault = eventbody.encode(op, event)
  if not message then input_of.refuse_event(c.name, op, member, event, fault) end
  return eventstream.encode(message)
end

-- A list is encoded before anything is sent: what is wrong in it is found then, and it can be sent again.
local function from_list(c, op, member, list)
  local messages = {}
  for i, event in ipairs(list) do messages[i] = encoded(c, op, member, event) end
  return function()
    local i = 0
    return function()
      i = i + 1
      return messages[i]
    end
  end
end

local function from_function(c, op, member, pull, source)
  return function()
    return function()
      source.spent = true                                -- they cannot be had a second time
      local event = pull()
      return event ~= nil and encoded(c, op, member, event) or nil
    end
  end
end

--- What sends the events of the input: {begin = function() -> function() -> message or nil, spent = bool}; nil where
-- the operation takes none. They are a list, or a function that returns the next one and nil after the last.
function outgoing.take(c, op, input)
  local member = member_of(c, op)
  local given = input[member.name]
  local source = {spent = false}
  if given == nil then given = {} end
  local meta = getmetatable(given)
  if type(given) == "function" or type(meta) == "table" and meta.__call then
    source.begin = from_function(c, op, member, given, source)
  elseif type(given) == "table" and (#given > 0 or next(given) == nil) then
    source.begin = from_list(c, op, member, given)
  else
    error_of.usage(("%s.%s: %s must be a list of events, or a function that returns the next one and nil after the "
      .. "last. Nothing was sent."):format(c.name, op.snake, member.name))
  end
  return source
end

--- Puts the stream into the request, and says how it is signed.
function outgoing.frame(request, sign, auth)
  request.body = {}
  sign.payload = auth == "sigv4a" and SIGNED_4A or SIGNED
end

local function unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- Puts a message ("" is the last) into a signed one; without keys messages go as they are.
local function signer(world, request, keys, options, now)
  if not keys then return nil end
  local eventstream = require "tidelock.eventstream"
  local stream = world.sigv4.stream(keys, options, request.headers.Authorization:match "Signature=(%x+)$")
  return function(message)
    local time = now()
    local date = {":date", time, "timestamp"}
    local head = eventstream.encode {headers = {date}}:sub(13, -5)    -- without lengths and sums
    local signature = unhex(stream:event(head, message, time))
    return eventstream.encode {headers = {date, {":chunk-signature", signature, "bytes"}}, payload = message}
  end
end

-- Sends until there are no more; stops where the service has ended its own stream, or the connection broke, which
-- the reader is told.
local function pump(talk, next_message, wrap)
  for message in next_message do
    if not talk:write(wrap and wrap(message) or message) then return end
  end
  if wrap and not talk:write(wrap "") then return end
  talk:shut()
end

-- What reads the answer: a fault of the sending task comes before what the connection says of it.
local function reader_of(opened, sending)
  local reader = {status = opened.status, headers = opened.headers}
  function reader.close()
    opened:close()
    sending.stop()
  end
  function reader.read()
    local piece, fault = opened:read()
    if sending.fault then
      reader.close()
      error(sending.fault, 0)
    end
    return piece, fault
  end
  return reader
end

local function start(world, talk, next_message, wrap)
  local sending = {}
  local task = world.spawn(function()
    local ok, fault = pcall(pump, talk, next_message, wrap)
    if ok then return end
    sending.fault = fault
    talk:close()
  end)
  function sending.stop()
    if world.current() ~= task then world.cancel(task) end
  end
  return sending
end

--- Sends a request with events and waits for the answer's head. As http.open: {status, headers} with read and close,
-- or nil and the fault.
-- @param world {converse =, spawn =, cancel =, current =, sigv4 =}: what sends beside the caller, and signs
-- @param request {headers =, ...}, signed
-- @param options of the transport
-- @param source of `take`
-- @param keys the credentials that the request was signed with, or nil: then events go without a signature
-- @param signing the options that it was signed with
-- @param now function () -> the time to sign with, as the service's clock has it
function outgoing.open(world, request, options, source, keys, signing, now)
  local talk, fault = world.converse(request, options)
  if not talk then return nil, fault end
  local sending = start(world, talk, source.begin(), signer(world, request, keys, signing, now))
  local opened
  opened, fault = talk:answer()
  if sending.fault then
    talk:close()
    error(sending.fault, 0)
  end
  if not opened then
    sending.stop()
    return nil, fault
  end
  return reader_of(opened, sending)
end

return outgoing
