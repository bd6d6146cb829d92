--- Findings in the Open Cybersecurity Schema Framework 1.3: a list of Compliance Findings (class 2003).
local findings = require "report.findings"

local ocsf = {}

local SEVERITY <const> = {low = {2, "Low"}, medium = {3, "Medium"}, high = {4, "High"}, critical = {5, "Critical"}}
local STATUS <const> = {pass = {1, "Pass"}, warn = {2, "Warning"}, fail = {3, "Fail"}, error = {0, "Unknown"},
  skip = {99, "Other"}}
local CLASS <const>, CATEGORY <const>, CREATE <const> = 2003, 2, 1

local function array(list) return require "tidelock.json".array(list) end

local function standards(result)
  local out = array {}
  if result.fsbp then out[#out + 1] = "AWS Foundational Security Best Practices" end
  if result.hub then out[#out + 1] = "AWS Security Hub controls" end
  if result.cis then out[#out + 1] = "CIS AWS Foundations Benchmark 3.0" end
  if result.requirement then out[#out + 1] = "production hardening plan" end
  if #out == 0 then out[1] = "tidelock" end
  return out
end

local function requirements(result)
  local out = array {}
  for _, ids in ipairs {result.fsbp or "", result.hub or "", result.cis or "", result.requirement or ""} do
    for id in ids:gmatch "[^,%s]+" do out[#out + 1] = id end
  end
  return out
end

-- The same finding has the same uid in every run.
local function uid(result)
  return table.concat({"tidelock", result.account or "-", result.region or "-", result.id, result.subject.name}, "/")
end

local function event(report, result)
  local severity, status = SEVERITY[result.severity], STATUS[result.result]
  local passed = result.result == "pass" or result.result == "skip"
  local time = ((report.started or 0) * 1000) // 1 | 0
  local command = findings.command(report, result)
  local account = result.account or report.account              -- a suppression is the account file's own
  return {
    class_uid = CLASS, class_name = "Compliance Finding", category_uid = CATEGORY, category_name = "Findings",
    activity_id = CREATE, activity_name = "Create", type_uid = CLASS * 100 + CREATE,
    type_name = "Compliance Finding: Create", time = time,
    severity_id = passed and 1 or severity[1], severity = passed and "Informational" or severity[2],
    status_id = result.suppressed and 3 or passed and 4 or 1,
    status = result.suppressed and "Suppressed" or passed and "Resolved" or "New",
    message = ("%s: %s"):format(result.title, result.evidence), status_detail = result.evidence,
    metadata = {version = "1.3.0", profiles = array {"cloud"}, event_code = result.id,
      product = {name = "tidelock", vendor_name = "tidelock", version = report.version or "0"}},
    compliance = {standards = standards(result), requirements = requirements(result), control = result.id,
      status_id = status[1], status = status[2]},
    finding_info = {uid = uid(result), title = result.title, desc = result.means, created_time = time,
      types = array {result.service}},
    remediation = {desc = command and ("%s %s"):format(result.todo, command) or result.todo},
    resources = array {{uid = result.subject.arn or result.subject.name, name = result.subject.name,
      type = result.subject.type, region = result.region}},
    cloud = {provider = "AWS", region = result.region, account = account and {uid = account, type_id = 10,
      type = "AWS Account"} or nil},
  }
end

--- The events as tables.
function ocsf.events(report)
  local out = array {}
  for i, result in ipairs(report.results) do out[i] = event(report, result) end
  return out
end

--- The report as text: a JSON list.
function ocsf.text(report)
  return require "tidelock.json".encode(ocsf.events(report), {indent = 2, sort = true}) .. "\n"
end

return ocsf
