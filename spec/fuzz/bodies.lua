--- Answers of services, from the published protocol cases: their models decode what the fuzzer makes of their bytes.
local codec = require "tidelock.codec"
local compile = require "pack.model".compile
local digest = require "tidelock.digest"
local json = require "tidelock.json"
local models = require "tidelock.models"

local VECTORS <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/protocols/output/"

local function suites(name)
  local file <close> = assert(io.open(VECTORS .. name .. ".json", "rb"))
  return json.decode(file:read "a")
end

local function lowered(headers)
  local t = {}
  for name, value in pairs(headers or {}) do t[name:lower()] = value end
  return t
end

-- Every case of the files: its operation, its answer.
local function cases(files)
  local list = {}
  for _, file in ipairs(files) do
    for _, suite in ipairs(suites(file)) do
      for _, case in ipairs(suite.cases) do
        local model = compile {metadata = suite.metadata, shapes = suite.shapes or {},
          operations = {[case.given.name] = case.given}}
        local body = case.response.body or ""
        list[#list + 1] = {op = assert(models.load(model)):operation(case.given.name),
          body = file:find "cbor" and digest.unbase64(body) or body, status = case.response.status_code,
          headers = lowered(case.response.headers), binary = file:find "cbor" ~= nil}
      end
    end
  end
  return list
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b or a ~= a and b ~= b end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

-- Long answers take another way through the decoder: made long by white space, this one must say the same.
local LONG <const> = (" "):rep(5000)
local function lengthened(case, body, output)
  if not body:find "%S" or case.op.output and case.op:output_shape().payload then return end
  local long = codec.decode(case.op, {status = 200, headers = case.headers, body = body .. LONG})
  assert(same(output, long), "a long answer says something else")
end

--- The function to fuzz: two bytes choose the case, the rest is the body. And the seeds.
-- @param check is called with the output and the body of each answer of success
return function(check, ...)
  local list = cases {...}
  local function target(bytes)
    if #bytes < 2 then return end
    local n, from = (">I2"):unpack(bytes)
    local case = list[n % #list + 1]
    local body = bytes:sub(from)
    for _, status in ipairs {case.status, 200, 404} do
      local output, err = codec.decode(case.op, {status = status, headers = case.headers, body = body})
      assert(type(output) == "table" or output == nil and type(err) == "table" and err.code ~= nil)
      if status == 200 and not case.binary then lengthened(case, body, output) end
      if status == 200 and case.op.output then check(output, body) end
    end
  end
  local function seeds()
    local t = {}
    for i, case in ipairs(list) do t[i] = (">I2"):pack(i - 1) .. case.body end
    return t
  end
  return target, seeds
end
