--- cloudtrail.trail: a trail that is logging, where it delivers to, and which events it takes.
local resource = require "resources"
local settling = require "resources.settling"

local NOT_YET <const> = {InsufficientS3BucketPolicyException = true, InvalidCloudWatchLogsRoleArnException = true,
  InsufficientEncryptionPolicyException = true}

-- Members of CreateTrail, and as which member the trail shows them.
local SHOWN <const> = {S3BucketName = "S3BucketName", S3KeyPrefix = "S3KeyPrefix", SnsTopicName = "SnsTopicName",
  IncludeGlobalServiceEvents = "IncludeGlobalServiceEvents", IsMultiRegionTrail = "IsMultiRegionTrail",
  EnableLogFileValidation = "LogFileValidationEnabled", CloudWatchLogsLogGroupArn = "CloudWatchLogsLogGroupArn",
  CloudWatchLogsRoleArn = "CloudWatchLogsRoleArn", KmsKeyId = "KmsKeyId", IsOrganizationTrail = "IsOrganizationTrail"}
local SELECTORS <const> = {EventSelectors = true, AdvancedEventSelectors = true}

local function members(want, only)
  local out, any = {Name = want.name}, false
  for name in pairs(SHOWN) do
    if want[name] ~= nil and want[name] ~= "" and (only == nil or only[name]) then
      out[name], any = want[name], true
    end
  end
  return out, any
end

local function set_logging(aws, want)
  local name = {Name = want.name}
  if want.Logging then aws.cloudtrail:start_logging(name) else aws.cloudtrail:stop_logging(name) end
end

local function set_selectors(aws, want)
  aws.cloudtrail:put_event_selectors {TrailName = want.name, EventSelectors = want.EventSelectors,
    AdvancedEventSelectors = want.AdvancedEventSelectors}
end

return resource {
  type = "cloudtrail.trail",
  about = "A trail: where it delivers, what it takes, whether it is logging",
  model = "create_trail", key = "Name", without = {"TagsList", "RecursiveLogging"},
  also = {put_event_selectors = {"EventSelectors", "AdvancedEventSelectors"}},
  properties = {Logging = "boolean"},
  arns = "^arn:[^:]+:cloudtrail:[^:]*:%d+:trail/(.+)$",
  provides = {"arn"},
  defaults = {Logging = true, IncludeGlobalServiceEvents = true, IsMultiRegionTrail = false,
    EnableLogFileValidation = false},
  guards = {"IsMultiRegionTrail", "EnableLogFileValidation"},
  absent = {"TrailNotFoundException"},

  check = function(want)
    if want.EventSelectors and want.AdvancedEventSelectors then
      return {"EventSelectors and AdvancedEventSelectors exclude each other"}
    end
    if (want.CloudWatchLogsLogGroupArn == nil) ~= (want.CloudWatchLogsRoleArn == nil) then
      return {"CloudWatchLogsLogGroupArn and CloudWatchLogsRoleArn need each other"}
    end
  end,

  read = function(aws, want)
    local got = resource.all {
      trail = function() return aws.cloudtrail:get_trail {Name = want.name}.Trail end,
      logging = function()
        return resource.unless({"TrailNotFoundException"}, function()
          return aws.cloudtrail:get_trail_status {Name = want.name}.IsLogging
        end, false)
      end,
      selectors = (want.EventSelectors or want.AdvancedEventSelectors) and function()
        return resource.unless({"TrailNotFoundException"}, function()
          return aws.cloudtrail:get_event_selectors {TrailName = want.name}
        end, {})
      end or nil,
    }
    local trail = got.trail
    local live = {name = want.name, arn = trail.TrailARN, Logging = got.logging or false}
    for name, shown in pairs(SHOWN) do live[name] = trail[shown] end
    for name in pairs(SELECTORS) do live[name] = got.selectors and got.selectors[name] end
    live.Tags = aws.tags(live.arn, function()
      local list = aws.cloudtrail:list_tags {ResourceIdList = {live.arn}}.ResourceTagList[1]
      return resource.tag_map(list and list.TagsList)
    end)
    return live
  end,

  -- A trail is made asleep, whatever is asked: it starts when told.
  all = function(aws)
    local out = {}
    for _, trail in ipairs(aws.cloudtrail:describe_trails {includeShadowTrails = false}.trailList or {}) do
      local home = trail.HomeRegion == nil or trail.HomeRegion == aws.region
      local selectors = home and (trail.HasCustomEventSelectors or trail.HasInsightSelectors)
        and aws.cloudtrail:get_event_selectors {TrailName = trail.TrailARN} or {}
      out[#out + 1] = {name = trail.Name, EventSelectors = selectors.EventSelectors,
        AdvancedEventSelectors = selectors.AdvancedEventSelectors,
        leave = not home and "it is at home in " .. trail.HomeRegion .. ": adopt it there" or nil}
    end
    return out
  end,

  create = function(aws, want)
    local input = members(want)
    input.TagsList = resource.tag_list(want.Tags)
    local arn = settling.patiently(NOT_YET, "what the trail " .. want.name .. " writes to", function()
      return aws.cloudtrail:create_trail(input).TrailARN
    end)
    if want.EventSelectors or want.AdvancedEventSelectors then set_selectors(aws, want) end
    if want.Logging ~= false then aws.cloudtrail:start_logging {Name = want.name} end
    return {arn = arn}
  end,

  update = function(aws, live, want, changed)
    local input, any = members(want, changed)
    if any then
      settling.patiently(NOT_YET, "what the trail " .. want.name .. " writes to", function()
        aws.cloudtrail:update_trail(input)
      end)
    end
    if changed.EventSelectors or changed.AdvancedEventSelectors then set_selectors(aws, want) end
    if changed.Logging then set_logging(aws, want) end
    if not changed.Tags then return end
    local set, gone = resource.tag_changes(live.Tags, want.Tags)
    if #gone > 0 then
      local old = {}
      for _, name in ipairs(gone) do old[name] = live.Tags[name] end
      aws.cloudtrail:remove_tags {ResourceId = live.arn, TagsList = resource.tag_list(old)}
    end
    if next(set) then aws.cloudtrail:add_tags {ResourceId = live.arn, TagsList = resource.tag_list(set)} end
  end,

  delete = function(aws, live) aws.cloudtrail:delete_trail {Name = live.name} end,
}
