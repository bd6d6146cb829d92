--- A changed or deleted log file would be noticed.
local control = require "checks"

return control {
  id = "cloudtrail-validation", title = "Trails validate their log files", severity = "low", fsbp = "CloudTrail.4",
  cis = "3.2", requirement = "2.1", subjects = "cloudtrail.trail", needs = {}, remedy = "harden/security-services",
  command = "tidelock call cloudtrail update-trail --name {arn} --enable-log-file-validation --region {region}",
  means = "Log files can be changed without anyone noticing.",
  todo = "Switch log file validation on.",
  test = function(live)
    return control.judge(live.LogFileValidationEnabled == true, "validated", "log file validation is off")
  end,
}
