--- A cache can be put back.
local control = require "checks"

return control {
  id = "elasticache-backups", title = "Caches keep snapshots", severity = "medium", fsbp = "ElastiCache.1",
  subjects = "elasticache.any_cache", needs = {},
  command = "tidelock call elasticache describe-snapshots --region {region}",
  means = "What the cache held is gone after a mistake.",
  todo = "Keep automatic snapshots for 7 days.",
  test = function(live)
    if live.alone and live.Engine == "memcached" then return control.skip("memcached knows no snapshots") end
    local days = live.SnapshotRetentionLimit or 0
    return control.judge(days > 0, ("snapshots are kept for %d days"):format(days), "no snapshot is kept")
  end,
}
