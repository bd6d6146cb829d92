-- cafile_spec.lua -- files of authorities: what is looked up in them is verified as if OpenSSL had loaded them whole.
local certs = require "support.certs"
local http = require "tidelock.http"
local httpd = require "support.httpd"
local server = require "support.server"
local tight = require "support.tight"

local SYSTEM <const> = "/etc/ssl/certs/ca-certificates.crt"

describe("a file of authorities", function()
  local folder, tls, spelled, written

  local function pem(name, kind)
    local file <close> = assert(io.open(("%s/%s.%s"):format(certs.folder(), name, kind or "pem"), "rb"))
    return file:read "a"
  end

  local function write(name, text)
    local path = folder .. "/" .. name
    local file <close> = assert(io.open(path, "wb"))
    assert(file:write(text))
    return path
  end

  setup(function()
    folder, written = server.folder(), 0
    tls, spelled = httpd.start {tls = true}, httpd.start {tls = "spelled"}
  end)
  teardown(function()
    tls:stop()
    spelled:stop()
    server.remove(folder)
  end)

  local function get(path, host)
    return http.send({method = "GET", scheme = "https", host = host or tls.host, path = "/echo"}, {ca = path})
  end

  -- The same file twice: a name with a colon is for OpenSSL to load. Both have to say the same.
  local function verdict(text, host)
    written = written + 1
    local looked, fault = get(write(written .. ".pem", text), host)
    local loaded, loading = get(write(written .. ":loaded.pem", text), host)
    assert.equal(loaded ~= nil, looked ~= nil, (fault or loading or {}).message)
    if not looked then assert.equal(loading.message:gsub(":loaded", ""), fault.message:gsub(":loaded", "")) end
    return looked ~= nil, fault
  end

  local shapes = {
    {"one certificate", true, function() return pem "ca" end},
    {"among others, the last", true, function() return pem "stranger" .. pem "lone" .. pem "ca" end},
    {"lines that end in CR LF", true, function() return (pem "ca":gsub("\n", "\r\n")) end},
    {"lines with blanks at their ends", true, function() return (pem "ca":gsub("\n", "  \n")) end},
    {"words before, between and behind", true,
      function() return "# Ours\n" .. pem "stranger" .. "\nCA: ours\n" .. pem "ca" .. "trailing \0 garbage" end},
    {"no line end at the end", true, function() return (pem "ca":gsub("\n$", "")) end},
    {"an old label", true, function() return (pem "ca":gsub("CERTIFICATE", "X509 CERTIFICATE")) end},
    {"the same certificate three times", true, function() return pem "ca" .. pem "ca" .. pem "ca" end},
    {"another authority of the same name before it", true, function() return pem "twin" .. pem "ca" end},
    {"another authority of the same name behind it", true, function() return pem "ca" .. pem "twin" end},
    {"only the other authority of the same name", false, function() return pem "twin" end},
    {"only strangers", false, function() return pem "stranger" .. pem "lone" end},
    {"the server's own certificate: it is trusted itself", true, function() return pem "server" end},
    {"a TRUSTED CERTIFICATE, good for servers", true, function() return pem "trusted" end},
    {"a TRUSTED CERTIFICATE, bad for servers", false, function() return pem "distrusted" end},
    {"a BEGIN in the middle of a line", false, function() return "see " .. pem "ca" end},
    {"an empty line before the letters", true, function() return (pem "ca":gsub("\n", "\n\n", 1)) end},
    {"empty lines among the letters", false, function() return (pem "ca":gsub("\n", "\n\n")) end},
    {"a blank line before the letters", true, function() return (pem "ca":gsub("\n", "\n \n", 1)) end},
    {"a byte order mark", true, function() return "\xEF\xBB\xBF" .. pem "ca" end},
    {"a key beside it", true, function() return pem("lone", "key") .. pem "ca" end},
    {"nothing", false, function() return "" end},
    {"no certificate", false, function() return "no certificate" end},
    {"half a certificate", false, function() return pem "ca":sub(1, 300) end},
    {"a certificate cut inside, its end in place", false, function() return (pem "ca":gsub("\n%S+\n", "\n", 1)) end},
    {"a letter that is no base64", false, function() return (pem "ca":gsub("\nMII", "\nM!I")) end},
    {"an END of another kind", false, function() return (pem "ca":gsub("END CERT", "END X509 CERT")) end},
    {"pad in the middle", false, function() return (pem "ca":gsub("\nMII", "\nMI=")) end}
  }
  for _, each in ipairs(shapes) do
    it((each[2] and "finds the authority in: " or "refuses the server for: ") .. each[1], function()
      assert.equal(each[2], verdict(each[3]()))
    end)
  end

  it("finds an authority whose name the server spells otherwise: capitals, blanks, two-byte letters", function()
    assert.is_true(verdict(pem "stranger" .. pem "ca", spelled.host))
    assert.is_false(verdict(pem "stranger", spelled.host))
  end)

  for _, name in ipairs {"other", "expired", "lone"} do
    it("does not help a bad certificate: " .. name, function()
      local bad <close> = httpd.start {tls = name}
      local good, fault = verdict(pem "stranger" .. pem "ca", bad.host)
      assert.is_false(good)
      assert.equal("tls", fault.code)
    end)
  end

  for _, name in ipairs {"ec-sha224", "ec-sha256", "ec-sha384", "ec-sha512", "rsa-sha224", "rsa-sha256", "rsa-sha384",
    "rsa-sha512"} do
    it("verifies what is signed with " .. name, function()
      local signed <close> = httpd.start {tls = name}
      assert.is_true(verdict(pem "stranger" .. pem "ca" .. pem "rsaca", signed.host))
    end)
  end

  it("finds an authority wherever the part of the file that is held at once ends", function()
    local line = ("x"):rep(63) .. "\n"
    local words = line:rep(32 * 1024 // #line - 16)
    for shift = 0, 1088, 64 do
      assert(get(write("shifted.pem", words .. ("y"):rep(shift) .. "\n" .. pem "ca" .. pem "stranger")))
    end
    for shift = 1004, 1028 do                          -- around the BEGIN, byte by byte
      assert(get(write("shifted.pem", words .. ("y"):rep(shift) .. "\n" .. pem "ca")))
    end
    assert.is_nil((get(write("shifted.pem", words .. ("y"):rep(1010) .. pem "ca"))))
  end)

  it("leaves a certificate that is longer than that to OpenSSL", function()
    verdict((pem "ca":gsub("\n", (" "):rep(4000) .. "\n")))
    assert.is_true(verdict(pem "ca" .. ("# a word or two\n"):rep(10000) .. pem "stranger"))
  end)

  it("is read again when it has changed, and a kept connection is not what was verified by another", function()
    local path = write("changing.pem", pem "ca")
    assert(get(path))
    assert.is_nil((get(write("other.pem", pem "stranger"))))
    write("changing.pem", pem "stranger")
    local fresh <close> = httpd.start {tls = true}
    assert.is_nil((get(path, fresh.host)))
    write("changing.pem", pem "ca" .. pem "stranger")
    assert(get(path, fresh.host))
  end)

  it("gives what the system trusts, and ours among it", function()
    if not server.exists(SYSTEM) then return pending("no " .. SYSTEM) end
    local file <close> = assert(io.open(SYSTEM, "rb"))
    local system = file:read "a"
    assert.is_true(verdict(system .. pem "ca"))
    assert.is_false(verdict(system))
  end)

  it("may be damaged anywhere, and never trusts more than the whole would", function()
    local whole, alike = pem "ca", 0
    math.randomseed(4711)
    for i = 1, 60 do
      local at = math.random(#whole)
      local text = whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + 1)
      local looked, loaded = get(write(i .. "m.pem", text)), get(write(i .. "m:loaded.pem", text))
      assert.is_true(loaded ~= nil or looked == nil, ("byte %d"):format(at))
      if (loaded ~= nil) == (looked ~= nil) then alike = alike + 1 end
    end
    assert.equal(60, alike)
  end)

  it("lives through every allocation of Lua's failing in turn", function()
    local path = write("sweep.pem", pem "stranger" .. pem "ca")
    assert.is_true(tight(([[
      local http = require "tidelock.http"
      local function script()
        local r, e = http.send({method = "GET", scheme = "https", host = %q, path = "/close-after"}, {ca = %q})
        if not r then error(e.message) end
      end]]):format(tls.host, path), 64) > 3)
  end)
end)
