--- No finding of high severity is open.
local control = require "checks"

local function plural(n) return n == 1 and "1 finding" or n .. " findings" end

return control {
  id = "guardduty-findings", title = "GuardDuty has no open finding of high severity", severity = "critical",
  requirement = "2.2", subjects = "guardduty.detector", needs = {"guardduty:ListFindings", "guardduty:GetFindings"},
  command = "tidelock call guardduty list-findings --detector-id {name} --region {region}",
  means = "AWS saw something in this account that looks like an attack.",
  todo = "Look at each now. Archive those that are understood; what remains open is an incident.",
  read = function(aws, subject)
    local ids = {}
    for id in aws.guardduty:items("list_findings", {DetectorId = subject.name, FindingCriteria = {Criterion = {
      severity = {GreaterThanOrEqual = 7}, ["service.archived"] = {Equals = {"false"}}}}}) do
      ids[#ids + 1] = id
    end
    local first = #ids > 0 and aws.guardduty:get_findings({DetectorId = subject.name,
      FindingIds = {table.unpack(ids, 1, math.min(#ids, 3))}}).Findings or {}
    return {count = #ids, findings = first}
  end,
  test = function(live)
    if live.count == 0 then return control.pass("none of severity 7 or more") end
    local types = {}
    for i, finding in ipairs(live.findings) do types[i] = ("%s (%g)"):format(finding.Type, finding.Severity) end
    return control.fail("%s of severity 7 or more: %s%s", plural(live.count), table.concat(types, ", "),
      live.count > #types and ", ..." or "")
  end,
}
