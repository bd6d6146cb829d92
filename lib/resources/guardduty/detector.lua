--- guardduty.detector: the one detector of a region, by features; the deprecated data sources are never sent.
local resource = require "resources"

-- Of the live list, the items that the playbook names, in its order, with the members that it gives.
local function named(wanted, live)
  local by_name, out = {}, {}
  for _, item in ipairs(live or {}) do by_name[item.Name] = item end
  for _, item in ipairs(wanted or {}) do
    local found = by_name[item.Name]
    if found then
      out[#out + 1] = {Name = found.Name, Status = found.Status, AdditionalConfiguration =
        item.AdditionalConfiguration and named(item.AdditionalConfiguration, found.AdditionalConfiguration)}
    end
  end
  return out
end

-- Only what differs is sent: a feature that somebody else looks after is not touched.
local function sent(want, live)
  local by_name, out = {}, {}
  for _, item in ipairs(live or {}) do by_name[item.Name] = item end
  for _, item in ipairs(want) do
    local had = by_name[item.Name]
    local more = item.AdditionalConfiguration
    more = more and sent(more, had and had.AdditionalConfiguration)
    if not had or had.Status ~= item.Status or (more and #more > 0) then
      out[#out + 1] = {Name = item.Name, Status = item.Status, AdditionalConfiguration = more and #more > 0
        and more or nil}
    end
  end
  return out
end

-- Switched on by AWS itself with the detector; the API takes no word of them.
local OF_AWS <const> = {CLOUD_TRAIL = true, DNS_LOGS = true, FLOW_LOGS = true}

local function arn_of(aws, id) return aws.arn("guardduty", "detector/" .. id) end

return resource {
  type = "guardduty.detector",
  about = "The region's GuardDuty detector: features and how often findings are published",
  model = "create_detector", without = {"ClientToken", "DataSources"},
  key = {}, label = function() return "detector" end,
  provides = {"id", "arn"},
  sets = {Features = "Name"},
  defaults = {Enable = true},

  -- The API refuses the two ways to runtime monitoring in one request, and a name given twice would win by chance.
  check = function(want)
    local seen, out = {}, {}
    for _, feature in ipairs(want.Features or {}) do
      if seen[feature.Name] then out[#out + 1] = ("the feature %s is given twice"):format(feature.Name) end
      if not feature.Status then out[#out + 1] = ("the feature %s has no Status"):format(tostring(feature.Name)) end
      seen[feature.Name or ""] = feature.Status
    end
    if seen.RUNTIME_MONITORING and seen.EKS_RUNTIME_MONITORING then
      out[#out + 1] = "RUNTIME_MONITORING holds EKS_RUNTIME_MONITORING: give the first alone"
    end
    return out
  end,

  read = function(aws, want)
    local id = (aws.guardduty:list_detectors {}.DetectorIds or {})[1]
    if not id then return nil end
    local live = aws.guardduty:get_detector {DetectorId = id}
    return {id = id, arn = arn_of(aws, id), Enable = live.Status == "ENABLED",
      FindingPublishingFrequency = live.FindingPublishingFrequency, Features = named(want.Features, live.Features),
      Tags = live.Tags or {}}
  end,

  all = function(aws)
    local out = {}
    for _, id in ipairs(aws.guardduty:list_detectors {}.DetectorIds or {}) do
      local features = {}
      for _, one in ipairs(aws.guardduty:get_detector {DetectorId = id}.Features or {}) do
        local more = {}
        for _, inner in ipairs(one.AdditionalConfiguration or {}) do
          more[#more + 1] = {Name = inner.Name, Status = inner.Status}
        end
        if not OF_AWS[one.Name] then
          features[#features + 1] = {Name = one.Name, Status = one.Status, AdditionalConfiguration = more[1] and more}
        end
      end
      out[#out + 1] = {Features = features}
    end
    return out
  end,

  create = function(aws, want)
    local id = aws.guardduty:create_detector {Enable = want.Enable ~= false, Features = want.Features,
      FindingPublishingFrequency = want.FindingPublishingFrequency, Tags = want.Tags}.DetectorId
    return {id = id, arn = arn_of(aws, id)}
  end,

  update = function(aws, live, want, changed)
    local input = {DetectorId = live.id}
    for _, name in ipairs {"Enable", "FindingPublishingFrequency"} do
      if changed[name] then input[name] = want[name] end
    end
    if changed.Features then input.Features = sent(want.Features, live.Features) end
    if next(input, next(input)) then aws.guardduty:update_detector(input) end
    if changed.Tags then resource.retag(aws.guardduty, {ResourceArn = live.arn}, live, want, "map") end
  end,

  delete = function(aws, live) aws.guardduty:delete_detector {DetectorId = live.id} end,
}
