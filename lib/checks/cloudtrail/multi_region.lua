--- 2.1, 8.4: one trail of all regions is active and writes down who does what.
local control = require "checks"

-- Management events, both reads and writes, by either kind of selector.
local function records_all(selectors)
  for _, s in ipairs(selectors.EventSelectors or {}) do
    if s.IncludeManagementEvents ~= false and (s.ReadWriteType or "All") == "All" then return true end
  end
  for _, s in ipairs(selectors.AdvancedEventSelectors or {}) do
    local management, narrowed = false, false
    for _, field in ipairs(s.FieldSelectors or {}) do
      if field.Field == "eventCategory" and (field.Equals or {})[1] == "Management" then management = true end
      if field.Field == "readOnly" then narrowed = true end
    end
    if management and not narrowed then return true end
  end
  return false
end

local function flaw(trail)
  if not trail.IsMultiRegionTrail then return "is of one region" end
  if not trail.status.IsLogging then return "is not logging" end
  local err = trail.status.LatestDeliveryError
  if err and err ~= "" then return "cannot deliver: " .. err end
  if not records_all(trail.selectors) then return "leaves out management events" end
end

return control {
  id = "cloudtrail-multi-region", title = "A trail of all regions is active", severity = "critical",
  fsbp = "CloudTrail.1", cis = "3.1", requirement = "8.4, 2.1, 10.2", subjects = "account.global",
  needs = {"cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"},
  remedy = "harden/security-services", command = "tidelock call cloudtrail describe-trails --region {region}",
  means = "Nobody will be able to tell who did what in this account.",
  todo = "Create or repair a trail: all regions, logging, all management events.",
  read = function(aws)
    local out = {}
    for i, trail in ipairs(aws.cloudtrail:describe_trails({includeShadowTrails = true}).trailList or {}) do
      local name = trail.TrailARN or trail.Name
      out[i] = {Name = trail.Name, IsMultiRegionTrail = trail.IsMultiRegionTrail,
        status = aws.cloudtrail:get_trail_status {Name = name},
        selectors = aws.cloudtrail:get_event_selectors {TrailName = name}}
    end
    return out
  end,
  test = function(trails)
    if #trails == 0 then return control.fail("there is no trail") end
    local flaws = {}
    for i, trail in ipairs(trails) do
      local why = flaw(trail)
      if not why then return control.pass("%s records all regions", trail.Name) end
      flaws[i] = ("%s %s"):format(trail.Name, why)
    end
    return control.fail(table.concat(flaws, "; "))
  end,
}
