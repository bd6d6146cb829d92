--- cloudwatch.composite_alarm: an alarm on the states of others. CloudWatch refuses one whose alarms are not there yet:
-- name them in `after`. It refuses to delete an alarm that one is composed of: `alarms` tells their ARNs.
local alarms = require "resources.cloudwatch.alarms"
local resource = require "resources"
local rule = require "resources.cloudwatch.rule"

local MEMBERS <const> = {"AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions",
  "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"}

-- ARNs of the alarms that it is composed of.
local function composed_of(aws, text)
  local tree, names = rule.parse(text)
  local out = {}
  for i, name in ipairs(tree and names or {}) do out[i] = aws.arn("cloudwatch", "alarm:" .. name) end
  return out
end

local read <const>, read_many <const> = alarms.readers("CompositeAlarm", function(aws, alarm)
  return alarms.shown(alarm, MEMBERS, {AlarmDescription = "", ActionsSuppressor = "",
    AlarmRule = rule.normal(alarm.AlarmRule), alarms = composed_of(aws, alarm.AlarmRule)})
end)

-- A put replaces the whole alarm: what the playbook does not give stays as it is.
local function put(aws, want, live)
  local input = {AlarmName = want.name, AlarmRule = want.AlarmRule}
  for _, name in ipairs(MEMBERS) do
    input[name] = want[name]
    if input[name] == nil and live then input[name] = live[name] end
    if input[name] == "" then input[name] = nil end
  end
  if not input.ActionsSuppressor then
    input.ActionsSuppressorWaitPeriod, input.ActionsSuppressorExtensionPeriod = nil, nil
  end
  if not live then input.Tags = resource.tag_list(want.Tags) end
  aws.cloudwatch:put_composite_alarm(input)
end

return resource {
  type = "cloudwatch.composite_alarm",
  about = "An alarm on the states of other alarms, and whom it tells",
  model = "put_composite_alarm", key = "AlarmName",
  without = {"ActionConfiguration"},
  arns = "^arn:[^:]+:cloudwatch:[^:]*:%d+:alarm:(.+)$",
  provides = {"arn", "state", "alarms"},
  sets = {"OKActions", "AlarmActions", "InsufficientDataActions"},
  defaults = {ActionsEnabled = true, AlarmDescription = "", ActionsSuppressor = "", OKActions = {}, AlarmActions = {},
    InsufficientDataActions = {}},
  guards = {"OKActions", "AlarmActions", "InsufficientDataActions"},

  check = function(want)
    local out = want.AlarmRule and rule.faults(want.AlarmRule) or {}
    local given = want.ActionsSuppressor and want.ActionsSuppressor ~= ""
    for _, name in ipairs {"ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"} do
      if given and not want[name] then out[#out + 1] = name .. " is missing: ActionsSuppressor needs it" end
      if want[name] and not given then out[#out + 1] = name .. " means nothing without ActionsSuppressor" end
    end
    return out
  end,
  normal = function(want)
    want.AlarmRule = rule.normal(want.AlarmRule)
    return want
  end,

  read = read, read_many = read_many,

  all = function(aws)
    local out = {}
    for i, name in ipairs(alarms.names(aws, "CompositeAlarm")) do out[i] = {name = name} end
    return out
  end,

  create = function(aws, want)
    put(aws, want)
    return {arn = aws.arn("cloudwatch", "alarm:" .. want.name)}
  end,
  update = alarms.updater(put), delete = alarms.delete,
}
