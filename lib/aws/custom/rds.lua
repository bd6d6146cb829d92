--- RDS, Neptune, DocumentDB: a copy from another region carries a URL signed for that region.
local COPIES <const> = {CopyDBClusterSnapshot = true, CreateDBCluster = true, CopyDBSnapshot = true,
  CreateDBInstanceReadReplica = true, StartDBInstanceAutomatedBackupsReplication = true}

return {
  input = function(call, given)
    local c, region = call.client, given.SourceRegion
    if not COPIES[call.op.name] or call.presigning then return given end
    given.SourceRegion = nil                    -- ours alone; the service does not know it
    if region == nil or given.PreSignedUrl ~= nil then return given end
    given.PreSignedUrl = c.session:derive {region = region}:client(c.name):presign(call.op.name, given,
      {more = {DestinationRegion = c.settings:region()}})
    return given
  end,
}
