--- securityhub.finding_aggregator: the region that gathers the findings of others. It leans on the hub: after = hub.
local resource = require "resources"

local function set(want)
  return {RegionLinkingMode = want.RegionLinkingMode,
    Regions = #(want.Regions or {}) > 0 and want.Regions or nil}
end

local function look(aws)
  local found = aws.securityhub:list_finding_aggregators {}.FindingAggregators[1]
  if not found then return nil end
  local a = aws.securityhub:get_finding_aggregator {FindingAggregatorArn = found.FindingAggregatorArn}
  return {arn = a.FindingAggregatorArn, region = a.FindingAggregationRegion, RegionLinkingMode = a.RegionLinkingMode,
    Regions = a.Regions or {}}
end

-- An account has one, in one region: from every other one it is seen, and cannot be changed.
local function refuse_elsewhere(live, region, verb)
  if live.region == region then return end
  error({code = "ElsewhereException", message = ("the finding aggregator is in %s and cannot be %s from %s; run this"
    .. " with --region %s, or leave it there"):format(live.region, verb, region, live.region)}, 0)
end

return resource {
  type = "securityhub.finding_aggregator",
  about = "Security Hub's aggregator: findings of which regions are gathered in this one",
  model = "create_finding_aggregator", key = {}, label = function() return "aggregator" end,
  tags = false,
  provides = {"arn", "region"},
  sets = {"Regions"},
  defaults = {Regions = {}},
  absent = {"InvalidAccessException", "ResourceNotFoundException"},

  check = function(want)
    local mode, some = want.RegionLinkingMode, #(want.Regions or {}) > 0
    local takes = mode == "SPECIFIED_REGIONS" or mode == "ALL_REGIONS_EXCEPT_SPECIFIED"
    if takes and not some then return {("RegionLinkingMode %s needs Regions"):format(mode)} end
    if some and not takes then return {("RegionLinkingMode %s takes no Regions"):format(tostring(mode))} end
  end,

  all = function() return {{}} end,

  read = look,

  -- Security Hub says where the aggregator is only in regions where it is on: in a new one that is just now.
  create = function(aws, want)
    local live = look(aws)
    if live then refuse_elsewhere(live, aws.region, "made") end
    local a = aws.securityhub:create_finding_aggregator(set(want))
    return {arn = a.FindingAggregatorArn, region = a.FindingAggregationRegion}
  end,

  update = function(aws, live, want)
    refuse_elsewhere(live, aws.region, "changed")
    local input = set(want)
    input.FindingAggregatorArn = live.arn
    aws.securityhub:update_finding_aggregator(input)
  end,

  delete = function(aws, live)
    refuse_elsewhere(live, aws.region, "deleted")
    aws.securityhub:delete_finding_aggregator {FindingAggregatorArn = live.arn}
  end,
}
