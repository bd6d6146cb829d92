--- scheduler.schedule: when something is started, with what, how often it is tried again, and where it goes if never.
local expression = require "resources.scheduler.expression"
local resource = require "resources"

local MEMBERS <const> = {"Description", "StartDate", "EndDate", "ScheduleExpression", "ScheduleExpressionTimezone",
  "State", "KmsKeyArn", "Target", "FlexibleTimeWindow", "ActionAfterCompletion"}

-- What is known only after apply is left alone: it must not be walked.
local function plain(value)
  local meta = getmetatable(value)
  return type(value) == "table" and meta ~= "unknown" and meta ~= "handle"
end

-- ## Subnets and security groups have no order

local function sorted(list)
  if not plain(list) then return list end
  local out = table.move(list, 1, #list, 1, {})
  table.sort(out, function(a, b) return type(a) == "string" and type(b) == "string" and a < b end)
  return out
end

local function copy(t)
  local out = {}
  for name, value in pairs(t) do out[name] = value end
  return out
end

-- The tables on the way to the network are copied, so that the caller's stay as they are.
local function spelt(want)
  local at = want
  for _, name in ipairs {"Target", "EcsParameters", "NetworkConfiguration", "awsvpcConfiguration"} do
    if not plain(at[name]) then return want end
    at[name] = copy(at[name])
    at = at[name]
  end
  at.Subnets, at.SecurityGroups = sorted(at.Subnets), sorted(at.SecurityGroups)
  return want
end

local function check(want)
  local out = {}
  if type(want.ScheduleExpression) == "string" then out[1] = expression.fault(want.ScheduleExpression) end
  local window = want.FlexibleTimeWindow
  if plain(window) and window.Mode == "FLEXIBLE" and window.MaximumWindowInMinutes == nil then
    out[#out + 1] = "FlexibleTimeWindow.MaximumWindowInMinutes is missing: a flexible window says how wide it is"
  end
  local target = want.Target
  if plain(target) and plain(target.EcsParameters) and target.EcsParameters.LaunchType == "FARGATE"
    and target.EcsParameters.NetworkConfiguration == nil then
    out[#out + 1] = "Target.EcsParameters.NetworkConfiguration is missing: a task on Fargate needs subnets"
  end
  return out
end

-- An update replaces the whole schedule: what the playbook does not give stays as it is.
local function input_of(want, live)
  local input = {Name = want.name, GroupName = want.GroupName}
  for _, name in ipairs(MEMBERS) do
    input[name] = want[name]
    if input[name] == nil then input[name] = live[name] end
  end
  if input.Description == "" then input.Description = nil end
  return input
end

-- A role that was made a moment ago is not known everywhere yet: until it is, the service refuses it by this sentence.
local function when_role_is_known(call)
  return resource.await("the role of the schedule, which the service cannot take on yet,", function()
    local ok, result = pcall(call)
    if ok then return result end
    local text = type(result) == "table" and result.code == "ValidationException" and tostring(result.message) or ""
    if not text:find "assume the role" then error(result, 0) end
  end, 60)
end

return resource {
  type = "scheduler.schedule",
  about = "A schedule of EventBridge Scheduler: when, what, retries, dead letters",
  model = "create_schedule", key = "Name", without = {"ClientToken"},
  found_by = {"GroupName"},
  label = function(want) return ("%s/%s"):format(want.GroupName or "default", want.name) end,
  tags = false,                                          -- its group has them
  provides = {"arn"},
  replaces = {"GroupName"},
  defaults = {GroupName = "default", State = "ENABLED", ScheduleExpressionTimezone = "UTC", Description = "",
    ActionAfterCompletion = "NONE"},
  absent = {"ResourceNotFoundException"},
  check = check,
  normal = spelt,

  read = function(aws, want)
    local found = aws.scheduler:get_schedule {Name = want.name, GroupName = want.GroupName}
    local live = {name = found.Name, arn = found.Arn, GroupName = found.GroupName or "default"}
    for _, name in ipairs(MEMBERS) do live[name] = found[name] end
    live.Description = live.Description or ""
    live.ActionAfterCompletion = live.ActionAfterCompletion or "NONE"
    return spelt(live)
  end,

  all = function(aws)
    local out = {}
    for one in aws.scheduler:items("list_schedules", {}) do
      out[#out + 1] = {name = one.Name, GroupName = one.GroupName}
    end
    return out
  end,

  create = function(aws, want)
    local input = input_of(want, {})
    return {arn = when_role_is_known(function() return aws.scheduler:create_schedule(input) end).ScheduleArn}
  end,
  update = function(aws, live, want)
    when_role_is_known(function() return aws.scheduler:update_schedule(input_of(want, live)) end)
  end,
  delete = function(aws, live)
    aws.scheduler:delete_schedule {Name = live.name, GroupName = live.GroupName}
  end,
}
