-- oracle.lua -- boto3 as a peer to compare with: one long-lived process, a JSON line each way.
local digest = require "tidelock.digest"
local json = require "tidelock.json"
local server = require "support.server"

local oracle = {}
oracle.__index = oracle

--- Starts boto3 in build/venv.
function oracle.start()
  local self = setmetatable({rest = ""}, oracle)
  self.process = server.start({server.PYTHON, "spec/support/oracle.py"}, "^(ready)\n")
  return self
end

-- {["$raw"] = s} becomes what JSON can carry; what the oracle itself said goes back as it came.
local function outward(value)
  if type(value) ~= "table" then return value end
  if value["$raw"] then return {["$bytes"] = digest.base64(value["$raw"])} end
  local out = {}
  for k, v in pairs(value) do out[k] = outward(v) end
  if #value > 0 then return json.array(out) end
  return out
end

--- The answer with byte strings for its blobs.
function oracle.plain(value)
  if value == json.null then return nil end
  if type(value) ~= "table" then return value end
  if value["$bytes"] then return digest.unbase64(value["$bytes"]) end
  local out = {}
  for k, v in pairs(value) do out[k] = oracle.plain(v) end
  return out
end

local function line(self)
  while true do
    local text, rest = self.rest:match "^(.-)\n(.*)$"
    if text then
      self.rest = rest
      return text
    end
    self.rest = self.rest .. assert(self.process:read(), "the oracle has ended")
  end
end

--- Makes a call; answers {output=} or {error={code=,message=,status=}}. Raises for a case that is no call.
function oracle:call(where, service, operation, input)
  local ask = {service = service, operation = operation, input = outward(input), endpoint = where.url,
    region = where.region, account = where.account}
  assert(self.process:write(json.encode(ask) .. "\n"))
  local answer = assert(json.decode(line(self)))
  assert(not answer.fault, answer.fault)
  return answer
end

function oracle:stop() self.process:close() end

oracle.__close = oracle.stop
return oracle
