-- endpoints_spec.lua -- every published endpoint case: parameters in, URL, properties and headers or the error out.
local compile = require "pack.endpoint".compile
local endpoint = require "tidelock.endpoint"
local json = require "tidelock.json"

local VECTORS <const> = (os.getenv "TIDELOCK_CONFORMANCE" or "../shared/conformance") .. "/endpoints/"
local DATA <const> = "build/vendor/botocore/data/"

-- The vectors are of another commit of botocore than the pinned data, and in these two services the rules
-- changed between them. Each of these cases must fail; `lacks` is what they expect and the data's rules lack.
local OTHER_RULES <const> = {
  support = {cases = "1-22", lacks = '"signingName"%s*:%s*"support"'},
  dynamodb = {lacks = "account endpoints are not supported in this partition", cases = "246-254 257-261 264-267 "
    .. "294-302 342-350 478-480 483-488 504-506 530-532"},
}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function lines(command)
  local list, out <close> = {}, assert(io.popen(command))
  for line in out:lines() do list[#list + 1] = line end
  return list
end

local function numbers(ranges)
  local set = {}
  for first, last in ranges:gmatch "(%d+)%-(%d+)" do
    for n = math.tointeger(first), math.tointeger(last) do set[n] = true end
  end
  return set
end

local function rules_of(service)
  local found = lines("ls " .. DATA .. service .. "/*/endpoint-rule-set-1.json")
  return read(found[#found])
end

local services = lines("ls " .. VECTORS .. " 2>/dev/null")

describe("endpoint vectors", function()
  if #services == 0 then
    it("are present", function()
      if os.getenv "TIDELOCK_NO_VECTORS" == "1" then pending "TIDELOCK_NO_VECTORS=1" return end
      error "the vectors of endpoints are absent: set TIDELOCK_CONFORMANCE, or TIDELOCK_NO_VECTORS=1 to do without"
    end)
    return
  end

  setup(function() endpoint.partitions(read(DATA .. "partitions.json")) end)

  for _, service in ipairs(services) do
    local other = OTHER_RULES[service]
    local skipped = numbers(other and other.cases or "")
    local program

    local function answer(case)
      program = program or assert(endpoint.load(compile(json.decode(rules_of(service)))))
      local resolved, message = endpoint.resolve(program, case.params or {})
      return resolved or {error = message}
    end

    local function expected(case)
      local want = case.expect.endpoint
      if not want then return {error = case.expect.error} end
      return {url = want.url, properties = want.properties or {}, headers = want.headers or {}}
    end

    for i, case in ipairs(json.decode(read(VECTORS .. service .. "/endpoint-tests-1.json")).testCases) do
      local name = ("%s %d: %s"):format(service, i, case.documentation or "")
      if skipped[i] then
        it(name .. " (of other rules)", function() assert.not_same(expected(case), answer(case)) end)
      else
        it(name, function() assert.same(expected(case), answer(case)) end)
      end
    end

    if other then
      it(service .. "'s pinned rules lack what the cases of other rules expect", function()
        assert.is_nil(rules_of(service):find(other.lacks))
      end)
    end
  end
end)
