--- 2.4: what containers use can be seen.
local control = require "checks"

return control {
  id = "ecs-container-insights", title = "Clusters have Container Insights", severity = "medium", fsbp = "ECS.12",
  requirement = "2.4, 10.3", subjects = "ecs.cluster", needs = {}, remedy = "harden/containers",
  command = "tidelock call ecs update-cluster-settings --cluster {name} "
    .. "--settings name=containerInsights,value=enhanced --region {region}",
  means = "Why a service died cannot be seen afterwards.",
  todo = "Set containerInsights to enhanced.",
  test = function(live)
    for _, setting in ipairs(live.settings or {}) do
      if setting.name == "containerInsights" then
        return control.judge(setting.value == "enabled" or setting.value == "enhanced", setting.value,
          "containerInsights is " .. tostring(setting.value))
      end
    end
    return control.fail("containerInsights is not set")
  end,
}
