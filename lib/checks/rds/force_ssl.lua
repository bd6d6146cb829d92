--- 1.4, 8.5: the parameter group in use refuses plain connections, and is in effect. Of Aurora that is its cluster's.
local control = require "checks"

local function value_in(parameters)
  local found
  for parameter in parameters do
    if parameter.ParameterName == "rds.force_ssl" then found = parameter.ParameterValue end
  end
  return found
end

local function of_instance(aws, db)
  local out = {}
  for i, group in ipairs(db.DBParameterGroups or {}) do
    out[i] = {name = group.DBParameterGroupName, status = group.ParameterApplyStatus,
      value = value_in(aws.rds:items("describe_db_parameters", {DBParameterGroupName = group.DBParameterGroupName}))}
  end
  return out
end

-- A member says whether it has its cluster's group in force.
local function of_cluster(aws, db)
  local cluster = (aws.rds:describe_db_clusters({DBClusterIdentifier = db.DBClusterIdentifier}).DBClusters or {})[1]
  if not cluster or not cluster.DBClusterParameterGroup then return {} end
  local group = {name = cluster.DBClusterParameterGroup, status = "in-sync", value = value_in(
    aws.rds:items("describe_db_cluster_parameters", {DBClusterParameterGroupName = cluster.DBClusterParameterGroup}))}
  for _, member in ipairs(cluster.DBClusterMembers or {}) do
    if member.DBInstanceIdentifier == db.DBInstanceIdentifier then
      group.status = member.DBClusterParameterGroupStatus or group.status
    end
  end
  return {group}
end

return control {
  id = "rds-force-ssl", title = "PostgreSQL refuses connections without TLS", severity = "critical", fsbp = "RDS.38",
  requirement = "8.5, 1.4", subjects = "rds.db_instance",
  needs = {"rds:DescribeDBParameters", "rds:DescribeDBClusters", "rds:DescribeDBClusterParameters"},
  remedy = "harden/database",
  command = "tidelock call rds describe-db-instances --db-instance-identifier {name} --region {region}",
  means = "Passwords and data go over the network in plain text where a client asks for it.",
  todo = "Attach a parameter group with rds.force_ssl = 1 and reboot if it waits for that.",
  read = function(aws, subject)
    local db = subject.raw
    local engine = db.Engine or ""
    if not engine:find "postgres" then return {} end
    return engine:find "^aurora" and of_cluster(aws, db) or of_instance(aws, db)
  end,
  test = function(groups, subject)
    local engine = subject.raw.Engine or ""
    if not engine:find "postgres" then return control.skip("its engine is " .. engine) end
    if #groups == 0 then return control.fail("it has no parameter group") end
    for _, group in ipairs(groups) do
      if group.value ~= "1" then
        return control.fail("rds.force_ssl is %s in the group in use, %s", group.value or "not set", group.name)
      end
      if group.status ~= "in-sync" then
        return control.fail("rds.force_ssl = 1 in %s, but its status is %s: not in force yet", group.name,
          tostring(group.status))
      end
    end
    return control.pass("rds.force_ssl = 1 in %s, in sync", groups[1].name)
  end,
}
