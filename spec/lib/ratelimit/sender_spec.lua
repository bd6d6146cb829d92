-- sender_spec.lua -- what each answer of the site means for a message, and what a request is made of.
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local senders = require "ratelimit.sender"
local server = require "support.server"

local NOW <const> = 1790000000
local MESSAGE <const> = {messageId = "m/1", userId = "a b", recipientId = "f", content = "hi", timestamp = NOW}

--- A site that answers one request, takes another on the same connection, and is gone.
local MORTAL <const> = [[
import socket, sys
def take(c):
    head = b""
    while b"\r\n\r\n" not in head:
        head += c.recv(65536)
    head, _, body = head.partition(b"\r\n\r\n")
    length = next(l for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:")).split(b":")[1]
    while len(body) < int(length):
        body += c.recv(65536)
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
take(c)
c.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
take(c)
s.close()
c.close()
sys.stdin.read()
]]

--- A site that answers one request with this status, this header and so many bytes, and is gone.
local BODY <const> = [[
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
got = b""
while b"}" not in got:
    got += c.recv(65536)
try:
    c.sendall(b"HTTP/1.1 %d Said\r\n%s\r\n\r\n" + b"x" * %d)
except OSError:
    pass
c.close()
sys.stdin.read()
]]

local function judged(status, headers) return senders.judge({status = status, headers = headers or {}}, nil, NOW) end

describe("ratelimit.sender", function()
  it("knows what was sent, refused, not taken, and unknown", function()
    for status, outcome in pairs {[200] = "S", [201] = "S", [204] = "S", [301] = "F", [400] = "F", [401] = "F",
      [404] = "F", [408] = "R", [413] = "F", [425] = "R", [429] = "R", [500] = "R", [503] = "R"} do
      assert.equal(outcome, judged(status).outcome, status)
    end
    for _, code in ipairs {"connect", "dns", "tls", "proxy", "timeout", "closed"} do
      assert.equal("R", senders.judge(nil, {code = code, message = "x", sent = false}, NOW).outcome, code)
      assert.equal("U", senders.judge(nil, {code = code, message = "x", sent = true}, NOW).outcome, code)
    end
    for _, code in ipairs {"too_large", "protocol"} do
      assert.equal("U", senders.judge(nil, {code = code, message = "x", sent = true}, NOW).outcome, code)
    end
  end)

  it("does not know what became of a message that a kept connection took before the site went away", function()
    local site <close>, port = server.start({server.PYTHON, "-c", MORTAL}, "^(%d+)\n")
    local sender = senders.new {url = ("http://127.0.0.1:%d/"):format(port)}
    assert.equal("S", sender:send(MESSAGE, 5, NOW).outcome)
    local lost = sender:send(MESSAGE, 5, NOW)
    assert.equal("U", lost.outcome)
    assert.matches("^closed: .* kept connection without an answer.* may or may not have been done", lost.detail)
    local after = sender:send(MESSAGE, 5, NOW)               -- nobody listens there any more
    assert.equal("R", after.outcome)
    assert.matches("^connect: ", after.detail)
    assert.truthy(site)
  end)

  it("stops the account for what a 429 says, in seconds or as a date, and for a minute where it says nothing",
    function()
    assert.equal(7, judged(429, {["retry-after"] = "7"}).block)
    assert.equal(60, judged(429).block)
    assert.equal(60, judged(429, {["retry-after"] = "soon"}).block)
    assert.equal(86400, judged(429, {["retry-after"] = "99999999999999999999"}).block)
    assert.equal(100, senders.retry_after(os.date("!%a, %d %b %Y %H:%M:%S GMT", NOW + 100), NOW))
    assert.equal(0, senders.retry_after(os.date("!%a, %d %b %Y %H:%M:%S GMT", NOW - 100), NOW))
    assert.is_nil(judged(503, {["retry-after"] = "9"}).block)
    assert.equal(9, judged(503, {["retry-after"] = "9"}).retry)
  end)

  it("fills ids into the address so that none leaves its place, and never sends without time", function()
    local asked
    local sender = senders.new {url = "https://site.example/u/{userId}?m={messageId}", headers = {["X-App"] = "t"},
      transport = function(request, options)
        asked = {request = request, options = options}
        return {status = 201, headers = {}, body = ""}
      end}
    assert.equal("S", sender:send(MESSAGE, 10, NOW).outcome)
    local request = asked.request
    assert.same({"site.example", "/u/a%20b", "m=m%2F1", "m/1", "t"}, {request.host, request.path, request.query,
      request.headers["Idempotency-Key"], request.headers["X-App"]})
    assert.same({messageId = "m/1", userId = "a b", recipientId = "f", content = "hi"}, json.decode(request.body))
    assert.equal(10, asked.options.timeout)
    asked = nil
    assert.equal("R", sender:send(MESSAGE, 0.01, NOW).outcome)
    assert.is_nil(asked)
  end)

  it("takes its token from Secrets Manager once and after a 401; without it nothing is sent", function()
    local reads, status, seen = 0, 201, nil
    local session = {client = function()
      return {call = function()
        reads = reads + 1
        return {SecretString = "token-" .. reads}
      end}
    end}
    local sender = senders.new({url = "https://x.example/", auth = {secret = "s"}, transport = function(request)
      seen = request.headers.Authorization
      return {status = status, headers = {}, body = ""}
    end}, session)
    sender:send(MESSAGE, 5, NOW)
    status = 401
    assert.same({"R", "HTTP 401; the secret was rotated, and is read anew"}, {sender:send(MESSAGE, 5, NOW).outcome,
      sender:send(MESSAGE, 5, NOW).detail})
    assert.same({"token-2", 3}, {seen, reads})
    session.client = function() return {call = function() return {SecretString = "token-3"} end} end
    assert.same({"F", "token-3"}, {sender:send(MESSAGE, 5, NOW).outcome, seen}, "the same token again is no other one")
    session.client = function() error({code = "AccessDenied", message = "no"}) end
    sender.token = nil
    local result = sender:send(MESSAGE, 5, NOW)
    assert.same({"R", "the secret could not be read: AccessDenied"}, {result.outcome, result.detail})
  end)

  it("reads a rotated token once for all that were refused with the old one", function()
    local reads, asked = 0, 0
    local session = {client = function()
      return {call = function()
        reads = reads + 1
        return {SecretString = "token-" .. reads}
      end}
    end}
    local sender = senders.new({url = "https://x.example/", auth = {secret = "s"}, transport = function()
      asked = asked + 1
      loop.sleep(0.02)
      return {status = 401, headers = {}}
    end}, session)
    local tasks = {}
    for i = 1, 3 do tasks[i] = loop.spawn(function() return sender:send(MESSAGE, 5, NOW).outcome end) end
    for i = 1, 3 do assert.equal("R", (select(2, assert(loop.wait(tasks[i]))))) end
    assert.same({3, 2}, {asked, reads})
  end)

  it("counts what the secret took against the time to send in, and sends nothing where none is left", function()
    local timeout
    local session = {client = function()
      return {call = function()
        loop.sleep(0.2)
        return {SecretString = "token"}
      end}
    end}
    local sender = senders.new({url = "https://x.example/", auth = {secret = "s"}, transport = function(_, options)
      timeout = options.timeout
      return {status = 201, headers = {}}
    end}, session)
    local late = sender:send(MESSAGE, 0.15, NOW)
    assert.same({"R", "late: no time was left to send in"}, {late.outcome, late.detail})
    assert.is_nil(timeout)
    sender.token = nil
    assert.equal("S", sender:send(MESSAGE, 5, NOW).outcome)
    assert.is_true(timeout <= 4.81, timeout)
  end)

  it("who is cancelled while he sends does not say that nothing was sent", function()
    for _, where in ipairs {"url", "verify"} do
      local sender = senders.new {url = "https://x.example/", verify = "https://x.example/v",
        transport = function() loop.sleep(5) end}
      local after
      local task = loop.spawn(function()
        after = where == "url" and sender:send(MESSAGE, 5, NOW) or sender:verify(MESSAGE)
        after = after or "went on"
      end)
      loop.sleep(0.01)
      loop.cancel(task)
      assert.is_falsy((loop.wait(task)), where)
      assert.is_nil(after, where)
    end
  end)

  it("goes by the head of an answer, whatever its body is like", function()
    for status, answer in pairs {
      [201] = {"Content-Length: 300000", 300000, "S"}, [202] = {"Content-Length: 10", 3, "S"},
      [429] = {"Retry-After: 9\\r\\nContent-Length: 300000", 300000, "R"}, [400] = {"Content-Length: 10", 3, "F"}} do
      local site <close>, port = server.start({server.PYTHON, "-c", BODY:format(status, answer[1], answer[2])},
        "^(%d+)\n")
      local result = senders.new({url = ("http://127.0.0.1:%d/"):format(port)}):send(MESSAGE, 5, NOW)
      assert.same({answer[3], ("HTTP %d"):format(status)}, {result.outcome, result.detail})
      assert.equal(status == 429 and 9 or nil, result.block)
      assert.truthy(site)
    end
  end)

  it("asks the site what became of a message, and takes only a plain answer", function()
    local status = 200
    local sender = senders.new {url = "https://x.example/", verify = "https://x.example/m/{messageId}",
      transport = function(request)
        assert.equal("/m/m%2F1", request.path)
        if not status then return nil, {code = "timeout", message = "x"} end
        return {status = status, headers = {}, body = ""}
      end}
    assert.equal("sent", sender:verify(MESSAGE))
    status = 404
    assert.equal("not sent", sender:verify(MESSAGE))
    for _, other in ipairs {500, 403, 301} do
      status = other
      assert.is_nil(sender:verify(MESSAGE))
    end
    status = nil
    assert.is_nil(sender:verify(MESSAGE))
    assert.is_nil(senders.new{url = "https://x.example/"}:verify(MESSAGE))
  end)

  it("refuses an address that is none", function()
    for _, options in ipairs {{url = "ftp://x"}, {}, {url = "https://x.example/", verify = "x"}} do
      local ok, err = pcall(senders.new, options)
      assert.same({false, 64}, {ok, err.exit})
    end
  end)
end)
