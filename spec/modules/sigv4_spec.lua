-- sigv4_spec.lua -- signatures held to the published vectors, stage by stage, and to AWS's worked examples.
local cjson = require "cjson"
local digest = require "tidelock.digest"
local secret = require "tidelock.secret"
local sigv4 = require "tidelock.sigv4"
local sweep = require "support.sweep"
local server = require "support.server"
local vectors = require "support.sigv4"

local function copy(t, more)
  local new = {}
  for k, v in pairs(t) do new[k] = v end
  for k, v in pairs(more or {}) do new[k] = v end
  return new
end

local KEYS <const> = {access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
local OPTIONS <const> = {region = "us-east-1", service = "sqs", time = 1440938160}

local function request(more)
  return copy({method = "POST", host = "sqs.us-east-1.amazonaws.com", path = "/", query = "",
    headers = {["Content-Type"] = "application/x-amz-json-1.0"}, body = "{}"}, more)
end

describe("sigv4 vectors", function()
  local cases = vectors.cases "v4"
  if not cases then
    it("are present", function()
      if os.getenv "TIDELOCK_NO_VECTORS" == "1" then pending "TIDELOCK_NO_VECTORS=1" return end
      error "the vectors of sigv4/v4 are absent: set TIDELOCK_CONFORMANCE, or TIDELOCK_NO_VECTORS=1 to do without"
    end)
    return
  end

  it("are 38, as the suite has", function() assert.equal(38, #cases) end)

  for _, case in ipairs(cases) do
    it(case.name .. " by header", function()
      local stages = sigv4.stages(case.request(), case.credentials, case.options)
      assert.equal(vectors.stage(case, "header-canonical-request.txt"), stages.canonical_request)
      assert.equal(vectors.stage(case, "header-string-to-sign.txt"), stages.string_to_sign)
      assert.equal(vectors.stage(case, "header-signature.txt"), stages.signature)
      local signed = case.request()
      assert.equal(stages.signature, sigv4.sign(signed, case.credentials, case.options))
      local want = vectors.request(assert(vectors.stage(case, "header-signed-request.txt")))
      local function lower(headers)
        local t = {}
        for name, value in pairs(headers) do t[name:lower()] = value end
        return t
      end
      assert.same(lower(want.headers), lower(signed.headers))
    end)

    it(case.name .. " by query", function()
      local options = copy(case.options, {expires = case.expires})
      local stages = sigv4.stages(case.request(), case.credentials, options)
      assert.equal(vectors.stage(case, "query-canonical-request.txt"), stages.canonical_request)
      assert.equal(vectors.stage(case, "query-string-to-sign.txt"), stages.string_to_sign)
      assert.equal(vectors.stage(case, "query-signature.txt"), stages.signature)
      local signed = case.request()
      sigv4.presign(signed, case.credentials, options)
      local want = vectors.request(assert(vectors.stage(case, "query-signed-request.txt")))
      assert.equal(want.query, signed.query)
      assert.same(want.headers, signed.headers)
    end)
  end
end)

-- The worked examples of the S3 API reference ("Signature Calculations", "Query Parameters").
describe("sigv4 on S3's worked examples", function()
  local keys = {access_key_id = "AKIAIOSFODNN7EXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
  local s3 = {region = "us-east-1", service = "s3", time = 1369353600, double_encode = false, normalize = false,
    content_sha = true}
  local function example(more)
    return copy({method = "GET", host = "examplebucket.s3.amazonaws.com", path = "/test.txt", query = "",
      headers = {}}, more)
  end

  it("gets an object with a range", function()
    local get = example {headers = {Range = "bytes=0-9"}}
    assert.equal("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41", sigv4.sign(get, keys, s3))
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      get.headers["X-Amz-Content-SHA256"])
  end)

  it("puts an object whose path is already encoded", function()
    local put = example {method = "PUT", path = "/test%24file.text", body = "Welcome to Amazon S3.",
      headers = {Date = "Fri, 24 May 2013 00:00:00 GMT", ["x-amz-storage-class"] = "REDUCED_REDUNDANCY"}}
    assert.equal("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd", sigv4.sign(put, keys, s3))
  end)

  it("lists with a parameter that has no value, and with two that have", function()
    local lifecycle = example {path = "/", query = "lifecycle"}
    assert.equal("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543", sigv4.sign(lifecycle, keys, s3))
    local list = example {path = "/", query = "max-keys=2&prefix=J"}
    assert.equal("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7", sigv4.sign(list, keys, s3))
  end)

  it("presigns an object for a day, its payload unsigned", function()
    local get = example()
    local options = copy(s3, {expires = 86400, unsigned = true})
    assert.equal("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404", sigv4.presign(get, keys, options))
    assert.same({}, get.headers)
    assert.matches("&X%-Amz%-Expires=86400&X%-Amz%-Signature=aeeed9bb", get.query)
  end)

  local chunk1, chunk2 = ("a"):rep(65536), ("a"):rep(1024)
  local function upload(more)
    return {method = "PUT", host = "s3.amazonaws.com", path = "/examplebucket/chunkObject.txt", query = "",
      headers = copy({["x-amz-storage-class"] = "REDUCED_REDUNDANCY", ["Content-Encoding"] = "aws-chunked",
        ["x-amz-decoded-content-length"] = "66560"}, more)}
  end

  it("signs chunks of an upload, each on the one before", function()
    local put = upload {["Content-Length"] = "66824"}
    local seed = sigv4.sign(put, keys, copy(s3, {payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}))
    assert.equal("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", seed)
    assert.equal("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", put.headers["X-Amz-Content-SHA256"])
    local stream = sigv4.stream(keys, s3, seed)
    assert.equal("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", stream:chunk(chunk1))
    assert.equal("0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", stream:chunk(chunk2))
    assert.equal("b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", stream:chunk "")
  end)

  it("frames chunks as they are sent, in the length that was promised", function()
    local stream = sigv4.stream(keys, s3, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
    local sent = stream:frame(chunk1) .. stream:frame(chunk2) .. stream:finish()
    assert.equal("10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
      .. chunk1 .. "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
      .. chunk2 .. "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
      sent)
    assert.equal(66824, #sent)
    assert.equal(66824, sigv4.framed_length(66560, 65536))
  end)

  it("signs the trailer after the empty chunk", function()
    local put = upload {["x-amz-trailer"] = "x-amz-checksum-crc32c"}
    local seed = sigv4.sign(put, keys, copy(s3, {payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"}))
    assert.equal("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e", seed)
    local trailers = {["x-amz-checksum-crc32c"] = digest.base64(digest.crc32c(chunk1 .. chunk2))}
    assert.equal("sOO8/Q==", trailers["x-amz-checksum-crc32c"])
    local stream = sigv4.stream(keys, s3, seed)
    assert.equal("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2", stream:chunk(chunk1))
    assert.equal("1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7", stream:chunk(chunk2))
    assert.equal("2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992", stream:chunk "")
    assert.equal("d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435", stream:trailer(trailers))
    local again = sigv4.stream(keys, s3, seed)
    local sent = again:frame(chunk1) .. again:frame(chunk2) .. again:finish(trailers)
    local last = "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
      .. "x-amz-checksum-crc32c:sOO8/Q==\r\n"
      .. "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    assert.equal(last, sent:sub(-#last))
    assert.equal(#sent, sigv4.framed_length(66560, 65536, trailers))
  end)
end)

-- The values that the Rust, Kotlin and Java SDKs test their event signers with.
describe("sigv4 of event streams", function()
  local function date(time) return "\5:date\8" .. (">i8"):pack(time * 1000) end
  local function message(headers, payload)
    local prelude = (">I4I4"):pack(16 + #headers + #payload, #headers)
    local text = prelude .. digest.crc32(prelude) .. headers .. payload
    return text .. digest.crc32(text)
  end

  it("signs an encoded message with its date header", function()
    local keys = {access_key_id = "fake access key", secret_access_key = "fake secret key"}
    local options = {region = "us-east-1", service = "testservice", time = 123456789}
    assert.equal("0c0e3b3bf66b59b976181bd7d401927bbd624107303c713fd1e5f3d3c8dd1b1e",
      digest.hex(digest.sha256(date(123456789))))
    local payload = message("\11some-header\7\0\5value", "test payload")
    assert.equal("f2eba0f2e95967ee9fbc6db5e678d2fd599229c0d04b11e4fc8e0f2a02a806c6",
      digest.hex(digest.sha256(payload)))
    local stream = sigv4.stream(keys, options, digest.hex(digest.sha256 "last message sts"))
    assert.equal("1ea04a4f6becd85ae3e38e379ffaf4bb95042603f209512476cc6416868b31ee",
      stream:event(date(123456789), payload))
  end)

  it("signs each event with its own date, on the one before", function()
    local start = 1768545000   -- 2026-01-16T06:30:00Z
    local options = {region = "us-west-2", service = "demo", time = start}
    local stream = sigv4.stream({access_key_id = "access", secret_access_key = "secret"}, options,
      "e1d8e8c8815e60969f2a34765c9a15945ffc0badbaa4b7e3b163ea19131e949b")
    local want = {
      "4d6dc4197ca9045f693131a8321bffd3f0b5308835a2770c980551d2fd4b2e56",
      "75342279dd941fef5a494cc4b234545ee95be35805d5489ffb24959a9601d6ed",
      "c83a5b9f19bc3fe8247eec6d4a5d7806f4b47a6457559c58055c7017c6f3ce3e",
      "8b01a16c997aa5692d552b0b6cc4f308743882a0a035d9841ba0738a53420bef"}
    for i, payload in ipairs {"A", "B", "C", ""} do
      local time = start + i - 1
      assert.equal(want[i], stream:event(date(time), message("", payload), time))
    end
  end)

  it("takes the scope and the key of the day an event is sent on", function()
    local keys, eve = KEYS, 1440979199   -- 2015-08-30T23:59:59Z
    local stream = sigv4.stream(keys, copy(OPTIONS, {time = eve}), "00")
    stream:event(date(eve), "a", eve)
    local before = stream:event(date(eve), "b", eve)
    local next_day = sigv4.stream(keys, copy(OPTIONS, {time = eve + 1}), before)
    assert.equal(next_day:event(date(eve + 1), "c"), stream:event(date(eve + 1), "c", eve + 1))
  end)
end)

-- Paths, queries, headers and bodies that no vector has; the seed is printed with a failure.
describe("sigv4 beside botocore", function()
  it("gives equal signatures for 1,500 random requests", function()
    local seed = tonumber(os.getenv "TIDELOCK_SEED") or os.time()
    local pipe = assert(io.popen(server.PYTHON .. " spec/support/sigv4_random.py " .. seed .. " 1500"))
    local text = pipe:read "a"
    assert.is_true(pipe:close(), "botocore did not run; make setup installs it in build/venv")
    for _, case in ipairs(cjson.decode(text)) do
      local stages = sigv4.stages({method = case.method, scheme = case.scheme, host = case.host, path = case.path,
          query = case.query, headers = case.headers, body = digest.unhex(case.body)},
        {access_key_id = "AKID", secret_access_key = case.secret, session_token = case.token or nil},
        {region = case.region, service = case.service, time = 1440938160, double_encode = not case.s3,
          normalize = not case.s3, content_sha = case.s3, unsigned = case.s3 and case.presign,
          expires = case.presign and 600 or nil})
      assert.equal(case.canonical, stages.canonical_request, "TIDELOCK_SEED=" .. seed)
      assert.equal(case.signature, stages.signature, "TIDELOCK_SEED=" .. seed)
    end
  end)
end)

describe("sigv4.sign", function()
  -- The derivation spelt out with HMAC alone: an oracle for the keys that the module caches.
  local function derived(keys, options, to_sign)
    local key = "AWS4" .. secret.reveal(keys.secret_access_key)
    for _, part in ipairs {os.date("!%Y%m%d", options.time), options.region, options.service, "aws4_request"} do
      key = digest.hmac_sha256(key, part)
    end
    return digest.hex(digest.hmac_sha256(key, to_sign))
  end

  it("replaces what an earlier signature left, however it was spelt", function()
    local first, again = request(), request()
    sigv4.sign(first, KEYS, OPTIONS)
    again.headers.authorization, again.headers["x-amz-date"] = "stale", "20000101T000000Z"
    again.headers["X-AMZ-SECURITY-TOKEN"] = "stale"
    sigv4.sign(again, KEYS, copy(OPTIONS, {time = 1}))
    sigv4.sign(again, KEYS, OPTIONS)
    assert.same(first.headers, again.headers)
  end)

  it("signs a body that changed between two signatures", function()
    local one, two = request(), request {body = "{1}"}
    sigv4.sign(one, KEYS, copy(OPTIONS, {payload = "UNSIGNED-PAYLOAD"}))
    one.body = "{1}"
    sigv4.sign(one, KEYS, copy(OPTIONS, {payload = digest.hex(digest.sha256 "{1}")}))
    sigv4.sign(two, KEYS, copy(OPTIONS, {content_sha = true}))
    assert.same(two.headers, one.headers)
    local three = request {body = "{1}"}
    three.headers["x-amz-content-sha256"] = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"   -- of an earlier signature
    sigv4.sign(three, KEYS, copy(OPTIONS, {payload = digest.hex(digest.sha256 "{1}")}))
    assert.same(two.headers, three.headers)
  end)

  it("takes a payload hash that the caller put in a header", function()
    local r = request()
    r.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
    local stages = sigv4.stages(r, KEYS, copy(OPTIONS, {content_sha = true}))
    assert.matches("\nx%-amz%-content%-sha256:UNSIGNED%-PAYLOAD\n.*\nUNSIGNED%-PAYLOAD$", stages.canonical_request)
    assert.is_nil(stages.headers["X-Amz-Content-SHA256"])
  end)

  it("leaves out what proxies change and signs the length that the caller set", function()
    local r = request()
    for _, name in ipairs {"User-Agent", "X-Amzn-Trace-Id", "Expect", "Connection", "Transfer-Encoding", "TE",
                           "Upgrade", "traceparent", "Keep-Alive", "Content-Length"} do
      r.headers[name] = "x"
    end
    local stages = sigv4.stages(r, KEYS, OPTIONS)
    assert.matches("\n\ncontent%-length;content%-type;host;x%-amz%-date\n", stages.canonical_request)
    assert.equal("x", r.headers["User-Agent"])
  end)

  it("signs the host that is sent: without the port that the scheme implies, with any other", function()
    local function host(h, scheme)
      return sigv4.stages(request {host = h, scheme = scheme}, KEYS, OPTIONS).canonical_request:match "\nhost:(%S+)"
    end
    assert.equal("a.com", host("a.com:443", "https"))
    assert.equal("a.com:443", host("a.com:443", "http"))
    assert.equal("127.0.0.1", host("127.0.0.1:80", "http"))
    assert.equal("127.0.0.1:5000", host("127.0.0.1:5000", "http"))
    local named = request {headers = {Host = "front.example"}}
    assert.matches("\nhost:front.example\n", sigv4.stages(named, KEYS, OPTIONS).canonical_request)
  end)

  it("encodes and normalises the path unless told not to", function()
    local function path(p, more)
      return sigv4.stages(request {path = p}, KEYS, copy(OPTIONS, more)).canonical_request:match "^POST\n(.-)\n"
    end
    assert.equal("/a%2520b", path "/a%20b")
    assert.equal("/a%20b", path("/a%20b", {double_encode = false}))
    assert.equal("/a/c", path "/a/./b/..//c")
    assert.equal("/a/./b/..//c", path("/a/./b/..//c", {normalize = false}))
    assert.equal("/a/", path "/a/b/../")
    assert.equal("/", path "/../../")
    assert.equal("/", path "")
  end)

  it("spells the query one way, sorted by name and then by value", function()
    local function query(q)
      return sigv4.stages(request {query = q}, KEYS, OPTIONS).canonical_request:match "^POST\n/\n(.-)\n"
    end
    assert.equal("a=&a=1&a=2&a-b=", query "a-b&a=2&a=1&a=")
    assert.equal("%2B=~%20%2F", query "%2b=%7e%20/")
    assert.equal("%25zz=%25", query "%zz=%")
    local many = {}
    for i = 60, 10, -1 do many[#many + 1] = "k" .. i .. "=v" end
    local sorted = query(table.concat(many, "&"))
    table.sort(many)
    assert.equal(table.concat(many, "&"), sorted)
  end)

  it("takes secrets as they are, and signs as with their text", function()
    local text, opaque = request(), request()
    local keys = copy(KEYS, {session_token = "token"})
    sigv4.sign(text, keys, OPTIONS)
    sigv4.sign(opaque, {access_key_id = keys.access_key_id,
      secret_access_key = secret.new(keys.secret_access_key), session_token = secret.new "token"}, OPTIONS)
    assert.same(text.headers, opaque.headers)
    assert.equal("token", text.headers["X-Amz-Security-Token"])
  end)

  it("never signs with the key of a secret that was rotated under the same id", function()
    for _, value in ipairs {"first", "second", "first", ("long"):rep(30)} do
      local keys = {access_key_id = "AKIDEXAMPLE", secret_access_key = value}
      local stages = sigv4.stages(request(), keys, OPTIONS)
      assert.equal(derived(keys, OPTIONS, stages.string_to_sign), stages.signature)
    end
  end)

  it("signs right with more keys than it keeps, and across days", function()
    for round = 1, 2 do
      for i = 1, 40 do
        local options = {region = "region-" .. i, service = "sqs", time = round * 86400 * 400 + i * 86400}
        local stages = sigv4.stages(request(), KEYS, options)
        assert.equal(derived(KEYS, options, stages.string_to_sign), stages.signature)
      end
    end
  end)

  it("writes the date as os.date does, from 1970 to 9999", function()
    for _, time in ipairs {0, 951782399, 951782400, 1078012800, 1735689599, 4107542400, 253402300799} do
      local stages = sigv4.stages(request(), KEYS, copy(OPTIONS, {time = time}))
      assert.equal(os.date("!%Y%m%dT%H%M%SZ", time), stages.headers["X-Amz-Date"])
    end
    assert.error_matches(function() sigv4.sign(request(), KEYS, copy(OPTIONS, {time = 253402300800})) end,
      "not between 1970 and 9999")
  end)

  it("says which field is wrong, and shows no secret", function()
    local function fails(pattern, r, keys, options)
      local ok, message = pcall(sigv4.sign, r, keys, options)
      assert.is_false(ok)
      assert.matches(pattern, message)
      assert.is_nil(message:find("wJalr", 1, true))
    end
    fails("request.method must be a string, not nil", {headers = {}}, KEYS, OPTIONS)
    fails("request.headers must be a table, not nil", {method = "GET", host = "h", path = "/"}, KEYS, OPTIONS)
    fails('request.headers%["A"%] must be a string, not number', request {headers = {A = 1}}, KEYS, OPTIONS)
    fails("the header A holds a NUL", request {headers = {A = "x\0y"}}, KEYS, OPTIONS)
    fails("request.body must be a string or nil", request {body = {}}, KEYS, OPTIONS)
    fails("credentials.secret_access_key must be a string or a secret, not nil", request(), {access_key_id = "a"},
      OPTIONS)
    fails("credentials.secret_access_key must be filled in", request(), copy(KEYS, {secret_access_key = ""}), OPTIONS)
    fails("credentials.secret_access_key holds a line end", request(),
      copy(KEYS, {secret_access_key = KEYS.secret_access_key .. "\n"}), OPTIONS)
    fails("credentials.access_key_id holds a line end", request(), copy(KEYS, {access_key_id = "AKID\r"}), OPTIONS)
    fails("options.region must be a string, not nil", request(), KEYS, {service = "sqs", time = 1})
    fails("options.time must be an integer", request(), KEYS, copy(OPTIONS, {time = "now"}))
    local ok, message = pcall(sigv4.presign, request(), KEYS, copy(OPTIONS, {expires = 604801}))
    assert.is_false(ok)
    assert.matches("at most seven days", message)
  end)

  it("goes on after a request that could not be signed, and inside a metamethod of one", function()
    pcall(sigv4.sign, request {headers = {A = 1}}, KEYS, OPTIONS)
    local inner
    local odd = setmetatable({}, {__index = function(_, name)
      inner = inner or sigv4.sign(request {body = "inner"}, KEYS, OPTIONS)
      return request()[name]
    end})
    assert.equal(sigv4.sign(request(), KEYS, OPTIONS), sigv4.sign(odd, KEYS, OPTIONS))
    assert.equal(sigv4.sign(request {body = "inner"}, KEYS, OPTIONS), inner)
  end)

  it("survives any allocation being refused", function()
    local keys = copy(KEYS, {session_token = secret.new "token"})
    sweep(function()
      local r = request {query = "b=2&a=1"}
      sigv4.sign(r, keys, OPTIONS)
      sigv4.presign(r, keys, copy(OPTIONS, {expires = 60}))
      local stream = sigv4.stream(keys, OPTIONS, "00")
      stream:frame "data"
      stream:finish {["x-amz-checksum-crc32"] = "AAAAAA=="}
      return sigv4.stages(r, keys, OPTIONS)
    end)
  end)
end)
