-- events_spec.lua -- a streaming answer as an iterator: whole, in pieces, cut short, and refused.
local events = require "aws.events"
local eventstream = require "tidelock.eventstream"
local models = require "tidelock.models"

local op = models.service "s3":operation "select_object_content"

local function message(kind, name, payload)
  return eventstream.encode {payload = payload, headers = {[":message-type"] = kind, [":" .. kind .. "-type"] = name,
    [":content-type"] = "application/octet-stream"}}
end

local RECORDS <const> = message("event", "Records", "1,2\n")
local WHOLE <const> = RECORDS .. message("event", "Cont") .. message("event", "Records", "3,4\n")
  .. message("event", "End")
local WANTED <const> = {{Records = {Payload = "1,2\n"}}, {Cont = {}}, {Records = {Payload = "3,4\n"}}, {End = {}}}

-- A reader of these bytes, in pieces of `size`; then nothing, or `fault`.
local function reader(bytes, size, fault)
  local at, closed = 1, 0
  return {
    read = function()
      if at > #bytes then return nil, fault end
      local piece = bytes:sub(at, at + size - 1)
      at = at + size
      return piece
    end,
    close = function() closed = closed + 1 end,
    closed = function() return closed end,
  }
end

local function collect(stream)
  local list = {}
  for event in stream do list[#list + 1] = event end
  return list
end

describe("events.open", function()
  it("iterates over the events, however the bytes come", function()
    for _, size in ipairs {1, 7, 64, 1000} do
      local from = reader(WHOLE, size)
      assert.same(WANTED, collect(events.open(op, from)))
      assert.equal(1, from.closed())
    end
  end)

  it("hands out an event before the next one has come", function()
    local reads = 0
    local stream = events.open(op, {read = function()
      reads = reads + 1
      return RECORDS
    end})
    for n = 1, 3 do
      assert.same(WANTED[1], stream:next())
      assert.equal(n, reads)
    end
  end)

  it("raises what the service sends in place of an event, with what is known of the call", function()
    local slow = message("exception", "SlowDown", "<Error><Message>less</Message></Error>")
    local from = reader(RECORDS .. slow .. RECORDS, 50)
    local stream = events.open(op, from, {service = "s3", operation = "select_object_content", request_id = "R1"})
    assert.same(WANTED[1], stream:next())
    local ok, err = pcall(stream.next, stream)
    assert.is_false(ok)
    assert.equal("SlowDown", err.code)
    assert.equal("less", err.message)
    assert.equal("s3", err.service)
    assert.equal("R1", err.request_id)
    assert.equal(1, from.closed())
    assert.is_nil(stream:next())
  end)

  it("raises when the stream is cut, damaged, or the network fails", function()
    local cases = {
      {reader(WHOLE:sub(1, -3), 40), "closed", "bytes into a message"},
      {reader(WHOLE:sub(1, -2) .. "!", 40), "checksum", "damaged"},
      {reader(RECORDS, 40, {code = "timeout", message = "nothing came for 60 seconds"}), "timeout", "nothing came"},
    }
    for _, case in ipairs(cases) do
      local ok, err = pcall(collect, events.open(op, case[1]))
      assert.is_false(ok)
      assert.equal(case[2], err.code)
      assert.matches(case[3], err.message)
      assert.equal(1, case[1].closed())
    end
  end)

  it("keeps the output's own members, which some services send first", function()
    local kinesis = models.service "kinesis":operation "subscribe_to_shard"
    local stream = events.open(kinesis, reader(message("event", "initial-response", "{}")
      .. message("event", "SubscribeToShardEvent", '{"MillisBehindLatest":3}'), 30))
    assert.same({SubscribeToShardEvent = {MillisBehindLatest = 3}}, stream:next())
    assert.same({}, stream.initial)
    assert.is_nil(stream:next())
  end)

  it("closes early, by hand or at the end of a block", function()
    local from = reader(WHOLE, 10)
    do
      local stream <close> = events.open(op, from)
      stream:next()
    end
    assert.equal(1, from.closed())
    local stream = events.open(op, reader(WHOLE, 10))
    stream:close()
    stream:close()
    assert.is_nil(stream:next())
  end)
end)

describe("over real HTTP", function()
  local aws, moto = require "aws", require "support.moto"
  local server
  setup(function() server = moto.start() end)
  teardown(function() server:stop() end)

  it("an object's lines selected by moto's S3 come as events", function()
    local s3 = aws.session {environ = server.env}.s3
    s3:create_bucket {Bucket = "tide", CreateBucketConfiguration = {LocationConstraint = server.region}}
    s3:put_object {Bucket = "tide", Key = "levels.csv", Body = "port,level\nBrest,7\nDover,6\n"}
    local out = s3:select_object_content {Bucket = "tide", Key = "levels.csv", Expression = "SELECT port FROM S3Object",
      ExpressionType = "SQL", InputSerialization = {CSV = {FileHeaderInfo = "USE"}}, OutputSerialization = {JSON = {}}}
    local stream <close> = out.Payload
    local records, seen = {}, {}
    for event in stream do
      seen[#seen + 1] = next(event)
      if event.Records then records[#records + 1] = event.Records.Payload end
    end
    assert.matches("Brest.*Dover", table.concat(records))
    assert.equal("End", seen[#seen])
  end)
end)
