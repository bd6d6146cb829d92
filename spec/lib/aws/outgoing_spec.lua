--- Two-way streams of events, against a service that verifies every frame and signature, over HTTP/1.1 and HTTP/2.
local aws = require "aws"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local streams = require "support.streams"
local world = require "support.world"

local plain
lazy_setup(function() plain = streams.start() end)
lazy_teardown(function() plain:stop() end)

local function session(server, more)
  local env = {}
  for name, value in pairs(server.env) do env[name] = value end
  for name, value in pairs(more or {}) do env[name] = value end
  return aws.session {environ = env, files = function() return nil end}
end

-- A call of Polly; `mode` is what the server is to do.
local function speak(server, events, mode, options)
  return session(server, options).polly:start_speech_synthesis_stream {Engine = "generative", OutputFormat = "mp3",
    VoiceId = mode or "Joanna", ActionStream = events}
end

local function text(words) return {TextEvent = {Text = words}} end

-- What the server saw of each event, and how many it counted at the end.
local function replies(stream)
  local seen, count = {}, nil
  for event in stream do
    if event.AudioEvent then seen[#seen + 1] = json.decode(event.AudioEvent.AudioChunk) end
    if event.StreamClosedEvent then count = event.StreamClosedEvent.RequestCharacters end
  end
  return seen, count
end

local function next_of(list)
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

local SERVERS <const> = {["http"] = {}, ["https and HTTP/1.1"] = {tls = true}, ["https and HTTP/2"] = {h2 = true}}

for name, options in pairs(SERVERS) do
  describe("events to a service over " .. name, function()
    local server
    lazy_setup(function() server = streams.start(options) end)
    lazy_teardown(function() server:stop() end)

    it("of a list are signed one on the other, and come back as they were sent", function()
      local list = {text "one", text "zw\u{f6}lf", {CloseStreamEvent = {}}}
      local seen, count = replies(speak(server, list).EventStream)
      assert.equal(3, count)
      assert.same({{type = "TextEvent", content_type = "application/json", payload = '{"Text":"one"}', count = 1,
        length = 14, http = options.h2 and 2 or 1,
        headers = {":content-type", ":event-type", ":message-type"}}}, {seen[1]})
      assert.same({"TextEvent", "CloseStreamEvent", "{}"}, {seen[2].type, seen[3].type, seen[3].payload})
    end)

    it("of a function are asked for one by one, while answers come", function()
      local sent, answered = 0, 0
      local stream <close> = speak(server, function()
        while answered < sent do loop.sleep(0.001) end                 -- each question waits for the last answer
        sent = sent + 1
        return sent <= 3 and text("question " .. sent) or nil
      end).EventStream
      for event in stream do
        if event.StreamClosedEvent then break end
        answered = answered + 1
        assert.equal(('{"Text":"question %d"}'):format(answered), json.decode(event.AudioEvent.AudioChunk).payload)
      end
      assert.equal(3, answered)
    end)

    it("may be many, and large", function()
      local big, n = ("x"):rep(60000), 0
      local seen, count = replies(speak(server, function()
        n = n + 1
        return n <= 40 and text(big) or nil
      end).EventStream)
      assert.same({40, 40}, {count, #seen})
      assert.equal(#big + 11, seen[40].length)
    end)

    it("may be none", function()
      local seen, count = replies(speak(server, {}).EventStream)
      assert.same({0, 0}, {count, #seen})
    end)

    it("go out before the answer's head has come", function()
      local _, count = replies(speak(server, next_of {text "a", text "b"}, "late").EventStream)
      assert.equal(2, count)
    end)

    it("are refused with what the service says", function()
      local err = world.raised(speak, server, next_of {text "a"}, "refuse")
      assert.same({"AccessDeniedException", 403, "r-refused"}, {err.code, err.status, err.request_id})
      assert.matches("not for you", tostring(err))
    end)

    it("end where the service ends its own stream", function()
      local seen, asked = {}, 0
      local ok, err = pcall(function()
        for event in speak(server, function()
          asked = asked + 1
          return text "a"
        end, "early").EventStream do seen[#seen + 1] = event end
      end)
      assert.is_true(#seen <= 1)
      local before = asked
      loop.sleep(0.05)
      assert.equal(before, asked)
      if not ok then assert.equal("closed", err.code) end  -- it broke while we still sent: what was lost, who knows
    end)

    it("end with what the service sends in place of an event", function()
      local stream = speak(server, {text "a"}, "error").EventStream
      local err = world.raised(stream.next, stream)
      assert.same({"ThrottlingException", "polly"}, {err.code, err.service})
      assert.is_nil(stream:next())
    end)

    it("end with the connection", function()
      local err = world.raised(function()
        replies(speak(server, function()
          loop.sleep(0.01)
          return text "a"
        end, "cut").EventStream)
      end)
      assert.is_true(aws.is_error(err), tostring(err))
      assert.equal("closed", err.code)
    end)

    it("stop when the reader closes the stream", function()
      local asked = 0
      local stream = speak(server, function()
        asked = asked + 1
        loop.sleep(0.001)
        return text "a"
      end).EventStream
      assert.is_table(stream:next())
      stream:close()
      local before = asked
      loop.sleep(0.05)
      assert.equal(before, asked)
    end)
  end)
end

describe("a call with events", function()
  it("signed with wrong keys is refused by the service that verifies it", function()
    local err = world.raised(speak, plain, {text "a"}, nil, {AWS_SECRET_ACCESS_KEY = "other"})
    assert.matches("signature of the request is wrong", tostring(err))
  end)

  it("refuses a list with wrong events before anything is sent, all faults of the first at once", function()
    local err = world.raised(speak, plain, {text "a", {TextEvent = {Txt = "b", TextType = 5}}})
    assert.equal(64, err.exit)
    for _, word in ipairs {"3 faults in an event of ActionStream", "Txt is not known here", "did you mean",
      "Text is required", "must be text"} do
      assert.matches(word, tostring(err))
    end
    err = world.raised(speak, plain, {{TextEvnt = {}}})
    assert.matches("TextEvnt is not known here.*did you mean.*TextEvent", tostring(err))
    for _, wrong in ipairs {"text", 5, {TextEvent = {}}} do
      err = world.raised(speak, plain, wrong)
      assert.matches("must be a list of events, or a function", tostring(err))
    end
  end)

  it("raises what the function of events raises, whoever waits at that moment", function()
    for _, first in ipairs {true, false} do
      local n = first and 1 or 0
      local ok, err = pcall(function()
        for _ in speak(plain, function()
          n = n + 1
          if n == 2 then error("the microphone is gone", 0) end
          return text "a"
        end).EventStream do loop.sleep(0) end
      end)
      assert.is_false(ok)
      assert.matches("the microphone is gone", tostring(err))
    end
    local err = world.raised(function()
      local stream = speak(plain, next_of {text "a", {TextEvent = {Txt = "b"}}}).EventStream
      for _ in stream do loop.sleep(0) end
    end)
    assert.matches("Txt is not known.*This event was not sent", tostring(err))
  end)

  it("is repeated with a list, and not with a function whose events are gone", function()
    local function attempts(events)
      local lost = {}
      local real = require "tidelock.http".converse
      local s = aws.session {environ = plain.env, files = function() return nil end, max_attempts = 3,
        sleep = function() end, converse = function(request, options)
          lost[#lost + 1] = true
          local talk, fault = real(request, options)
          if #lost > 1 or not talk then return talk, fault end
          return {write = function() return nil, {code = "closed", message = "broke"} end, close = function() end,
            shut = function() end, answer = function()
              loop.sleep(0.01)
              talk:close()
              return nil, {code = "closed", message = "POST http://x: broke; look"}
            end}
        end}
      local ok, out = pcall(s.polly.start_speech_synthesis_stream, s.polly, {Engine = "generative",
        OutputFormat = "mp3", VoiceId = "Joanna", ActionStream = events})
      return #lost, ok and select(2, replies(out.EventStream)) or out
    end
    assert.same({2, 2}, {attempts {text "a", text "b"}})
    local n, err = attempts(next_of {text "a"})
    assert.equal(1, n)
    assert.matches("It was not tried again: the body came by pieces, and those are gone%.", tostring(err))
  end)

  it("to a service that takes tokens goes with plain events", function()
    local env = {AWS_BEARER_TOKEN_BEDROCK = "t", AWS_ENDPOINT_URL = plain.url, AWS_REGION = "eu-west-1"}
    local bedrock = aws.session {environ = env, files = function() return nil end}.bedrock_runtime
    local stream <close> = bedrock:invoke_model_with_bidirectional_stream {modelId = "m",
      body = {{chunk = {bytes = "hello"}}}}.body
    assert.equal('{"bytes":"aGVsbG8="}', json.decode(stream:next().chunk.bytes).payload)
  end)

  it("goes from the shell: a list of events as JSON, bytes in base64", function()
    local proc = require "tidelock.proc"
    local here = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.*)/[^/]+$"
    local env = {PATH = os.getenv "PATH", HOME = "/nonexistent"}
    for name, value in pairs(plain.env) do env[name] = value end
    for _, events in ipairs {'[{"chunk":{"bytes":"aGk="}}]', '{"chunk":{"bytes":"aGk="}}'} do
      local out = assert(proc.run {here .. "/tidelock", "call", "bedrock-runtime",
        "invoke-model-with-bidirectional-stream", "--model-id", "m", "--body", events, env = env, timeout = 20})
      assert.same({0, ""}, {out.code, out.stderr})
      local bytes = assert(out.stdout:match '"bytes": "([%w+/=]+)"', out.stdout)
      local seen = json.decode(require "tidelock.digest".unbase64(bytes))
      assert.same({"chunk", '{"bytes":"aGk="}'}, {seen.type, seen.payload})
    end
  end)

  it("ends with the program, though nobody closed its stream", function()
    local proc = require "tidelock.proc"
    local self = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "%S+"
    local script = os.tmpname()
    local file <close> = assert(io.open(script, "w"))
    file:write([[
      local aws, loop = require "aws", require "tidelock.loop"
      local out = aws.session().polly:start_speech_synthesis_stream {Engine = "generative", OutputFormat = "mp3",
        VoiceId = "v", ActionStream = function() loop.sleep(0.001) return {TextEvent = {Text = "a"}} end}
      out.EventStream:next()
      print "done"]])
    file:close()
    local env = {PATH = os.getenv "PATH", HOME = "/nonexistent"}
    for name, value in pairs(plain.env) do env[name] = value end
    local result = assert(proc.run {self, script, env = env, timeout = 20})
    os.remove(script)
    assert.same({0, "done\n", ""}, {result.code, result.stdout, result.stderr})
  end)
end)
