--- 6.4: what loads the database can be seen.
local control = require "checks"

return control {
  id = "rds-performance-insights", title = "Databases have Performance Insights", severity = "low",
  requirement = "6.4, 10.5", subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds modify-db-instance --db-instance-identifier {name} --enable-performance-insights "
    .. "--apply-immediately --region {region}",
  means = "When the database is slow, nobody can see which query makes it so.",
  todo = "Switch Performance Insights on; 7 days of it cost nothing.",
  test = function(live)
    return control.judge(live.PerformanceInsightsEnabled == true, "on", "Performance Insights is off")
  end,
}
