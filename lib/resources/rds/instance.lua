--- rds.instance: settings of a database that is there already. It is adjusted, never made, replaced or deleted, and not
-- tagged: no --prune and no destroy can reach it. What waits for the maintenance window counts as set, and is told.
local resource = require "resources"

-- Settings under the same name in the live instance; the rest have names of their own there.
local SAME <const> = {"DBInstanceClass", "AllocatedStorage", "MaxAllocatedStorage", "StorageType", "Iops",
  "StorageThroughput", "MultiAZ", "BackupRetentionPeriod", "PreferredBackupWindow", "PreferredMaintenanceWindow",
  "AutoMinorVersionUpgrade", "CopyTagsToSnapshot", "DeletionProtection", "PubliclyAccessible", "EngineVersion",
  "CACertificateIdentifier", "PerformanceInsightsRetentionPeriod", "PerformanceInsightsKMSKeyId", "MonitoringInterval",
  "MonitoringRoleArn", "DatabaseInsightsMode"}
local OTHER <const> = {EnablePerformanceInsights = "PerformanceInsightsEnabled",
  EnableIAMDatabaseAuthentication = "IAMDatabaseAuthenticationEnabled"}
local HARMLESS <const> = {available = true, ["storage-optimization"] = true}

local function groups_of(list)
  local out = {}
  for i, row in ipairs(list or {}) do out[i] = row.VpcSecurityGroupId end
  return out
end

local function pending_of(db)
  local out = {}
  for name, value in pairs(db.PendingModifiedValues or {}) do
    if type(value) ~= "table" and value ~= nil then out[name] = value end
  end
  return out
end

-- Logs that are on, or will be: what is on its way counts.
local function exports_of(db)
  local pending = (db.PendingModifiedValues or {}).PendingCloudwatchLogsExports or {}
  local out, off = {}, {}
  for _, name in ipairs(pending.LogTypesToDisable or {}) do off[name] = true end
  for _, list in ipairs {db.EnabledCloudwatchLogsExports or {}, pending.LogTypesToEnable or {}} do
    for _, name in ipairs(list) do
      if not off[name] then out[#out + 1] = name end
      off[name] = true                                    -- once is enough
    end
  end
  return out
end

local function live_of(db)
  local pending, group = pending_of(db), (db.DBParameterGroups or {})[1] or {}
  local live = {name = db.DBInstanceIdentifier, arn = db.DBInstanceArn, status = db.DBInstanceStatus,
    resource_id = db.DbiResourceId, endpoint = db.Endpoint and db.Endpoint.Address,
    port = db.Endpoint and db.Endpoint.Port, encrypted = db.StorageEncrypted == true,
    parameters = group.ParameterApplyStatus, DBParameterGroupName = group.DBParameterGroupName,
    VpcSecurityGroupIds = groups_of(db.VpcSecurityGroups), EnableCloudwatchLogsExports = exports_of(db)}
  for _, name in ipairs(SAME) do
    live[name] = pending[name]
    if live[name] == nil then live[name] = db[name] end
  end
  for name, called in pairs(OTHER) do
    live[name] = pending[called]
    if live[name] == nil then live[name] = db[called] == true end
  end
  live.MonitoringInterval = live.MonitoringInterval or 0
  live.waiting = resource.encode(pending)
  return live
end

local function find(aws, name)
  return aws.rds:describe_db_instances {DBInstanceIdentifier = name}.DBInstances[1]
end

local function log_changes(live, want)
  local on, out = {}, {EnableLogTypes = {}, DisableLogTypes = {}}
  for _, name in ipairs(live) do on[name] = true end
  for _, name in ipairs(want) do
    if not on[name] then table.insert(out.EnableLogTypes, name) end
    on[name] = nil
  end
  for name in pairs(on) do table.insert(out.DisableLogTypes, name) end
  for key, list in pairs(out) do
    table.sort(list)
    if #list == 0 then out[key] = nil end
  end
  return out
end

-- A database that is being changed refuses another change.
local function settled(aws, name, seconds)
  resource.await(("database %s becoming available"):format(name), function()
    return HARMLESS[find(aws, name).DBInstanceStatus]
  end, seconds or 3600)
end

local function missing(name)
  error({code = "DBInstanceNotFound", message = ("there is no database %s here, and rds.instance adjusts what exists:"
    .. " make or restore it first, or mend the name"):format(name)}, 0)
end

return resource {
  type = "rds.instance",
  about = "Settings of a database instance that exists; it is never made, replaced or deleted",
  model = "modify_db_instance", key = "DBInstanceIdentifier",
  without = {"NewDBInstanceIdentifier", "MasterUserPassword", "CloudwatchLogsExportConfiguration", "TagSpecifications",
    "TdeCredentialPassword"},
  properties = {EnableCloudwatchLogsExports = {"list", "string"}},
  provides = {"arn", "status", "resource_id", "endpoint", "port", "encrypted", "parameters", "waiting"},
  sets = {"VpcSecurityGroupIds", "EnableCloudwatchLogsExports"},
  secrets = {"ApplyImmediately"},                         -- how it is applied, nothing that can be read back
  tags = false,
  absent = {"DBInstanceNotFound", "DBInstanceNotFoundFault"},

  check = function(want)
    if want.PerformanceInsightsRetentionPeriod and want.EnablePerformanceInsights == false then
      return {"PerformanceInsightsRetentionPeriod means nothing where EnablePerformanceInsights is false"}
    end
  end,
  note = function(live)
    if live.waiting ~= "{}" then return "waits for the maintenance window: " .. live.waiting end
    if live.parameters == "pending-reboot" then return "its parameters wait for a reboot" end
  end,
  protected = function() return "a database is never deleted from here" end,

  read = function(aws, want)
    local db = find(aws, want.name)
    return db and live_of(db)
  end,
  all = {"describe_db_instances", "DBInstanceIdentifier"},

  create = function(_, want) missing(want.name) end,
  update = function(aws, live, want, changed)
    local input = {DBInstanceIdentifier = live.name, ApplyImmediately = want.ApplyImmediately == true}
    for name in pairs(changed) do input[name] = want[name] end
    if changed.EnableCloudwatchLogsExports then
      input.EnableCloudwatchLogsExports = nil
      input.CloudwatchLogsExportConfiguration = log_changes(live.EnableCloudwatchLogsExports,
        want.EnableCloudwatchLogsExports)
    end
    -- a role is refused without its interval, an interval without its role
    if input.MonitoringInterval or input.MonitoringRoleArn then
      input.MonitoringInterval = input.MonitoringInterval or live.MonitoringInterval
      input.MonitoringRoleArn = input.MonitoringInterval > 0 and (want.MonitoringRoleArn or live.MonitoringRoleArn)
        or nil
    end
    if input.PerformanceInsightsRetentionPeriod then input.EnablePerformanceInsights = true end
    settled(aws, live.name)
    aws.rds:modify_db_instance(input)
    settled(aws, live.name)
  end,
  delete = function() error({code = "refused", message = "a database is never deleted from here"}, 0) end,
}
