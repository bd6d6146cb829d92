-- sigv4a_spec.lua -- SigV4a held to the published vectors; signatures are verified by the openssl program.
local digest = require "tidelock.digest"
local sigv4 = require "tidelock.sigv4"
local sweep = require "support.sweep"
local vectors = require "support.sigv4"

-- DER of a P-256 public key up to its point (RFC 5480).
local SPKI <const> = "3059301306072a8648ce3d020106082a8648ce3d030107034200" .. "04"

local function copy(t, more)
  local new = {}
  for k, v in pairs(t) do new[k] = v end
  for k, v in pairs(more or {}) do new[k] = v end
  return new
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

--- Whether the openssl program accepts `signature` (hexadecimal DER) over `text` for the public key `xy` (hexadecimal).
local function verifies(xy, text, signature)
  local base = os.tmpname()
  write(base .. ".pub", digest.unhex(SPKI .. xy))
  write(base .. ".text", text)
  write(base .. ".sig", digest.unhex(signature))
  local ok = os.execute(("openssl dgst -sha256 -keyform DER -verify %s.pub -signature %s.sig %s.text >/dev/null 2>&1")
    :format(base, base, base))
  for _, suffix in ipairs {"", ".pub", ".text", ".sig"} do os.remove(base .. suffix) end
  return ok == true
end

describe("sigv4a vectors", function()
  local cases = vectors.cases "v4a"
  if not cases then
    it("are present", function()
      if os.getenv "TIDELOCK_NO_VECTORS" == "1" then pending "TIDELOCK_NO_VECTORS=1" return end
      error "the vectors of sigv4/v4a are absent: set TIDELOCK_CONFORMANCE, or TIDELOCK_NO_VECTORS=1 to do without"
    end)
    return
  end

  it("are 40, as the suite has", function() assert.equal(40, #cases) end)

  -- The suite gives these two a request and no answer; what they add to their namesakes in v4 is the region set.
  local UNANSWERED <const> = {["get-vanilla-query-order-key"] = true, ["get-vanilla-query-order-value"] = true}

  local function public_key(case)
    local text = vectors.stage(case, "public-key.json")
    return text and text:match '"X":"(%x+)"' .. text:match '"Y":"(%x+)"'
  end
  local known                      -- all cases have the same credentials, hence one key
  for _, case in ipairs(cases) do known = known or public_key(case) end

  for _, case in ipairs(cases) do
    for _, way in ipairs {"header", "query"} do
      it(case.name .. " by " .. way, function()
        local options = copy(case.options, {region_set = case.options.region, region = false,
          expires = way == "query" and case.expires or nil})
        local stages = sigv4.stages(case.request(), case.credentials, options)
        local function want(name) return vectors.stage(case, way .. "-" .. name .. ".txt") end
        assert.equal(public_key(case) or known, digest.hex(stages.public_key))
        if UNANSWERED[case.name] then
          assert.is_nil(want "canonical-request", "the suite answers it now: take it off the list")
        else
          assert.equal(want "canonical-request", stages.canonical_request)
          assert.equal(want "string-to-sign", stages.string_to_sign)
          assert.is_true(verifies(known, stages.string_to_sign, want "signature"))   -- theirs, over our string
        end
        assert.is_true(verifies(known, stages.string_to_sign, stages.signature))
        assert.is_false(verifies(known, stages.string_to_sign .. "x", stages.signature))
      end)
    end
    it(case.name .. " changes the request as signed", function()
      if UNANSWERED[case.name] then return end
      local options = copy(case.options, {region_set = case.options.region})
      local function unsigned(text) return (text:gsub("Signature=%x+", "Signature=")) end
      local signed = case.request()
      sigv4.sign(signed, case.credentials, options)
      local want = vectors.request(vectors.stage(case, "header-signed-request.txt"))
      local authorization = want.headers.Authorization
      assert.equal(unsigned(authorization), unsigned(signed.headers.Authorization))
      assert.equal(want.headers["X-Amz-Region-Set"], signed.headers["X-Amz-Region-Set"])
      local url = case.request()
      sigv4.presign(url, case.credentials, copy(options, {expires = case.expires}))
      local query = vectors.request(vectors.stage(case, "query-signed-request.txt")).query
      assert.equal(unsigned(query), unsigned(url.query))
    end)
  end
end)

describe("sigv4a", function()
  local keys = {access_key_id = "AKISORANDOMAASORANDOM", secret_access_key = "q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom"}
  local options = {region_set = "*", service = "s3", time = 1369353600, double_encode = false, normalize = false}
  local request = {method = "PUT", host = "h.mrap.accesspoint.s3-global.amazonaws.com", path = "/k", headers = {}}

  it("derives the key that AWS's own derivation test has", function()
    -- aws-c-auth, tests/key_derivation_tests.c: "AKISORANDOMAASORANDOM"
    assert.equal("15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb"
      .. "0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0",
      digest.hex(sigv4.stages(request, keys, options).public_key))
  end)

  it("fills chunk signatures up to one length and signs each on the one before", function()
    local seed = sigv4.sign(copy(request, {headers = {}}), keys,
      copy(options, {payload = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}))
    local public = digest.hex(sigv4.stages(request, keys, options).public_key)
    local stream, previous = sigv4.stream(keys, options, seed), seed
    local empty = digest.hex(digest.sha256 "")
    for _, data in ipairs {"first", "second", ""} do
      local signature = stream:chunk(data)
      assert.equal(144, #signature)
      local text = table.concat({"AWS4-ECDSA-P256-SHA256-PAYLOAD", "20130524T000000Z", "20130524/s3/aws4_request",
        previous, empty, digest.hex(digest.sha256(data))}, "\n")
      previous = signature:gsub("%*+$", "")
      assert.is_true(verifies(public, text, previous))
    end
    local whole = sigv4.stream(keys, options, seed)
    local trailers = {["x-amz-checksum-crc32"] = "AAAAAA=="}
    assert.equal(sigv4.framed_length(1500, 1000, trailers, options),
      #(whole:frame(("a"):rep(1000)) .. whole:frame(("a"):rep(500)) .. whole:finish(trailers)))
  end)

  it("keeps few keys and derives the others again", function()
    local seen = {}
    for round = 1, 2 do
      for i = 1, 9 do
        local other = copy(keys, {secret_access_key = "secret " .. i})
        local key = sigv4.stages(request, other, options).public_key
        assert.equal(round == 1 and key or seen[i], key)
        seen[i] = key
      end
    end
    for i = 2, 9 do assert.not_equal(seen[1], seen[i]) end
  end)

  it("survives any allocation being refused", function()
    sigv4.stages(request, keys, options)   -- OpenSSL's own first use makes thousands, and leaks when refused
    local n = 0
    sweep(function()
      n = n + 1                            -- a secret never seen, so that the key is derived each time
      return sigv4.stages(request, copy(keys, {secret_access_key = "secret " .. n}), options)
    end)
  end)
end)
