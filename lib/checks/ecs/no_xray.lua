--- 2.5: tracing needs no X-Ray daemon.
local control = require "checks"

return control {
  id = "ecs-no-xray-daemon", title = "No task runs the X-Ray daemon", severity = "low", requirement = "2.5",
  subjects = "ecs.task_definition", needs = {},
  command = "tidelock call ecs describe-task-definition --task-definition {name} --region {region}",
  means = "Tracing hangs on a daemon that AWS gives up.",
  todo = "Send traces by OpenTelemetry: the ADOT collector takes its place.",
  test = function(live)
    for _, container in ipairs(live.containerDefinitions or {}) do
      if (container.image or ""):find("xray-daemon", 1, true) then
        return control.fail("container %s runs the X-Ray daemon", container.name)
      end
    end
    return control.pass("none")
  end,
}
