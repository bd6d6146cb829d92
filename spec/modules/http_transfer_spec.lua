-- http_transfer_spec.lua -- ways to a server over real sockets: proxies, HTTP/2, client certificates, redirects.
local certs = require "support.certs"
local http = require "tidelock.http"
local http2 = require "support.http2"
local httpd = require "support.httpd"
local json = require "cjson"
local loop = require "tidelock.loop"
local proxy = require "support.proxy"

-- What no proxy and no other server may see.
local SIGNED <const> = {Authorization = "AWS4-HMAC-SHA256 s3cret", ["X-Amz-Security-Token"] = "s3cret"}

local function send(url, options, more)
  local scheme, host, path = url:match "^(%w+)://([^/]+)(/?[^?]*)"
  local request = {method = "POST", scheme = scheme, host = host, path = path == "" and "/" or path, body = "tide",
    headers = SIGNED}
  for name, value in pairs(more or {}) do request[name] = value end
  if request.method == "HEAD" then request.body = nil end
  return http.send(request, options)
end

local function echo(url, options, more)
  local response = assert(send(url .. "/echo", options, more))
  assert.equal(200, response.status)
  return json.decode(response.body), response
end

describe("a proxy", function()
  local tls, plain, open, secured
  setup(function()
    tls, plain, open, secured = httpd.start {tls = true}, httpd.start(), proxy.start(), proxy.start {tls = true}
  end)
  teardown(function()
    for _, each in ipairs {tls, plain, open, secured} do each:stop() end
  end)

  -- The last thing that it was asked for.
  local function asked(p)
    local seen = p:seen()
    return seen[#seen], #seen
  end

  it("carries https by CONNECT, and sees neither what is sent nor its signature", function()
    local seen = echo(tls.url, {ca = tls.ca, proxy = open.url})
    assert.equal("tide", seen.body)
    assert.equal(SIGNED.Authorization, seen.headers.authorization)
    local last = asked(open)
    assert.same({"CONNECT", tls.host}, {last.method, last.target})
    assert.is_nil(json.encode(last):find("s3cret", 1, true))
  end)

  it("keeps the tunnel: the next request goes through the same", function()
    local first = echo(tls.url, {ca = tls.ca, proxy = open.url}).connection
    local _, tunnels = asked(open)
    assert.equal(first, echo(tls.url, {ca = tls.ca, proxy = open.url}).connection)
    assert.equal(tunnels, select(2, asked(open)))
  end)

  it("gets its user and password, decoded, and the server does not", function()
    local far <close> = proxy.start {password = "user:w@rd"}
    local url = "http://us%65r:w%40rd@" .. far.host
    for _, name in ipairs(echo(tls.url, {ca = tls.ca, proxy = url}).names) do
      assert.is_nil(name:lower():find("proxy", 1, true), name)
    end
    assert.matches("^Basic ", asked(far).headers["proxy-authorization"])
  end)

  it("resolves the names: the client asks nobody for them", function()
    local seen = echo("http://queue.reached.invalid:" .. plain.port, {proxy = open.url})
    assert.equal("queue.reached.invalid:" .. plain.port, seen.headers.host)
    local _, fault = send("https://queue.reached.invalid:" .. tls.port .. "/echo", {ca = tls.ca, proxy = open.url})
    assert.equal("tls", fault.code)                            -- it was reached, and its certificate is of another name
  end)

  it("carries http in full, and its password stays with it", function()
    local far <close> = proxy.start {password = "user:word"}
    local seen = echo(plain.url, {proxy = far.url})
    assert.is_nil(seen.headers["proxy-authorization"])
    assert.equal("http://" .. plain.host .. "/echo", asked(far).target)
  end)

  it("may be spoken to over TLS itself, whose certificate is looked at", function()
    assert.equal("tide", echo(tls.url, {ca = tls.ca, proxy = secured.url}).body)
    local _, fault = send(tls.url, {proxy = secured.url})
    assert.same({"proxy", false}, {fault.code, fault.sent})
  end)

  it("is passed by for what NO_PROXY names, over https too", function()
    local _, before = asked(open)
    for _, names in ipairs {"127.0.0.1", "*", "other.example, 127.0.0.1", "127.0.0.0/8"} do
      assert.equal("tide", echo(tls.url, {ca = tls.ca, proxy = open.url, no_proxy = names}).body)
    end
    local named = "https://localhost:" .. tls.port
    assert.equal("tide", echo(named, {ca = tls.ca, proxy = open.url, no_proxy = "localhost"}).body)
    assert.equal(before, select(2, asked(open)))
    for _, names in ipairs {"27.0.0.1", "host", ".example"} do
      assert.equal("tide", echo(named, {ca = tls.ca, proxy = open.url, no_proxy = names}).body)
    end
    assert.equal(before + 1, select(2, asked(open)))           -- one tunnel for the three
  end)
end)

describe("HTTP/2", function()
  local far
  setup(function() far = http2.start() end)
  teardown(function() far:stop() end)

  local function call(path, options, more)
    local all = {ca = far.ca, read_timeout = 20}
    for name, value in pairs(options or {}) do all[name] = value end
    return send(far.url .. path, all, more)
  end
  local function times(name) return tonumber(assert(call("/seen/" .. name)).body) end

  it("is spoken where the server offers it, and the response says so", function()
    local seen, response = echo(far.url, {ca = far.ca})
    assert.equal("2", response.version)
    assert.same({"POST", "tide", far.host}, {seen.method, seen.body, seen.headers[":authority"]})
    assert.equal(SIGNED.Authorization, seen.headers.authorization)
  end)

  it("is not spoken without TLS, nor where only HTTP/1.1 is offered", function()
    local plain <close> = httpd.start()
    local tls <close> = httpd.start {tls = true}
    assert.equal("1.1", select(2, echo(plain.url)).version)
    assert.equal("1.1", select(2, echo(tls.url, {ca = tls.ca})).version)
  end)

  it("sends fifty at once over few connections, each with its own answer", function()
    echo(far.url, {ca = far.ca})
    local tasks, connections, n = {}, {}, 0
    for i = 1, 50 do
      tasks[i] = loop.spawn(function() return echo(far.url, {ca = far.ca}, {body = "number " .. i}) end)
    end
    for i, task in ipairs(tasks) do
      local ok, seen = loop.wait(task)
      assert.is_true(ok, tostring(seen))
      assert.equal("number " .. i, seen.body)
      if not connections[seen.connection] then n = n + 1 end
      connections[seen.connection] = true
    end
    assert.equal(1, n)
  end)

  it("carries bodies larger than its windows both ways", function()
    assert.equal(3000000, echo(far.url, {ca = far.ca}, {method = "PUT", body = ("x"):rep(3000000)}).length)
    assert.equal(3000000, #assert(call "/big/3000000").body)
  end)

  it("holds a sender back while nobody reads, and other requests of the connection go on", function()
    local r <close> = assert(http.open({method = "GET", scheme = "https", host = far.host, path = "/big/3000000"},
      {ca = far.ca}))
    for _ = 1, 3 do assert.equal("tide", echo(far.url, {ca = far.ca}).body) end
    local n = 0
    for piece in function() return r:read() end do n = n + #piece end
    assert.equal(3000000, n)
  end)

  it("has trailers, and answers to HEAD without a body", function()
    assert.same({["x-sum"] = "42"}, assert(call "/trailers").trailers)
    assert.equal("", assert(call("/echo", nil, {method = "HEAD"})).body)
  end)

  it("a cancelled request frees its stream and nothing else", function()
    local before = echo(far.url, {ca = far.ca}).connection
    local task = loop.spawn(function() call "/hang" end)
    while times "hang" < 1 do loop.sleep(0.01) end
    loop.cancel(task)
    while times "hang" > 0 do loop.sleep(0.01) end             -- the server heard of it
    assert.equal(before, echo(far.url, {ca = far.ca}).connection)
  end)

  it("what a server breaks off, loses or refuses is told, and not sent again", function()
    for path, name in pairs {["/broken"] = "broken", ["/lost/a"] = "lost", ["/refused"] = "refused"} do
      echo(far.url, {ca = far.ca})                             -- so that the connection has served another
      local response, fault = call(path, nil, {method = "PUT"})
      assert.is_nil(response)
      assert.same({"closed", true}, {fault.code, fault.sent}, fault.message)
      assert.equal(1, times(name))
    end
  end)

  it("an answer that is cut, too long or given up is no answer", function()
    for path, code in pairs {["/cut"] = "closed", ["/big/3000000"] = "too_large", ["/headers/3000"] = "closed",
      ["/goaway-error"] = "closed"} do
      local response, fault = call(path, {max_body = 1000000})
      assert.is_nil(response)
      assert.equal(code, fault.code, fault.message)
    end
    assert.equal(200, assert(call "/headers/400").status)
  end)

  it("a connection that takes no more is left for a new one", function()
    local before = echo(far.url, {ca = far.ca}).connection
    assert.equal("the last", assert(call "/goaway").body)
    assert.is_true(echo(far.url, {ca = far.ca}).connection > before)
  end)
end)

describe("a client certificate", function()
  local strict, folder
  setup(function()
    strict, folder = httpd.start {tls = true, client_auth = true}, certs.folder()
  end)
  teardown(function() strict:stop() end)

  local function with(options)
    options.ca = strict.ca
    return send(strict.url .. "/echo", options)
  end

  it("is shown where the server wants one, from one file or from two", function()
    local both = os.tmpname()
    assert(os.execute(("cat %s/client.pem %s/client.key > %s"):format(folder, folder, both)))
    assert.equal(200, assert(with {cert = folder .. "/client.pem", key = folder .. "/client.key"}).status)
    assert.equal(200, assert(with {cert = both}).status)
    os.remove(both)
  end)

  it("is not the next request's: that is refused, and told what is missing", function()
    assert(with {cert = folder .. "/client.pem", key = folder .. "/client.key"})
    local _, fault = with {}
    assert.equal("tls", fault.code, fault.message)
    assert.matches("wants a client certificate", fault.message)
  end)

  it("that can't be used is named", function()
    local _, fault = with {cert = "/none.pem"}
    assert.same({"tls", false}, {fault.code, fault.sent})
    assert.matches("the client certificate can't be used %(/none.pem%)", fault.message)
    _, fault = with {cert = folder .. "/lone.pem", key = folder .. "/client.key"}
    assert.matches("lone.pem", fault.message)                  -- the key is another's
  end)
end)

describe("a redirect", function()
  it("is an answer: no byte goes where it points to, with credentials or without", function()
    local here <close> = httpd.start()
    local there <close> = httpd.start()
    for _, status in ipairs {301, 302, 303, 307, 308} do
      for _, method in ipairs {"GET", "POST"} do
        local response = assert(send(("%s/redirect/%d/%s"):format(here.url, status, there.host), nil, {method = method,
          body = method == "POST" and "x" or nil}))
        assert.same({status, "http://" .. there.host .. "/stolen"}, {response.status, response.headers.location})
      end
    end
    assert.is_nil(json.decode(assert(send(there.url .. "/counts")).body).stolen)
  end)
end)
