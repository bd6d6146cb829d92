--- Fixes of the engine come by themselves.
local control = require "checks"

return control {
  id = "rds-minor-upgrades", title = "Databases take minor versions by themselves", severity = "medium",
  fsbp = "RDS.13", cis = "2.3.2", subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds modify-db-instance --db-instance-identifier {name} --auto-minor-version-upgrade "
    .. "--region {region}",
  means = "Known holes in the engine stay open until somebody thinks of them.",
  todo = "Switch automatic minor version upgrades on.",
  test = function(live)
    return control.judge(live.AutoMinorVersionUpgrade == true, "on", "automatic minor upgrades are off")
  end,
}
