--- 1.4, 8.5: the parameter group in use refuses plain connections, and is in effect.
local control = require "checks"

return control {
  id = "rds-force-ssl", title = "PostgreSQL refuses connections without TLS", severity = "critical",
  requirement = "8.5, 1.4", subjects = "rds.db_instance", needs = {"rds:DescribeDBParameters"},
  remedy = "harden/database",
  command = "tidelock call rds describe-db-instances --db-instance-identifier {name} --region {region}",
  means = "Passwords and data go over the network in plain text where a client asks for it.",
  todo = "Attach a parameter group with rds.force_ssl = 1 and reboot if it waits for that.",
  read = function(aws, subject)
    local out = {}
    for i, group in ipairs(subject.raw.DBParameterGroups or {}) do
      local found
      for parameter in aws.rds:items("describe_db_parameters", {DBParameterGroupName = group.DBParameterGroupName}) do
        if parameter.ParameterName == "rds.force_ssl" then found = parameter.ParameterValue end
      end
      out[i] = {name = group.DBParameterGroupName, status = group.ParameterApplyStatus, value = found}
    end
    return out
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
