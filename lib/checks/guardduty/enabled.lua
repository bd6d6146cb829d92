--- 2.2: a detector is on.
local control = require "checks"

return control {
  id = "guardduty-enabled", title = "GuardDuty is on", severity = "critical", fsbp = "GuardDuty.1",
  requirement = "2.2, 10.2", subjects = "account", needs = {"guardduty:ListDetectors", "guardduty:GetDetector"},
  remedy = "harden/security-services",
  command = "tidelock call guardduty create-detector --enable --finding-publishing-frequency FIFTEEN_MINUTES "
    .. "--region {region}",
  means = "Stolen keys and mining machines go unnoticed.",
  todo = "Create a detector, or resume the one that is suspended.",
  read = function(aws)
    local id = aws.guardduty:items("list_detectors", {})()
    return id and aws.guardduty:get_detector {DetectorId = id} or {}
  end,
  test = function(live)
    if not live.Status then return control.fail("there is no detector") end
    return control.judge(live.Status == "ENABLED", "a detector is on", "the detector is suspended")
  end,
}
