-- http_spec.lua -- requests against a real server that misbehaves as its paths ask (spec/support/httpd.py).
local http = require "tidelock.http"
local httpd = require "support.httpd"
local json = require "cjson"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local server = require "support.server"
local tight = require "support.tight"

describe("tidelock.http", function()
  local plain, folder

  setup(function()
    plain = httpd.start()
    folder = server.folder()
  end)
  teardown(function()
    plain:stop()
    server.remove(folder)
  end)

  local function request(target, more)
    local path, query = target:match "^([^?]*)%??(.*)$"
    local r = {method = "GET", scheme = "http", host = plain.host, path = path, query = query}
    for k, v in pairs(more or {}) do r[k] = v end
    return r
  end
  local function send(target, options, more) return http.send(request(target, more), options) end
  local function echo(target, more)
    local r = assert(send(target, nil, more))
    return json.decode(r.body)
  end
  local function write(name, text)
    local path = folder .. "/" .. name
    local f <close> = assert(io.open(path, "w"))
    f:write(text)
    return path
  end
  local function contents(path)
    local f <close> = assert(io.open(path))
    return f:read "a"
  end

  --- Sends, and holds the failure to its code; the sentence must not hold what could be secret.
  local function refused(code, r, err)
    assert.is_nil(r)
    assert.equal(code, err.code, err.message)
    assert.is_nil(err.message:find("s3cret", 1, true))
    return err
  end

  describe("a request", function()
    it("sends method, path, query and headers as they are given", function()
      local r = echo("/echo?a=%20b&c", {method = "PATCH", body = "x", headers = {["X-Amz-Date"] = "now", Empty = ""}})
      assert.equal("PATCH", r.method)
      assert.equal("a=%20b&c", r.query)
      assert.equal("now", r.headers["x-amz-date"])
      assert.equal("", r.headers.empty)
      assert.equal(plain.host, r.headers.host)
    end)

    it("keeps dots in the path: a key may hold them", function()
      assert.equal("/echo/../a/./b", echo("/echo/../a/./b").path)
    end)

    it("adds no header that a signature would not know", function()
      local names = {}
      for _, name in ipairs(echo("/echo", {method = "POST", body = "{}"}).names) do names[#names + 1] = name:lower() end
      table.sort(names)
      assert.same({"accept-encoding", "content-length", "host"}, names)
    end)

    it("sends a body with NULs whole", function()
      local body = "a\0b" .. ("x"):rep(100000)
      local r = echo("/echo", {method = "POST", body = body})
      assert.equal(#body, r.length)
      assert.equal("a\0b", r.body:sub(1, 3))
    end)

    it("says Content-Length: 0 where a method has a body and none is given", function()
      assert.equal("0", echo("/echo", {method = "PUT"}).headers["content-length"])
      assert.is_nil(echo("/echo", {method = "DELETE"}).headers["content-length"])
    end)

    it("sends a part of a file", function()
      local path = write("part", "0123456789")
      assert.equal("3456", echo("/echo", {method = "PUT", body = {path = path, offset = 3, length = 4}}).body)
      assert.equal("89", echo("/echo", {method = "PUT", body = {path = path, offset = 8}}).body)
    end)

    it("waits for 100 Continue when the header asks for it", function()
      local r = echo("/echo", {method = "PUT", body = ("y"):rep(70000), headers = {Expect = "100-continue"}})
      assert.equal(70000, r.length)
      assert.equal("100-continue", r.headers.expect)
    end)

    it("keeps connections: requests in sequence use one", function()
      local first = echo("/echo").connection
      for _ = 1, 5 do assert.equal(first, echo("/echo").connection) end
    end)

    it("runs 50 at once and gives each its own answer", function()
      local tasks = {}
      for i = 1, 50 do tasks[i] = loop.spawn(function() return echo("/echo?" .. i).query end) end
      for i = 1, 50 do assert.same({true, tostring(i)}, {loop.wait(tasks[i])}) end
    end)
  end)

  describe("misuse raises before anything is sent", function()
    local function raises(text, r, options)
      assert.error_matches(function() http.send(r, options) end, text)
    end

    it("in the method, scheme, host, path and query", function()
      raises("method", request("/", {method = "get"}))
      raises("scheme", request("/", {scheme = "ftp"}))
      raises("host", request("/", {host = "user@host"}))
      raises("host", request("/", {host = "a/b"}))
      raises("begin with a slash", request("/", {path = "x"}))
      raises("percent%-encoded", request("/", {path = "/a b"}))
      raises("percent%-encoded", request("/", {path = "/a?b"}))
      raises("percent%-encoded", request("/", {path = "/a\0b"}))
      raises("percent%-encoded", request("/", {query = "a#b"}))
    end)

    it("in headers: no line of one's own can be smuggled in", function()
      raises("control character", request("/", {headers = {A = "b\r\nHost: evil"}}))
      raises("control character", request("/", {headers = {A = "b\0c"}}))
      raises("no header name", request("/", {headers = {["A: b\r\nC"] = "d"}}))
      raises("must be a string", request("/", {headers = {A = 5}}))
      raises("known length", request("/", {headers = {["Transfer-Encoding"] = "chunked"}}))
      raises("not the length", request("/", {method = "POST", body = "abc", headers = {["content-length"] = "4"}}))
    end)

    it("in options, whose names are checked", function()
      raises("no option 'conect_timeout'", request("/"), {conect_timeout = 1})
      raises("'timeout' must be a number of seconds", request("/"), {timeout = "5"})
      raises("'max_body' must be a whole number", request("/"), {max_body = 1.5})
      raises("'verify' must be true or false", request("/"), {verify = 0})
      raises("'ca' has a NUL", request("/"), {ca = "a\0b"})
    end)

    it("outside a task, with the reason", function()
      local ok, err = coroutine.resume(coroutine.create(function() http.send(request("/")) end))
      assert.is_false(ok)
      assert.matches("has to wait", err)
    end)
  end)

  describe("a response", function()
    it("has its status, and headers in lower case", function()
      local r = assert(send "/status/503")
      assert.equal(503, r.status)
      assert.equal(tostring(#r.body), r.headers["content-length"])
    end)

    it("has no body for HEAD, 204 and 304", function()
      for _, case in ipairs {{"/big/1000", "HEAD", 200}, {"/status/204", "GET", 204}, {"/status/304", "GET", 304}} do
        local r = assert(send(case[1], nil, {method = case[2]}))
        assert.equal(case[3], r.status)
        assert.equal("", r.body)
      end
      assert.equal(200, send("/echo").status)   -- and the connection is still good
    end)

    it("is put together from chunks", function()
      assert.equal("one,two,three", send("/chunked").body)
    end)

    it("is decompressed, unless the request asks for an encoding itself", function()
      assert.equal("hello, gzip", send("/gzip").body)
      assert.equal("\31\139", send("/gzip", nil, {headers = {["Accept-Encoding"] = "gzip"}}).body:sub(1, 2))
      assert.equal("\31\139", send("/gzip", {decode = false}).body:sub(1, 2))
    end)

    it("is not the interim one that came before it", function()
      local r = assert(send "/interim")
      assert.equal(200, r.status)
    end)

    it("redirects nobody: signatures stay where they were meant for", function()
      local r = assert(send "/redirect-away")
      assert.equal(302, r.status)
      assert.truthy(r.headers.location)
    end)

    it("may end with its connection", function()
      assert.truthy(#send("/no-length").body > 0)
    end)

    it("goes to a file, and a refusal still to a string", function()
      local path = folder .. "/out"
      local r = assert(send("/big/3000000", {to = path}))
      assert.equal("", r.body)
      assert.equal(("x"):rep(3000000), contents(path))
      r = assert(send("/status/404", {to = path}))
      assert.equal(404, r.status)
      assert.truthy(#r.body > 0)
      assert.equal("", contents(path))
    end)

    it("goes to a place inside a file", function()
      local path = write("pieces", ("."):rep(10))
      assert(send("/big/3", {to = path, to_offset = 4}))
      assert.equal("....xxx...", contents(path))
    end)
  end)

  describe("the outside world's failures come as nil, err", function()
    it("connect: nobody listens", function()
      local err = refused("connect", http.send {method = "GET", scheme = "http", host = "127.0.0.1:1",
        query = "X-Amz-Signature=s3cret", headers = {Authorization = "s3cret"}})
      assert.matches("^GET http://127.0.0.1:1: can't connect %(Connection refused%); check", err.message)
      assert.is_false(err.sent)
    end)

    it("dns: no such name", function()
      local err = refused("dns", http.send {method = "GET", scheme = "http", host = "nosuchhost.invalid"})
      assert.matches("nosuchhost.invalid", err.message)
      assert.is_false(err.sent)
    end)

    it("timeout: silence before the answer and in the middle of it", function()
      local began = loop.now()
      local err = refused("timeout", send("/hang?s3cret", {read_timeout = 0.15}))
      assert.matches("read_timeout", err.message)
      assert.is_true(err.sent)
      refused("timeout", send("/hang-body", {read_timeout = 0.15}))
      assert.truthy(loop.now() - began < 10)
    end)

    it("timeout: the whole took too long, though never silent", function()
      local err = refused("timeout", send("/slow/100/0.02", {read_timeout = 10, timeout = 0.2}))
      assert.matches("within the timeout", err.message)
    end)

    it("an answer slower than read_timeout but never silent is no failure", function()
      assert.equal(20, #assert(send("/slow/20/0.15", {read_timeout = 1.5})).body)
    end)

    it("timeout: what listens does not speak TLS", function()
      local err = refused("timeout", http.send({method = "GET", scheme = "https", host = plain.host},
        {connect_timeout = 0.3}))
      assert.matches("speaks TLS", err.message)
    end)

    for _, path in ipairs {"/close", "/close-mid-head", "/close-mid-body", "/reset"} do
      it("closed: " .. path, function()
        local err = refused("closed", send(path))
        assert.is_true(err.sent)
      end)
    end

    for _, path in ipairs {"/bad-length", "/bad-chunk", "/not-http"} do
      it("protocol: " .. path, function() refused("protocol", send(path)) end)
    end

    it("takes no more bytes than were announced", function()
      assert.equal(5, #assert(send "/wrong-length").body)
    end)

    for path, what in pairs {["/chunk-bomb"] = "max_body", ["/gzip-bomb"] = "max_body", ["/big/2000000"] = "max_body",
      ["/header-bomb"] = "headers"} do
      it("too_large: " .. path, function()
        local err = refused("too_large", send(path, {max_body = 1000000}))
        assert.matches(what, err.message)
      end)
    end

    it("file: what can't be read or written, with its name and why", function()
      local err = refused("file", send("/echo", nil, {method = "PUT", body = {path = folder .. "/none"}}))
      assert.matches("/none: No such file", err.message)
      assert.is_false(err.sent)
      err = refused("file", send("/big/10", {to = folder .. "/no/such"}))
      assert.matches("/no/such: No such file", err.message)
      refused("file", send("/big/10", {to = "/dev/full"}))
      refused("file", send("/echo", nil, {method = "PUT", body = {path = write("short", "abc"), length = 4}}))
    end)

    it("closed: a kept connection that dies is told, and what may change something is not sent again", function()
      for _, method in ipairs {"POST", "PUT", "PATCH", "DELETE"} do
        echo "/echo"                                           -- so that a kept connection is used
        local err = refused("closed", send("/mortal/" .. method, nil,
          {method = method, body = method ~= "DELETE" and "x" or nil}))
        assert.matches("may or may not", err.message)
        assert.is_true(err.sent)
        assert.equal("1", send("/seen/" .. method).body)
      end
    end)

    it("a read that a kept connection swallowed is sent again, and so is what `once = false` allows", function()
      for _, case in ipairs {{"GET"}, {"HEAD"}, {"PUT", {once = false}}} do
        local fresh <close> = httpd.start()                    -- no other connection is kept to it
        local r = {method = case[1], scheme = "http", host = fresh.host, path = "/mortal/read"}
        assert(http.send(r, case[2]))
        assert.equal(200, assert(http.send(r, case[2])).status)
        r.method, r.path = "GET", "/seen/read"
        assert.equal("3", http.send(r).body)
      end
    end)

    it("`once` holds for a read too", function()
      echo "/echo"
      refused("closed", send("/mortal/once", {once = true}))
      assert.equal("1", send("/seen/once").body)
    end)
  end)

  describe("TLS", function()
    local tls
    setup(function() tls = httpd.start {tls = true} end)
    teardown(function() tls:stop() end)

    local function get(host, options)
      return http.send({method = "GET", scheme = "https", host = host, path = "/echo"}, options)
    end

    it("trusts a server by the CA that is named, and keeps its connection", function()
      local a = json.decode(assert(get(tls.host, {ca = tls.ca})).body)
      local b = json.decode(assert(get(tls.host, {ca = tls.ca})).body)
      assert.equal(a.connection, b.connection)
    end)

    it("refuses an unknown CA, also right after a request that knew it", function()
      assert(get(tls.host, {ca = tls.ca}))
      local err = refused("tls", get(tls.host))
      assert.matches("AWS_CA_BUNDLE", err.message)
      assert.is_false(err.sent)
    end)

    it("does as it is told by verify = false, and forgets it after", function()
      assert.equal(200, get(tls.host, {verify = false}).status)
      refused("tls", get(tls.host))
    end)

    it("says that the CA file is the trouble when it is", function()
      refused("tls", get(tls.host, {ca = folder .. "/none.pem"}))
      refused("tls", get(tls.host, {ca = write("bad.pem", "no certificate")}))
    end)

    for _, name in ipairs {"other", "expired", "lone"} do
      it("refuses the certificate: " .. name, function()
        local bad <close> = httpd.start {tls = name}
        refused("tls", get(bad.host, {ca = bad.ca}))
      end)
    end
  end)

  describe("a proxy", function()
    it("gets the request in full, unless no_proxy names the host", function()
      local r = http.send({method = "GET", scheme = "http", host = "far.invalid", path = "/echo"},
        {proxy = "http://user:s3cret@" .. plain.host})
      assert.equal(404, r.status)                              -- the plain server knows no path http://...
      assert.equal(200, send("/echo", {proxy = "http://127.0.0.1:1", no_proxy = "127.0.0.1"}).status)
    end)

    it("that is down is named without its password", function()
      local err = refused("proxy", send("/echo", {proxy = "http://user:s3cret@127.0.0.1:1"}))
      assert.matches("127.0.0.1:1", err.message)
      assert.is_false(err.sent)
    end)

    it("is not taken from the environment: that is for the caller", function()
      local script = write("env.lua", ([[
        local r, err = require "tidelock.http".send {method = "GET", scheme = "http", host = %q, path = "/echo"}
        print(r and r.status or err.message)]]):format(plain.host))
      local out = proc.run {arg[-1], script,
        env = {http_proxy = "http://127.0.0.1:1", ALL_PROXY = "http://127.0.0.1:1"}}
      assert.equal("200\n", out.stdout)
    end)
  end)

  describe("open", function()
    it("gives the head at once and the body by pieces", function()
      local r <close> = assert(http.open(request "/big/1000000"))
      assert.equal(200, r.status)
      assert.equal("1000000", r.headers["content-length"])
      local n = 0
      for piece in function() return r:read() end do n = n + #piece end
      assert.equal(1000000, n)
      assert.is_nil(r:read())
    end)

    it("reads exactly as much as is asked, but at the end", function()
      local r <close> = assert(http.open(request "/chunked"))
      assert.equal("one,t", r:read(5))
      assert.equal("wo,three", r:read(100))
      assert.is_nil(r:read(1))
    end)

    it("reads more than the window at once", function()
      local r <close> = assert(http.open(request "/big/2000000"))
      assert.equal(1500000, #r:read(1500000))
      assert.equal(500000, #r:read(1500000))
    end)

    it("holds the sender back while nobody reads", function()
      local r <close> = assert(http.open(request "/chunk-bomb"))
      collectgarbage()
      local f <close> = assert(io.open("/proc/self/statm"))
      local before = f:read "n"
      loop.sleep(0.3)
      local g <close> = assert(io.open("/proc/self/statm"))
      assert.truthy(g:read "n" - before < 1024)                -- pages of 4 KB
      assert.equal(65536, #r:read(65536))
    end)

    it("a slow reader is no silent server", function()
      local r <close> = assert(http.open(request "/big/3000000", {read_timeout = 1.5}))
      local n = #r:read()
      loop.sleep(2.5)
      for piece in function() return r:read() end do n = n + #piece end
      assert.equal(3000000, n)
    end)

    it("tells what was cut short from what ended", function()
      local r <close> = assert(http.open(request "/close-mid-body"))
      assert.equal(10, #r:read())
      refused("closed", r:read())
      refused("closed", r:read())
    end)

    it("after close there is nothing to read", function()
      local r = assert(http.open(request "/big/1000000"))
      r:close()
      r:close()
      refused("closed", r:read())
    end)

    it("refuses a second reader", function()
      local r <close> = assert(http.open(request "/hang-body"))
      r:read(500)
      local t = loop.spawn(function() r:read() end)
      loop.sleep(0)
      assert.error_matches(function() r:read() end, "another task")
      loop.cancel(t)
    end)
  end)

  describe("upload", function()
    local function upload(target, length)
      return http.upload(request(target, {method = "PUT", body = {length = length}}))
    end

    it("sends a body by pieces and gives the answer", function()
      local up = assert(upload("/echo", 900005))
      for _ = 1, 3 do assert.is_true(up:write(("x\0y"):rep(100000))) end
      assert.is_true(up:write "")
      assert.is_true(up:write "hello")
      local seen = json.decode(assert(up:finish()).body)
      assert.equal(900005, seen.length)
      assert.equal(("x\0y"):rep(300000) .. "hello", seen.body)
      assert.equal("900005", seen.headers["content-length"])
      assert.equal("closed", select(2, up:write "x").code)
      assert.equal("closed", select(2, up:finish()).code)
    end)

    it("of nothing is an upload too", function()
      assert.equal(0, json.decode(assert(assert(upload("/echo", 0)):finish()).body).length)
    end)

    it("takes no more and no fewer bytes than were announced", function()
      local up <close> = assert(upload("/echo", 5))
      assert.has_error(function() up:write "123456" end)
      assert.has_error(function() up:finish() end)
      assert.has_error(function() http.upload(request("/echo", {method = "PUT", body = "x"})) end)
      assert.has_error(function() http.upload(request("/echo", {method = "PUT", body = {}})) end)
    end)

    it("a slow writer is no silent server", function()
      local up = assert(http.upload(request("/echo", {method = "PUT", body = {length = 2}}), {read_timeout = 1.5}))
      assert.is_true(up:write "a")
      loop.sleep(2.5)
      assert.is_true(up:write "b")
      assert.equal(2, json.decode(assert(up:finish()).body).length)
    end)

    it("says what broke it, and is closed then", function()
      assert.equal("connect", select(2, http.upload {method = "PUT", scheme = "http", host = "127.0.0.1:1",
        body = {length = 5}}).code)
      local up = assert(upload("/reset", 5))
      up:write "12345"
      local answer, err = up:finish()
      assert.is_nil(answer)
      assert.equal("closed", err.code)
    end)

    it("closed in the middle is gone, and so is one whose task is cancelled", function()
      local up = assert(upload("/echo", 100))
      up:write "x"
      up:close()
      up:close()
      local task = loop.spawn(function()
        local mine <close> = assert(upload("/hang", 5))
        mine:write "12345"
        mine:finish()
      end)
      loop.sleep(0.1)
      loop.cancel(task)
      assert.is_false((loop.wait(task)))
    end)
  end)

  describe("cancellation", function()
    it("stops a request that waits for its answer", function()
      local t = loop.spawn(function() send "/hang" end)
      loop.sleep(0.05)
      loop.cancel(t)
      assert.equal("cancelled", loop.status(t))
      assert.equal(200, send("/echo").status)
    end)

    it("stops 30 in all stages", function()
      local tasks = {}
      for i = 1, 30 do
        tasks[i] = loop.spawn(function() send(i % 3 == 0 and "/big/5000000" or i % 3 == 1 and "/hang" or "/echo") end)
      end
      for i = 1, 30 do
        if i % 5 == 0 then loop.sleep(0.002) end
        loop.cancel(tasks[i])
      end
      assert.equal(200, send("/echo").status)
    end)

    it("stops one in the middle of a file", function()
      local t = loop.spawn(function() send("/slow/1000/0.01", {to = folder .. "/cut"}) end)
      repeat loop.sleep(0.01) until server.exists(folder .. "/cut") or loop.status(t) ~= "alive"
      loop.cancel(t)
      assert.truthy(#contents(folder .. "/cut") < 1000)
    end)
  end)

  it("lives through every allocation of Lua's failing in turn", function()
    assert.is_true(tight(([[
      local http = require "tidelock.http"
      local function request(method, path, body)
        return {method = method, scheme = "http", host = %q, path = path, body = body, headers = {A = "b"}}
      end
      local function script()
        local r, e = http.send(request("POST", "/echo", "abc"), {timeout = 5})
        if not r then error(e.message) end
        local s <close> = http.open(request("GET", "/chunked"))
        while s:read(4) do end
      end]]):format(plain.host)) > 20)
  end)
end)
