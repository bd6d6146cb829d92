-- eventbody_spec.lua -- events by their model, in each protocol's payloads; and what services send in place of one.
local compile = require "pack.model".compile
local digest = require "tidelock.digest"
local eventbody = require "tidelock.eventbody"
local eventstream = require "tidelock.eventstream"
local models = require "tidelock.models"
local secret = require "tidelock.secret"
local sweep = require "support.sweep"

local SHAPES <const> = {
  Answer = {type = "structure", members = {Session = {shape = "Text"}, Stream = {shape = "Stream"}}},
  Stream = {type = "structure", eventstream = true, members = {
    Records = {shape = "Records"}, Line = {shape = "Line"}, Stats = {shape = "Stats"}, Plain = {shape = "Plain"},
    End = {shape = "End"}, SlowDown = {shape = "SlowDown"}}},
  Records = {type = "structure", event = true, members = {
    Payload = {shape = "Bytes", eventpayload = true}, Count = {shape = "Long", eventheader = true},
    When = {shape = "Time", eventheader = true}, Last = {shape = "Flag", eventheader = true}}},
  Line = {type = "structure", event = true, members = {Text = {shape = "Hidden", eventpayload = true}}},
  Stats = {type = "structure", event = true, members = {Details = {shape = "Details", eventpayload = true}}},
  Details = {type = "structure", members = {Scanned = {shape = "Long"}, Names = {shape = "Names"}}},
  Plain = {type = "structure", event = true, members = {
    Name = {shape = "Text"}, Time = {shape = "Time"}, Kind = {shape = "Text", eventheader = true}}},
  End = {type = "structure", event = true, members = {}},
  SlowDown = {type = "structure", exception = true, members = {message = {shape = "Text"}, Wait = {shape = "Long"}}},
  Names = {type = "list", member = {shape = "Text"}}, Text = {type = "string"}, Long = {type = "long"},
  Hidden = {type = "string", sensitive = true}, Bytes = {type = "blob"}, Time = {type = "timestamp"},
  Flag = {type = "boolean"},
}

local function operation(protocol)
  local service = assert(models.load(compile {
    metadata = {apiVersion = "1", protocol = protocol, serviceId = "Moon", targetPrefix = "Moon"}, shapes = SHAPES,
    operations = {
      Watch = {name = "Watch", http = {method = "POST", requestUri = "/"}, output = {shape = "Answer"}},
      Speak = {name = "Speak", http = {method = "POST", requestUri = "/"}, input = {shape = "Answer"}},
      Look = {name = "Look", http = {method = "POST", requestUri = "/"}, output = {shape = "Details"}},
    }}))
  return service:operation "Watch", service:operation "Look", service:operation "Speak"
end

local function message(kind, name, payload, more)
  local headers = {[":message-type"] = kind, [":" .. kind .. "-type"] = name}
  for key, value in pairs(more or {}) do headers[key] = value end
  return {headers = headers, payload = payload or ""}
end

local BODIES <const> = {
  ["rest-json"] = {details = '{"Scanned":7,"Names":["a"]}', plain = '{"Name":"x","Time":1.5}',
    slow = '{"message":"too fast","Wait":3}', unknown = '{"message":"new"}', broken = '{"Scanned":'},
  ["rest-xml"] = {details = "<Details><Scanned>7</Scanned><Names><member>a</member></Names></Details>",
    plain = "<Plain><Name>x</Name><Time>1970-01-01T00:00:01.5Z</Time></Plain>",
    slow = "<SlowDown><message>too fast</message><Wait>3</Wait></SlowDown>",
    unknown = "<Error><Message>new</Message></Error>", broken = "<Details><Scanned>"},
  ["smithy-rpc-v2-cbor"] = {details = "\xa2\x67Scanned\7\x65Names\x81\x61a",
    plain = "\xa2\x64Name\x61x\x64Time\xc1\xf9\x3e\0", slow = "\xa2\x67message\x68too fast\x64Wait\3",
    unknown = "\xa1\x67message\x63new", broken = "\xa1\x67Scanned"},
}

for protocol, bodies in pairs(BODIES) do
  describe("events over " .. protocol, function()
    local op = operation(protocol)

    it("are blobs, text or structures, with headers as members", function()
      assert.same({Records = {Payload = "a\0b", Count = 5, When = 12.5, Last = false}}, eventbody.decode(op,
        message("event", "Records", "a\0b", {Count = 5, When = 12.5, Last = false, Other = 1})))
      assert.same({Line = {Text = "line"}}, eventbody.decode(op, message("event", "Line", "line")))
      assert.same({Stats = {Details = {Scanned = 7, Names = {"a"}}}},
        eventbody.decode(op, message("event", "Stats", bodies.details)))
      assert.same({Plain = {Name = "x", Time = 1.5, Kind = "k"}},
        eventbody.decode(op, message("event", "Plain", bodies.plain, {Kind = "k"})))
    end)

    it("may be empty", function()
      assert.same({End = {}}, eventbody.decode(op, message("event", "End")))
      assert.same({End = {}}, eventbody.decode(op, message("event", "End", "ignored")))
      assert.same({Records = {Payload = ""}}, eventbody.decode(op, message("event", "Records")))
      assert.same({Stats = {Details = {}}}, eventbody.decode(op, message("event", "Stats")))
    end)

    it("may be exceptions, modelled or not", function()
      local event, err = eventbody.decode(op, message("exception", "SlowDown", bodies.slow))
      assert.is_nil(event)
      assert.same({code = "SlowDown", message = "too fast", detail = {message = "too fast", Wait = 3}}, err)
      event, err = eventbody.decode(op, message("exception", "Newer", bodies.unknown))
      assert.is_nil(event)
      assert.equal("Newer", err.code)
      assert.equal("new", err.message)
    end)

    it("that cannot be read are told by their name", function()
      local event, err = eventbody.decode(op, message("event", "Stats", bodies.broken))
      assert.is_nil(event)
      assert.equal("BadResponse", err.code)
      assert.matches("event 'Stats' of the stream can't be read: the %u+ is broken", err.message)
    end)

    it("survive every allocation that fails", function()
      sweep(function()
        assert(eventbody.decode(op, message("event", "Stats", bodies.details)))
        assert(eventbody.decode(op, message("event", "Plain", bodies.plain, {Kind = "k"})))
        assert(select(2, eventbody.decode(op, message("exception", "SlowDown", bodies.slow))).code == "SlowDown")
      end)
    end)
  end)
end

for protocol in pairs(BODIES) do
  describe("events written over " .. protocol, function()
    local watch, look, speak = operation(protocol)
    local TYPES <const> = {["rest-json"] = "application/json", ["rest-xml"] = "application/xml",
      ["smithy-rpc-v2-cbor"] = "application/cbor"}

    -- What a service reads of the event: its own content type, and the event.
    local function sent(event)
      local bytes = eventstream.encode(assert(eventbody.encode(speak, event)))
      local got = assert(eventstream.decoder():feed(bytes))[1]
      return got.headers[":content-type"], eventbody.decode(watch, got), got
    end

    it("come back from what decodes them", function()
      for _, row in ipairs {
        {"application/octet-stream", {Records = {Payload = "a\0b", Count = 5, When = 12.5, Last = false}}},
        {"application/octet-stream", {Records = {Payload = ""}}},
        {"text/plain", {Line = {Text = "line"}}},
        {TYPES[protocol], {Stats = {Details = {Scanned = 7, Names = {"a"}}}}},
        {TYPES[protocol], {Plain = {Name = "x", Time = 1.5, Kind = "k"}}},
        {TYPES[protocol], {Plain = {Kind = "k"}}},
      } do
        local kind, event = sent(row[2])
        assert.same(row, {kind, event})
      end
    end)

    it("keep headers out of the document, and have their types", function()
      local _, _, got = sent {Plain = {Name = "x", Time = 1.5, Kind = "k"}}
      assert.equal("k", got.headers.Kind)
      assert.is_nil(got.payload:find "Kind")
      local records = eventbody.encode(speak, {Records = {Count = 1 << 40, When = "1970-01-01T00:00:02Z", Last = true}})
      local types = {}
      for _, row in ipairs(records.headers) do types[row[1]] = {row[2], row[3]} end
      assert.same({{1 << 40, "long"}, {2.0, "timestamp"}, {true, "true"}}, {types.Count, types.When, types.Last})
    end)

    it("without members have an empty document", function()
      local kind, event = sent {End = {}}
      assert.same({TYPES[protocol], {End = {}}}, {kind, event})
    end)

    it("are refused with a path where they are wrong", function()
      local function refused(event)
        local none, fault = eventbody.encode(speak, event)
        assert.is_nil(none)
        return fault.path .. ": " .. fault.message
      end
      assert.matches("^Plain.Name: must be a string", refused {Plain = {Name = 5}})
      assert.matches("^Records.Count: must be a whole number", refused {Records = {Count = "5"}})
      assert.matches("^Records.Payload: must be a string of bytes", refused {Records = {Payload = {}}})
      assert.matches("^Plain: has no member 'Nam'", refused {Plain = {Nam = "x"}})
      assert.matches("^: has no member 'Plane'", refused {Plane = {}})
      assert.matches("must be one event, .* holds 0", refused {})
      assert.matches("must be one event, .* holds 2", refused {End = {}, Line = {Text = "x"}})
      assert.matches("^SlowDown: is an error, which only the service sends", refused {SlowDown = {message = "m"}})
      assert.matches("must be a table", refused "End")
      assert.error_matches(function() eventbody.encode(look, {End = {}}) end, "takes events")
    end)

    it("take a secret for text", function()
      local _, event = sent {Line = {Text = secret.new "hush"}}
      assert.equal("hush", event.Line.Text)
    end)

    it("survive any allocation that fails", function()
      assert.is_true(sweep(function()
        assert(eventbody.encode(speak, {Records = {Payload = "a", Count = 5, When = 12.5, Last = false}}))
        assert(eventbody.encode(speak, {Stats = {Details = {Scanned = 7, Names = {"a", "b"}}}}))
        assert(not eventbody.encode(speak, {Plain = {Name = 5}}))
      end) > 5)
    end)
  end)
end

describe("events", function()
  local op, other = operation "json"

  it("that the model does not know are told by their name", function()
    assert.same({SDK_UNKNOWN_MEMBER = {name = "Newer"}}, eventbody.decode(op, message("event", "Newer", "?")))
    assert.same({SDK_UNKNOWN_MEMBER = {name = ""}}, eventbody.decode(op, {headers = {}, payload = ""}))
  end)

  it("may be errors, of headers alone", function()
    local event, err = eventbody.decode(op, {payload = "", headers = {[":message-type"] = "error",
      [":error-code"] = "InternalError", [":error-message"] = "try again"}})
    assert.is_nil(event)
    assert.same({code = "InternalError", message = "try again"}, err)
  end)

  it("begin with the output's own members in rpc protocols", function()
    local members, what = eventbody.decode(op, message("event", "initial-response", '{"Session":"s"}'))
    assert.same({Session = "s"}, members)
    assert.equal("initial", what)
  end)

  it("hide what is sensitive where that is asked for", function()
    local event = eventbody.decode(op, message("event", "Line", "hush"), {secrets = true})
    assert.equal("<secret>", tostring(event.Line.Text))
    assert.equal("hush", secret.reveal(event.Line.Text))
  end)

  it("need an operation that has them, and a message", function()
    assert.error_matches(function() eventbody.decode(other, message("event", "End")) end, "answers with events")
    assert.error_matches(function() eventbody.decode(op, {headers = {}}) end, "not a message")
    assert.error_matches(function() eventbody.decode(op, {payload = ""}) end, "not a message")
    assert.error_matches(function() eventbody.decode({}, message("event", "End")) end, "expected")
  end)

  it("are those of real services", function()
    local select = models.service "s3":operation "select_object_content"
    local details = {BytesScanned = 5, BytesProcessed = 5, BytesReturned = 2}
    assert.same({Stats = {Details = details}}, eventbody.decode(select,
      message("event", "Stats", "<Stats xmlns=\"\"><BytesScanned>5</BytesScanned><BytesProcessed>5</BytesProcessed>"
        .. "<BytesReturned>2</BytesReturned></Stats>", {[":content-type"] = "text/xml"})))
    assert.same({Records = {Payload = "1,2\n"}}, eventbody.decode(select, message("event", "Records", "1,2\n")))
    local subscribe = models.service "kinesis":operation "subscribe_to_shard"
    local bytes = eventstream.encode(message("event", "SubscribeToShardEvent",
      '{"ContinuationSequenceNumber":"1","MillisBehindLatest":0,"Records":[{"Data":"' .. digest.base64 "hi"
      .. '","PartitionKey":"p","SequenceNumber":"1","ApproximateArrivalTimestamp":1.5E9}]}'))
    assert.same({SubscribeToShardEvent = {ContinuationSequenceNumber = "1", MillisBehindLatest = 0, Records = {
      {Data = "hi", PartitionKey = "p", SequenceNumber = "1", ApproximateArrivalTimestamp = 1500000000}}}},
      eventbody.decode(subscribe, eventstream.decoder():feed(bytes)[1]))
  end)
end)
