-- Knocking at real PostgreSQL servers: one that lets plain connections in, one that does not, and what is none.
local postgres = require "postgres"
local real = require "support.postgres"
local secret = require "tidelock.secret"
local server = require "support.server"

describe("postgres", function()
  describe("knocking", function()
    local one
    setup(function() one = real.start() end)
    teardown(function() one:stop() end)
    local function at(user, more)
      local where = {host = "localhost", at = "127.0.0.1", port = one.port, user = user, database = "app", ca = one.ca}
      for name, value in pairs(more or {}) do where[name] = value end
      return where
    end

    it("is refused in plain where TLS is enforced, and the server says why", function()
      local found = assert(postgres.plain(at "app"))
      assert.is_true(found.refused)
      assert.equal("28000", found.code)
      assert.matches("no encryption", found.message)
    end)
    it("is let on in plain where it is not", function()
      assert.is_false(assert(postgres.plain(at "open")).refused)
    end)
    it("finds out both, and who answers", function()
      local found = assert(postgres.probe(at "app"))
      assert.equal("refused", found.plain)
      assert.matches("^TLSv1%.[23]$", found.tls.version)
      assert.is_true(found.tls.expires > os.time())
      assert.equal("taken", assert(postgres.probe(at "open")).plain)
    end)
    it("checks the certificate against the authorities, and against the name of the database", function()
      local where = at "app"
      where.ca = nil
      local who, err = postgres.tls(where)
      assert.is_nil(who)
      assert.matches("certificate", err.message)
      who, err = postgres.tls(at("app", {host = "db.example.com"}))
      assert.is_nil(who)
      assert.matches("hostname mismatch", err.message)
      local found = assert(postgres.probe(at("app", {host = "db.example.com"})))
      assert.equal("refused", found.plain)
      assert.is_nil(found.tls)
      assert.matches("hostname mismatch", found.why)
    end)
    it("says so where nothing answers, or something else does", function()
      local found, err = postgres.probe {host = "127.0.0.1", port = 1}
      assert.is_nil(found)
      assert.equal("connect", err.code)
      local process <close>, port = server.start({"setpriv", "--pdeathsig", "KILL", server.PYTHON, "-c", [[
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    c.recv(100)
    c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    c.close()
]]}, "^(%d+)\n")
      found, err = postgres.probe {host = "127.0.0.1", port = math.tointeger(port)}
      assert.is_nil(found)
      assert.matches("does not speak PostgreSQL's protocol; is it the right port", err.message)
      found, err = postgres.tls {host = "127.0.0.1", port = math.tointeger(port)}
      assert.is_nil(found)
      assert.matches('does not speak TLS %(it answers "H"', err.message)
      process:close()
    end)
  end)

  describe("a URL", function()
    for text, found in pairs {
      ["postgresql://app:p%40ss@db.local:5432/app"] = {host = "db.local"},
      ["postgres://app:x@y@db/app?sslmode=prefer"] = {host = "db", sslmode = "prefer"},
      ["postgres://db/app?a=1&sslmode=verify-full#x"] = {host = "db", sslmode = "verify-full"},
    } do
      it("says its host and sslmode: " .. text, function() assert.same({found}, postgres.urls(text)) end)
    end
    it("is none where it is of something else", function()
      for _, text in ipairs {"redis://x", "db.local", "{not json", "[1]", '{"a":1}'} do
        assert.same({}, postgres.urls(text), text)
      end
      assert.same({}, postgres.urls(nil))
    end)
    it("is found among the members of a secret that is JSON, and told without the rest", function()
      local value = secret.new '{"url":"postgres://a:b@db/x","read":"postgres://a:b@ro/x?sslmode=require","n":1}'
      assert.same({{key = "url", host = "db"}}, postgres.urls(value, "require"))
      assert.same({{key = "read", host = "ro", sslmode = "require"}, {key = "url", host = "db"}}, postgres.urls(value))
      assert.equal('{"n":1,"read":"postgres://a:b@ro/x?sslmode=require","url":"postgres://a:b@db/x?sslmode=require"}',
        secret.reveal(postgres.secured(value, "require")))
    end)
    for text, wanted in pairs {
      ["postgresql://a:b@db/app"] = "postgresql://a:b@db/app?sslmode=require",
      ["postgresql://a:b@db/app?x=1"] = "postgresql://a:b@db/app?x=1&sslmode=require",
      ["postgresql://a:b@db/app?sslmode=disable&x=1#f"] = "postgresql://a:b@db/app?x=1&sslmode=require#f",
    } do
      it("is secured, and is a secret then: " .. text, function()
        local made = postgres.secured(secret.new(text), "require")
        assert.equal("<secret>", tostring(made))
        assert.equal(wanted, secret.reveal(made))
        assert.same({}, postgres.urls(made, "require"))
      end)
    end
    it("is left as it is where it asks for more", function()
      local text = "postgres://db/app?sslmode=verify-full"
      assert.equal(text, secret.reveal(postgres.secured(text, "require")))
      assert.equal('{"b": 1, "a": 2}', secret.reveal(postgres.secured('{"b": 1, "a": 2}', "require")))
    end)
    it("is as strict as libpq's own default where it says nothing", function()
      assert.is_false(postgres.at_least(nil, "require"))
      assert.is_false(postgres.at_least("disable", "require"))
      assert.is_false(postgres.at_least("nonsense", "require"))
      assert.is_true(postgres.at_least("require", "require"))
      assert.is_true(postgres.at_least("verify-full", "require"))
      assert.is_false(postgres.at_least("require", "verify-full"))
    end)
  end)
end)
