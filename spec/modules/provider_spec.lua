-- provider_spec.lua -- what of OpenSSL is on offer: all that servers of TLS choose among, and every usual key.
local certs = require "support.certs"
local http = require "tidelock.http"
local httpd = require "support.httpd"
local proc = require "tidelock.proc"
local server = require "support.server"

describe("OpenSSL's provider, cut down,", function()
  local folder, keys
  setup(function() folder, keys = certs.folder(), server.folder() end)
  teardown(function() server.remove(keys) end)

  local function openssl(...)
    local out = assert(proc.run {"openssl", ...})
    assert.equal(0, out.code, out.stderr)
  end

  -- What openssl's own server tells of a handshake that it was held to: "New, TLSv1.2, Cipher is NAME".
  local function shaken(name, ...)
    local _ <close>, port = server.start({"openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
      ("%s/%s.pem"):format(folder, name), "-key", ("%s/%s.key"):format(folder, name), ...},
      "ACCEPT 127.0.0.1:(%d+)", {stderr = "null"})
    local answer, fault = http.send({method = "GET", scheme = "https", host = "127.0.0.1:" .. port, path = "/"},
      {ca = folder .. (name == "server" and "/ca.pem" or "/rsaca.pem")})
    assert.equal(200, answer and answer.status, fault and fault.message)
    return answer.body:match "New, [^,]+, Cipher is (%S+)"
  end

  for suite in ("TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256"):gmatch "%S+" do
    it("speaks TLS 1.3 by " .. suite, function()
      assert.equal(suite, shaken("server", "-tls1_3", "-ciphersuites", suite))
    end)
  end

  -- Each cipher, digest and way to agree on keys that servers of AWS offer, once.
  local suites = {
    server = [[ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-ECDSA-AES256-SHA384
      ECDHE-ECDSA-AES128-SHA]],
    ["rsa-sha256"] = [[ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-SHA256 ECDHE-RSA-AES256-SHA
      DHE-RSA-AES256-GCM-SHA384 AES128-GCM-SHA256 AES256-SHA256]]
  }
  for name, all in pairs(suites) do
    for suite in all:gmatch "%S+" do
      it("speaks TLS 1.2 by " .. suite, function()
        assert.equal(suite, shaken(name, "-tls1_2", "-cipher", suite))
      end)
    end
  end

  for group in ("X25519 P-256 P-384 P-521"):gmatch "%S+" do
    it("agrees on keys over " .. group, function()
      assert.is_string(shaken("server", "-tls1_3", "-groups", group))
    end)
  end

  it("says so where memory is short as it is made, and crashes nowhere", function()
    local script = keys .. "/short.lua"
    local file <close> = assert(io.open(script, "w"))
    file:write [[
      local digest = require "tidelock.digest"
      collectgarbage "stop"
      alloc.arm(tonumber(arg[1]))
      local ok, err = pcall(digest.sha512, "abc")
      local fired = alloc.disarm()
      print(fired and (ok or err == "not enough memory"), not fired and ok)]]
    file:close()
    for n = 0, 2000, 41 do
      local out = proc.run {arg[-1], script, tostring(n), env = {ASAN_OPTIONS = "detect_leaks=0"}}   -- OpenSSL's own
      assert.is_nil(out.signal, n)
      if out.stdout == "false\ttrue\n" then
        assert.is_true(n > 400, n)
        return
      end
      assert.equal("true\tfalse\n", out.stdout, out.stderr)
    end
    error "it never got through"
  end)

  -- Keys of clients, as they come: made anew, in each of their forms.
  local function client(key, ...)
    local base = keys .. "/" .. key:gsub("%W", "")
    openssl("genpkey", "-quiet", "-out", base .. ".key", ...)
    openssl("req", "-new", "-subj", "/CN=client", "-key", base .. ".key", "-out", base .. ".csr")
    openssl("x509", "-req", "-in", base .. ".csr", "-CA", folder .. "/ca.pem", "-CAkey", folder .. "/ca.key",
      "-days", "2", "-out", base .. ".pem")
    return base
  end
  local function shown(base, key)
    local strict <close> = httpd.start {tls = true, client_auth = true}
    local answer, fault = http.send({method = "GET", scheme = "https", host = strict.host, path = "/echo"},
      {ca = strict.ca, cert = base .. ".pem", key = key})
    assert.equal(200, answer and answer.status, fault and fault.message)
  end

  for name, words in pairs {RSA = {"-algorithm", "RSA"},
    EC = {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"}, Ed25519 = {"-algorithm", "ED25519"}} do
    it("reads a client's key: " .. name, function()
      local base = client(name, table.unpack(words))
      shown(base, base .. ".key")
      if name == "Ed25519" then return end                     -- it has no older form
      openssl("pkey", "-in", base .. ".key", "-traditional", "-out", base .. ".old")
      shown(base, base .. ".old")
    end)
  end

  it("is OpenSSL's own, whole, where OPENSSL_CONF names a configuration", function()
    local base, script = client("Ed448", "-algorithm", "ED448"), keys .. "/conf.lua"
    local strict <close> = httpd.start {tls = true, client_auth = true}
    local file <close> = assert(io.open(script, "w"))
    file:write(([[
      local answer, fault = require "tidelock.http".send({method = "GET", scheme = "https", host = %q, path = "/echo"},
        {ca = %q, cert = %q, key = %q})
      print(answer and answer.status or fault.code)]]):format(strict.host, strict.ca, base .. ".pem", base .. ".key"))
    file:close()
    for conf, said in pairs {["/etc/ssl/openssl.cnf"] = "200\n", [false] = "tls\n"} do
      assert.equal(said, proc.run({arg[-1], script, env = {OPENSSL_CONF = conf}}).stdout)
    end
  end)
end)
