-- Messages of event streams by the models of three services: one byte chooses the event, the rest is its payload.
local eventbody = require "tidelock.eventbody"
local models = require "tidelock.models"

local KINDS <const> = {"event", "exception", "error"}

local function operation(service, name) return assert(models.service(service):operation(name)) end

local LIST <const> = {
  {operation("s3", "select_object_content"), {"Records", "Stats", "Progress", "Cont", "End", "initial-response"}},
  {operation("kinesis", "subscribe_to_shard"), {"SubscribeToShardEvent", "ResourceNotFoundException", "New"}},
  {operation("bedrock-runtime", "converse_stream"), {"messageStart", "contentBlockDelta", "metadata",
    "validationException", "throttlingException"}},
  {operation("logs", "start_live_tail"), {"sessionStart", "sessionUpdate", "SessionStreamingException"}},
}

local function target(bytes)
  local which = bytes:byte() or 0
  local op, names = table.unpack(LIST[which % #LIST + 1])
  local name, kind = names[(which >> 2) % #names + 1], KINDS[(which >> 5) % 3 + 1]
  local headers = {[":message-type"] = kind, [":" .. kind .. "-type"] = name, [":error-code"] = name}
  local event, err = eventbody.decode(op, {headers = headers, payload = bytes:sub(2)}, {secrets = which >= 128})
  assert(type(event) == "table" or type(err) == "table" and type(err.code) == "string")
end

local function seeds()
  local bodies, list = {
    "", '{"Records":[{"Data":"aGk=","PartitionKey":"p","ApproximateArrivalTimestamp":1.5E9}],"MillisBehindLatest":0}',
    "<Stats><BytesScanned>5</BytesScanned></Stats>", '{"delta":{"text":"x"},"contentBlockIndex":0}',
    '{"message":"no"}', '{"usage":{"inputTokens":1},"metrics":{"latencyMs":1}}', '{"sessionResults":[{"message":"m"}]}',
  }, {}
  for which = 0, 255 do list[#list + 1] = string.char(which) .. bodies[which % #bodies + 1] end
  return list
end

return target, seeds
