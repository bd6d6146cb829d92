-- jmespath_spec.lua -- the JMESPath compliance suite: results, and kinds of errors.
local jmespath = require "aws.jmespath"
local json = require "tidelock.json"

local ROOT <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/jmespath/"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function files()
  local list, out <close> = {}, assert(io.popen("ls " .. ROOT .. "*.json 2>/dev/null"))
  for path in out:lines() do list[#list + 1] = path end
  return list
end

local function plain(value)
  if value == json.null then return nil end
  return value
end

-- Equal as JSON is: 1 and 1.0 are one number, [] and {} are two things.
local function text(value) return json.encode(value == nil and json.null or value, {sort = true}) end

local function check(case, given)
  local result, err = jmespath.search(case.expression, given)
  if case.error then
    assert.is_nil(result)
    assert.is_table(err, "no error, where one of kind " .. case.error .. " must come")
    assert.equal(case.error, err.code)
    assert.is_true(#err.message > 40 and err.position >= 1)
  elseif case.bench then
    assert.is_nil(err)
    assert.is_function(jmespath.compile(case.expression))
  else
    assert.is_nil(err and err.message)
    local want = plain(case.result)
    if type(want) == "number" then assert.equal(want, result) return end
    assert.equal(text(want), text(result))
  end
end

describe("jmespath vectors", function()
  local paths = files()
  if #paths == 0 then
    it("are present", function()
      if os.getenv "TIDELOCK_NO_VECTORS" == "1" then pending "TIDELOCK_NO_VECTORS=1" return end
      error "the vectors of jmespath are absent: set TIDELOCK_CONFORMANCE, or TIDELOCK_NO_VECTORS=1 to do without"
    end)
    return
  end

  for _, path in ipairs(paths) do
    local name = path:match "([^/]+)%.json$"
    for i, group in ipairs(json.decode(read(path))) do
      for k, case in ipairs(group.cases) do
        it(("%s %d.%d: %s"):format(name, i, k, case.expression), function() check(case, group.given) end)
      end
    end
  end
end)
