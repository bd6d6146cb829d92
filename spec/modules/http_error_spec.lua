-- http_error_spec.lua -- why a request failed: proxies and TLS, in sentences that say what to do and hold no secret.
local certs = require "support.certs"
local http = require "tidelock.http"
local httpd = require "support.httpd"
local proxy = require "support.proxy"
local server = require "support.server"

describe("tidelock.http says", function()
  local tls, plain, guarded, secured
  setup(function()
    tls, plain, guarded = httpd.start {tls = true}, httpd.start(), proxy.start {password = "user:s3cret"}
    secured = proxy.start {tls = true}
  end)
  teardown(function()
    for _, each in ipairs {tls, plain, guarded, secured} do each:stop() end
  end)

  local function fault(url, options)
    local scheme, host = url:match "^(%w+)://([^/]+)"
    options.ca = options.ca or tls.ca
    local response, err = http.send({method = "POST", scheme = scheme, host = host, path = "/echo", body = "s3cret",
      query = "X-Amz-Signature=s3cret", headers = {Authorization = "s3cret"}}, options)
    assert.is_nil(response)
    assert.is_nil((err.message .. err.remedy):find("s3cret", 1, true), err.message)
    assert.equal("; " .. err.remedy, err.message:sub(-2 - #err.remedy))
    return err
  end

  local function it_says(what, code, sent, text, remedy, try)
    it(what, function()
      local err = fault(try())
      assert.equal(code, err.code, err.message)
      assert.equal(sent, err.sent, err.message)
      assert.truthy(err.message:find(text, 1, true), err.message)
      assert.truthy(err.remedy:find(remedy, 1, true), err.message)
    end)
  end

  local function through(p, host, more)
    local options = {proxy = p.url, connect_timeout = 20}
    for name, value in pairs(more or {}) do options[name] = value end
    return "https://" .. host, options
  end

  describe("of a proxy", function()
    it_says("that it wants a password", "proxy", false, "wants a user and a password (407)", "HTTPS_PROXY",
      function() return through({url = "http://" .. guarded.host}, tls.host) end)
    it_says("that the password is wrong", "proxy", false, "wants a user and a password (407)", "USER:PASSWORD@",
      function() return through({url = "http://user:s3cret1@" .. guarded.host}, tls.host) end)
    it_says("that it wants a password for http too", "proxy", true, "(407)", "HTTP_PROXY",
      function() return plain.url, {proxy = "http://" .. guarded.host} end)
    it_says("that it refuses this host", "proxy", false, "refuses to connect", "NO_PROXY",
      function() return through(guarded, "blocked.invalid:443") end)
    it_says("that it can't reach the host", "connect", false, "the proxy can't reach the host", "spelling",
      function() return through(guarded, "down.invalid:443") end)
    it_says("that it closes without a word", "connect", false, "the proxy closed the connection", "HTTPS_PROXY",
      function() return through(guarded, "cut.invalid:443") end)
    it_says("that it never answers", "timeout", false, "the proxy made no connection", "NO_PROXY",
      function() return through(guarded, "silent.invalid:443", {connect_timeout = 1}) end)
    it_says("that nothing listens there", "proxy", false, "can't connect to the proxy (127.0.0.1:1)", "HTTPS_PROXY",
      function() return through({url = "http://user:s3cret@127.0.0.1:1"}, tls.host) end)
    it_says("that its name is not known", "proxy", false, "the proxy's name has no address (nobody.invalid:3128)",
      "HTTPS_PROXY", function() return through({url = "http://user:s3cret@nobody.invalid:3128"}, tls.host) end)
    for _, url in ipairs {"http://user:s3cret@127.0.0.1:99999", "http://ex ample", "://"} do
      it_says("that its URL is none: " .. url, "proxy", false, "the proxy's URL can't be read", "http://HOST:PORT",
        function() return through({url = url}, tls.host) end)
    end
    it_says("that there is no such kind of it", "proxy", false, "no such kind of proxy", "http:// or https://",
      function() return through({url = "ftp://user:s3cret@127.0.0.1:21"}, tls.host) end)
    it_says("that its certificate is not accepted", "proxy", false, "the proxy's certificate is not accepted",
      "AWS_CA_BUNDLE", function() return through(secured, tls.host, {ca = certs.folder() .. "/stranger.pem"}) end)
    it_says("that it does not speak TLS, where its URL says so", "timeout", false, "did not complete the handshake",
      "begin with http://",
      function() return through({url = "https://" .. plain.host}, tls.host, {connect_timeout = 1}) end)
    it_says("that it speaks TLS, where its URL does not say so", "connect", false, "the proxy closed the connection",
      "HTTPS_PROXY", function() return through({url = "http://" .. tls.host}, tls.host) end)
    it_says("that the server's certificate is bad, not its own", "tls", false, "self-signed certificate",
      "AWS_CA_BUNDLE", function()
        local lone = httpd.start {tls = "lone"}
        finally(function() lone:stop() end)
        return through({url = "http://user:s3cret@" .. guarded.host}, lone.host)
      end)
    it_says("that TLS through its own TLS failed", "tls", false, "handshake through the proxy failed",
      "AWS_CA_BUNDLE", function()
        local lone = httpd.start {tls = "lone"}
        finally(function() lone:stop() end)
        return through(secured, lone.host)
      end)
  end)

  describe("of TLS", function()
    for name, text in pairs {expired = "certificate has expired", other = "127.0.0.1", lone = "self-signed"} do
      it_says("what is wrong with the certificate: " .. name, "tls", false, text, "AWS_CA_BUNDLE", function()
        local bad = httpd.start {tls = name}
        finally(function() bad:stop() end)
        return bad.url, {}
      end)
    end
    it_says("which file of authorities can't be read", "tls", false, "the CA file can't be read (/none.pem)",
      "contents", function() return tls.url, {ca = "/none.pem"} end)

    -- Servers of OpenSSL's own, which speak what ours does not.
    local function spoken(...)
      local folder, words = certs.folder(), {...}
      local peer, port = server.start({"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
        folder .. "/server.pem", "-key", folder .. "/server.key", "-www", table.unpack(words)},
        "ACCEPT 127.0.0.1:(%d+)", {stderr = "null"})
      finally(function() peer:close() end)
      return "https://127.0.0.1:" .. port, {}
    end
    it_says("that the server's TLS is too old, in words", "tls", false, "alert", "TLS 1.2",
      function() return spoken("-tls1_1", "-cipher", "ALL:@SECLEVEL=0") end)
    it_says("that there is no cipher in common", "tls", false, "alert handshake failure", "TLS 1.2",
      function() return spoken("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0", "-no_ticket") end)

    it_says("that what answers speaks no TLS", "tls", false, "wrong version number", "TLS 1.2", function()
      local peer, port = server.start({server.PYTHON, "-c", "import socket, sys\n"
        .. "s = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\nc = s.accept()[0]\n"
        .. "c.recv(9999)\nc.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n')\nsys.stdin.read()"}, "^(%d+)\n")
      finally(function() peer:close() end)
      return "https://127.0.0.1:" .. port, {}
    end)
  end)
end)
