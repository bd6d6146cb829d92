--- 6.1, 6.2: a service grows with its load.
local control = require "checks"

local WANTED <const> = {ECSServiceAverageCPUUtilization = 70, ECSServiceAverageMemoryUtilization = 80}

-- Why a service does not grow by itself, or nil.
local function fixed(service)
  if service.schedulingStrategy == "DAEMON" then return "it runs one task on each machine" end
  if service.desiredCount == 0 then return "it runs no task" end
  local most = (service.deploymentConfiguration or {}).maximumPercent or 200
  if service.desiredCount == 1 and most <= 100 then return "never more than one task shall run" end
end

return control {
  id = "ecs-scaling", title = "Services grow at 70 % CPU and 80 % memory", severity = "medium",
  requirement = "6.1, 6.2, 10.5", subjects = "ecs.service",
  needs = {"application-autoscaling:DescribeScalingPolicies"}, remedy = "harden/containers",
  command = "tidelock call application-autoscaling describe-scaling-policies --service-namespace ecs "
    .. "--region {region}",
  means = "Under load the service gets slow and falls over.",
  todo = "Register the service as scalable and add target tracking for CPU at 70 and memory at 80.",
  read = function(aws, subject)
    local out = {}
    for policy in aws.application_autoscaling:items("describe_scaling_policies", {ServiceNamespace = "ecs"}) do
      local tracking = policy.TargetTrackingScalingPolicyConfiguration
      if policy.ResourceId == "service/" .. subject.name and tracking then
        local metric = (tracking.PredefinedMetricSpecification or {}).PredefinedMetricType
        if metric then out[metric] = tracking.TargetValue end
      end
    end
    return out
  end,
  test = function(live, subject)
    local flaws, why = {}, fixed(subject.raw)
    if why then return control.skip(why) end
    for _, metric in ipairs {"ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"} do
      local what = metric:match "Average(%a+)Utilization"
      if not live[metric] then
        flaws[#flaws + 1] = what .. " is not tracked"
      elseif live[metric] > WANTED[metric] then
        flaws[#flaws + 1] = ("%s is tracked at %g, not %d"):format(what, live[metric], WANTED[metric])
      end
    end
    return control.judge(#flaws == 0, "both are tracked", table.concat(flaws, "; "))
  end,
}
