--- AWS Config records how resources change.
local control = require "checks"

return control {
  id = "config-recorder", title = "AWS Config records changes", severity = "medium", fsbp = "Config.1", cis = "3.3",
  requirement = "2.3", subjects = "account", needs = {"config:DescribeConfigurationRecorderStatus"},
  remedy = "harden/security-services",
  command = "tidelock call config describe-configuration-recorder-status --region {region}",
  means = "Security Hub's controls find nothing, because nothing is recorded.",
  todo = "Set up a recorder with a delivery channel and start it.",
  read = function(aws)
    return aws.config:describe_configuration_recorder_status({}).ConfigurationRecordersStatus or {}
  end,
  test = function(list)
    for _, recorder in ipairs(list) do
      if recorder.recording == true then return control.pass("recorder %s records", recorder.name) end
    end
    return control.fail(#list == 0 and "there is no recorder" or "the recorder is stopped")
  end,
}
