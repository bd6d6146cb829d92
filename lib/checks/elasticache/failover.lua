--- A cache survives the loss of a node.
local control = require "checks"

return control {
  id = "elasticache-failover", title = "Caches fail over by themselves", severity = "medium", fsbp = "ElastiCache.3",
  requirement = "1.1", subjects = "elasticache.cache", needs = {},
  command = "tidelock call elasticache describe-replication-groups --region {region}",
  means = "When the one node is lost, everything that needs the cache stands still.",
  todo = "Use a replication group of two nodes with automatic failover and Multi-AZ.",
  test = function(live)
    if live.Engine == "memcached" then return control.skip("memcached has no replicas: its nodes share the keys") end
    if live.alone then return control.fail("one node that stands alone") end
    if live.AutomaticFailover ~= "enabled" then return control.fail("automatic failover is off") end
    return control.judge(live.MultiAZ == "enabled", "failover and Multi-AZ are on", "all nodes are in one zone")
  end,
}
