-- Inputs that no caller should give, to every protocol: a fault with its path, or a request that others can read.
local codec = require "tidelock.codec"
local compile = require "pack.model".compile
local json = require "tidelock.json"
local models = require "tidelock.models"
local read_cbor = require "support.cbor"

local VECTORS <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/protocols/input/"
local FILES <const> = {"json", "json_1_0", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"}

local list = {}
for _, name in ipairs(FILES) do
  local file <close> = assert(io.open(VECTORS .. name .. ".json", "rb"))
  for _, suite in ipairs(json.decode(file:read "a")) do
    for _, case in ipairs(suite.cases) do
      local model = compile {metadata = suite.metadata, shapes = suite.shapes or {},
        operations = {[case.given.name] = case.given}}
      list[#list + 1] = {op = assert(models.load(model)):operation(case.given.name), params = case.params, name = name}
    end
  end
end

local function target(bytes)
  if #bytes < 2 then return end
  local n, from = (">I2"):unpack(bytes)
  local case = list[n % #list + 1]
  local input = json.decode(bytes:sub(from))
  if type(input) ~= "table" then return end
  local request, fault = codec.encode(case.op, input)
  if not request then
    assert(type(fault.path) == "string" and #fault.message > 0, "a fault without place or reason")
    return
  end
  assert(not (request.path .. (request.query or "")):find "[%c ]", "a path that breaks the request line")
  assert(not (request.host_prefix or ""):find "[^%w%.%-]", "a host that is none")
  for name, value in pairs(request.headers) do
    assert(not (name .. value):find "[\r\n%z]", "a header that breaks out of its line")
  end
  if request.body == nil or request.body == "" then return end
  if case.name:find "^json" then assert(json.decode(request.body)) end
  if case.name:find "cbor" then read_cbor(request.body) end
end

local function seeds()
  local t = {}
  for i, case in ipairs(list) do t[i] = (">I2"):pack(i - 1) .. json.encode(case.params or {}) end
  return t
end

return target, seeds
