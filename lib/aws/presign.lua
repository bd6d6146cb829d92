--- URLs that carry their signature: for S3 objects, and for services of the query protocols.
local endpoint = require "aws.endpoint"
local error_of = require "aws.error"
local input_of = require "aws.input"

local presign = {}

local LONGEST <const> = 7 * 24 * 3600
local DROPPED <const> = {["content-type"] = true, ["content-length"] = true, ["user-agent"] = true}

-- The query protocols say all in the form body: it becomes the query of a GET.
local function as_get(request, more)
  request.method, request.query, request.body = "GET", request.body, nil
  for name, value in pairs(more or {}) do
    request.query = ("%s&%s=%s"):format(request.query, name, value)
  end
  for name in pairs(request.headers) do
    if DROPPED[name:lower()] then request.headers[name] = nil end
  end
end

local function check(c, op, expires)
  local protocol = c.model.protocol
  if protocol == "json" or protocol == "smithy-rpc-v2-cbor" then
    error_of.usage(("%s.%s cannot be presigned: its input travels in the body, which a URL does not carry.")
      :format(c.name, op.snake))
  end
  if math.type(expires) ~= "integer" or expires < 1 or expires > LONGEST then
    error_of.usage("A presigned URL holds for 1 second to 7 days: expires must be 1 to 604800.")
  end
end

--- The URL of a call of `op`. Options: `expires` in seconds; `more`, further query fields (RDS).
function presign.url(c, op, input, options)
  local expires = options.expires or 3600
  check(c, op, expires)
  local call = {client = c, op = op, presigning = true}
  local rules = c.rules
  call.input = {}
  for k, v in pairs(input) do call.input[k] = v end
  if rules.input then call.input = rules.input(call, call.input) or call.input end
  call.target = endpoint.of(c, op, call.input)
  local encoded, fault = c.world.codec.encode(op, call.input)
  if not encoded then input_of.refuse(c.name, op, call.input, fault) end
  local target = call.target
  local host = target.host
  if encoded.host_prefix and not target.is_local then host = encoded.host_prefix .. host end
  local request = {method = encoded.method, scheme = target.scheme, host = host,
    path = target.path .. encoded.path, query = encoded.query or "", headers = encoded.headers or {},
    body = encoded.body}
  if rules.request then rules.request(call, request) end
  local form = c.model.protocol == "query" or c.model.protocol == "ec2"
  if form then as_get(request, options.more) end
  local sign = {expires = expires}
  for k, v in pairs(target.auth.options) do sign[k] = v end
  sign.time = math.floor(c.world.clock() + c.skew)
  if target.auth.name:find("^s3") then sign.unsigned = true end
  c.world.sigv4.presign(request, c.session:credentials(), sign)
  return ("%s://%s%s?%s"):format(request.scheme, request.host, request.path, request.query)
end

return presign
