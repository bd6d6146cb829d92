-- The OCSF report against the real schema (1.3.0, of vendor/requirements-ocsf.txt): every result of every control, and
-- what is hard to say; and the judge itself, that it sees what is wrong.
local checks = require "checks"
local findings = require "report.findings"
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local ocsf = require "report.ocsf"
local proc = require "tidelock.proc"

local PYTHON <const> = "build/venv-ocsf/bin/python"

-- What the schema finds wrong: a line a fault; and the counting line at the end.
local function judged(text)
  assert(fs.stat(PYTHON), PYTHON .. " is not there; make it with: vendor/venv ocsf")
  local got = assert(proc.run {PYTHON, "spec/support/ocsf.py", input = text})
  assert.equal(0, got.code, got.stderr)
  local faults = {}
  for line in got.stdout:gmatch "[^\n]+" do faults[#faults + 1] = line end
  return faults, table.remove(faults)
end

local function result(control, changes)
  local out = {id = control.id, title = control.title, severity = control.severity, service = control.service,
    means = control.means, todo = control.todo, command = control.command, fsbp = control.fsbp, cis = control.cis,
    requirement = control.requirement, remedy = control.remedy, region = "eu-west-1", account = "123456789012",
    result = "fail", evidence = "off", subject = {type = control.subjects, name = "b", arn = "arn:aws:s3:::b"}}
  for name, value in pairs(changes) do out[name] = value end
  return out
end

local function report(results)
  return findings.new(results, {account = "123456789012", account_name = "example", regions = {"eu-west-1"},
    started = 1764000000.25, seconds = 0.5, requests = 7, version = "0.1.0"})
end

describe("the OCSF report", function()
  it("holds to the schema for every control, with every result", function()
    local results = {}
    for _, control in ipairs(checks.all()) do
      for _, kind in ipairs {"pass", "fail", "warn", "skip", "error"} do
        results[#results + 1] = result(control, {result = kind})
      end
    end
    local faults, count = judged(ocsf.text(report(results)))
    assert.same({}, faults)
    assert.equal(#checks.all() * 5 .. " events of compliance_finding", count)
  end)
  it("holds to it where something is accepted, has no ARN, no region or no account, or an odd name", function()
    local control = checks.all()[1]
    local faults, count = judged(ocsf.text(report {
      result(control, {result = "skip", was = "fail", suppressed = {reason = "r", owner = "o",
        expires = "2026-12-31"}}),
      result(control, {subject = {type = "account", name = "<\"'\1\u{fc}>"}}),
      {id = "suppression-valid", title = "t", severity = "low", service = "suppression", result = "fail",
        evidence = "e", subject = {type = "account.suppression", name = "?"}, means = "m", todo = "t"},
    }))
    assert.same({}, faults)
    assert.equal("3 events of compliance_finding", count)
  end)

  local function broken(change)
    local events = json.decode(ocsf.text(report {result(checks.all()[1], {})}))
    change(events[1])
    return table.concat((judged(json.encode(events))), "\n")
  end
  for what, case in pairs {
    ["a member that is unknown"] = {function(e) e.nonsense = 1 end, "Additional properties"},
    ["one inside that is unknown"] = {function(e) e.compliance.nonsense = 1 end, "compliance: Additional"},
    ["one that is missing"] = {function(e) e.finding_info = nil end, "'finding_info' is a required"},
    ["a number that is none"] = {function(e) e.time = "now" end, "time: 'now' is not of type 'integer'"},
    ["a number of no meaning"] = {function(e) e.severity_id = 42 end, "severity_id: 42 is not one of"},
    ["a word that is not its number's"] = {function(e) e.compliance.status = "Bad" end, "compliance.status is 'Bad'"},
    ["an account of another kind"] = {function(e) e.cloud.account.type = "Bad" end, "cloud.account.type is 'Bad'"},
  } do
    it("is refused by the schema with " .. what, function() assert.matches(case[2], broken(case[1]), 1, true) end)
  end
end)
