-- protocols_spec.lua -- AWS's protocol tests: what a call is on the wire, and what an answer means.
local codec = require "tidelock.codec"
local digest = require "tidelock.digest"
local json = require "tidelock.json"
local model = require "pack.model"
local models = require "tidelock.models"
local wire = require "support.wire"

local ROOT <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/protocols/"
local TOKEN <const> = "00000000-0000-4000-8000-000000000000"
local FILES <const> = {
  "ec2", "json", "json_1_0", "json_1_0-query-compatible", "query", "rest-json", "rest-xml", "smithy-rpc-v2-cbor",
  "smithy-rpc-v2-cbor-query-compatible", "smithy-rpc-v2-cbor-non-query-compatible",
}

-- Of the cases that botocore skips, these fail here too. Each must fail, or its line goes; the others pass here.
local PATH <const> = "the endpoint's own path is put before this one by lib/aws/request.lua"
local GZIP <const> = "the client compresses, after the codec and only bodies that are worth it: lib/aws/request.lua"
local NAMED <const> = "the model's reference gives the element another name than the case, as all of S3's models do"
local VALUE <const> = "a caller gives the value, and the codec makes JSON of it; the case gives the JSON's text"
local EMPTY <const> = "an empty list sends no header: AWS refuses empty ones"
local IGNORED <const> = {
  input = {
    Ec2QueryHostWithPath = PATH, AwsJson11HostWithPath = PATH, AwsJson10HostWithPath = PATH, QueryHostWithPath = PATH,
    RestJsonHostWithPath = PATH, RestXmlHostWithPath = PATH,
    SDKAppliedContentEncoding_ec2Query = GZIP, SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query = GZIP,
    SDKAppliedContentEncoding_awsJson1_1 = GZIP, SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1 = GZIP,
    SDKAppliedContentEncoding_awsJson1_0 = GZIP, SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0 = GZIP,
    SDKAppliedContentEncoding_awsQuery = GZIP, SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery = GZIP,
    SDKAppliedContentEncoding_restJson1 = GZIP, SDKAppendedGzipAfterProvidedEncoding_restJson1 = GZIP,
    SDKAppliedContentEncoding_restXml = GZIP, SDKAppendedGzipAfterProvidedEncoding_restXml = GZIP,
    QueryFlattenedListArgWithXmlName = "a flattened list goes by its items' name where they have one, as in SQS",
    RestJsonHttpChecksumRequired = "lib/aws/request.lua adds the checksum, and prefers CRC32 to MD5",
    MediaTypeHeaderInputBase64 = VALUE, RestJsonNullAndEmptyHeaders = EMPTY, NullAndEmptyHeaders = EMPTY,
    BodyWithXmlName = NAMED, RestXmlHttpPayloadWithUnion = NAMED, HttpPayloadWithXmlName = NAMED,
    HttpPayloadWithXmlNamespace = NAMED, HttpPayloadWithXmlNamespaceAndPrefix = NAMED, XmlAttributesOnPayload = NAMED,
  },
  output = {
    RestJsonDeserializesDenseSetMapAndSkipsNull = "nulls in maps are kept as json.null: whoever sent one meant it",
    MediaTypeHeaderOutputBase64 = VALUE,
    BodyWithXmlName = NAMED,
  },
}

local function slurp(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return assert(json.decode(text))
end

local function compile(suite, case)
  local metadata = {}
  for k, v in pairs(suite.metadata) do metadata[k] = v end
  local bytes = model.compile {metadata = metadata, shapes = suite.shapes,
    operations = {[case.given.name] = case.given}}
  local service = models.load(bytes)
  return service, service:operation(case.given.name)
end

local function fill_tokens(op, input)
  for _, name in ipairs(op.idempotency) do
    if input[name] == nil then input[name] = TOKEN end
  end
end

-- ## Requests

local function check_uri(request, want)
  local path, query = want:match "^([^?]*)%??(.*)$"
  assert.equal(path, request.path)
  assert.same(wire.pairs_of(query), wire.pairs_of(request.query))
end

local function header(headers, name)
  for k, v in pairs(headers) do if k:lower() == name:lower() then return v end end
end

local function check_headers(request, case)
  for name, value in pairs(case.headers or {}) do assert.equal(value, header(request.headers, name), name) end
  for _, name in ipairs(case.forbidHeaders or {}) do assert.is_nil(header(request.headers, name), name) end
  for _, name in ipairs(case.requireHeaders or {}) do
    if name:lower() ~= "content-length" then assert.is_string(header(request.headers, name), name) end
  end
end

local function check_body(request, suite, case)
  if case.body == nil then return end
  local protocol = suite.metadata.protocol
  local body = request.body or ""
  if protocol == "query" or protocol == "ec2" then
    assert.same(wire.pairs_of(case.body), wire.pairs_of(body))
  elseif protocol:find "cbor" then
    assert.same(wire.cbor(digest.unbase64(case.body)), wire.cbor(body))
  elseif protocol == "rest-xml" and case.body:find "^%s*<" then
    assert.same(wire.xml(case.body), wire.xml(body))
  elseif case.body:find "^%s*[{%[]" then
    assert.same(json.decode(case.body), assert(json.decode(body)))
  else
    assert.equal(case.body, body)
  end
end

local function run_input(suite, case)
  local service, op = compile(suite, case)
  local input = wire.input(service, op, case.params or {})
  fill_tokens(op, input)
  local request, fault = codec.encode(op, input)
  assert.is_nil(fault and (fault.path .. ": " .. fault.message))
  local want = case.serialized
  if want.method then assert.equal(want.method, request.method) end
  if want.uri then check_uri(request, want.uri) end
  if want.host and suite.clientEndpoint then
    local host = suite.clientEndpoint:match "^%w+://([^/]+)"
    assert.equal(want.host, (request.host_prefix or "") .. host)
  end
  check_headers(request, want)
  check_body(request, suite, want)
end

-- ## Answers

local function run_output(suite, case)
  local service, op = compile(suite, case)
  local headers = {}
  for name, value in pairs(case.response.headers or {}) do headers[name:lower()] = value end
  local body = case.response.body or ""
  if suite.metadata.protocol:find "cbor" then body = digest.unbase64(body) end
  local output, err = codec.decode(op, {status = case.response.status_code or 200, headers = headers, body = body})
  if case.error or case.errorCode then
    assert.is_nil(output)
    if case.errorCode then assert.equal(case.errorCode, err.code) end
    if case.errorMessage then assert.equal(case.errorMessage, err.message) end
    local shape = case.given.errors and case.given.errors[1].shape
    assert.same(wire.expected(service, shape, case.error or {}), wire.plain(err.detail or {}))
  else
    assert.is_nil(err and err.message)
    assert.same(wire.expected(service, op.output, case.result or {}), wire.plain(output))
  end
end

for direction, run in pairs {input = run_input, output = run_output} do
  describe("protocol " .. direction, function()
    for _, name in ipairs(FILES) do
      local suites = slurp(ROOT .. direction .. "/" .. name .. ".json")
      if not suites then pending("the vectors of " .. name .. " are absent") end
      for _, suite in ipairs(suites or {}) do
        for _, case in ipairs(suite.cases) do
          local why = IGNORED[direction][case.id]
          it(("%s %s"):format(name, case.id), function()
            if not why then return run(suite, case) end
            assert.is_false((pcall(run, suite, case)), case.id .. " passes now: take it off the list")
          end)
        end
      end
    end
  end)
end
