--- config.recording: that a recorder records. It needs the delivery channel first: after = channel.
local resource = require "resources"

local function name_of(want) return {ConfigurationRecorderName = want.ConfigurationRecorderName} end

return resource {
  type = "config.recording",
  about = "That AWS Config's recorder is running",
  properties = {ConfigurationRecorderName = {type = "string", required = true}},
  key = {"ConfigurationRecorderName"}, tags = false,
  provides = {"status", "why"},
  absent = {"NoSuchConfigurationRecorderException"},

  all = function(aws)
    local out = {}
    for _, s in ipairs(aws.config:describe_configuration_recorder_status {}.ConfigurationRecordersStatus or {}) do
      if s.recording and not s.servicePrincipal then out[#out + 1] = {ConfigurationRecorderName = s.name} end
    end
    return out
  end,

  -- One that is stopped is as good as none: to record is all there is of it.
  read = function(aws, want)
    local s = aws.config:describe_configuration_recorder_status {
      ConfigurationRecorderNames = {want.ConfigurationRecorderName}}.ConfigurationRecordersStatus[1]
    if not s.recording then return nil end
    return {ConfigurationRecorderName = s.name, status = s.lastStatus, why = s.lastErrorMessage or s.lastErrorCode}
  end,

  create = function(aws, want)
    aws.config:start_configuration_recorder(name_of(want))
    return {}
  end,

  update = function() end,

  note = function(live)
    if (live.status or ""):upper() == "FAILURE" then
      return ("it records, and cannot deliver: %s; look at its role, and at the policy of the channel's bucket")
        :format(live.why or "no reason is given")
    end
  end,

  delete = function(aws, live) aws.config:stop_configuration_recorder(name_of(live)) end,
}
