--- The whole request of a call: what the codec wrote, the target's host and path, checksums, our headers.
local error_of = require "aws.error"
local stream = require "aws.stream"

local request = {}

local AGENT <const> = "tidelock/" .. require "version" .. " lua/5.4"
local COMPRESSED_FROM <const> = 10240                    -- bytes, unless the configuration says otherwise
local ALGORITHMS <const> = {CRC32 = "crc32", CRC32C = "crc32c", CRC64NVME = "crc64nvme", SHA1 = "sha1",
  SHA256 = "sha256"}
-- The fastest first: an answer is checked once.
local CHECKED <const> = {"crc32", "crc32c", "crc64nvme", "sha1", "sha256"}

-- The digest as the headers carry it.
local function sum(digest, name, body)
  if type(body) == "table" then return digest.base64(stream.digest(digest, name, body)) end
  return digest.base64(digest[name](body or ""))
end

local function has_checksum(headers)
  for name in pairs(headers) do
    local lower = name:lower()
    if lower == "content-md5" or lower:find("^x%-amz%-checksum%-") and lower ~= "x-amz-checksum-type"
        and lower ~= "x-amz-checksum-mode" and lower ~= "x-amz-checksum-algorithm" then
      return true
    end
  end
  return false
end

-- The algorithm to use, or nil where the operation neither needs nor offers one.
local function algorithm_of(c, op, input)
  local trait = op.checksum
  local member = trait and trait.requestAlgorithmMember
  if member and input[member] then return tostring(input[member]):upper(), nil end
  if op.checksum_required then return "CRC32", member end
  if not member or c.settings:get "request_checksum_calculation" == "when_required" then return nil end
  return "CRC32", member
end

local function wire_of(op, member)
  for _, m in ipairs(op:input_shape().members) do
    if m.name == member then return m.wire end
  end
end

-- The checksum to add, where the operation wants one and the caller gave none: its name in headers, or nil.
local function checksum_of(c, op, input, req)
  if not (op.checksum or op.checksum_required) or has_checksum(req.headers) then return nil end
  local algorithm, member = algorithm_of(c, op, input)
  if not algorithm then return nil end
  local name = ALGORITHMS[algorithm]
  if not name then
    error_of.usage(("%s.%s: the checksum algorithm %q is not known; use CRC32, CRC32C, CRC64NVME, SHA1 or SHA256.")
      :format(c.name, op.snake, algorithm))
  end
  local wire = member and wire_of(op, member)
  if wire then req.headers[wire] = algorithm end
  return name
end

--- Adds the checksum of the body where the operation wants one and the caller gave none.
function request.checksum(c, op, input, req)
  local name = checksum_of(c, op, input, req)
  if name then req.headers["x-amz-checksum-" .. name] = sum(c.world.digest, name, req.body) end
end

-- A body from a file or a function. Where the operation has checksums they come behind it over TLS, and wherever
-- the bytes cannot be read twice; else a file is read once for its sums, and again as it goes out.
local function put(c, op, input, req, body, sign, auth)
  local upload = require "aws.upload"
  for name in pairs(req.headers) do
    if name:lower() == "content-length" then req.headers[name] = nil end
  end
  local framed = op.checksum and (body.read or req.scheme == "https" and not has_checksum(req.headers))
  local name = framed and checksum_of(c, op, input, req) or nil
  if framed and (name or upload.signed(req, auth)) then
    upload.frame(req, body, sign, name, auth, c.world.sigv4)
  elseif framed or body.read then
    upload.bare(c, op, req, body, sign, auth)
  else
    stream.put(c, req, body, sign)
    request.checksum(c, op, input, req)
  end
end

--- The checksum of the whole body that an answer's head promises: its name, header and value; nil where there is none.
-- Sums of parts ("...-3") are not of the body.
function request.promised(op, headers)
  if not (op.checksum and op.checksum.responseAlgorithms) then return nil end
  for _, name in ipairs(CHECKED) do
    local header = "x-amz-checksum-" .. name
    local value = headers[header]
    if value and not value:find "%-%d+$" then return name, header, value end
  end
end

--- Whether the answer's body is the one that its checksum header is of; nil where it carries none.
-- Returns the header's name beside.
function request.intact(c, op, response)
  local name, header, wanted = request.promised(op, response.headers)
  if not name then return nil end
  return sum(c.world.digest, name, response.file or response.body) == wanted, header
end

-- Compresses the body of an operation that takes it so, where it is long enough to be worth it.
local function compress(c, op, req)
  local body = req.body
  if not op.gzip or type(body) ~= "string" or c.settings:get "disable_request_compression" then return end
  if #body < (c.settings:get "request_min_compression_size_bytes" or COMPRESSED_FROM) then return end
  req.body = require "tidelock.gzip".compress(body)
  for name, value in pairs(req.headers) do
    local lower = name:lower()
    if lower == "content-encoding" then
      req.headers[name] = value .. ", gzip"
      return
    elseif lower == "content-length" then
      req.headers[name] = nil
    end
  end
  req.headers["Content-Encoding"] = "gzip"
end

--- The request to sign and send, from what the codec wrote, with a body of `file` where there is one.
-- Returns it and what the file asks of the signer.
function request.build(c, op, input, encoded, target, file)
  local headers = encoded.headers or {}
  for name, value in pairs(target.headers) do headers[name] = value end
  headers["User-Agent"] = AGENT
  local host = target.host
  if encoded.host_prefix and not target.is_local then host = encoded.host_prefix .. host end
  local req = {method = encoded.method, scheme = target.scheme, host = host,
    path = target.path .. encoded.path, query = encoded.query or "", headers = headers, body = encoded.body}
  if c.trace_name then
    local trace = c.settings:env "_X_AMZN_TRACE_ID"
    if trace and not trace:find "%c" then headers["X-Amzn-Trace-Id"] = trace end
  end
  local sign = {}
  if file then
    put(c, op, input, req, file, sign, target.auth)
  else
    compress(c, op, req)
    request.checksum(c, op, input, req)
  end
  return req, sign
end

--- The same request with headers of its own: every attempt is signed anew.
function request.copy(req)
  local copy, headers = {}, {}
  for name, value in pairs(req) do copy[name] = value end
  for name, value in pairs(req.headers) do headers[name] = value end
  copy.headers = headers
  return copy
end

--- The client's transport options with those of one call over them.
function request.with(options, own)
  local t = {}
  for k, v in pairs(options) do t[k] = v end
  t.read_timeout, t.timeout = own.read_timeout or t.read_timeout, own.timeout or t.timeout
  return t
end

--- The options of the transport for a client: timeouts, the CA, the proxy. Read once. The second set is for
-- bodies that are the user's own: an object stored as gzip arrives as it is stored.
function request.options(c, scheme)
  local env = function(name) return c.settings:env(name:lower()) or c.settings:env(name) end
  local proxy = env(scheme == "https" and "HTTPS_PROXY" or "HTTP_PROXY")
  local ca = (scheme == "https" or proxy) and (c.options.ca_bundle or c.settings:get "ca_bundle") or nil
  local options = {connect_timeout = c.options.connect_timeout or 10, read_timeout = c.options.read_timeout or 60,
    timeout = c.options.timeout, max_body = c.options.max_body, verify = c.options.verify ~= false, ca = ca,
    proxy = proxy, no_proxy = env "NO_PROXY"}
  local raw = request.with(options, {})
  raw.decode = false
  return options, raw
end

return request
