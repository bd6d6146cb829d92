--- securityhub.hub: Security Hub in a region. Standards are resources of their own, so none comes by default.
local resource = require "resources"

return resource {
  type = "securityhub.hub",
  about = "Security Hub of the region: one finding a control, new controls enabled or not",
  model = "enable_security_hub", without = {"EnableDefaultStandards"},
  also = {update_security_hub_configuration = {"AutoEnableControls"}},
  key = {}, label = function() return "hub" end,
  provides = {"arn"},
  absent = {"InvalidAccessException", "ResourceNotFoundException"},

  read = function(aws)
    local hub = aws.securityhub:describe_hub {}
    return {arn = hub.HubArn, AutoEnableControls = hub.AutoEnableControls,
      ControlFindingGenerator = hub.ControlFindingGenerator,
      Tags = aws.tags(hub.HubArn, function()
        return aws.securityhub:list_tags_for_resource {ResourceArn = hub.HubArn}.Tags or {}
      end)}
  end,

  all = function() return {{}} end,

  create = function(aws, want)
    aws.securityhub:enable_security_hub {EnableDefaultStandards = false, Tags = want.Tags,
      ControlFindingGenerator = want.ControlFindingGenerator}
    if want.AutoEnableControls == false then
      aws.securityhub:update_security_hub_configuration {AutoEnableControls = false}
    end
    return {arn = aws.arn("securityhub", "hub/default")}
  end,

  update = function(aws, live, want, changed)
    if changed.AutoEnableControls or changed.ControlFindingGenerator then
      aws.securityhub:update_security_hub_configuration {AutoEnableControls = want.AutoEnableControls,
        ControlFindingGenerator = want.ControlFindingGenerator}
    end
    if changed.Tags then resource.retag(aws.securityhub, {ResourceArn = live.arn}, live, want, "map") end
  end,

  delete = function(aws) aws.securityhub:disable_security_hub {} end,
}
