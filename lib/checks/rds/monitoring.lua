--- The machine under a database is watched.
local control = require "checks"

return control {
  id = "rds-monitoring", title = "Databases have enhanced monitoring", severity = "low", fsbp = "RDS.6",
  subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds describe-db-instances --db-instance-identifier {name} --region {region}",
  means = "CPU, memory and disk of the machine are only known roughly.",
  todo = "Set a monitoring interval of 60 seconds and a monitoring role.",
  test = function(live)
    local every = live.MonitoringInterval or 0
    return control.judge(every > 0, ("every %d s"):format(every), "enhanced monitoring is off")
  end,
}
