--- config.recorder: what AWS Config writes down. A region has one; whether it records is config.recording's.
local resource = require "resources"
local settling = require "resources.settling"

local NOT_YET <const> = {InvalidRoleException = true}

-- A put replaces all of it: what the playbook does not give stays as it is.
local function put(aws, want, live)
  local input = {name = want.name}
  for _, name in ipairs {"roleARN", "recordingGroup", "recordingMode"} do
    input[name] = want[name]
    if input[name] == nil and live then input[name] = live[name] end
  end
  settling.patiently(NOT_YET, "the role of the recorder " .. want.name, function()
    aws.config:put_configuration_recorder {ConfigurationRecorder = input,
      Tags = not live and resource.tag_list(want.Tags) or nil}
  end)
end

local function describe(aws, name)
  return aws.config:describe_configuration_recorders {ConfigurationRecorderNames = {name}}.ConfigurationRecorders[1]
end

-- Without a choice of kinds the API shows empty lists of them, which it refuses beside allSupported.
local function group_of(live)
  local group = {}
  for name, value in pairs(live or {}) do group[name] = value end
  if group.allSupported then group.resourceTypes, group.exclusionByResourceTypes = nil, nil end
  return group
end

return resource {
  type = "config.recorder",
  about = "AWS Config's recorder: which kinds of resources it writes down, and as whom",
  model = "put_configuration_recorder", inside = "ConfigurationRecorder", key = "name",
  without = {"arn", "recordingScope", "servicePrincipal", "connectorArn", "scopeConfiguration"},
  required = {"roleARN"},
  arns = "^arn:[^:]+:config:[^:]*:%d+:configuration%-recorder/([^/]+)",
  provides = {"arn"},
  absent = {"NoSuchConfigurationRecorderException"},

  check = function(want)
    local group = want.recordingGroup
    if type(group) ~= "table" or getmetatable(group) then return end
    if group.allSupported and #(group.resourceTypes or {}) > 0 then
      return {"recordingGroup: allSupported takes all kinds of resources, so resourceTypes has no place beside it"}
    end
    if group.includeGlobalResourceTypes and not group.allSupported then
      return {"recordingGroup: includeGlobalResourceTypes goes with allSupported alone"}
    end
  end,

  -- Those that services have made for themselves are theirs.
  all = function(aws)
    local out = {}
    for _, r in ipairs(aws.config:describe_configuration_recorders {}.ConfigurationRecorders or {}) do
      out[#out + 1] = {name = r.name, leave = r.servicePrincipal and "it belongs to " .. r.servicePrincipal or nil}
    end
    return out
  end,

  read = function(aws, want)
    local live = describe(aws, want.name)
    return {name = live.name, arn = live.arn, roleARN = live.roleARN, recordingGroup = group_of(live.recordingGroup),
      recordingMode = live.recordingMode, Tags = aws.tags(live.arn, function()
        return resource.tag_map(aws.config:list_tags_for_resource {ResourceArn = live.arn}.Tags)
      end)}
  end,

  create = function(aws, want)
    put(aws, want)
    return {arn = describe(aws, want.name).arn}
  end,

  update = function(aws, live, want, changed)
    if resource.beyond_tags(changed) then put(aws, want, live) end
    if changed.Tags then resource.retag(aws.config, {ResourceArn = live.arn}, live, want) end
  end,

  delete = function(aws, live) aws.config:delete_configuration_recorder {ConfigurationRecorderName = live.name} end,
}
