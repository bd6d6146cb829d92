--- Nothing is shared with strangers unnoticed.
local control = require "checks"

local function analyzer_of(aws)
  for analyzer in aws.accessanalyzer:items("list_analyzers", {}) do
    if analyzer.status == "ACTIVE" and analyzer.type:find "^ACCOUNT$" then return analyzer end
  end
end

return control {
  id = "accessanalyzer-findings", title = "An access analyzer is active and has no open finding", severity = "high",
  hub = "IAM.28", cis = "1.20", subjects = "account",
  needs = {"access-analyzer:ListAnalyzers", "access-analyzer:ListFindingsV2"}, remedy = "harden/security-services",
  command = "tidelock call accessanalyzer list-analyzers --region {region}",
  means = "Something may be shared with another account or the world, and nobody looks.",
  todo = "Create an analyzer of type ACCOUNT; archive findings that are meant so, and repair the others.",
  read = function(aws)
    local analyzer = analyzer_of(aws)
    if not analyzer then return {} end
    local open, first = 0, nil
    for finding in aws.accessanalyzer:items("list_findings_v2", {analyzerArn = analyzer.arn,
      filter = {status = {eq = {"ACTIVE"}}}}) do
      open, first = open + 1, first or finding.resource
    end
    return {name = analyzer.name, open = open, first = first}
  end,
  test = function(live)
    if not live.name then return control.fail("no analyzer of this account is active") end
    return control.judge(live.open == 0, live.name .. " is active, nothing open",
      ("%d open, for example %s"):format(live.open, tostring(live.first)))
  end,
}
