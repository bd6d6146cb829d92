--- ecs.cluster: a cluster, its Container Insights, and where its tasks run by default.
local merge = require "resources.merge"
local resource = require "resources"

-- Of the live settings, those that the playbook gives.
local function named(wanted, live)
  local mine, out = {}, {}
  for _, setting in ipairs(wanted or {}) do mine[setting.name] = true end
  for _, setting in ipairs(live or {}) do
    if mine[setting.name] then out[#out + 1] = setting end
  end
  return out
end

local function set_tags(aws, live, want)
  resource.retag(aws.ecs, {resourceArn = live.arn}, live, want, {key = "key", value = "value"})
end

return resource {
  type = "ecs.cluster",
  about = "An ECS cluster: Container Insights, capacity providers",
  model = "create_cluster", key = "clusterName",
  arns = "^arn:[^:]+:ecs:[^:]*:%d+:cluster/(.+)$",
  provides = {"arn"},
  sets = {"capacityProviders", settings = "name", defaultCapacityProviderStrategy = "capacityProvider"},

  read = function(aws, want)
    local found = aws.ecs:describe_clusters {clusters = {want.name}, include = {"SETTINGS", "CONFIGURATIONS", "TAGS"}}
    local c = (found.clusters or {})[1]
    if not c or c.status == "INACTIVE" then return nil end
    return {name = c.clusterName, arn = c.clusterArn, settings = named(want.settings, c.settings),
      configuration = c.configuration, capacityProviders = c.capacityProviders or {},
      defaultCapacityProviderStrategy = c.defaultCapacityProviderStrategy or {},
      serviceConnectDefaults = c.serviceConnectDefaults, Tags = resource.tag_map(c.tags, "key", "value")}
  end,

  all = function(aws)
    local out, names = {}, {}
    for arn in aws.ecs:items("list_clusters", {}) do names[#names + 1] = arn end
    for from = 1, #names, 100 do
      for _, c in ipairs(aws.ecs:describe_clusters {include = {"SETTINGS"},
        clusters = table.move(names, from, math.min(from + 99, #names), 1, {})}.clusters or {}) do
        out[#out + 1] = {name = c.clusterName, settings = c.settings}
      end
    end
    return out
  end,

  create = function(aws, want)
    local c = aws.ecs:create_cluster {clusterName = want.name, settings = want.settings,
      configuration = want.configuration, capacityProviders = want.capacityProviders,
      defaultCapacityProviderStrategy = want.defaultCapacityProviderStrategy,
      serviceConnectDefaults = want.serviceConnectDefaults, tags = resource.tag_list(want.Tags, "key", "value")}.cluster
    return {arn = c.clusterArn}
  end,

  update = function(aws, live, want, changed)
    local input = {cluster = want.name}
    if changed.settings then input.settings = want.settings end
    for _, name in ipairs {"configuration", "serviceConnectDefaults"} do
      if changed[name] then input[name] = merge.structure(live[name], want[name]) end
    end
    if next(input, next(input)) then aws.ecs:update_cluster(input) end
    if changed.capacityProviders or changed.defaultCapacityProviderStrategy then
      -- the call replaces both: what the playbook does not give stays as it is
      aws.ecs:put_cluster_capacity_providers {cluster = want.name,
        capacityProviders = want.capacityProviders or live.capacityProviders,
        defaultCapacityProviderStrategy = want.defaultCapacityProviderStrategy or live.defaultCapacityProviderStrategy}
    end
    if changed.Tags then set_tags(aws, live, want) end
  end,

  delete = function(aws, live) aws.ecs:delete_cluster {cluster = live.name} end,
}
