--- ce.anomaly_monitor: what Cost Anomaly Detection watches.
local resource = require "resources"

local function tags(aws, live, want)
  resource.retag(aws.ce, {ResourceArn = live.arn}, live, want, {tags = "ResourceTags"})
end

local function tags_of(aws, arn)
  return resource.tag_map(aws.ce:list_tags_for_resource {ResourceArn = arn}.ResourceTags)
end

return resource {
  type = "ce.anomaly_monitor",
  about = "What Cost Anomaly Detection watches",
  model = "create_anomaly_monitor", inside = "AnomalyMonitor", key = "MonitorName",
  without = {"MonitorArn", "CreationDate", "LastUpdatedDate", "LastEvaluatedDate", "DimensionalValueCount"},
  once = {"create_anomaly_monitor"},
  provides = {"arn"},
  replaces = {"MonitorType", "MonitorDimension", "MonitorSpecification"},

  check = function(want)
    if want.MonitorType == "DIMENSIONAL" and not want.MonitorDimension then
      return {'MonitorDimension is missing; a DIMENSIONAL monitor watches "SERVICE"'}
    end
    if want.MonitorType == "CUSTOM" and not want.MonitorSpecification then
      return {"MonitorSpecification is missing; a CUSTOM monitor needs it"}
    end
  end,

  read = function(aws, want)
    for m in aws.ce:items("get_anomaly_monitors", {}) do
      if m.MonitorName == want.name then
        return {name = m.MonitorName, arn = m.MonitorArn, MonitorType = m.MonitorType,
          MonitorDimension = m.MonitorDimension, MonitorSpecification = m.MonitorSpecification,
          Tags = tags_of(aws, m.MonitorArn)}
      end
    end
  end,

  list = function(aws)
    local out = {}
    for m in aws.ce:items("get_anomaly_monitors", {}) do
      out[#out + 1] = {name = m.MonitorName, Tags = tags_of(aws, m.MonitorArn)}
    end
    return out
  end,

  all = {"get_anomaly_monitors", "MonitorName"},

  create = function(aws, want)
    return {arn = aws.ce:create_anomaly_monitor {
      AnomalyMonitor = {MonitorName = want.name, MonitorType = want.MonitorType,
        MonitorDimension = want.MonitorDimension, MonitorSpecification = want.MonitorSpecification},
      ResourceTags = resource.tag_list(want.Tags)}.MonitorArn}
  end,

  update = function(aws, live, want, changed)
    if changed.Tags then tags(aws, live, want) end
  end,

  delete = function(aws, live) aws.ce:delete_anomaly_monitor {MonitorArn = live.arn} end,
}
