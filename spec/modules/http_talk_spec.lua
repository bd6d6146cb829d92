-- http_talk_spec.lua -- a request's body by pieces while its answer is read: each side in a task, and every way to end.
local http = require "tidelock.http"
local httpd = require "support.httpd"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local tight = require "support.tight"

local server
lazy_setup(function() server = httpd.start() end)
lazy_teardown(function() server:stop() end)

local function begin(path, options)
  return http.converse({method = "POST", scheme = "http", host = server.host, path = path, body = {}}, options)
end

local function whole(response)
  local parts = {}
  for piece in function() return response:read() end do parts[#parts + 1] = piece end
  return table.concat(parts)
end

describe("http.converse", function()
  it("sends pieces in chunks, and gives the answer", function()
    local talk <close> = assert(begin "/echo")
    for _, piece in ipairs {"one ", "", ("x"):rep(300000), " two"} do assert.is_true(talk:write(piece)) end
    talk:shut()
    talk:shut()
    local response = assert(talk:answer())
    assert.equal(200, response.status)
    local echo = json.decode(whole(response))
    assert.same({"chunked", 300008}, {echo.headers["transfer-encoding"], echo.length})
    assert.matches("^one x.*x two$", echo.body)
    assert.is_nil(response:read())
  end)

  it("sends a body of no pieces", function()
    local talk <close> = assert(begin "/echo")
    talk:shut()
    assert.equal(0, json.decode(whole(talk:answer())).length)
  end)

  it("tells who waits for the answer that the writer gave up", function()
    local talk = assert(begin "/echo")
    local reader = loop.spawn(function() return talk:answer() end)
    loop.sleep(0.02)
    assert.is_true(talk:write "half")
    talk:close()
    local ok, response, err = loop.wait(reader)
    assert.same({true, nil, "closed"}, {ok, response, err.code})
    assert.matches("gave up before its end", err.message)
    response, err = talk:write "more"
    assert.same({nil, "closed"}, {response, err.code})
    talk:close()
  end)

  it("ends for the reader when the task that writes is cancelled", function()
    local talk <close> = assert(begin "/hang")
    local writer = loop.spawn(function()
      while true do assert(talk:write(("x"):rep(1 << 20))) end
    end)
    local reader = loop.spawn(function() return talk:answer() end)
    loop.sleep(0.02)
    loop.cancel(writer)
    local _, response, err = loop.wait(reader)
    assert.same({nil, "closed"}, {response, err.code})
  end)

  it("ends for the writer when the answer is closed", function()
    local talk = assert(begin "/echo")
    local writer = loop.spawn(function()
      local sent, err = true, nil
      while sent do sent, err = talk:write(("x"):rep(1 << 16)) end
      return sent, err.code
    end)
    local reader = loop.spawn(function() return talk:answer() end)
    loop.sleep(0.02)
    loop.cancel(reader)
    assert.same({true, nil, "closed"}, {loop.wait(writer)})
  end)

  it("says why it cannot begin, and where the connection broke", function()
    local talk, err = http.converse({method = "POST", scheme = "http", host = "127.0.0.1:1", path = "/", body = {}})
    assert.same({nil, "connect"}, {talk, err.code})
    talk = assert(begin "/close")
    talk:write "a"
    talk:shut()
    local response
    response, err = talk:answer()
    assert.same({nil, "closed"}, {response, err.code})
  end)

  it("refuses what makes no sense", function()
    local talk <close> = assert(begin "/echo")
    talk:write "a"
    assert.error_matches(function() talk.write({}, "a") end, "not a conversation")
    assert.error_matches(function() talk:write {} end, "string expected")
    talk:shut()
    assert.error_matches(function() talk:write "b" end, "the body has ended")
    assert.error_matches(function()
      http.upload {method = "POST", scheme = "http", host = server.host, path = "/echo", body = {}}
    end, "must be given for a body by pieces")
  end)

  it("leaves nothing behind when it is forgotten half way", function()
    for _ = 1, 5 do
      local talk = assert(begin "/echo")
      talk:write "a"
      talk = nil                                         -- luacheck: ignore 311
      collectgarbage()
    end
    loop.sleep(0)
  end)

  it("lives through every allocation of Lua's failing in turn", function()
    assert.is_true(tight(([[
      local http = require "tidelock.http"
      local function script()
        local talk <close>, err = http.converse {method = "POST", scheme = "http", host = %q, path = "/echo", body = {}}
        if not talk then error(err.message) end
        talk:write "abc"
        talk:shut()
        local response, fault = talk:answer()
        if not response then error(fault.message) end
        while response:read() do end
      end]]):format(server.host)) > 20)
  end)
end)
