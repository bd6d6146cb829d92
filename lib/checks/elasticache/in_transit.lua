--- 1.1, 8.3: nobody on the network reads along with a cache.
local control = require "checks"

return control {
  id = "elasticache-encryption-in-transit", title = "Caches are encrypted in transit", severity = "critical",
  fsbp = "ElastiCache.5", requirement = "8.3, 1.1", subjects = "elasticache.cache", needs = {},
  command = "tidelock call elasticache describe-cache-clusters --show-cache-clusters-not-in-replication-groups "
    .. "--region {region}",
  means = "Sessions and tokens go over the network in plain text.",
  todo = "Replace the cache by an encrypted replication group, or require TLS where it is only preferred.",
  test = function(live)
    if live.TransitEncryptionEnabled ~= true then return control.fail("not encrypted in transit") end
    if live.TransitEncryptionMode == "preferred" then
      return control.fail("TLS is offered, but plain connections are accepted too")
    end
    return control.pass("TLS is required")
  end,
}
