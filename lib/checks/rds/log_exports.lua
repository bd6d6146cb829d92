--- A database's log outlives the database.
local control = require "checks"

return control {
  id = "rds-log-exports", title = "Databases send their log to CloudWatch", severity = "low", fsbp = "RDS.9",
  subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds describe-db-instances --db-instance-identifier {name} --region {region}",
  means = "After a week, or after a crash, nobody can say who came in or what failed.",
  todo = "Export the engine's log; it goes to a log group and can have a retention and alarms there.",
  test = function(live)
    local logs = live.EnabledCloudwatchLogsExports or {}
    return control.judge(#logs > 0, table.concat(logs, ", "), "no log is exported")
  end,
}
