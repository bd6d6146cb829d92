--- The services whose resources can be scaled; Application Auto Scaling lists targets and policies of one at a time.
local resource = require "resources"

local namespaces = {}

local ALL <const> = {"ecs", "dynamodb", "lambda", "rds", "elasticache", "sagemaker", "ec2", "kafka", "cassandra",
  "comprehend", "neptune", "elasticmapreduce", "appstream", "workspaces", "custom-resource"}

--- What `operation` lists of all of them, each as `pick(row)` says. A region that does not know one has none of it.
function namespaces.all(aws, operation, pick)
  local lists, out = {}, {}
  for i, name in ipairs(ALL) do
    lists[i] = function()
      return resource.unless({"ValidationException"}, function()
        local rows = {}
        for row in aws.application_autoscaling:items(operation, {ServiceNamespace = name}) do
          rows[#rows + 1] = pick(row)
        end
        return rows
      end, {})
    end
  end
  for _, rows in ipairs(resource.all(lists)) do table.move(rows, 1, #rows, #out + 1, out) end
  return out
end

return namespaces
