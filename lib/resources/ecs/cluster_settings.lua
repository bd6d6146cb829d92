--- ecs.cluster_settings: settings of a cluster that somebody else made. It stays theirs: no tag, never deleted.
local resource = require "resources"

local BATCH <const> = 100                                -- clusters that one call describes

local function described(aws, wants)
  local out = {}
  for from = 1, #wants, BATCH do
    local names = {}
    for i = from, math.min(from + BATCH - 1, #wants) do names[#names + 1] = wants[i].name end
    local got = aws.ecs:describe_clusters {clusters = names, include = {"SETTINGS"}}
    for _, c in ipairs(got.clusters or {}) do
      if c.status ~= "INACTIVE" then out[c.clusterName] = c end
    end
  end
  return out
end

-- Of the live settings, those that the playbook gives: the others are not its business.
local function shown(cluster, want)
  if not cluster then return false end
  local given, settings = {}, {}
  for _, s in ipairs(want.settings or {}) do given[s.name] = true end
  for _, s in ipairs(cluster.settings or {}) do
    if given[s.name] then settings[#settings + 1] = {name = s.name, value = s.value} end
  end
  return {name = cluster.clusterName, arn = cluster.clusterArn, settings = settings}
end

local function read_many(aws, wants)
  local found, out = described(aws, wants), {}
  for i, want in ipairs(wants) do out[i] = shown(found[want.name], want) end
  return out
end

return resource {
  type = "ecs.cluster_settings", about = "Settings of a cluster that is there already, such as Container Insights",
  model = "update_cluster_settings", key = "cluster", tags = false,
  provides = {"arn"}, sets = {settings = "name"},
  absent = {"ClusterNotFoundException"},
  protected = function() return "it is settings of a cluster that is not the playbook's own; they stay as they are" end,

  read = function(aws, want) return read_many(aws, {want})[1] or nil end,
  read_many = read_many,

  create = function(_, want)
    error({code = "ClusterNotFoundException", message = ("there is no cluster %s whose settings could be changed; it"
      .. " was deleted meanwhile, or is to be made first with ensure.ecs.cluster"):format(want.name)}, 0)
  end,

  update = function(aws, _, want) aws.ecs:update_cluster_settings {cluster = want.name, settings = want.settings} end,

  delete = function(_, live)
    error({code = "Protected", message = ("the settings of cluster %s are not taken back: that would make it blind")
      :format(live.name)}, 0)
  end,
}
