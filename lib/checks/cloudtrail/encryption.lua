--- Log files of trails are encrypted with a key whose use is seen.
local control = require "checks"

return control {
  id = "cloudtrail-encryption", title = "Trails are encrypted with a KMS key", severity = "medium",
  fsbp = "CloudTrail.2", cis = "3.5", requirement = "2.1", subjects = "cloudtrail.trail", needs = {},
  remedy = "harden/security-services", command = "tidelock call cloudtrail describe-trails --region {region}",
  means = "Whoever may read the bucket reads all that was done in the account.",
  todo = "Give the trail a customer key.",
  test = function(live)
    return control.judge((live.KmsKeyId or "") ~= "", "encrypted with a KMS key", "no KMS key is set")
  end,
}
