--- logs.metric_filter: a metric made of what is written to a log group.
local resource = require "resources"

local MEMBERS <const> = {"filterPattern", "metricTransformations", "applyOnTransformedLogs"}

return resource {
  type = "logs.metric_filter",
  about = "A metric made of the lines of a log group that match a pattern",
  model = "put_metric_filter", key = {"logGroupName", "filterName"},
  tags = false,
  defaults = {applyOnTransformedLogs = false},
  absent = {"ResourceNotFoundException"},

  read = function(aws, want)
    for filter in aws.logs:items("describe_metric_filters", {logGroupName = want.logGroupName,
      filterNamePrefix = want.filterName}) do
      if filter.filterName == want.filterName then
        local live = {logGroupName = want.logGroupName, filterName = filter.filterName}
        for _, name in ipairs(MEMBERS) do live[name] = filter[name] end
        live.applyOnTransformedLogs = live.applyOnTransformedLogs or false
        return live
      end
    end
  end,

  all = function(aws)
    local out = {}
    for one in aws.logs:items("describe_metric_filters", {}) do
      out[#out + 1] = {logGroupName = one.logGroupName, filterName = one.filterName}
    end
    return out
  end,

  create = function(aws, want)
    aws.logs:put_metric_filter {logGroupName = want.logGroupName, filterName = want.filterName,
      filterPattern = want.filterPattern, metricTransformations = want.metricTransformations,
      applyOnTransformedLogs = want.applyOnTransformedLogs}
    return {}
  end,

  update = function(aws, _, want)
    aws.logs:put_metric_filter {logGroupName = want.logGroupName, filterName = want.filterName,
      filterPattern = want.filterPattern, metricTransformations = want.metricTransformations,
      applyOnTransformedLogs = want.applyOnTransformedLogs}
  end,

  delete = function(aws, live)
    aws.logs:delete_metric_filter {logGroupName = live.logGroupName, filterName = live.filterName}
  end,
}
