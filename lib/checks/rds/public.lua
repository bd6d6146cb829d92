--- A database is not on the internet.
local control = require "checks"

return control {
  id = "rds-not-public", title = "Databases have no public address", severity = "critical", fsbp = "RDS.2",
  cis = "2.3.3", requirement = "1.4", subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds modify-db-instance --db-instance-identifier {name} --no-publicly-accessible "
    .. "--apply-immediately --region {region}",
  means = "Everybody on the internet may try passwords on it.",
  todo = "Switch public access off.",
  test = function(live)
    return control.judge(live.PubliclyAccessible == false, "not public", "it has a public address")
  end,
}
