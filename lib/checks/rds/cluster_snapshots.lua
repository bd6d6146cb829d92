--- No snapshot of a database cluster (Aurora) is given to the world.
local control = require "checks"

return control {
  id = "rds-cluster-snapshots-private", title = "No snapshot of a database cluster is public", severity = "critical",
  fsbp = "RDS.1", subjects = "rds.cluster_snapshot", needs = {"rds:DescribeDBClusterSnapshotAttributes"},
  command = "tidelock call rds modify-db-cluster-snapshot-attribute --db-cluster-snapshot-identifier {name} "
    .. "--attribute-name restore --values-to-remove all --region {region}",
  means = "Anybody with an AWS account can restore the cluster and read it.",
  todo = "Take \"all\" out of the snapshot's restore attribute.",
  read = function(aws, subject)
    return aws.rds:describe_db_cluster_snapshot_attributes({DBClusterSnapshotIdentifier = subject.name})
      .DBClusterSnapshotAttributesResult.DBClusterSnapshotAttributes or {}
  end,
  test = function(live)
    for _, attribute in ipairs(live) do
      for _, who in ipairs(attribute.AttributeName == "restore" and attribute.AttributeValues or {}) do
        if who == "all" then return control.fail("everybody may restore it") end
      end
    end
    return control.pass("not public")
  end,
}
