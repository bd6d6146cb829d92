--- GuardDuty looks at S3 too.
local control = require "checks"

return control {
  id = "guardduty-s3-protection", title = "GuardDuty looks at what is done to S3", severity = "medium",
  fsbp = "GuardDuty.10", requirement = "2.2", subjects = "guardduty.detector", needs = {"guardduty:GetDetector"},
  remedy = "harden/security-services",
  command = "tidelock call guardduty get-detector --detector-id {name} --region {region}",
  means = "Somebody who copies all buckets with a stolen key is not noticed.",
  todo = "Enable the feature S3_DATA_EVENTS of the detector.",
  read = function(aws, subject) return aws.guardduty:get_detector {DetectorId = subject.name} end,
  test = function(live)
    for _, feature in ipairs(live.Features or {}) do
      if feature.Name == "S3_DATA_EVENTS" then
        return control.judge(feature.Status == "ENABLED", "S3_DATA_EVENTS is on", "S3_DATA_EVENTS is off")
      end
    end
    local old = ((live.DataSources or {}).S3Logs or {}).Status
    return control.judge(old == "ENABLED", "S3 logs are on", "S3_DATA_EVENTS is not set")
  end,
}
