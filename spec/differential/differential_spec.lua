-- differential_spec.lua -- the same calls by boto3 and by tidelock, to two equal accounts: equal answers.
local cases = require "differential.operations"
local compare = require "differential.compare"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local oracle = require "support.oracle"

-- What is on one side only, so that busted's own difference stays readable.
local function sides(expected, got)
  local function view(value) return {output = value.output, error = value.error} end
  return view(expected), view(got)
end

-- A byte string for {["$raw"] = s}: what tidelock takes.
local function plain(value)
  if type(value) ~= "table" then return value end
  if value["$raw"] then return value["$raw"] end
  local out = {}
  for k, v in pairs(value) do out[k] = plain(v) end
  return out
end

local function by_tidelock(client, operation, input)
  local ok, answer = pcall(client.call, client, operation, plain(input))
  if ok then
    return {output = answer}
  end
  if type(answer) ~= "table" or not answer.status then error(answer, 0) end
  return {error = {code = answer.code, message = answer.message, status = answer.status}}
end

local function keep(kept, case, output)
  for name, path in pairs(case.keep or {}) do
    kept[name] = compare.at(output or {}, path)
    assert(kept[name] ~= nil, ("the answer holds no %s to keep"):format(path))
  end
end

local function context(account, case)
  local set = {}
  for _, name in ipairs(case.set or {}) do set[name] = true end
  return {account = account, now = loop.time(), set = set, unsorted = case.unsorted}
end

describe("the same call by boto3 and by tidelock", function()
  local boto3
  lazy_setup(function() boto3 = oracle.start() end)
  lazy_teardown(function() boto3:stop() end)

  it("is made of 200 operations of 40 services at least", function()
    local operations, n = {}, 0
    for _, group in ipairs(cases) do
      for i = 2, #group do operations[group[1] .. "." .. group[i][1]] = true end
    end
    for _ in pairs(operations) do n = n + 1 end
    assert.is_true(n >= 200 and #cases >= 40, ("%d operations, %d services"):format(n, #cases))
  end)

  for _, group in ipairs(cases) do
    local service = group[1]
    describe(service, function()
      local theirs, ours, client, kept_theirs, kept_ours
      lazy_setup(function()
        theirs, ours = moto.start(), moto.start()
        local now_ms = math.floor(loop.time() * 1000)
        kept_theirs = {account = theirs.account, now_ms = now_ms}
        kept_ours = {account = ours.account, now_ms = now_ms}
        client = ours:session({max_attempts = 1, s3 = {addressing_style = "path"}}):client(service)
      end)

      for i = 2, #group do
        local case = group[i]
        it(("%s answers the same (%d)"):format(case[1], i - 1), function()
          local expected = boto3:call(theirs, service, case[1], compare.filled(case[2], kept_theirs))
          assert.is_true(not expected.error or expected.error.status < 500, "the emulator itself failed")
          local got = by_tidelock(client, case[1], compare.filled(case[2], kept_ours))
          keep(kept_theirs, case, expected.output)
          keep(kept_ours, case, got.output)
          local want = compare.normal(oracle.plain(expected), context(theirs.account, case))
          assert.same(sides(want, compare.normal(got, context(ours.account, case))))
        end)
      end
    end)
  end
end)
