--- Large bodies up and down, by files and by pieces, against a store that checks every frame; streams of events.
local aws = require "aws"
local eventstream = require "tidelock.eventstream"
local http = require "tidelock.http"
local json = require "tidelock.json"
local objects = require "support.objects"
local proc = require "tidelock.proc"
local world = require "support.world"

local SELF <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "%S+"

local plain, tls
lazy_setup(function() plain, tls = objects.start(), objects.start {tls = true} end)
lazy_teardown(function()
  plain:stop()
  tls:stop()
end)

local function session(store, more)
  local env = {}
  for name, value in pairs(store.env) do env[name] = value end
  for name, value in pairs(more or {}) do env[name] = value end
  return aws.session {environ = env, files = function() return nil end}
end

-- A session on the store that signs with SigV4a, as the rules ask for a bucket of many regions; those refuse an
-- endpoint of one's own, so that here they are told to.
local function asymmetric(store, more)
  local real = require "tidelock.endpoint"
  local function resolve(...)
    local resolved, why = real.resolve(...)
    if resolved then
      resolved.properties = {authSchemes = {{name = "sigv4a", signingName = "s3", signingRegionSet = {"*"}}}}
    end
    return resolved, why
  end
  local env = {}
  for name, value in pairs(store.env) do env[name] = value end
  for name, value in pairs(more or {}) do env[name] = value end
  return aws.session {environ = env, files = function() return nil end,
    endpoint = setmetatable({resolve = resolve}, {__index = real})}
end

-- Pieces of these sizes; returns the body, and the text that they make.
local function pieces(...)
  local list, n = {}, 0
  for i, size in ipairs {...} do list[i], n = (string.char(96 + i)):rep(size), n + size end
  local i = 0
  return {length = n, read = function()
    i = i + 1
    return list[i]
  end}, table.concat(list)
end

local function put(store, body, more, env)
  local input = {Bucket = "bkt", Key = "k", Body = body}
  for name, value in pairs(more or {}) do input[name] = value end
  return json.decode(session(store, env).s3:put_object(input).VersionId)
end

local function file_of(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
  return path
end

describe("an upload", function()
  for name, store in pairs {http = function() return plain end, https = function() return tls end} do
    describe("over " .. name, function()
      local kind = name == "http" and "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
        or "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

      it("goes by pieces of any size, in frames with the checksum behind", function()
        for _, sizes in ipairs {{}, {1}, {262144}, {262145}, {100, 0, 262144, 5}, {1000000, 7}} do
          local body, text = pieces(table.unpack(sizes))
          local seen = put(store(), body)
          assert.same({#text, kind, "aws-chunked"}, {seen.length, seen.framing, seen.encoding})
        end
      end)

      it("keeps the encoding that the object has", function()
        assert.equal("gzip,aws-chunked", put(store(), pieces(10), {ContentEncoding = "gzip"}).encoding)
      end)

      it("goes from a file, or a part of it", function()
        local path = file_of(("0123456789"):rep(60000))
        assert.equal(600000, put(store(), {path = path}).length)
        local part = put(store(), {path = path, offset = 599995, length = 5})
        assert.same({5, put(store(), "56789").crc32}, {part.length, part.crc32})
        assert.equal(0, put(store(), {path = path, offset = 5, length = 0}).length)
        os.remove(path)
      end)

      it("takes the caller's own checksum, or none where the configuration asks for none", function()
        local path = file_of "hello"
        assert.equal(5, put(store(), {path = path}, {ChecksumCRC32 = "NhCmhg=="}).length)
        assert.equal(5, put(store(), {path = path}, nil, {AWS_REQUEST_CHECKSUM_CALCULATION = "when_required"}).length)
        os.remove(path)
      end)
    end)
  end

  it("carries the algorithm that is asked for", function()
    for _, name in ipairs {"SHA256", "CRC64NVME", "SHA1", "CRC32C"} do
      assert.equal(300000, put(tls, pieces(300000), {ChecksumAlgorithm = name}).length)
    end
  end)

  local NO_SUM <const> = {AWS_REQUEST_CHECKSUM_CALCULATION = "when_required"}

  -- The store verifies the request's signature, each chunk's and the trailers'.
  it("is signed chunk by chunk, by SigV4 and SigV4a, with trailers and without", function()
    for kind, via in pairs {HMAC = session, ["ECDSA-P256"] = asymmetric} do
      for _, env in ipairs {{}, NO_SUM} do
        local body = pieces(262144, 262144, 70000)
        local s3 = via(plain, env).s3
        local seen = json.decode(s3:put_object({Bucket = "bkt", Key = "a b/\u{e4}", Body = body}).VersionId)
        local framing = ("STREAMING-AWS4-%s-SHA256-PAYLOAD%s"):format(kind, env == NO_SUM and "" or "-TRAILER")
        assert.same({594288, 3, framing},
          {seen.length, seen.chunks, seen.framing})
      end
    end
  end)

  it("goes without frames where nothing is to stand between its pieces or behind them", function()
    local seen = put(tls, pieces(300000), nil, NO_SUM)
    assert.same({300000, "UNSIGNED-PAYLOAD"}, {seen.length, seen.framing})
    seen = put(tls, pieces(5), {ChecksumCRC32 = "7qyTuQ=="})
    assert.same({5, "UNSIGNED-PAYLOAD"}, {seen.length, seen.framing})
  end)

  it("without a signature is framed for its checksum alone", function()
    local s3 = aws.session {environ = plain.env, files = function() return nil end, anonymous = true}.s3
    local seen = json.decode(s3:put_object({Bucket = "bkt", Key = "k", Body = pieces(300000)}).VersionId)
    assert.same({300000, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, {seen.length, seen.framing})
  end)

  it("with wrong keys is refused by the store that verifies it", function()
    for _, via in ipairs {session, asymmetric} do
      local s3 = via(plain, {AWS_SECRET_ACCESS_KEY = "other"}).s3
      local err = world.raised(s3.put_object, s3, {Bucket = "bkt", Key = "k", Body = pieces(5)})
      assert.matches("the signature of the request is wrong", tostring(err))
      assert.is_nil(tostring(err):find("those are gone", 1, true))       -- nobody would have tried that again
    end
  end)

  it("whose pieces are not what was promised ends with a sentence", function()
    local s3 = session(tls).s3
    local function fails(body)
      return tostring(world.raised(s3.put_object, s3, {Bucket = "bkt", Key = "k", Body = body}))
    end
    local body = pieces(10)
    body.length = 11
    assert.matches("ended 1 bytes before the 11 it promised", fails(body))
    body = pieces(10)
    body.length = 9
    assert.matches("gave more than the 9 bytes it promised", fails(body))
    assert.matches("must return strings", fails {length = 5, read = function() return 5 end})
  end)

  it("that the server refuses before its end tells the refusal, and sends its pieces no second time", function()
    local s3, reads = session(plain, {AWS_MAX_ATTEMPTS = "3"}).s3, 0
    local err = world.raised(s3.put_object, s3, {Bucket = "bkt", Key = "refuse", Body = {length = 50 << 20,
      read = function()
        reads = reads + 1
        return ("x"):rep(1 << 20)
      end}})
    assert.is_true(err.code == "AccessDenied" or err.code == "closed", tostring(err))   -- a reset may overtake it
    assert.equal(1, err.attempts)
    assert.is_true(reads < 50)
  end)

  it("by pieces is for operations with checksums over http, for all over https", function()
    local glacier = session(plain).glacier
    local err = world.raised(glacier.upload_archive, glacier, {vaultName = "v", accountId = "-", body = pieces(5)})
    assert.matches("over https alone", tostring(err))
    assert.equal(64, err.exit)
  end)
end)

describe("a download by pieces", function()
  local function get(key)
    return session(plain).s3:get_object({Bucket = "bkt", Key = key}, {by_pieces = true}).Body
  end

  it("gives all bytes, some, or as many as are asked for", function()
    local n = 0
    for piece in get "1000000" do n = n + #piece end
    assert.equal(1000000, n)
    local body <close> = get "1000000"
    assert.equal("\0\1\2\3", body:read(4))
    assert.equal(4096, #body:read(4096))
    body:close()
    assert.is_nil(body:read())
  end)

  it("raises at the end what does not fit its checksum, and where it breaks off", function()
    local function drain(key)
      return world.raised(function() for _ in get(key) do end end)
    end
    local err = drain "100000-wrong"
    assert.equal("ChecksumMismatch", err.code)
    assert.matches("^s3.get_object.*x%-amz%-checksum%-crc32", tostring(err))
    assert.equal("closed", drain("100000-short").code)
  end)

  it("of what is refused is an error as any other", function()
    local s3 = session({env = {AWS_ENDPOINT_URL = "http://127.0.0.1:1", AWS_REGION = "r", AWS_MAX_ATTEMPTS = "1",
      AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "s"}}).s3
    assert.equal("connect", world.raised(s3.get_object, s3, {Bucket = "b", Key = "k"}, {by_pieces = true}).code)
  end)
end)

it("300 MB go up and down in less than 32 MB", function()
  local out = assert(proc.run {SELF, "spec/bench/soak.lua", "300000000", "--check", "32"})
  assert.equal(0, out.code, out.stderr)
  assert.matches("https, down by pieces", out.stdout)
end)

describe("a stream of events", function()
  local function message(kind, name, payload)
    return eventstream.encode {payload = payload, headers = {[":message-type"] = kind, [":" .. kind .. "-type"] = name,
      [":content-type"] = "application/json"}}
  end

  local function frames(...)
    local bytes = table.concat {...}
    assert(http.send {method = "PUT", scheme = "http", host = plain.url:match "//(.*)$", path = "/frames/",
      body = bytes})
  end

  local function all(stream)
    local list = {}
    for event in stream do list[#list + 1] = event end
    return list
  end

  it("of logs: start_live_tail", function()
    frames(message("event", "initial-response", "{}"),
      message("event", "sessionStart", '{"requestId":"q","logGroupIdentifiers":["g"]}'),
      message("event", "sessionUpdate", '{"sessionMetadata":{"sampled":false},"sessionResults":[{"message":"m1"}]}'))
    local out = session(plain).logs:start_live_tail {logGroupIdentifiers = {"arn:aws:logs:eu-west-1:1:log-group:g"}}
    assert.same({{sessionStart = {requestId = "q", logGroupIdentifiers = {"g"}}},
      {sessionUpdate = {sessionMetadata = {sampled = false}, sessionResults = {{message = "m1"}}}}},
      all(out.responseStream))
  end)

  it("of kinesis: subscribe_to_shard", function()
    frames(message("event", "initial-response", "{}"), message("event", "SubscribeToShardEvent",
      '{"ContinuationSequenceNumber":"1","MillisBehindLatest":0,"Records":[{"Data":"aGk=","PartitionKey":"p",'
      .. '"SequenceNumber":"1"}]}'))
    local out = session(plain).kinesis:subscribe_to_shard {ConsumerARN = "arn:aws:kinesis:eu-west-1:123456789012:"
      .. "stream/s/consumer/c:1", ShardId = "s", StartingPosition = {Type = "LATEST"}}
    assert.equal("hi", all(out.EventStream)[1].SubscribeToShardEvent.Records[1].Data)
  end)

  it("of bedrock-runtime: invoke_model_with_response_stream, with the members of its head", function()
    frames(message("event", "chunk", '{"bytes":"eyJhIjoxfQ=="}'), message("event", "chunk", '{"bytes":"e30="}'))
    local out = session(plain).bedrock_runtime:invoke_model_with_response_stream {modelId = "m", body = "{}"}
    assert.same({{chunk = {bytes = '{"a":1}'}}, {chunk = {bytes = "{}"}}}, all(out.body))
  end)

  it("ends with what the service sends in place of an event", function()
    frames(message("event", "chunk", '{"bytes":"e30="}'),
      message("exception", "throttlingException", '{"message":"slow down"}'))
    local stream = session(plain).bedrock_runtime:invoke_model_with_response_stream({modelId = "m", body = "{}"}).body
    assert.is_table(stream:next())
    local err = world.raised(stream.next, stream)
    assert.matches("hrottlingException$", err.code)
    assert.same({"bedrock-runtime", "r-stream"}, {err.service, err.request_id})
    assert.matches("slow down", tostring(err))
    assert.is_nil(stream:next())
  end)

  it("that is cut within a message, or damaged, raises", function()
    local whole = message("event", "chunk", '{"bytes":"e30="}')
    for _, bytes in ipairs {whole .. whole:sub(1, 20), whole .. whole:sub(1, -2) .. "\0"} do
      frames(bytes)
      local stream = session(plain).bedrock_runtime:invoke_model_with_response_stream({modelId = "m", body = "{}"}).body
      local ok, err = pcall(all, stream)
      assert.is_false(ok)
      assert.is_true(aws.is_error(err), tostring(err))
    end
  end)
end)
