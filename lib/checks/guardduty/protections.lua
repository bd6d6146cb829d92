--- GuardDuty looks at more than S3: clusters, disks, logins of databases, what functions talk to.
local control = require "checks"

local WANTED <const> = {"EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS"}

return control {
  id = "guardduty-protections", title = "GuardDuty looks at clusters, disks, databases and functions", severity = "low",
  fsbp = "GuardDuty.5, GuardDuty.6, GuardDuty.8, GuardDuty.9", requirement = "2.2", subjects = "guardduty.detector",
  needs = {"guardduty:GetDetector"}, remedy = "harden/security-services",
  command = "tidelock call guardduty get-detector --detector-id {name} --region {region}",
  means = "An attack on one of these leaves no trace that GuardDuty would see.",
  todo = "Enable the named features of the detector.",
  read = function(aws, subject) return aws.guardduty:get_detector {DetectorId = subject.name} end,
  test = function(live)
    local on, off = {}, {}
    for _, feature in ipairs(live.Features or {}) do on[feature.Name] = feature.Status == "ENABLED" end
    for _, name in ipairs(WANTED) do
      if not on[name] then off[#off + 1] = name end
    end
    return control.judge(#off == 0, "all four are on", table.concat(off, ", ") .. " off")
  end,
}
