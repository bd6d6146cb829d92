--- A database shows a certificate that clients still trust: its own has not run out, nor has its authority.
local control = require "checks"

local MONTH <const> = 30 * 86400                                  -- in which somebody has to move the clients too

return control {
  id = "rds-certificate", title = "Databases have a current certificate", severity = "medium", requirement = "1.4",
  subjects = "rds.db_instance", needs = {},
  command = "tidelock call rds modify-db-instance --db-instance-identifier {name} "
    .. "--ca-certificate-identifier rds-ca-rsa2048-g1 --region {region}",
  means = "Clients that check the certificate cannot connect once it has expired; others stop checking.",
  todo = "Move to rds-ca-rsa2048-g1, after the clients trust it.",
  test = function(live, _, world)
    local ends = (live.CertificateDetails or {}).ValidTill
    if type(ends) == "number" and ends - world.now < MONTH then
      local day = os.date("!%Y-%m-%d", ends // 1 | 0)
      return ends > world.now and control.warn("it expires on %s", day) or control.fail("it has expired on %s", day)
    end
    local name = live.CACertificateIdentifier
    if not name then return control.warn("its certificate is not told") end
    return control.judge(name ~= "rds-ca-2015" and name ~= "rds-ca-2019", name, name .. " has expired")
  end,
}
