--- Findings as JSON: "tidelock.check/1", for programs and for --baseline.
local findings = require "report.findings"

local json = {}

--- The key under which a baseline knows a result again.
function json.key(result)
  return table.concat({result.id, result.account or "", result.region or "", result.subject.name or ""}, "|")
end

local function row(report, result)
  return {id = result.id, title = result.title, severity = result.severity, service = result.service,
    result = result.result, evidence = result.evidence, subject = {type = result.subject.type,
      name = result.subject.name, arn = result.subject.arn}, region = result.region, account = result.account,
    fsbp = result.fsbp, hub = result.hub, cis = result.cis, requirement = result.requirement, means = result.means,
    todo = result.todo, command = (findings.command(report, result)), suppressed = result.suppressed,
    was = result.was, known = result.known}
end

--- The report as a table.
function json.data(report)
  local results = require "tidelock.json".array {}
  for i, result in ipairs(report.results) do results[i] = row(report, result) end
  return {format = "tidelock.check/1", time = findings.time(report), account = report.account,
    account_name = report.account_name, regions = report.regions, exit = report.exit,
    seconds = report.seconds, requests = report.requests, version = report.version,
    summary = {pass = report.count.pass, fail = report.count.fail, warn = report.count.warn,
      skip = report.count.skip, error = report.count.error, by_severity = report.count.by}, results = results}
end

--- The report as text.
function json.text(report)
  return require "tidelock.json".encode(json.data(report), {indent = 2, sort = true}) .. "\n"
end

--- Marks what an earlier report (its text) has failing already; returns how many. What could not be checked is new each
-- time: nothing is known of it. Raises where it is no such report.
function json.baseline(results, text)
  local data, err = require "tidelock.json".decode(text)
  if type(data) ~= "table" or data.format ~= "tidelock.check/1" or type(data.results) ~= "table" then
    error({code = "Usage", exit = 64, usage = true, message = "the baseline is no report of `tidelock check --output"
      .. " json`" .. (err and ": " .. err.message or "")}, 0)
  end
  local seen, n = {}, 0
  for _, result in ipairs(data.results) do
    if result.result == "fail" or result.result == "warn" then
      seen[json.key(result) .. "|" .. result.result] = true
    end
  end
  for _, result in ipairs(results) do
    if seen[json.key(result) .. "|" .. result.result] then
      result.known = true
      n = n + 1
    end
  end
  return n
end

return json
