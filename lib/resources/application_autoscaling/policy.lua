--- application_autoscaling.policy: when a scalable target grows and shrinks. It leans on the target: `after = target`.
local namespaces = require "resources.application_autoscaling.namespaces"
local resource = require "resources"

local KEYS <const> = {"PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension"}
local SHAPES <const> = {TargetTrackingScaling = "TargetTrackingScalingPolicyConfiguration",
  StepScaling = "StepScalingPolicyConfiguration", PredictiveScaling = "PredictiveScalingPolicyConfiguration"}

-- A put replaces the whole configuration: what the playbook does not give of it stays as it is.
local function put(aws, want, live)
  local input = {PolicyType = want.PolicyType}
  for _, name in ipairs(KEYS) do input[name] = want[name] end
  local shape = SHAPES[want.PolicyType]
  input[shape] = {}
  for name, value in pairs(live and live[shape] or {}) do input[shape][name] = value end
  for name, value in pairs(want[shape]) do input[shape][name] = value end
  return aws.application_autoscaling:put_scaling_policy(input).PolicyARN
end

-- ## Reading: the policies of a namespace together, where there are many

local function key_of(row) return row.ScalableDimension .. " " .. row.ResourceId .. " " .. row.PolicyName end

local function inputs_of(wants)
  if #wants == 1 then
    local want = wants[1]
    return {{PolicyNames = {want.PolicyName}, ServiceNamespace = want.ServiceNamespace, ResourceId = want.ResourceId,
      ScalableDimension = want.ScalableDimension}}
  end
  local seen, out = {}, {}
  for _, want in ipairs(wants) do
    if not seen[want.ServiceNamespace] then out[#out + 1] = {ServiceNamespace = want.ServiceNamespace} end
    seen[want.ServiceNamespace] = true
  end
  return out
end

local function shown(p)
  if not p then return false end
  local live = {arn = p.PolicyARN, PolicyType = p.PolicyType}
  for _, name in ipairs(KEYS) do live[name] = p[name] end
  for _, shape in pairs(SHAPES) do live[shape] = p[shape] end
  return live
end

local function read_many(aws, wants)
  local found, out = {}, {}
  for _, input in ipairs(inputs_of(wants)) do
    for p in aws.application_autoscaling:items("describe_scaling_policies", input) do found[key_of(p)] = p end
  end
  for i, want in ipairs(wants) do out[i] = shown(found[key_of(want)]) end
  return out
end

return resource {
  type = "application_autoscaling.policy",
  about = "A scaling policy: target tracking, steps or forecast",
  model = "put_scaling_policy", key = KEYS,
  label = function(want) return want.ResourceId .. "/" .. want.PolicyName end,
  required = {"PolicyType"},
  replaces = {"PolicyType"},
  provides = {"arn"},
  tags = false,

  check = function(want)
    local shape = SHAPES[want.PolicyType or ""]
    if shape and want[shape] == nil then return {("%s needs %s"):format(want.PolicyType, shape)} end
    for _, other in pairs(SHAPES) do
      if shape and other ~= shape and want[other] ~= nil then
        return {("%s does not go with PolicyType %s"):format(other, want.PolicyType)}
      end
    end
  end,

  read = function(aws, want) return read_many(aws, {want})[1] or nil end,
  read_many = read_many,

  all = function(aws)
    return namespaces.all(aws, "describe_scaling_policies", function(p)
      local want = {}
      for _, name in ipairs(KEYS) do want[name] = p[name] end
      return want
    end)
  end,

  create = function(aws, want) return {arn = put(aws, want)} end,

  update = function(aws, live, want) put(aws, want, live) end,

  delete = function(aws, live)
    local input = {}
    for _, name in ipairs(KEYS) do input[name] = live[name] end
    aws.application_autoscaling:delete_scaling_policy(input)
  end,
}
