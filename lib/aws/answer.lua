--- Answers that are read by pieces: the bytes of an object, and streams of events.
local error_of = require "aws.error"
local events = require "aws.events"
local requests = require "aws.request"

local answer = {}

local SHOWN <const> = 1048576                            -- of a refusal's body

local function whole(opened)
  local parts, n = {}, 0
  while n < SHOWN do
    local piece, fault = opened:read()
    if fault then
      opened:close()
      return nil, fault
    end
    if not piece then break end
    parts[#parts + 1], n = piece, n + #piece
  end
  opened:close()
  return table.concat(parts)
end

--- Sends as the transport does, but leaves the body of a success to be read: `reader` of the response.
-- `open` sends and waits for the head, as http.open.
function answer.open(open, request, options)
  local opened, fault = open(request, options)
  if not opened then return nil, fault end
  local response = {status = opened.status, headers = opened.headers, body = ""}
  if response.status >= 200 and response.status < 300 then
    response.reader = opened
    return response
  end
  response.body, fault = whole(opened)
  if not response.body then return nil, fault end
  return response
end

-- ## The bytes of an object

local Body <const> = {}
Body.__index = Body

local function fail(self, code, message)
  self:close()
  local about = self.about
  error(error_of.new {code = code, message = message, service = about.service, operation = about.operation,
    operation_name = about.operation_name, request_id = about.request_id}, 0)
end

local function finish(self)
  local sum = self.sum
  self:close()
  if sum and self.digest.base64(sum:final()) ~= self.wanted then
    fail(self, "ChecksumMismatch", ("the body is not the one that %s is of; it was changed or cut on its way. "
      .. "Throw away what was read."):format(self.header))
  end
end

--- The next piece; with `n`, exactly so many bytes unless the end comes first. Nil at the end. What breaks it, and
-- a checksum at the end that does not fit, is raised.
function Body:read(n)
  if not self.reader then return nil end
  local piece, fault = self.reader:read(n)
  if fault then fail(self, fault.code, fault.message) end
  if not piece then return finish(self) end
  if self.sum then self.sum:update(piece) end
  return piece
end

--- Ends it early: its connection is closed. Harmless twice.
function Body:close()
  if self.reader then self.reader:close() end
  self.reader, self.sum = nil, nil
end

Body.__call = function(self) return self:read() end
Body.__close = Body.close
Body.__name = "aws.body"

local function body_of(world, op, response, about)
  local name, header, wanted = requests.promised(op, response.headers)
  return setmetatable({reader = response.reader, about = about, digest = world.digest, header = header,
    wanted = wanted, sum = name and world.digest.new(name) or nil}, Body)
end

-- ## Into the output

--- Puts what reads the body into the output, at the member that it is of.
function answer.give(call, output, response, request_id)
  local c, op = call.client, call.op
  local about = {service = c.name, operation = op.snake, operation_name = op.name, request_id = request_id,
    secrets = c.options.secrets}
  if op.event_output then
    output[events.member(op, op:output_shape()).name] = events.open(op, response.reader, about)
  else
    output[op:output_shape().payload] = body_of(c.world, op, response, about)
  end
end

return answer
