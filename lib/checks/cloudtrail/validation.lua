--- A changed or deleted log file would be noticed.
local control = require "checks"

return control {
  id = "cloudtrail-validation", title = "Trails validate their log files", severity = "low", fsbp = "CloudTrail.4",
  cis = "3.2", requirement = "2.1", subjects = "cloudtrail.trail", needs = {"cloudtrail:GetTrailStatus"},
  remedy = "harden/security-services",
  command = "tidelock call cloudtrail update-trail --name {arn} --enable-log-file-validation --region {region}",
  means = "Log files can be changed without anyone noticing.",
  todo = "Switch log file validation on; if digests are not delivered, look at the policy of the bucket and key.",
  read = function(aws, subject) return aws.cloudtrail:get_trail_status {Name = subject.arn} end,
  test = function(live, subject)
    if subject.raw.LogFileValidationEnabled ~= true then return control.fail("log file validation is off") end
    local err = live.LatestDigestDeliveryError or ""
    return control.judge(err == "", "validated", "its digests are not delivered: " .. err)
  end,
}
