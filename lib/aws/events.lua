--- The events of a streaming answer, one after the other: bytes come as the network has them, events as they are whole.
local error_of = require "aws.error"
local eventbody = require "tidelock.eventbody"
local eventstream = require "tidelock.eventstream"

local events = {}

local Stream <const> = {}
Stream.__index = Stream

-- Ends the stream, and raises what ended it, with what the caller knows of the call.
local function fail(self, fault)
  self:close()
  local about = self.about
  error(error_of.new {code = fault.code, message = fault.message or "the service gave no reason", detail = fault.detail,
    service = about.service, operation = about.operation, operation_name = about.operation_name,
    request_id = about.request_id}, 0)
end

-- The next whole message, or nil where the stream ended between two. Reads no further than it must.
local function message(self)
  while self.at > #self.waiting do
    local piece, fault = self.reader:read()
    if fault then fail(self, fault) end
    local list
    if piece then list, fault = self.decoder:feed(piece) else list, fault = self.decoder:finish() end
    if not list then fail(self, fault) end
    if not piece then return nil end
    self.waiting, self.at = list, 1
  end
  local found = self.waiting[self.at]
  self.waiting[self.at] = false
  self.at = self.at + 1
  return found
end

--- The next event, {NAME = {members}}, or nil at the end. An error that the service sends instead is raised, as is
-- a stream that breaks; both end it. Of a service that sends the output's own members first, they are `self.initial`.
function Stream:next()
  if self.closed then return nil end
  local found = message(self)
  if not found then
    self:close()
    return nil
  end
  local event, fault = eventbody.decode(self.op, found, self.options)
  if not event then fail(self, fault) end
  if fault ~= "initial" then return event end
  self.initial = event
  return self:next()
end

--- Ends the stream early: its connection is closed. Harmless twice.
function Stream:close()
  if self.closed then return end
  self.closed = true
  self.waiting, self.at = {}, 1
  if self.reader.close then self.reader:close() end
end

Stream.__call = Stream.next
Stream.__close = Stream.close

--- An iterator of events: `for event in stream do ... end`, `stream:next()`, `local stream <close> = ...`.
-- @param op an operation with `event_output`
-- @param reader what has the body: `reader:read()` -> bytes, nil at the end, or nil, err; as of http.open
-- @param about {service =, operation =, operation_name =, request_id =} for errors, and {secrets = bool}
function events.open(op, reader, about)
  about = about or {}
  return setmetatable({op = op, reader = reader, about = about, options = {secrets = about.secrets},
    decoder = eventstream.decoder(), waiting = {}, at = 1, closed = false}, Stream)
end

--- The member of an operation's `shape` that is a stream of events, and the stream's own shape; nil where none is.
function events.member(op, shape)
  for _, member in ipairs(shape.members) do
    local inner = op.service:shape(member.shape)
    if inner.eventstream then return member, inner end
  end
end

return events
