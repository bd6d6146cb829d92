--- Bodies that go out by pieces, of a file or of the caller's own function: as they are, or framed as
-- "aws-chunked" with the checksum behind the body, so that each byte is read once and memory stays flat.
local error_of = require "aws.error"

local upload = {}

local PIECE <const> = 262144
local SUM_LENGTH <const> = {crc32 = 8, crc32c = 8, crc64nvme = 12, sha1 = 28, sha256 = 44}    -- in base64

local function fail(message) error(error_of.new {code = "File", exit = 1, message = message}, 0) end

-- ## Where the bytes come from

local function from_file(body)
  local file, why = io.open(body.path, "rb")
  if not file then fail(("Cannot open %s."):format(why)) end
  file:setvbuf "no"
  file:seek("set", body.offset)
  local left = body.length
  return function()
    if left == 0 then return nil end
    local piece = file:read(math.min(PIECE, left))
    if not piece then fail(body.path .. " became shorter while it was read.") end
    left = left - #piece
    return piece
  end, file
end

-- The caller's pieces, held to the length that was promised.
local function from_function(body)
  local left = body.length
  return function()
    body.spent = true                                    -- they cannot be had a second time
    local piece = body.read()
    if piece ~= nil and type(piece) ~= "string" then
      error_of.usage(("The function of a body must return strings, and nil at the end; it returned a %s.")
        :format(type(piece)))
    end
    if #(piece or "") > left then
      error_of.usage(("The function of a body gave more than the %d bytes it promised."):format(body.length))
    elseif not piece and left > 0 then
      error_of.usage(("The function of a body ended %d bytes before the %d it promised."):format(left, body.length))
    end
    left = left - #(piece or "")
    return piece
  end
end

-- Pieces of one size: each frame of a signed body but the last must be as long as was counted.
local function even(read)
  local held, ended = "", false
  return function()
    local parts, n = {held}, #held
    while not ended and n < PIECE do
      local piece = read()
      if piece then parts[#parts + 1], n = piece, n + #piece else ended = true end
    end
    local all = table.concat(parts)
    held = all:sub(PIECE + 1)
    return n > 0 and all:sub(1, PIECE) or nil
  end
end

-- ## Frames

local function plain_length(length, sum)
  local function frame(n) return #("%x"):format(n) + n + 4 end
  local total = length // PIECE * frame(PIECE) + 3
  if length % PIECE > 0 then total = total + frame(length % PIECE) end
  return total + (sum and #sum.header + 1 + SUM_LENGTH[sum.name] + 2 or 0) + 2
end

local function signed_length(sigv4, length, sum, auth)
  return sigv4.framed_length(length, PIECE, sum and {[sum.header] = ("x"):rep(SUM_LENGTH[sum.name])} or nil,
    auth.options)
end

local SIGNED <const> = {sigv4 = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  sigv4a = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}

--- How the frames of a body are signed, each on the one before; nil over TLS, which vouches for the bytes itself, and
-- where the request has no signature.
function upload.signed(request, auth) return request.scheme ~= "https" and SIGNED[auth.kind] or nil end

--- Puts the body into the request, framed, with the checksum `algorithm` ("crc32", or nil) behind it.
function upload.frame(request, body, sign, algorithm, auth, sigv4)
  local headers, sum = request.headers, nil
  if algorithm then
    sum = {name = algorithm, header = "x-amz-checksum-" .. algorithm}
    headers["X-Amz-Trailer"] = sum.header
  end
  local signed = upload.signed(request, auth)
  for name, value in pairs(headers) do
    if name:lower() == "content-encoding" then
      headers[name] = nil
      headers["Content-Encoding"] = value .. ",aws-chunked"
    end
  end
  headers["Content-Encoding"] = headers["Content-Encoding"] or "aws-chunked"
  headers["X-Amz-Decoded-Content-Length"] = tostring(body.length)
  sign.payload = (signed or "STREAMING-UNSIGNED-PAYLOAD") .. (sum and "-TRAILER" or "")
  if not SIGNED[auth.kind] then headers["X-Amz-Content-SHA256"] = sign.payload end    -- else the signer says it
  request.body = {fed = body, framed = true, signed = signed, sum = sum,
    length = signed and signed_length(sigv4, body.length, sum, auth) or plain_length(body.length, sum)}
end

--- Puts the pieces into the request as they are: where nobody asks for their hash first.
function upload.bare(c, op, request, body, sign, auth)
  if upload.signed(request, auth) then
    error_of.usage(("%s.%s takes a body by pieces over https alone; give it whole, or as {path = FILE}. "
      .. "Nothing was sent."):format(c.name, op.snake))
  end
  sign.payload = "UNSIGNED-PAYLOAD"
  request.body = {fed = body, length = body.length}
end

-- ## Sending

-- What frames a piece, and what ends the body: functions of the piece, and of the trailers.
local function framer(world, request, keys, options)
  local body = request.body
  if not body.framed then return function(piece) return "", piece end, function() return "" end end
  if not body.signed then
    local mark = ""
    return function(piece)
      local before = ("%s%x\r\n"):format(mark, #piece)
      mark = "\r\n"
      return before, piece
    end, function(name, value)
      return mark .. "0\r\n" .. (name and ("%s:%s\r\n"):format(name, value) or "") .. "\r\n"
    end
  end
  local seed = request.headers.Authorization:match "Signature=(%x+)$"
  local stream = world.sigv4.stream(keys, options, seed)
  return function(piece) return "", stream:frame(piece) end,
    function(name, value) return stream:finish(name and {[name] = value} or nil) end
end

-- Writes until all is gone; false where the server has answered before, or nil and the fault.
local function pump(world, up, request, read, keys, options)
  local body = request.body
  local frame, finish = framer(world, request, keys, options)
  local sum <close> = body.sum and world.digest.new(body.sum.name) or nil
  for piece in read do
    if sum then sum:update(piece) end
    local before, bytes = frame(piece)
    local ok, fault = up:write(before)
    if ok then ok, fault = up:write(bytes) end
    if not ok then return ok, fault end
  end
  if sum then return up:write(finish(body.sum.header, world.digest.base64(sum:final()))) end
  return up:write(finish())
end

--- Sends a request with such a body. As the transport: the response, or nil and the fault.
-- @param world {digest =, sigv4 =}: what hashes and signs
-- @param request {body =, headers =, ...}, signed
-- @param transport function (request, options) -> response, or nil and the fault
-- @param keys the credentials that the request was signed with
-- @param options those that it was signed with, and of the transport
function upload.send(world, request, transport, keys, options)
  local body = request.body
  local read, file
  if body.fed.path then read, file = from_file(body.fed) else read = from_function(body.fed) end
  local holder <close> = file
  if body.framed and not holder then read = even(read) end
  request.body = {length = body.length}
  local up <close>, fault = world.upload(request, transport)
  request.body = body
  if not up then return nil, fault end
  local ok
  ok, fault = pump(world, up, request, read, keys, options)
  if ok == nil then return nil, fault end
  return up:finish()
end

return upload
