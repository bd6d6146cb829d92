--- Compiles a decoded service-2.json into the flat records that modules/models.h describes.
-- Pure: tables in, bytes out. The conformance specs compile their small inline models with it too.
local json = require "tidelock.json"
local snake = require "pack.snake"

local model = {}

-- Protocols that codec.c speaks, in the order of preference. The order is botocore's but for CBOR,
-- which botocore puts before query: emulators answer CBOR with 404 or 500, and to AWS json and
-- query mean the same, so CBOR comes last, for services that offer nothing else.
local SUPPORTED <const> = {
  "json", "rest-json", "rest-xml", "query", "ec2",
  "smithy-rpc-v2-cbor",
}
local CBOR <const> = "smithy-rpc-v2-cbor"

local MAGIC <const>, VERSION <const> = 0x4d4c4454, 1
local NONE <const> = 0xFFFFFFFF
local LEAST <const>, MOST <const> = math.mininteger, math.maxinteger

-- Numbers of the enumerations in models.h.
local PROTOCOLS <const> = {
  json = 0, query = 1, ec2 = 2, ["rest-json"] = 3, ["rest-xml"] = 4, [CBOR] = 5,
}
local TYPES <const> = {
  structure = 0, list = 1, map = 2, string = 3, character = 3, integer = 4, short = 4, byte = 4,
  long = 5, biginteger = 5, float = 6, double = 7, boolean = 8, blob = 9, timestamp = 10,
  bigdecimal = 11,
}
local STAMPS <const> = {iso8601 = 1, rfc822 = 2, unixTimestamp = 3}
local LOCATIONS <const> = {uri = 1, querystring = 2, header = 3, headers = 4, statusCode = 5}
local SHAPE_FLAGS <const> = {
  sensitive = 1, streaming = 2, eventstream = 4, document = 8, union = 16, flattened = 32,
  exception = 64, fault = 128, event = 256, wrapper = 512, requiresLength = 1024,
}
local RETRYABLE <const>, THROTTLING <const> = 2048, 4096
local MEMBER_FLAGS <const> = {      -- either the reference or its shape may carry them
  idempotencyToken = 2, sensitive = 4, streaming = 8, flattened = 16, xmlAttribute = 32,
  jsonvalue = 64, hostLabel = 128, eventpayload = 256, eventheader = 512, deprecated = 1024,
}
local REQUIRED <const>, HAS_WIRE <const> = 1, 2048
local OP = {                        -- TL_O_*
  unsigned = 1, noauth = 2, deprecated = 4, gzip = 8, checksum = 16, instream = 32, outstream = 64,
  inevents = 128, outevents = 256, readonly = 512, idempotent = 1024,
}
local QUERY_COMPATIBLE <const> = 1

local HEADER <const> = "<" .. ("I4"):rep(23) .. "I4"      -- the last word pads to a multiple of 8
local OPERATION <const> = "<" .. ("I4"):rep(16)
local SHAPE <const> = "<I1I1I2" .. ("I4"):rep(11) .. "i8i8"
local MEMBER <const> = "<I4I4I4I4I1I1I2I4I4"

-- The string table: each text once, as length, bytes and a NUL. Offset 0 is the empty string.
local function strings()
  local pool = {parts = {"\0\0\0\0\0"}, size = 5, known = {[""] = 0}}
  function pool.add(text)
    if text == nil then return 0 end
    local at = pool.known[text]
    if not at then
      at = pool.size
      pool.known[text] = at
      pool.parts[#pool.parts + 1] = string.pack("<s4x", text)
      pool.size = at + #text + 5
    end
    return at
  end
  return pool
end

local function sortedkeys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function flagsof(names, a, b)
  local flags = 0
  for name, bit in pairs(names) do
    if a[name] or b and b[name] then flags = flags | bit end
  end
  return flags
end

-- The whole number at or outside a bound: the service itself judges fractions.
local function bound(value, round, absent)
  if value == nil then return absent end
  return math.tointeger(round(value)) or absent
end

local function namespace(c, ns)
  if type(ns) == "table" then return c.text(ns.uri), c.text(ns.prefix) end
  return c.text(ns), 0
end

-- Text that only Lua reads, or 0 where there is nothing to say.
local function jsontext(c, value)
  if value == nil or next(value) == nil then return 0 end
  return c.text(json.encode(value, {sort = true}))
end

local function shapeindex(c, name, user)
  return c.index[name] or error(("%s refers to the shape %s, which the model does not have")
    :format(user, tostring(name)), 0)
end

-- Appends one member record. `fallback` is the wire name where no locationName is written, or nil.
local function addmember(c, owner, name, ref, fallback, required)
  local shape = c.tbl.shapes[ref.shape]
  local index = shapeindex(c, ref.shape, owner .. "." .. name)
  local flags = flagsof(MEMBER_FLAGS, ref, shape)
  local wire = ref.locationName or shape.locationName
  if required then flags = flags | REQUIRED end
  if wire then flags = flags | HAS_WIRE end
  local nsuri, nsprefix = namespace(c, ref.xmlNamespace or shape.xmlNamespace)
  c.members[#c.members + 1] = string.pack(MEMBER, c.text(name), c.text(wire or fallback),
    c.text(ref.queryName or shape.queryName), index, LOCATIONS[ref.location or shape.location] or 0,
    STAMPS[ref.timestampFormat or shape.timestampFormat] or 0, flags, nsuri, nsprefix)
end

-- The member names of a structure: as the order says where there is one, else by name.
local function memberorder(c, name, members)
  local order = c.order and c.order[name]
  if not order then return sortedkeys(members) end
  return order
end

-- Adds the members of a shape; returns the first's index, their number and the payload's index.
local function addmembers(c, name, shape)
  local first, payload = #c.members, NONE
  if shape.type == "list" then
    addmember(c, name, "member", shape.member, nil, false)
  elseif shape.type == "map" then
    addmember(c, name, "key", shape.key, "key", false)
    addmember(c, name, "value", shape.value, "value", false)
  elseif shape.type == "structure" then
    local required = {}
    for _, member in ipairs(shape.required or {}) do required[member] = true end
    for _, member in ipairs(memberorder(c, name, shape.members or {})) do
      if member == shape.payload then payload = #c.members end
      addmember(c, name, member, shape.members[member], member, required[member])
    end
  end
  return first, #c.members - first, payload
end

local function addenum(c, enum)
  if not enum then return NONE, 0 end
  local first = #c.words
  for _, value in ipairs(enum) do c.words[#c.words + 1] = c.text(value) end
  return first, #enum
end

local function addshape(c, name, shape)
  local kind = TYPES[shape.type]
    or error(("the shape %s has the type %s, which is unknown")
      :format(name, tostring(shape.type)), 0)
  local flags = flagsof(SHAPE_FLAGS, shape)
  if shape.retryable then
    flags = flags | RETRYABLE | (shape.retryable.throttling and THROTTLING or 0)
  end
  local first, count, payload = addmembers(c, name, shape)
  local enums, nenums = addenum(c, shape.enum)
  local nsuri, nsprefix = namespace(c, shape.xmlNamespace)
  local fault = shape.error or {}
  c.shapes[#c.shapes + 1] = string.pack(SHAPE, kind, STAMPS[shape.timestampFormat] or 0, flags,
    c.text(name), first, count, payload, c.text(shape.locationName), nsuri, nsprefix,
    c.text(fault.code), fault.httpStatusCode or 0, enums, nenums,
    bound(shape.min, math.floor, LEAST), bound(shape.max, math.ceil, MOST))
end

-- What streams: a blob payload, or a member whose shape is an event stream, as botocore judges it.
local function streams(c, ref, blob, events)
  local shape = ref and c.tbl.shapes[ref.shape]
  if not shape then return 0 end
  local flags, payload = 0, shape.payload and shape.members[shape.payload]
  if payload and c.tbl.shapes[payload.shape].type == "blob" then flags = flags | blob end
  for _, member in pairs(shape.members or {}) do
    if member.eventstream or c.tbl.shapes[member.shape].eventstream then flags = flags | events end
  end
  return flags
end

local function has(list, value)
  for _, each in ipairs(list or {}) do if each == value then return true end end
  return false
end

local function opflags(c, op)
  local checksum = op.httpChecksumRequired
    or op.httpChecksum and op.httpChecksum.requestChecksumRequired
  local auth = op.auth and op.auth[1]
  local flags = streams(c, op.input, OP.instream, OP.inevents)
    | streams(c, op.output, OP.outstream, OP.outevents)
  local function mark(yes, bit) if yes then flags = flags | bit end end
  mark(op.unsignedPayload or op.authtype == "v4-unsigned-body", OP.unsigned)
  mark(op.authtype == "none" or auth == "smithy.api#noAuth", OP.noauth)
  mark(op.deprecated, OP.deprecated)
  mark(op.requestcompression and has(op.requestcompression.encodings, "gzip"), OP.gzip)
  mark(checksum, OP.checksum)
  mark(op.readonly, OP.readonly)
  mark(op.idempotent, OP.idempotent)
  return flags
end

-- Endpoint parameters that members give: parameter name by member name.
local function contextparams(c, op)
  local params = {}
  local shape = op.input and c.tbl.shapes[op.input.shape]
  for name, member in pairs(shape and shape.members or {}) do
    if member.contextParam then params[name] = member.contextParam.name end
  end
  return next(params) and params
end

local function extra(c, op)
  return jsontext(c, {
    auth = op.auth, authtype = op.authtype, checksum = op.httpChecksum,
    compression = op.requestcompression, contextParams = contextparams(c, op),
    staticContextParams = op.staticContextParams,
    operationContextParams = op.operationContextParams, endpointdiscovery = op.endpointdiscovery,
    endpointoperation = op.endpointoperation or nil, deprecated = op.deprecatedMessage,
  })
end

local function adderrors(c, name, errors)
  local first = #c.words
  for _, ref in ipairs(errors or {}) do c.words[#c.words + 1] = shapeindex(c, ref.shape, name) end
  return first, #c.words - first
end

local function shaperef(c, name, ref)
  if not ref then return NONE, {} end
  return shapeindex(c, ref.shape, name), c.tbl.shapes[ref.shape]
end

local function addop(c, name, op)
  local http = op.http or {}
  local input, shape = shaperef(c, name, op.input)
  local output, outshape = shaperef(c, name, op.output)
  local ref = op.input or {}
  local nsuri, nsprefix = namespace(c, ref.xmlNamespace or shape.xmlNamespace)
  local errors, nerrors = adderrors(c, name, op.errors)
  local wrapper = op.output and (op.output.resultWrapper or outshape.resultWrapper)
  c.ops[#c.ops + 1] = string.pack(OPERATION, c.text(name), c.text(c.snakes[name]),
    c.text(http.method or "POST"), c.text(http.requestUri or "/"), http.responseCode or 0,
    input, output, c.text(ref.locationName or shape.locationName), nsuri, nsprefix,
    c.text(wrapper), errors, nerrors, extra(c, op), c.text(op.endpoint and op.endpoint.hostPrefix),
    opflags(c, op))
end

-- The protocol to speak: the first supported of those offered, or nil.
local function choose(offered)
  for _, protocol in ipairs(SUPPORTED) do
    if has(offered, protocol) then return protocol end
  end
end

--- The metadata of a model: `protocol` as this program speaks it, `protocols` all that it offers.
function model.metadata(tbl)
  local metadata = {}
  for key, value in pairs(tbl.metadata) do metadata[key] = value end
  metadata.clientContextParams = tbl.clientContextParams
  metadata.protocols = metadata.protocols or {metadata.protocol}
  metadata.protocol = choose(metadata.protocols) or metadata.protocols[1]
  return metadata
end

local function collect(tbl, options)
  local pool = strings()
  local c = {
    tbl = tbl, order = options.order, pool = pool, text = pool.add, index = {}, snakes = {},
    ops = {}, shapes = {}, members = {}, words = {},
  }
  local names = sortedkeys(tbl.shapes or {})
  for i, name in ipairs(names) do c.index[name] = i - 1 end
  for _, name in ipairs(names) do addshape(c, name, tbl.shapes[name]) end
  local operations = sortedkeys(tbl.operations or {})
  for _, name in ipairs(operations) do c.snakes[name] = snake(name) end
  table.sort(operations, function(a, b) return c.snakes[a] < c.snakes[b] end)
  for _, name in ipairs(operations) do addop(c, name, tbl.operations[name]) end
  return c
end

local function inner(tbl, key) return tbl and (tbl[key] or tbl) end

--- Compiles one service. `tbl` is a decoded service-2.json: metadata, shapes, operations by name.
-- Options: `endpoint` (a compiled endpoint program), `paginators` and `waiters` (their decoded
-- files), `order` (lists of member names by structure name, as pack.order makes them; else members
-- are sorted by name).
-- Raises a sentence where the model is broken.
function model.compile(tbl, options)
  options = options or {}
  local metadata = model.metadata(tbl)
  local protocol = PROTOCOLS[metadata.protocol]
    or error(("the protocol %s is unknown"):format(tostring(metadata.protocol)), 0)
  local c = collect(tbl, options)
  local text = c.text
  local tail = {
    jsontext(c, metadata), text(metadata.apiVersion), text(metadata.targetPrefix),
    text(metadata.jsonVersion and tostring(metadata.jsonVersion)),
    (namespace(c, metadata.xmlNamespace)), metadata.awsQueryCompatible and QUERY_COMPATIBLE or 0,
  }
  local paginators = jsontext(c, inner(options.paginators, "pagination"))
  local waiters = jsontext(c, inner(options.waiters, "waiters"))

  local sections, at = {}, string.packsize(HEADER)
  local function section(parts)                  -- returns its offset; all stand on multiples of 8
    local bytes = table.concat(parts)
    local start = at
    sections[#sections + 1] = bytes .. ("\0"):rep(-#bytes & 7)
    at = at + #sections[#sections]
    return start
  end
  for i, word in ipairs(c.words) do c.words[i] = string.pack("<I4", word) end
  local ops, shapes, members = section(c.ops), section(c.shapes), section(c.members)
  local words, texts = section(c.words), section(c.pool.parts)
  local program = options.endpoint or ""
  local endpoint = program ~= "" and section {program} or 0
  local header = string.pack(HEADER, MAGIC, VERSION, protocol, #c.ops, #c.shapes, #c.members,
    #c.words, c.pool.size, ops, shapes, members, words, texts, tail[1], tail[2], tail[3], tail[4],
    tail[5], tail[6], endpoint, #program, paginators, waiters, 0)
  return header .. table.concat(sections)
end

return model
