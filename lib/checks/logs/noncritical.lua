--- 7.3: groups that are not for audit keep their events for 30 days.
local control = require "checks"

-- The same words as harden/logs has.
local AUDIT <const> = {"cloudtrail", "guardduty", "securityhub", "security-hub", "aws/config", "audit", "flowlogs",
  "flow-logs", "waf", "upgrade"}

return control {
  id = "logs-retention-noncritical", title = "Log groups that are not for audit keep events for 30 days",
  severity = "low", requirement = "7.3", subjects = "logs.group", needs = {},
  remedy = "harden/logs", vars = {most = "30"},
  command = "tidelock call logs put-retention-policy --log-group-name {name} --retention-in-days 30 --region {region}",
  means = "Logs that nobody reads are paid for.",
  todo = "Set a retention of 30 days.",
  test = function(live, subject)
    for _, word in ipairs(AUDIT) do
      if subject.name:lower():find(word, 1, true) then return control.skip("it is for audit") end
    end
    return control.judge(live.retentionInDays == 30, "30 days", live.retentionInDays
      and ("%d days"):format(live.retentionInDays) or "events are never deleted")
  end,
}
