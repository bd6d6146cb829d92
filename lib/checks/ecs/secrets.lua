--- 1.5: no password stands in a task definition.
local control = require "checks"
local literal = require "checks.literal"

return control {
  id = "ecs-no-literal-secrets", title = "No secret stands in a task definition", severity = "critical",
  fsbp = "ECS.8", requirement = "1.5", subjects = "ecs.task_definition", needs = {}, remedy = "harden/containers",
  command = "tidelock call ecs describe-task-definition --task-definition {name} --region {region}",
  means = "Whoever may look at the task definition reads the secret, and every old revision keeps it.",
  todo = "Move it to Secrets Manager, name it under secrets, and change it: it must be taken for known.",
  test = function(live)
    local found = {}
    for _, container in ipairs(live.containerDefinitions or {}) do
      for _, variable in ipairs(container.environment or {}) do
        if literal.secret(variable.name or "", tostring(variable.value or "")) then
          found[#found + 1] = container.name .. "." .. variable.name       -- the name only, never the value
        end
      end
    end
    table.sort(found)
    return control.judge(#found == 0, "none found", "looks like a secret: " .. table.concat(found, ", "))
  end,
}
