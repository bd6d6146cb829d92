-- JMESPath expressions, on a value that has something of everything.
local jmespath = require "aws.jmespath"
local json = require "tidelock.json"

local VECTORS <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/jmespath/"

local value <const> = json.decode [=[{"foo": {"bar": {"baz": [0, 1, 2.5, -3, null]}, "a": "b"},
  "list": [[1, [2]], {"a": 1}, {"a": "x"}], "text": "foo", "n": 7, "f": 1.5, "t": true, "z": null, "": 1,
  "people": [{"name": "a", "age": 3, "ok": true}, {"name": "b", "age": 2}, {"name": "c", "age": null}],
  "empty": [], "none": {}, "@": {"$": "\u00e9"}}]=]

local function target(bytes)
  local expression, err = jmespath.compile(bytes)
  if not expression then
    assert(type(err) == "table" and type(err.message) == "string", "a refusal without a sentence")
    return
  end
  local _, why = expression(value)
  assert(why == nil or type(why) == "table" and type(why.message) == "string", "a failure without a sentence")
end

local function seeds()
  local list, files <close> = {}, assert(io.popen("ls '" .. VECTORS .. "'"))
  for name in files:lines() do
    local file <close> = assert(io.open(VECTORS .. name, "rb"))
    for _, suite in ipairs(json.decode(file:read "a")) do
      for _, case in ipairs(suite.cases) do list[#list + 1] = case.expression end
    end
  end
  return list
end

return target, seeds
