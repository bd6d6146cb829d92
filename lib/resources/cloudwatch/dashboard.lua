--- cloudwatch.dashboard: a page of widgets. Its body is a table, held to CloudWatch's syntax before it is sent.
local resource = require "resources"
local widgets = require "resources.cloudwatch.widgets"

local function body_of(text) return widgets.normal(resource.document(text)) end

local function text_of(body)
  if #body.widgets > 0 then return resource.encode(body) end
  local out = {}                                    -- no widgets: a list still, not an object
  for name, value in pairs(body) do out[name] = value end
  out.widgets = require "tidelock.json".array {}
  return resource.encode(out)
end

-- CloudWatch stores a body that it finds fault with, and says so only in its answer: nobody would hear of it again.
local function put(aws, want, tags)
  local said = aws.cloudwatch:put_dashboard {DashboardName = want.name, DashboardBody = text_of(want.DashboardBody),
    Tags = tags}.DashboardValidationMessages
  if not said or #said == 0 then return end
  local lines = {}
  for i, row in ipairs(said) do lines[i] = ("%s: %s"):format(row.DataPath or "?", row.Message or "?") end
  error({code = "DashboardValidation", message = ("CloudWatch took the dashboard %s, but cannot draw all of it; mend"
    .. " its DashboardBody:\n%s"):format(want.name, table.concat(lines, "\n"))}, 0)
end

local function arn_of(aws, name)                    -- dashboards belong to no region
  return aws.arn("cloudwatch", "dashboard/" .. name, "")
end

return resource {
  type = "cloudwatch.dashboard",
  about = "A dashboard: a page of widgets",
  model = "put_dashboard", key = "DashboardName",
  arns = "^arn:[^:]+:cloudwatch::%d+:dashboard/(.+)$",
  provides = {"arn"},
  documents = {DashboardBody = "json"},
  absent = {"ResourceNotFound", "DashboardNotFoundError"},

  check = function(want)
    local out = want.DashboardBody and widgets.faults(want.DashboardBody) or {}
    if want.name and not want.name:find "^[%w_-]+$" then
      out[#out + 1] = ("the name %q may have letters, digits, - and _ alone"):format(want.name)
    end
    return out
  end,
  normal = function(want)
    want.DashboardBody = widgets.normal(want.DashboardBody)
    return want
  end,

  read = function(aws, want)
    local live = aws.cloudwatch:get_dashboard {DashboardName = want.name}
    local arn = arn_of(aws, want.name)
    return {name = want.name, arn = arn, DashboardBody = body_of(live.DashboardBody), Tags = aws.tags(arn, function()
      return resource.tag_map(aws.cloudwatch:list_tags_for_resource {ResourceARN = arn}.Tags)
    end)}
  end,

  -- The call that lists tagged resources does not know dashboards.
  list = function(aws)
    local out = {}
    for entry in aws.cloudwatch:items("list_dashboards", {}) do
      out[#out + 1] = {name = entry.DashboardName, Tags = resource.tag_map(aws.cloudwatch:list_tags_for_resource {
        ResourceARN = arn_of(aws, entry.DashboardName)}.Tags)}
    end
    return out
  end,

  all = {"list_dashboards", "DashboardName"},

  create = function(aws, want)
    put(aws, want, resource.tag_list(want.Tags))
    return {arn = arn_of(aws, want.name)}
  end,

  update = function(aws, live, want, changed)
    if changed.DashboardBody then put(aws, want) end
    if changed.Tags then resource.retag(aws.cloudwatch, {ResourceARN = live.arn}, live, want) end
  end,

  delete = function(aws, live) aws.cloudwatch:delete_dashboards {DashboardNames = {live.name}} end,
}
