--- No snapshot is given to the world.
local control = require "checks"

return control {
  id = "rds-snapshots-private", title = "No database snapshot is public", severity = "critical", fsbp = "RDS.1",
  subjects = "rds.snapshot", needs = {"rds:DescribeDBSnapshotAttributes"},
  command = "tidelock call rds modify-db-snapshot-attribute --db-snapshot-identifier {name} --attribute-name restore "
    .. "--values-to-remove all --region {region}",
  means = "Anybody with an AWS account can restore the database and read it.",
  todo = "Take \"all\" out of the snapshot's restore attribute.",
  read = function(aws, subject)
    return aws.rds:describe_db_snapshot_attributes({DBSnapshotIdentifier = subject.name})
      .DBSnapshotAttributesResult.DBSnapshotAttributes or {}
  end,
  test = function(live)
    for _, attribute in ipairs(live) do
      if attribute.AttributeName == "restore" then
        for _, who in ipairs(attribute.AttributeValues or {}) do
          if who == "all" then return control.fail("everybody may restore it") end
        end
      end
    end
    return control.pass("not public")
  end,
}
