--- A database's storage is encrypted.
local control = require "checks"

return control {
  id = "rds-encrypted", title = "Databases are encrypted", severity = "critical", fsbp = "RDS.3", cis = "2.3.1",
  requirement = "1.4", subjects = "rds.db_instance", needs = {},
  command = "tidelock call rds describe-db-instances --db-instance-identifier {name} --region {region}",
  means = "Storage, snapshots and copies can be read by whoever gets at them. It cannot be switched on later.",
  todo = "Copy a snapshot with a key, restore it, and move over.",
  test = function(live)
    return control.judge(live.StorageEncrypted == true, "encrypted", "storage is not encrypted")
  end,
}
