-- http_engine_spec.lua -- each allocation of tidelock's own failing in turn, from request to answer.
local httpd = require "support.httpd"
local proc = require "tidelock.proc"
local redis = require "support.redis"
local server = require "support.server"

describe("with the nth allocation failing", function()
  local plain, tls, store, folder
  setup(function()
    plain, tls, store, folder = httpd.start(), httpd.start {tls = true}, redis.start {tls = true}, server.folder()
  end)
  teardown(function()
    plain:stop()
    tls:stop()
    store:stop()
    server.remove(folder)
  end)

  local HEAD <const> = [[
    local http, sweep = require "tidelock.http", require "support.sweep"
    local plain, tls, port, ca = table.unpack(arg)
    local function request(method, path, body, scheme)
      return {method = method, scheme = scheme or "http", host = scheme and tls or plain, path = path, body = body,
        headers = {A = "b"}}
    end
    local function good(value, err) return value or error(err, 0) end
    print(sweep(function() %s end))]]

  -- In a process of its own, where libcurl, libuv and OpenSSL are spared: they do not live through it.
  local function swept(body)
    local path = folder .. "/sweep.lua"
    local f <close> = assert(io.open(path, "w"))
    f:write(HEAD:format(body))
    f:close()
    local out = proc.run {arg[-1], path, plain.host, tls.host, tostring(store.port), tls.ca,
      env = {TIDELUA_SPARE = "1"}}
    assert.is_nil(out.signal, out.stderr)
    assert.equal(0, out.code, out.stderr)
    return tonumber(out.stdout)
  end

  local scripts <const> = {
    {"a request lives", 15, 'good(http.send(request("POST", "/echo", "abc"), {timeout = 5}))'},
    {"a response by pieces lives", 10,
      'local r <close> = good(http.open(request("GET", "/chunked"))) while r:read(4) do end'},
    {"a body by pieces lives", 15, [[local up <close> = good(http.upload(request("PUT", "/echo", {length = 3})))
      good(up:write "abc") good(up:finish())]]},
    {"a failure's sentence is made", 15,
      'local r, err = http.send(request("GET", "/close-mid-body")) assert(not r) assert(err.message)'},
    {"TLS by a file of authorities lives", 15,
      'good(http.send(request("GET", "/close-after", nil, "https"), {ca = ca}))'},
    {"TLS refused is told", 15, [[
      local r, err = http.send(request("GET", "/echo", nil, "https"), {ca = "/none"})
      assert(not r) assert(err.message)]]},
    {"a proxy's refusal is told", 15, [[
      local r, err = http.send(request("GET", "/echo", nil, "https"), {ca = ca, proxy = "http://" .. plain})
      assert(not r) assert(err.message)]]},
    {"Redis over TLS lives", 15, [[local c <close> = good(require "tidelock.redis".connect {host = "localhost",
      port = tonumber(port), tls = true, ca = ca}) good(c:call "PING")]]}
  }
  for _, each in ipairs(scripts) do
    it(each[1], function() assert.is_true(swept(each[3]) > each[2]) end)
  end
end)
