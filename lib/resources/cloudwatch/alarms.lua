--- What alarms on metrics and alarms on alarms share: one call describes a hundred, and a put replaces one whole.
local resource = require "resources"

local alarms = {}

local BATCH <const> = 100

-- Several alarms as {name = alarm}.
local function described(aws, kind, wants)
  local out = {}
  for from = 1, #wants, BATCH do
    local names = {}
    for i = from, math.min(from + BATCH - 1, #wants) do names[#names + 1] = wants[i].name end
    local got = aws.cloudwatch:describe_alarms {AlarmNames = names, AlarmTypes = {kind}, MaxRecords = BATCH}
    for _, alarm in ipairs(got[kind .. "s"] or {}) do out[alarm.AlarmName] = alarm end
  end
  return out
end

local function with_tags(aws, live)
  live.Tags = aws.tags(live.arn, function()
    return resource.tag_map(aws.cloudwatch:list_tags_for_resource {ResourceARN = live.arn}.Tags)
  end)
  return live
end

--- What an alarm shows of `members`, upon what `live` says of those that it does not show, with name, ARN and state.
function alarms.shown(alarm, members, live)
  live.name, live.arn, live.state = alarm.AlarmName, alarm.AlarmArn, alarm.StateValue
  for _, name in ipairs(members) do
    if alarm[name] ~= nil then live[name] = alarm[name] end
  end
  return live
end

--- The functions `read` and `read_many` of a type: `kind` is MetricAlarm or CompositeAlarm, `live_of(aws, alarm)` gives
-- what is live but for the tags.
function alarms.readers(kind, live_of)
  local function read_many(aws, wants)
    local found, out = described(aws, kind, wants), {}
    for i, want in ipairs(wants) do
      local alarm = found[want.name]
      out[i] = function() return alarm and with_tags(aws, live_of(aws, alarm)) or false end
    end
    return resource.all(out)
  end
  return function(aws, want) return read_many(aws, {want})[1] or nil end, read_many
end

--- The names of all alarms of `kind`, MetricAlarm or CompositeAlarm.
function alarms.names(aws, kind)
  local out, token = {}, nil
  repeat
    local got = aws.cloudwatch:describe_alarms {AlarmTypes = {kind}, MaxRecords = BATCH, NextToken = token}
    for _, alarm in ipairs(got[kind .. "s"] or {}) do out[#out + 1] = alarm.AlarmName end
    token = got.NextToken
  until not token
  return out
end

--- The function `update` of a type, by its `put(aws, want, live)`.
function alarms.updater(put)
  return function(aws, live, want, changed)
    if resource.beyond_tags(changed) then put(aws, want, live) end
    if changed.Tags then resource.retag(aws.cloudwatch, {ResourceARN = live.arn}, live, want) end
  end
end

--- The function `delete` of a type.
function alarms.delete(aws, live) aws.cloudwatch:delete_alarms {AlarmNames = {live.name}} end

return alarms
