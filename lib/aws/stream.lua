--- Bodies that stay in files: sent from {path=, offset=, length=}, received with options {to = path}; and those
-- that come from the caller's function by pieces: {read = function() -> bytes or nil, length=}.
-- Memory stays flat: hashes are taken piece by piece, and the transport moves the bytes itself.
local error_of = require "aws.error"

local stream = {}

local PIECE <const> = 1048576
local SHOWN <const> = 65536                              -- of an error's answer that went to a file

local function open(path, mode)
  local file, why = io.open(path, mode)
  if file then return file end
  error(error_of.new {code = "File", exit = 1, message = ("Cannot open %s."):format(why)}, 0)
end

--- Takes a file or function out of the input: its place holds "" for the codec. Returns {path=, offset=, length=},
-- {read=, length=} or nil.
function stream.take(op, input)
  if not op.streaming_input then return nil end
  local member = op:input_shape().payload
  local body = input[member]
  if type(body) ~= "table" then return nil end
  if type(body.read) == "function" and math.type(body.length) == "integer" and body.length >= 0 then
    input[member] = ""
    return {read = body.read, length = body.length}
  end
  if type(body.path) ~= "string" then
    error_of.usage(("%s.%s: %s must be bytes (a string), or {path = FILE}, or {read = FUNCTION, length = BYTES}. "
      .. "Nothing was sent.")
      :format(op.service.name, op.snake, member))
  end
  local file <close> = open(body.path, "rb")
  local size = file:seek "end"
  local offset = body.offset or 0
  local length = body.length or size - offset
  if offset < 0 or length < 0 or offset + length > size then
    error_of.usage(("%s has %d bytes; a part from %d of %d bytes is not in it.")
      :format(body.path, size, offset, length))
  end
  input[member] = ""
  return {path = body.path, offset = offset, length = length}
end

--- A digest of the file's part, as bytes.
function stream.digest(digest, name, body)
  local file <close> = open(body.path, "rb")
  local sum <close> = digest.new(name)
  file:seek("set", body.offset)
  local left = body.length
  while left > 0 do
    local piece = file:read(math.min(PIECE, left))
    if not piece then
      error(error_of.new {code = "File", exit = 1, message = body.path .. " became shorter while it was read."}, 0)
    end
    sum:update(piece)
    left = left - #piece
  end
  return sum:final()
end

--- Puts the file into the request, and says how it is signed: by its hash over plain http, and over TLS,
-- which vouches for the bytes itself, without.
function stream.put(c, request, body, sign)
  request.body = body
  if request.scheme == "https" then
    sign.payload = "UNSIGNED-PAYLOAD"
  else
    sign.payload = c.world.digest.hex(stream.digest(c.world.digest, "sha256", body))
  end
end

--- The transport's options for an answer that goes to the file `to`: first beside it, so that a failure
-- leaves the old file as it was.
function stream.beside(options, to)
  options.to = to .. ".part"
  return options
end

--- An answer that went to the file beside `to`: of an error the text becomes the body, as it is elsewhere;
-- else the response gets `file`, the part {path=, offset=, length=}.
function stream.recall(response, to)
  local file = io.open(to .. ".part", "rb")
  if not file then return end
  if response.status >= 200 and response.status < 300 then
    response.file = {path = to .. ".part", offset = 0, length = file:seek "end"}
  else
    if response.body == nil or response.body == "" then response.body = file:read(SHOWN) or "" end
  end
  file:close()
end

--- At the end of an attempt: the part becomes the file if all went well, and goes if not.
function stream.settle(to, good)
  if not good then
    os.remove(to .. ".part")
    return
  end
  local ok, why = os.rename(to .. ".part", to)
  if not ok then
    error(error_of.new {code = "File", exit = 1, message = ("Cannot write %s: %s."):format(to, why)}, 0)
  end
end

return stream
