--- 6.3: a release that does not come up is rolled back.
local control = require "checks"

return control {
  id = "ecs-circuit-breaker", title = "Services roll a broken release back", severity = "medium",
  requirement = "6.3", subjects = "ecs.service", needs = {}, remedy = "harden/containers",
  command = "tidelock call ecs list-services --region {region}",
  means = "A broken release is tried again and again until somebody looks.",
  todo = "Switch the deployment circuit breaker on, with rollback.",
  test = function(live)
    local by = (live.deploymentController or {}).type or "ECS"
    if by ~= "ECS" then return control.skip(by .. " releases it, and rolls back in its own way") end
    local breaker = (live.deploymentConfiguration or {}).deploymentCircuitBreaker or {}
    if breaker.enable ~= true then return control.fail("the circuit breaker is off") end
    return control.judge(breaker.rollback == true, "on, with rollback", "on, but it does not roll back")
  end,
}
