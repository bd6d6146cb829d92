-- Messages of event streams by the models of three services: one byte chooses the event, the rest is its payload.
local eventbody = require "tidelock.eventbody"
local eventstream = require "tidelock.eventstream"
local json = require "tidelock.json"
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

-- Events to a service: any value must be a message, or be refused with a sentence.
local SENT <const> = {
  {operation("polly", "start_speech_synthesis_stream"), {"TextEvent", "CloseStreamEvent", "New"}},
  {operation("lexv2-runtime", "start_conversation"), {"ConfigurationEvent", "AudioInputEvent", "DTMFInputEvent"}},
  {operation("connecthealth", "start_medical_scribe_listening_session"), {"binaryAudioEvent", "configurationEvent"}},
}

local function write(which, bytes)
  local value = json.decode(bytes)
  if value == nil then return end
  local op, names = table.unpack(SENT[which % #SENT + 1])
  local message, fault = eventbody.encode(op, {[names[which // #SENT % #names + 1]] = value})
  if message then assert(#eventstream.encode(message) > 16)
  else assert(type(fault.path) == "string" and #fault.message > 0) end
end

local function target(bytes)
  write(bytes:byte() or 0, bytes:sub(2))
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
    '{"message":"no"}', '{"Text":"x","TextType":"ssml"}', '{"audioChunk":"YQ=="}', "{}",
    '{"requestAttributes":{"a":"b"},"welcomeMessages":[{"contentType":"PlainText"}],"clientTimestampMillis":5}',
    '{"usage":{"inputTokens":1},"metrics":{"latencyMs":1}}', '{"sessionResults":[{"message":"m"}]}',
  }, {}
  for which = 0, 255 do list[#list + 1] = string.char(which) .. bodies[which % #bodies + 1] end
  return list
end

return target, seeds
