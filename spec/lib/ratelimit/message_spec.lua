-- message_spec.lua -- the one contract: what a message must be, and that every other is refused with a reason.
local json = require "tidelock.json"
local message = require "ratelimit.message"

local NOW <const> = 1790000000

local function body(changes, without)
  local out = {version = 1, messageId = "msg_1", userId = "creator-7", recipientId = "fan-9", content = "hello",
    timestamp = NOW - 5, metadata = {source = "app", priority = "high"}}
  for name, value in pairs(changes or {}) do out[name] = value end
  if without then out[without] = nil end
  return json.encode(out)
end

describe("ratelimit.message", function()
  it("reads a message, its time as epoch seconds", function()
    local m = assert(message.parse(body(), NOW))
    assert.same({"msg_1", "creator-7", "fan-9", "hello", NOW - 5}, {m.messageId, m.userId, m.recipientId, m.content,
      m.timestamp})
    m = assert(message.parse(body {timestamp = "2026-09-21T14:13:20.250+02:00",
      mediaUrls = {"https://x.example/a.png"}}, NOW))
    assert.equal(1789992800.25, m.timestamp)
  end)

  it("takes ids in any script, and content of 10,000 characters", function()
    assert(message.parse(body {userId = "créateur-日本", content = ("é"):rep(10000)}, NOW))
  end)

  for why, text in pairs {
    ["not JSON"] = "hello", ["is not JSON"] = "{\"version\": 1", ["not a JSON object"] = "[1, 2]",
    ["object"] = "\"text\"", ["not JSON "] = "",
    ["version is missing"] = body(nil, "version"),
    ["version 2 is not the one"] = body {version = 2},
    ["version 1 is not the one"] = body {version = "1"},
    ["messageId is missing"] = body(nil, "messageId"),
    ["userId is missing"] = body {userId = json.null},
    ["messageId is empty"] = body {messageId = ""},
    ["messageId has 10485760 bytes"] = body {messageId = ("x"):rep(10485760)},
    ["userId has control characters"] = body {userId = "a\nb"},
    ["recipientId has control"] = body {recipientId = "a\0b"},
    ["messageId has control"] = body {messageId = "a\u{85}b"},
    ["userId has braces"] = body {userId = "{a}b"},
    ["userId must be text, not a number"] = body {userId = 12},
    ["userId begins or ends with a blank"] = body {userId = " a"},
    ["no field 'usrId'; did you mean \"userId\""] = body {usrId = "x"},
    ["no field 'action'"] = body {action = "send", creator_id = "x"},
    ["content is missing"] = body(nil, "content"),
    ["content is missing, and there are no mediaUrls"] = body({mediaUrls = json.array {}}, "content"),
    ["content is missing, and there are no "] = body {content = json.null, mediaUrls = json.array {}},
    ["content is empty"] = body {content = ""},
    ["content has 10001 characters"] = body {content = ("x"):rep(10001)},
    ["timestamp is missing"] = body(nil, "timestamp"),
    ["timestamp is 301 seconds in the future"] = body {timestamp = NOW + 301},
    ["timestamp must be"] = body {timestamp = "yesterday"},
    ["timestamp must be "] = body {timestamp = "2026-02-30T00:00:00Z"},
    ["timestamp must be epoch"] = body {timestamp = "1013-09-22T12:00:00Z"},
    ["timestamp must  be"] = body {timestamp = "2026-02-20T00:00:00"},
    ["mediaUrls must be a list"] = body {mediaUrls = "https://x"},
    ["mediaUrls%[1%] is not an http"] = body {mediaUrls = {"file:///etc/passwd"}},
    ["metadata must be an object"] = body {metadata = "x"},
    ["in metadata there is no field 'user'"] = body {metadata = {user = "x"}},
    ["metadata.priority must be"] = body {metadata = {priority = "urgent"}},
  } do
    it("refuses: " .. why, function()
      local m, reason = message.parse(text, NOW)
      assert.is_nil(m)
      assert.matches((why:gsub("%s+", " "):gsub(" $", "")), reason)
      assert.is_true(#reason < 200 and not reason:find "%c")
    end)
  end

  it("never raises, whatever bytes it gets", function()
    math.randomseed(11)
    local good = body {mediaUrls = {"https://x.example/a"}, timestamp = "2026-09-21T14:13:20Z"}
    for _ = 1, 20000 do
      local bytes = {good:byte(1, -1)}
      for _ = 1, math.random(1, 4) do bytes[math.random(#bytes)] = math.random(0, 255) end
      local text = string.char(table.unpack(bytes, 1, math.random(10) == 1 and math.random(#bytes) or #bytes))
      local m, reason = message.parse(text, NOW)
      assert.is_true(m ~= nil or (type(reason) == "string" and not reason:find "%c"), reason)
      message.ids(text)
    end
  end)

  it("says whose a refused message is only where its ids are fit for a log line", function()
    assert.same({messageId = "msg_1", userId = "creator-7"}, message.ids(body {version = 9}))
    assert.same({messageId = "msg_1"}, message.ids(body {userId = "a\nb"}))
    assert.same({}, message.ids "nonsense")
  end)
end)
