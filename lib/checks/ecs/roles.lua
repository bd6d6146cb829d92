--- 1.5: a task has a role of its own, other than the one that starts it.
local control = require "checks"

local function fargate(live)
  for _, name in ipairs(live.requiresCompatibilities or live.compatibilities or {}) do
    if name == "FARGATE" then return true end
  end
  return false
end

return control {
  id = "ecs-task-roles", title = "Fargate tasks have two different roles", severity = "high", requirement = "1.5",
  subjects = "ecs.task_definition", needs = {}, remedy = "harden/containers",
  command = "tidelock call ecs describe-task-definition --task-definition {name} --region {region}",
  means = "The program may do all that starts it may do: pull any image, read any secret.",
  todo = "Name a task execution role and a task role, each with what it needs.",
  test = function(live)
    if not fargate(live) then return control.skip("not for Fargate") end
    if not live.executionRoleArn then return control.fail("no task execution role") end
    if not live.taskRoleArn then return control.fail("no task role") end
    return control.judge(live.taskRoleArn ~= live.executionRoleArn, "two roles", "one role for both")
  end,
}
