--- cloudwatch.composite_alarm: an alarm on the states of others. CloudWatch refuses one whose alarms are not there yet:
-- name them in `after`. It refuses to delete an alarm that one is composed of: `alarms` tells their ARNs.
local resource = require "resources"
local rule = require "resources.cloudwatch.rule"

local MEMBERS <const> = {"AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions",
  "ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"}
local BATCH <const> = 100

-- ARNs of the alarms that it is composed of.
local function composed_of(aws, text)
  local tree, names = rule.parse(text)
  local out = {}
  for i, name in ipairs(tree and names or {}) do out[i] = aws.arn("cloudwatch", "alarm:" .. name) end
  return out
end

local function live_of(aws, alarm)
  local live = {name = alarm.AlarmName, arn = alarm.AlarmArn, state = alarm.StateValue, AlarmDescription = "",
    ActionsSuppressor = "", AlarmRule = rule.normal(alarm.AlarmRule), alarms = composed_of(aws, alarm.AlarmRule)}
  for _, name in ipairs(MEMBERS) do
    if alarm[name] ~= nil then live[name] = alarm[name] end
  end
  live.Tags = aws.tags(live.arn, function()
    return resource.tag_map(aws.cloudwatch:list_tags_for_resource {ResourceARN = live.arn}.Tags)
  end)
  return live
end

-- Several as {name = alarm}: one call a hundred names.
local function described(aws, wants)
  local out = {}
  for from = 1, #wants, BATCH do
    local names = {}
    for i = from, math.min(from + BATCH - 1, #wants) do names[#names + 1] = wants[i].name end
    local got = aws.cloudwatch:describe_alarms {AlarmNames = names, AlarmTypes = {"CompositeAlarm"}, MaxRecords = BATCH}
    for _, alarm in ipairs(got.CompositeAlarms or {}) do out[alarm.AlarmName] = alarm end
  end
  return out
end

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

  read = function(aws, want)
    local alarm = described(aws, {want})[want.name]
    return alarm and live_of(aws, alarm)
  end,
  read_many = function(aws, wants)
    local alarms, out = described(aws, wants), {}
    for i, want in ipairs(wants) do
      out[i] = function() return alarms[want.name] and live_of(aws, alarms[want.name]) or false end
    end
    return resource.all(out)
  end,

  create = function(aws, want)
    put(aws, want)
    return {arn = aws.arn("cloudwatch", "alarm:" .. want.name)}
  end,
  update = function(aws, live, want, changed)
    local rest = false
    for name in pairs(changed) do rest = rest or name ~= "Tags" end
    if rest then put(aws, want, live) end
    if not changed.Tags then return end
    local set, gone = resource.tag_changes(live.Tags, want.Tags)
    if next(set) then aws.cloudwatch:tag_resource {ResourceARN = live.arn, Tags = resource.tag_list(set)} end
    if #gone > 0 then aws.cloudwatch:untag_resource {ResourceARN = live.arn, TagKeys = gone} end
  end,
  delete = function(aws, live) aws.cloudwatch:delete_alarms {AlarmNames = {live.name}} end,
}
