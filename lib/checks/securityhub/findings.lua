--- No failed finding of high or critical severity is open.
local control = require "checks"

local function is(value) return {Value = value, Comparison = "EQUALS"} end

-- What tidelock itself has imported (--notify) is told by its own control.
local OWN <const> = {Value = "tidelock/", Comparison = "PREFIX_NOT_EQUALS"}
local FILTERS <const> = {GeneratorId = {OWN}, ComplianceStatus = {is "FAILED"}, RecordState = {is "ACTIVE"},
  SeverityLabel = {is "HIGH", is "CRITICAL"}, WorkflowStatus = {is "NEW", is "NOTIFIED"}}

return control {
  id = "securityhub-findings", title = "Security Hub has no open finding of high severity", severity = "critical",
  requirement = "2.3", subjects = "account", needs = {"securityhub:DescribeHub", "securityhub:GetFindings"},
  command = "tidelock call securityhub get-findings --region {region} --filters "
    .. "'{\"RecordState\":[{\"Value\":\"ACTIVE\",\"Comparison\":\"EQUALS\"}]}'",
  means = "A rule of the standard that matters is broken, or nothing holds the account to one.",
  todo = "Repair each, or suppress it in Security Hub with a reason.",
  absent = {InvalidAccessException = {says = "Security Hub is not on, so nothing is known",
    remedy = "harden/security-services"}},
  read = function(aws)
    aws.securityhub:describe_hub {}                  -- without a hub an empty list would say nothing
    return aws.securityhub:items("get_findings", {Filters = FILTERS, MaxResults = 100})
  end,
  test = function(list)
    local count, titles = 0, {}
    for finding in list do
      count = count + 1
      if count <= 3 then titles[count] = finding.Title end
    end
    return control.judge(count == 0, "none is open", ("%d open: %s%s"):format(count, table.concat(titles, "; "),
      count > 3 and "; ..." or ""))
  end,
}
