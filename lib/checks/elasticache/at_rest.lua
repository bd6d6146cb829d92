--- 1.1, 8.3: what a cache writes to disk is encrypted.
local control = require "checks"

return control {
  id = "elasticache-encryption-at-rest", title = "Caches are encrypted at rest", severity = "critical",
  fsbp = "ElastiCache.4", requirement = "8.3, 1.1", subjects = "elasticache.cache", needs = {},
  command = "tidelock call elasticache describe-cache-clusters --show-cache-clusters-not-in-replication-groups "
    .. "--region {region}",
  means = "Snapshots and swap of the cache can be read by whoever gets at the disk. It cannot be switched on later: "
    .. "the cache must be replaced.",
  todo = "Replace the cache by an encrypted replication group.",
  test = function(live)
    if live.alone and live.Engine == "memcached" then return control.skip("memcached writes nothing to disk") end
    return control.judge(live.AtRestEncryptionEnabled == true, "encrypted at rest", live.alone
      and "a cluster that stands alone, not encrypted at rest" or "not encrypted at rest")
  end,
}
