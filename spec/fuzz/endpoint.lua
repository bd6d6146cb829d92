-- Compiled endpoint programs: damaged ones are refused, or answer something; none may do harm.
local compile = require "pack.endpoint".compile
local endpoint = require "tidelock.endpoint"
local json = require "tidelock.json"
local models = require "tidelock.models"

local PARAMS <const> = {
  {Region = "us-east-1"}, {Region = "cn-north-1", UseFIPS = true, UseDualStack = true, Bucket = "a.b", Key = "k"},
  {Region = "x", Endpoint = "https://[::1]:8080/p?q", Bucket = "arn:aws:s3:us-west-2:123456789012:accesspoint:mine",
    UseGlobalEndpoint = true, ForcePathStyle = true, StreamARN = "arn:aws:kinesis:us-east-1:1:stream/x"},
}

local function target(bytes)
  local program, err = endpoint.load(bytes)
  if not program then
    assert(type(err) == "table" and err.message or type(err) == "string", "a refusal without a reason")
    return
  end
  endpoint.params(program)
  for _, params in ipairs(PARAMS) do endpoint.resolve(program, params) end
end

local function seeds()
  local list = {}
  for _, name in ipairs {"sqs", "sts", "dynamodb", "s3", "s3control", "iam", "kinesis", "events"} do
    list[#list + 1] = models.service(name):endpoint()
  end
  list[#list + 1] = compile(json.decode [[{"version": "1.0", "parameters": {"Region": {"type": "string"}}, "rules": [
    {"type": "endpoint", "conditions": [{"fn": "isSet", "argv": [{"ref": "Region"}]}],
     "endpoint": {"url": "https://{Region}.x", "properties": {}, "headers": {}}},
    {"type": "error", "conditions": [], "error": "no {Region}"}]}]])
  return list
end

return target, seeds
