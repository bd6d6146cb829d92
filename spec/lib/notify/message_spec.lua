local change = require "notify.change"
local findings = require "report.findings"
local message = require "notify.message"

local function result(n, severity, verdict)
  return {id = "c" .. n, title = "Control " .. n, result = verdict or "fail", severity = severity or "low",
    service = "s3", region = "eu-west-1", account = "123456789012", subject = {name = "bucket-" .. n},
    evidence = "open to all", means = "bad", todo = "close it", command = "tidelock call s3 x --bucket {name}"}
end

local function told(results, before)
  local report = findings.new(results, {account = "123456789012", account_name = "example", regions = {"eu-west-1"},
    started = 1764028800})
  return message.of(change.between(before, results, 1764028800), report)
end

describe("notify.message", function()
  it("has a subject that SNS takes: ASCII, under 100 characters", function()
    local results = {result(1, "critical")}
    local report = findings.new(results, {account = "1", account_name = ("é"):rep(90), regions = {}, started = 0})
    local made = message.of(change.between(nil, results, 0), report)
    assert.is_true(#made.subject < 100)
    assert.is_nil(made.subject:find "[^\32-\126]")
    assert.equal("tidelock: example: 1 new failure", told(results).subject)
  end)

  it("tells the worst first, what was seen, what to do and the command", function()
    local made = told {result(1, "low"), result(2, "critical")}
    assert.equal("critical", made.severity)
    local low, critical = made.text:find("Control 1", 1, true), made.text:find("Control 2", 1, true)
    assert.is_true(critical < low)
    assert.is_truthy(made.text:find("bucket-2: open to all", 1, true))
    assert.is_truthy(made.text:find("to do: close it", 1, true))
    assert.is_truthy(made.text:find("tidelock call s3 x --bucket bucket-2", 1, true))
  end)

  it("says of a thousand failures how many more there are", function()
    local many = {}
    for i = 1, 1000 do many[i] = result(i) end
    local made = told(many)
    assert.is_truthy(made.text:find("and 975 more", 1, true))
    assert.is_true(#made.text < 10000)
    assert.equal(1000, #made.data.new)
  end)

  it("says what is gone and since when it was there, and how much is as before", function()
    local before = change.between(nil, {result(1), result(2)}, 1763942400).memory
    local made = told({result(1, "low", "pass"), result(2)}, before)
    assert.equal("tidelock: example: 1 gone", made.subject)
    assert.is_truthy(made.text:find("gone: Control 1 (bucket-1), there since 2025-11-24", 1, true))
    assert.is_truthy(made.text:find("1 failure was told before and still there", 1, true))
    assert.same({0, 1, 1}, {#made.data.new, #made.data.gone, made.data.same})
    assert.is_nil(made.text:find("could not be looked at", 1, true))
    made = told({result(1, "low", "pass")}, before)
    assert.is_truthy(made.text:find("1 failure told before could not be looked at this time", 1, true))
  end)

  it("says which account left the organization", function()
    local before = change.between(nil, {result(1), result(2)}, 1763942400).memory
    local report = findings.new({}, {account = "210987654321", account_name = "example", regions = {"eu-west-1"},
      started = 1764028800})
    local made = message.of(change.between(before, {}, 1764028800, {["210987654321"] = true}), report)
    assert.equal("tidelock: example: 1 account left", made.subject)
    assert.is_truthy(made.text:find("left the organization: account 123456789012; 2 failures were told of it before,"
      .. " and forgotten now", 1, true))
    assert.same({{account = "123456789012", failures = 2}}, {table.unpack(made.data.left)})
    assert.equal(0, #made.data.gone)
  end)
end)
