--- application_autoscaling.target: what may be scaled, and between which numbers: a service's tasks, a table's units.
local namespaces = require "resources.application_autoscaling.namespaces"
local resource = require "resources"

local KEYS <const> = {"ServiceNamespace", "ResourceId", "ScalableDimension"}

local function place(want)
  local out = {}
  for _, name in ipairs(KEYS) do out[name] = want[name] end
  return out
end

-- What is not given is left as it is by the API.
local function register(aws, want, changed, tags)
  local input = place(want)
  for _, name in ipairs {"MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState"} do
    if not changed or changed[name] then input[name] = want[name] end
  end
  input.Tags = tags
  return aws.application_autoscaling:register_scalable_target(input).ScalableTargetARN
end

local BATCH <const> = 50                                 -- targets that one call describes

local function key_of(row) return row.ScalableDimension .. " " .. row.ResourceId end

-- Targets of one dimension together.
local function grouped(wants)
  local groups, order = {}, {}
  for _, want in ipairs(wants) do
    local name = want.ServiceNamespace .. " " .. want.ScalableDimension
    local group = groups[name]
    if not group or #group.ResourceIds == BATCH then
      group = {ServiceNamespace = want.ServiceNamespace, ScalableDimension = want.ScalableDimension, ResourceIds = {}}
      groups[name], order[#order + 1] = group, group
    end
    table.insert(group.ResourceIds, want.ResourceId)
  end
  return order
end

local function described(aws, wants)
  local out, jobs = {}, {}
  for i, input in ipairs(grouped(wants)) do
    jobs[i] = function()
      for t in aws.application_autoscaling:items("describe_scalable_targets", input) do out[key_of(t)] = t end
    end
  end
  resource.all(jobs)
  return out
end

local function shown(aws, t)
  local live = place(t)
  live.MinCapacity, live.MaxCapacity, live.RoleARN = t.MinCapacity, t.MaxCapacity, t.RoleARN
  live.SuspendedState, live.arn = t.SuspendedState, t.ScalableTargetARN
  live.Tags = aws.tags(live.arn, function()
    return aws.application_autoscaling:list_tags_for_resource {ResourceARN = live.arn}.Tags or {}
  end)
  return live
end

local function read_many(aws, wants)
  local found, out = described(aws, wants), {}
  for i, want in ipairs(wants) do
    local t = found[key_of(want)]
    out[i] = function() return t and shown(aws, t) or false end
  end
  return resource.all(out)
end

return resource {
  type = "application_autoscaling.target",
  about = "A scalable target: the least and the most of it",
  model = "register_scalable_target", key = KEYS, label = function(want) return want.ResourceId end,
  required = {"MinCapacity", "MaxCapacity"},
  provides = {"arn"},

  check = function(want)
    local least, most = want.MinCapacity, want.MaxCapacity
    if type(least) == "number" and type(most) == "number" and least > most then
      return {("MinCapacity is %d, more than the MaxCapacity of %d"):format(least, most)}
    end
  end,

  read = function(aws, want) return read_many(aws, {want})[1] or nil end,
  read_many = read_many,

  all = function(aws) return namespaces.all(aws, "describe_scalable_targets", place) end,

  create = function(aws, want) return {arn = register(aws, want, nil, want.Tags)} end,

  update = function(aws, live, want, changed)
    if resource.beyond_tags(changed) then register(aws, want, changed) end
    if changed.Tags then resource.retag(aws.application_autoscaling, {ResourceARN = live.arn}, live, want, "map") end
  end,

  delete = function(aws, live) aws.application_autoscaling:deregister_scalable_target(place(live)) end,
}
