--- lambda.event_source_mapping: what hands a queue's messages to a function. Known by its two ends; AWS's own name for
-- it is a number.
local resource = require "resources"

-- What can be changed later, under the names of CreateEventSourceMapping.
local SETTINGS <const> = {"Enabled", "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes",
  "FilterCriteria", "ScalingConfig", "ProvisionedPollerConfig", "MetricsConfig", "KMSKeyArn"}
local MOVING <const> = {Creating = true, Enabling = true, Disabling = true, Updating = true}

local function enabled(state) return state ~= "Disabled" and state ~= "Disabling" end

-- Of one that is to be pruned nothing is known but AWS's number.
local function find(aws, want)
  if not want.EventSourceArn then return aws.lambda:get_event_source_mapping {UUID = want.name} end
  for one in aws.lambda:items("list_event_source_mappings", {EventSourceArn = want.EventSourceArn,
    FunctionName = want.FunctionName}) do
    if one.State ~= "Deleting" then return one end
  end
end

local function settle(aws, uuid)
  resource.await("the mapping " .. uuid, function()
    return not MOVING[aws.lambda:get_event_source_mapping {UUID = uuid}.State]
  end, 300)
end

local function settings(want, only)
  local out = {}
  for _, name in ipairs(SETTINGS) do
    if want[name] ~= nil and (only == nil or only[name]) then out[name] = want[name] end
  end
  return out
end

local function some(value) return value and next(value) ~= nil and value or nil end

return resource {
  type = "lambda.event_source_mapping",
  about = "Hands the messages of a queue to a function",
  model = "create_event_source_mapping", key = {"FunctionName", "EventSourceArn"},
  required = {"FunctionName", "EventSourceArn"},
  label = function(want) return want.FunctionName:match "[^:]+$" .. "/" .. want.EventSourceArn:match "[^:]+$" end,
  arns = "^arn:[^:]+:lambda:[^:]*:%d+:event%-source%-mapping:([%x-]+)$",
  provides = {"uuid", "arn", "state"},
  replaces = {"StartingPosition", "StartingPositionTimestamp"},
  sets = {"FunctionResponseTypes"},
  defaults = {Enabled = true, BatchSize = 10, MaximumBatchingWindowInSeconds = 0, FunctionResponseTypes = {},
    ScalingConfig = false, FilterCriteria = false},
  guards = {"FunctionResponseTypes", "ScalingConfig"},
  absent = {"ResourceNotFoundException"},

  normal = function(want) return resource.none(want, {"ScalingConfig", "FilterCriteria"}) end,
  check = function(want)
    local out = {}
    local window, size = want.MaximumBatchingWindowInSeconds or 0, want.BatchSize or 10
    if math.type(size) == "integer" and math.type(window) == "integer" and size > 10 and window == 0 then
      out[1] = ("BatchSize is %d: more than 10 needs a MaximumBatchingWindowInSeconds"):format(size)
    end
    local most = type(want.ScalingConfig) == "table" and want.ScalingConfig.MaximumConcurrency
    if math.type(most) == "integer" and most < 2 then
      out[#out + 1] = "ScalingConfig.MaximumConcurrency is at least 2: reserve the function's concurrency for less"
    end
    return out
  end,

  read = function(aws, want)
    local one = find(aws, want)
    if not one then return nil end
    local live = {FunctionName = want.FunctionName or one.FunctionArn, EventSourceArn = one.EventSourceArn,
      uuid = one.UUID, arn = one.EventSourceMappingArn, state = one.State}
    for _, name in ipairs(SETTINGS) do live[name] = one[name] end
    live.Enabled, live.ScalingConfig = enabled(one.State), some(one.ScalingConfig)
    live.MaximumBatchingWindowInSeconds = one.MaximumBatchingWindowInSeconds or 0
    live.FilterCriteria = one.FilterCriteria and some(one.FilterCriteria.Filters) and one.FilterCriteria or nil
    live.Tags = live.arn and aws.tags(live.arn, function()
      return aws.lambda:list_tags {Resource = live.arn}.Tags or {}
    end) or {}
    return live
  end,

  all = function(aws)
    local out = {}
    for one in aws.lambda:items("list_event_source_mappings", {}) do
      out[#out + 1] = {FunctionName = (one.FunctionArn or ""):match "function:(.+)$" or one.UUID,
        EventSourceArn = one.EventSourceArn or "none",
        leave = not one.EventSourceArn and "its source is no AWS resource" or nil}
    end
    return out
  end,

  create = function(aws, want)
    local input = settings(want)
    for name, value in pairs(input) do
      if value == false and name ~= "Enabled" or type(value) == "table" and next(value) == nil then
        input[name] = nil
      end
    end
    input.FunctionName, input.EventSourceArn, input.Tags = want.FunctionName, want.EventSourceArn, want.Tags
    input.StartingPosition = want.StartingPosition
    local made = aws.lambda:create_event_source_mapping(input)
    settle(aws, made.UUID)
    return {uuid = made.UUID, arn = made.EventSourceMappingArn, state = made.State}
  end,

  update = function(aws, live, want, changed)
    local input = settings(want, changed)
    for _, name in ipairs {"ScalingConfig", "FilterCriteria"} do
      if input[name] == false then input[name] = {} end
    end
    if next(input) then
      input.UUID = live.uuid
      aws.lambda:update_event_source_mapping(input)
      settle(aws, live.uuid)
    end
    if changed.Tags then resource.retag(aws.lambda, {Resource = live.arn}, live, want, "map") end
  end,

  delete = function(aws, live)
    aws.lambda:delete_event_source_mapping {UUID = live.uuid}
    resource.await("the end of the mapping " .. live.uuid, function()
      return resource.unless({"ResourceNotFoundException"}, function()
        return aws.lambda:get_event_source_mapping {UUID = live.uuid} and false
      end, true)
    end, 300)
  end,
}
