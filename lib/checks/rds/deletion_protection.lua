--- A database is not deleted by a slip.
local control = require "checks"

return control {
  id = "rds-deletion-protection", title = "Databases are protected from deletion", severity = "medium",
  fsbp = "RDS.8", subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds modify-db-instance --db-instance-identifier {name} --deletion-protection "
    .. "--apply-immediately --region {region}",
  means = "One wrong command deletes the database.",
  todo = "Switch deletion protection on.",
  test = function(live)
    return control.judge(live.DeletionProtection == true, "protected", "deletion protection is off")
  end,
}
