--- 1.2: a cache asks for a token or a user.
local control = require "checks"

return control {
  id = "elasticache-auth", title = "Caches ask for a token or a user", severity = "high", fsbp = "ElastiCache.6",
  requirement = "1.2", subjects = "elasticache.any_cache", needs = {},
  command = "tidelock call elasticache describe-replication-groups --region {region}",
  means = "Whoever reaches the port reads and writes everything.",
  todo = "Set an AUTH token or user groups; both need encryption in transit.",
  test = function(live)
    if live.Engine == "memcached" then return control.skip("memcached has no tokens") end
    local groups = live.UserGroupIds or {}
    return control.judge(live.AuthTokenEnabled == true or #groups > 0, "it asks who is there",
      "it asks for no token and has no user groups")
  end,
}
