--- People and programs come into a database by a token of IAM, not by a password that somebody wrote down.
local control = require "checks"

-- Engines that know it; the others (Oracle, SQL Server, Db2) have nothing of the kind.
local KNOWS <const> = {"postgres", "mysql", "mariadb", "aurora"}

return control {
  id = "rds-iam-login", title = "Databases let in by IAM", severity = "medium", fsbp = "RDS.10",
  subjects = "rds.db_instance", needs = {}, remedy = "harden/database",
  command = "tidelock call rds modify-db-instance --db-instance-identifier {name} "
    .. "--enable-iam-database-authentication --apply-immediately --region {region}",
  means = "Everybody who works on the database needs its password, and nobody can take it back from one of them.",
  todo = "Switch IAM authentication on; users with a password go on as before.",
  test = function(live)
    local engine = live.Engine or ""
    for _, name in ipairs(KNOWS) do
      if engine:find(name, 1, true) then
        return control.judge(live.IAMDatabaseAuthenticationEnabled == true, "by tokens of IAM too",
          "only passwords let in")
      end
    end
    return control.skip("its engine is " .. engine)
  end,
}
