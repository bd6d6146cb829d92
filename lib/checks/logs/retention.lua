--- 3.4: log groups end, after 30 to 90 days.
local control = require "checks"

return control {
  id = "logs-retention", title = "Log groups keep their events for 30 to 90 days", severity = "medium",
  requirement = "3.4, 10.3", subjects = "logs.group", needs = {}, remedy = "harden/logs",
  command = "tidelock call logs put-retention-policy --log-group-name {name} --retention-in-days 30 --region {region}",
  means = "Logs are paid for without end, or are gone when they are needed.",
  todo = "Set a retention of 30 days; 90 for audit.",
  test = function(live)
    local days = live.retentionInDays
    if not days then return control.fail("events are never deleted") end
    return control.judge(days >= 30 and days <= 90, ("%d days"):format(days), ("%d days, not 30 to 90"):format(days))
  end,
}
