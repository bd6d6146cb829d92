-- socket_spec.lua -- a stream on the loop: plain, then TLS when asked for, against a server in Python.
local certs = require "support.certs"
local loop = require "tidelock.loop"
local server = require "support.server"
local socket = require "tidelock.socket"
local sweep = require "support.sweep"

-- Echoes what it reads; "T" first makes it speak TLS, "Q" makes it end, "S" makes it silent.
local ECHO <const> = [[
import socket, ssl, sys, threading
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1] + ".pem", sys.argv[1] + ".key")
def serve(c):
    try:
        while True:
            data = c.recv(65536)
            if not data or data == b"Q":
                break
            if data == b"S":
                continue
            c.sendall(data)
            if data == b"T":
                c = context.wrap_socket(c, server_side=True)
    except OSError:
        pass
    c.close()
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
]]

describe("tidelock.socket", function()
  local folder, process, port, s
  local function start(cert)
    local one, number = server.start({"setpriv", "--pdeathsig", "KILL", server.PYTHON, "-c", ECHO,
      folder .. "/" .. cert}, "^(%d+)\n")
    return one, math.tointeger(number)
  end
  setup(function()
    folder = certs.folder()
    process, port = start "server"
  end)
  teardown(function() process:close() end)
  before_each(function() s = assert(socket.connect {host = "127.0.0.1", port = port, timeout = 20}) end)
  after_each(function() s:close() end)

  local function all(n)
    local parts, left = {}, n
    while left > 0 do
      local part = assert(s:read(left))
      parts[#parts + 1], left = part, left - #part
    end
    return table.concat(parts)
  end
  local function secure(options)
    assert(s:write "T")
    assert.equal("T", s:read(1))
    return s:tls(options)
  end

  it("carries bytes of any kind both ways", function()
    local bytes = {}
    for i = 0, 255 do bytes[i + 1] = string.char(i) end
    local text = "x" .. table.concat(bytes)
    assert.is_true(s:write(text))
    assert.equal(text, all(#text))
  end)
  it("reads no more than it is asked for, and keeps the rest", function()
    assert(s:write "abcdef")
    assert.equal("a", s:read(1))
    assert.equal("bc", all(2))
    assert.equal("def", all(3))
  end)
  it("becomes TLS, and says who answered", function()
    local who = assert(secure {ca = folder .. "/ca.pem", name = "localhost"})
    assert.matches("^TLSv1%.[23]$", who.version)
    assert.is_truthy(who.cipher and who.issuer)
    assert.is_true(who.expires > os.time())
    local text = ("secret "):rep(20000)
    assert.is_true(s:write(text))
    assert.equal(text, all(#text))
  end)
  it("refuses a certificate of an authority that it does not know, and one of another name", function()
    local who, err = secure {name = "localhost"}
    assert.is_nil(who)
    assert.equal("tls", err.code)
    assert.matches("127%.0%.0%.1:%d+ did not come to terms on TLS: .*certificate", err.message)
    s:close()
    s = assert(socket.connect {host = "127.0.0.1", port = port})
    who, err = secure {ca = folder .. "/ca.pem", name = "db.example.com"}
    assert.is_nil(who)
    assert.matches("hostname mismatch", err.message)
  end)
  it("refuses an expired certificate, and takes one unseen where it is told to", function()
    local other <close>, number = start "expired"
    s:close()
    s = assert(socket.connect {host = "127.0.0.1", port = number})
    local who, err = secure {ca = folder .. "/ca.pem", name = "localhost"}
    assert.is_nil(who)
    assert.matches("expired", err.message)
    s:close()
    s = assert(socket.connect {host = "127.0.0.1", port = number})
    assert.is_table((secure {verify = false}))
    other:close()
  end)
  it("says that the other side has ended, in plain and in TLS", function()
    assert(s:write "Q")
    local got, err = s:read(1)
    assert.is_nil(got)
    assert.equal("closed", err.code)
    assert.matches("has ended the connection", err.message)
    s:close()
    s = assert(socket.connect {host = "127.0.0.1", port = port})
    assert(secure {ca = folder .. "/ca.pem", name = "localhost"})
    assert(s:write "Q")
    got, err = s:read(1)
    assert.is_nil(got)
    assert.matches("has ended the connection", err.message)
  end)
  it("says what did not answer, and what could not be connected to", function()
    s:close()
    s = assert(socket.connect {host = "127.0.0.1", port = port, timeout = 0.1})
    assert(s:write "S")
    local got, err = s:read(1)
    assert.is_nil(got)
    assert.equal("timeout", err.code)
    assert.matches("did not answer within 0.1 seconds; is it reachable from here", err.message)
    got, err = socket.connect {host = "127.0.0.1", port = 1}
    assert.is_nil(got)
    assert.equal("connect", err.code)
    assert.matches("127.0.0.1:1 could not be connected to: connection refused", err.message)
    got, err = socket.connect {host = "no.such.host.invalid", port = 1}
    assert.is_nil(got)
    assert.matches("no.such.host.invalid:1 could not be connected to", err.message)
  end)
  it("is closed once, however often, and says so when it is used after", function()
    s:close()
    s:close()
    assert.has_error(function() s:read(1) end, "calling 'read' on bad self (socket is closed)")
  end)
  it("lets a task be cancelled that waits for it", function()
    local task = loop.spawn(function() return s:read(1) end)
    loop.sleep(0)
    loop.cancel(task)
    loop.sleep(0)
    assert(s:write "ab")
    assert.equal("ab", all(2))
  end)
  it("refuses a second task, misuse, and a name with a NUL in it", function()
    local task = loop.spawn(function() return s:read(1) end)
    loop.sleep(0)
    assert.has_error(function() s:read(1) end)
    loop.cancel(task)
    assert.has_error(function() socket.connect {host = "a\0b", port = 1} end)
    assert.has_error(function() socket.connect {port = 1} end)
    assert.has_error(function() socket.connect {host = "a", port = 65536} end)
    assert.has_error(function() s:write "" end)
    assert.has_error(function() s:tls {ca = 1} end)
  end)
  it("survives every allocation that fails in plain talk", function()
    if not alloc then return end
    sweep(function()
      local c <close> = assert(socket.connect {host = "127.0.0.1", port = port})
      assert(c:write "x")
      assert(c:read(1))
    end)
  end)
  it("survives allocations that fail in TLS, one of every 41: OpenSSL makes thousands", function()
    if not alloc then return end
    local ca = folder .. "/ca.pem"
    assert.is_true(sweep(function()
      local c <close> = assert(socket.connect {host = "127.0.0.1", port = port})
      assert(c:write "T")
      assert(c:read(1))
      assert(c:tls {ca = ca, name = "localhost"})
      assert(c:write "x")
      assert(c:read(1))
    end, 20000, 41) > 1000)
  end)
end)
