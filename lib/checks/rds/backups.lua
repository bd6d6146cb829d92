--- A database can be put back to any second of the last week.
local control = require "checks"

return control {
  id = "rds-backups", title = "Databases keep backups for 7 days", severity = "medium", fsbp = "RDS.11",
  subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds modify-db-instance --db-instance-identifier {name} --backup-retention-period 7 "
    .. "--apply-immediately --region {region}",
  means = "A mistake noticed too late cannot be undone.",
  todo = "Keep automatic backups for at least 7 days.",
  test = function(live)
    local days = live.BackupRetentionPeriod or 0
    local kept = ("kept for %d day%s"):format(days, days == 1 and "" or "s")
    return control.judge(days >= 7, kept, kept .. ", not 7")
  end,
}
