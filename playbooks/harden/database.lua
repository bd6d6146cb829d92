--- Databases that take nothing in plain: TLS enforced by the parameter group in force, asked for by the applications
-- and proved by knocking; backups, protection from deletion, login by IAM, no public address; Performance Insights,
-- enhanced monitoring and logs. Databases are adjusted, never replaced.
playbook {
  name = "harden/database",
  about = "TLS enforced and proved on every PostgreSQL found; closed, backed up, watched",
  vars = {
    reboot = {"string", default = "ask", choices = {"ask", "window", "no"},
      about = "a new parameter group is in force after a reboot: asked for, in the maintenance window, or left to you"},
    urls = {"string", default = "ask", choices = {"ask", "leave"},
      about = "connection URLs without TLS in task definitions and secrets: changed when asked, or only shown"},
    sslmode = {"string", default = "require", choices = {"require", "verify-full"},
      about = "what they get; verify-full only after the certificate was proved against ca"},
    ca = {"string", default = "", about = "file of authorities that the applications have, for the proof"},
    probe = {"string", default = "auto", choices = {"auto", "must", "no"},
      about = "knock at the databases: where they can be reached, or it fails, or not at all"},
    tunnel = {"string", default = "", about = "host:port where a single database is reached instead, such as a tunnel"},
    public = {"string", default = "ask", choices = {"ask", "leave"},
      about = "a public address is taken away when asked, or left"},
    backups = {"integer", default = 7, min = 1, max = 35, about = "days that backups are kept at least"},
    slow = {"integer", default = 1000, min = 0, about = "milliseconds from which a statement is logged"},
  },
}

local PARAMETERS = {["rds.force_ssl"] = "1", log_connections = "1", log_disconnections = "1", log_statement = "ddl",
  log_min_duration_statement = tostring(var.slow)}
local LOGS = {"postgresql", "upgrade"}
local KEPT = {postgresql = 30, upgrade = 90}                        -- days, as harden/logs gives them by their names

-- ## What there is

local function parameters_of(group)
  local out = {}
  for p in aws.rds:items("describe_db_parameters", {DBParameterGroupName = group, Source = "user"}) do
    out[p.ParameterName] = p.ParameterValue
  end
  return out
end

-- The log groups that RDS will write to, and that are not there yet.
local function no_groups(name)
  local out, there = {}, {}
  for g in aws.logs:items("describe_log_groups", {logGroupNamePrefix = "/aws/rds/instance/" .. name .. "/"}) do
    there[g.logGroupName] = true
  end
  for _, kind in ipairs(LOGS) do
    local group = "/aws/rds/instance/" .. name .. "/" .. kind
    if not there[group] then out[#out + 1] = {name = group, days = KEPT[kind]} end
  end
  return out
end

local function database(i)
  local group = i.DBParameterGroups[1]
  local kind = aws.rds:describe_db_parameter_groups {DBParameterGroupName = group.DBParameterGroupName}
    .DBParameterGroups[1]
  return {name = i.DBInstanceIdentifier, encrypted = i.StorageEncrypted == true, user = i.MasterUsername,
    database = i.DBName or "postgres", host = i.Endpoint and i.Endpoint.Address, port = i.Endpoint and i.Endpoint.Port,
    group = group.DBParameterGroupName, status = group.ParameterApplyStatus, family = kind.DBParameterGroupFamily,
    about = kind.Description, parameters = parameters_of(group.DBParameterGroupName),
    no_groups = no_groups(i.DBInstanceIdentifier),
    logs = i.EnabledCloudwatchLogsExports or {}, insights = i.PerformanceInsightsEnabled == true,
    kept = i.PerformanceInsightsRetentionPeriod, every = i.MonitoringInterval or 0, role = i.MonitoringRoleArn,
    window = i.PreferredMaintenanceWindow, backups = i.BackupRetentionPeriod or 0,
    public = i.PubliclyAccessible == true, replica = i.ReadReplicaSourceDBInstanceIdentifier ~= nil}
end

-- Variables that hold a connection URL of PostgreSQL with less TLS than is wanted. Their values go nowhere.
local function weak_variables(definition)
  local out = {}
  for _, c in ipairs(definition.containerDefinitions or {}) do
    for _, e in ipairs(c.environment or {}) do
      for _, url in ipairs(postgres.urls(e.value, var.sslmode)) do
        out[#out + 1] = {name = c.name .. "'s variable " .. e.name, host = url.host, sslmode = url.sslmode}
      end
    end
  end
  return out
end

-- The secrets that a task definition takes: the ARN is all before a key, a stage or a version.
local function secrets_of(definition, service, out)
  for _, c in ipairs(definition.containerDefinitions or {}) do
    for _, s in ipairs(c.secrets or {}) do
      local arn = s.valueFrom:match "^arn:[^:]+:secretsmanager:[^:]*:%d+:secret:[^:]+"
      if arn then
        out[arn] = out[arn] or {arn = arn, services = {}}
        table.insert(out[arn].services, {cluster = service.cluster, name = service.name})
      end
    end
  end
end

-- One that may not be read is told of, and keeps nothing from being hardened.
local function weak_secret(row)
  local ok, got = pcall(function() return aws.secretsmanager:get_secret_value {SecretId = row.arn} end)
  if not ok then
    if type(got) == "table" and (got.code == "AccessDeniedException" or got.code == "ResourceNotFoundException") then
      row.unread = got.code
      return
    end
    error(got, 0)
  end
  row.version, row.weak = got.VersionId, postgres.urls(got.SecretString, var.sslmode)
end

local services = include("harden/services", {whose = "databases"}).services

local function look_at_urls(list, out)
  local secrets = {}
  task.map(list, function(s)
    if not s.uses then return end                                   -- what it runs is decided for each task set
    local definition = aws.ecs:describe_task_definition {taskDefinition = s.uses}.taskDefinition
    local weak = weak_variables(definition)
    if #weak > 0 then
      out.services[#out.services + 1] = {cluster = s.cluster, name = s.name, uses = s.uses, weak = weak}
    end
    secrets_of(definition, s, secrets)
  end, {concurrency = 8})
  table.sort(out.services, function(a, b) return a.cluster .. "/" .. a.name < b.cluster .. "/" .. b.name end)
  for _, row in pairs(secrets) do out.secrets[#out.secrets + 1] = row end
  task.map(out.secrets, weak_secret, {concurrency = 8})
end

-- Why a database is left as it is, or nil. Aurora and clusters in three zones enforce TLS by a group of the cluster,
-- and refuse a change of one member; one that does not run refuses any.
local function left(i)
  if i.Engine:find "^aurora" then return "it is Aurora: set rds.force_ssl in its cluster's parameter group" end
  if i.DBClusterIdentifier then
    return ("it is one of the cluster %s: set rds.force_ssl in the cluster's parameter group"):format(
      i.DBClusterIdentifier)
  end
  if not i.DBParameterGroups or not i.DBParameterGroups[1] or i.DBInstanceStatus:find "^stop"
    or i.DBInstanceStatus:find "^delet" or i.DBInstanceStatus:find "^creat" then
    return ("it is %s: run this again when it is available"):format(i.DBInstanceStatus)
  end
end

local function look_at_databases(out)
  local instances = {}
  for i in aws.rds:items("describe_db_instances", {}) do
    if i.Engine:find "postgres" then
      local why = left(i)
      if why then out.left[#out.left + 1] = i.DBInstanceIdentifier .. " is left as it is: " .. why end
      if not why then instances[#instances + 1] = i end
    end
  end
  out.databases = task.map(instances, database, {concurrency = 8})
  table.sort(out.databases, function(a, b) return a.name < b.name end)
end

local found = find "databases and who connects to them" {run = function()
  local out = {services = {}, secrets = {}, left = {}}
  task.all {function() look_at_databases(out) end, function() look_at_urls(services, out) end}
  return out
end}

local databases = found.databases or {}
for _, line in ipairs(found.left or {}) do print(line) end

-- ## The applications first: what connects in plain today would be locked out

local plain = 0

local function told(whose, list)
  for _, w in ipairs(list) do
    print(("%s: %s connects to %s with sslmode=%s"):format(whose, w.name or w.key and "its member " .. w.key or "it",
      w.host, w.sslmode or "none"))
  end
  plain = plain + #list
end

for _, s in ipairs(found.services or {}) do
  told(s.cluster .. "/" .. s.name, s.weak)
end
for _, row in ipairs(found.secrets or {}) do
  local name = row.arn:match ":secret:(.+)$"
  if row.unread then print(("secret %s could not be looked at (%s)"):format(name, row.unread)) end
  told("secret " .. name, row.weak or {})
end

-- Every value of an environment goes as a secret: nothing of it may be written down on the way.
local function secured(definition)
  local input = {family = definition.family}
  for _, name in ipairs {"taskRoleArn", "executionRoleArn", "networkMode", "volumes", "placementConstraints",
    "requiresCompatibilities", "cpu", "memory", "pidMode", "ipcMode", "proxyConfiguration", "inferenceAccelerators",
    "ephemeralStorage", "runtimePlatform", "enableFaultInjection", "containerDefinitions"} do
    input[name] = definition[name]
  end
  for _, c in ipairs(input.containerDefinitions) do
    for _, e in ipairs(c.environment or {}) do e.value = postgres.secured(e.value, var.sslmode) end
  end
  return input
end

-- With what they run now: days may lie between the look and the word for it, and what was put right meanwhile, as by
-- harden/tasks, must not come back.
local function as_they_run(list)
  return task.map(list, function(s)
    local live = aws.ecs:describe_services {cluster = s.cluster, services = {s.name}}.services[1] or {}
    return {cluster = s.cluster, name = s.name, uses = live.status == "ACTIVE" and live.taskDefinition or nil}
  end, {concurrency = 8})
end

local function secure(s)
  local found_now = aws.ecs:describe_task_definition {taskDefinition = s.uses, include = {"TAGS"}}
  local input = secured(found_now.taskDefinition)
  if found_now.tags and #found_now.tags > 0 then input.tags = found_now.tags end
  local made = aws.ecs:register_task_definition(input).taskDefinition.taskDefinitionArn
  aws.ecs:update_service {cluster = s.cluster, service = s.name, taskDefinition = made}
  return {cluster = s.cluster, name = s.name, before = s.uses}
end

-- A new version of the secret; tasks see it when they start, so the services that use it start anew.
local function secure_secret(row)
  local value = aws.secretsmanager:get_secret_value {SecretId = row.arn}
  local made = aws.secretsmanager:put_secret_value {SecretId = row.arn,
    SecretString = postgres.secured(value.SecretString, var.sslmode)}
  for _, s in ipairs(row.services) do
    aws.ecs:update_service {cluster = s.cluster, service = s.name, forceNewDeployment = true}
  end
  return {arn = row.arn, services = row.services, before = value.VersionId, after = made.VersionId}
end

local function put_back(done)
  for _, s in ipairs(done.services) do
    aws.ecs:update_service {cluster = s.cluster, service = s.name, taskDefinition = s.before}
  end
  for _, row in ipairs(done.secrets) do
    aws.secretsmanager:update_secret_version_stage {SecretId = row.arn, VersionStage = "AWSCURRENT",
      MoveToVersionId = row.before, RemoveFromVersionId = row.after}
    for _, s in ipairs(row.services) do
      aws.ecs:update_service {cluster = s.cluster, service = s.name, forceNewDeployment = true}
    end
  end
end

local function where(db)
  local host, port = var.tunnel:match "^(.+):(%d+)$"
  return {host = db.host, port = math.tointeger(port) or db.port, at = host, user = db.user, database = db.database,
    ca = var.ca ~= "" and var.ca or nil, timeout = 5}
end

-- Killed on the way, a step that only looks, or sets what it set to the same, is run again.
local function again() return false end

-- verify-full locks out every application whose authorities do not know the certificate: it is proved first.
if var.sslmode == "verify-full" then
  step "prove that the certificates are known to the applications" {
    run = function()
      for _, db in ipairs(databases) do
        local who, err = postgres.tls(where(db))
        if not who then
          error(("%s: %s. Nothing was changed; give the file of authorities that the applications have: --var ca=FILE")
            :format(db.name, err.message), 0)
        end
        print(("%s: certificate of %s, signed by %s"):format(db.name, who.subject or "?", who.issuer or "?"))
      end
    end,
    probe = again,
  }
end

step "ask for TLS in connection URLs" {
  when = function() return plain > 0 and var.urls == "ask" end,
  confirm = "change",
  run = function()
    local live, done = {services = {}, secrets = {}}, {services = {}, secrets = {}}
    look_at_urls(as_they_run(services), live)
    for i, s in ipairs(live.services) do done.services[i] = secure(s) end
    for _, row in ipairs(live.secrets) do
      if #(row.weak or {}) > 0 then table.insert(done.secrets, secure_secret(row)) end
    end
    return done
  end,
  undo = put_back,
}

-- ## What watches the machine: the role that writes its figures

local ARN = "arn:" .. account.partition .. ":"
local role
if #databases > 0 then
  role = ensure.iam.role {
    name = account.prefix .. "-rds-enhanced-monitoring-role",
    Description = "RDS writes the figures of enhanced monitoring",
    AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
      Principal = {Service = "monitoring.rds.amazonaws.com"},
      Condition = {StringEquals = {["aws:SourceAccount"] = account.id},
        StringLike = {["aws:SourceArn"] = ARN .. "rds:" .. account.region .. ":" .. account.id .. ":db:*"}}}}},
    ManagedPolicyArns = {ARN .. "iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"},
    tags = {Purpose = "enhanced monitoring of databases"},
  }
end

-- ## The databases

local STRICTER = {none = 0, ddl = 1, mod = 2, all = 3}

-- What a person set stricter stays.
local function parameters(db)
  local out = {}
  for name, value in pairs(PARAMETERS) do out[name] = value end
  local statement, slow = db.parameters.log_statement, tonumber(db.parameters.log_min_duration_statement)
  if (STRICTER[statement] or 0) > STRICTER.ddl then out.log_statement = statement end
  if slow and slow >= 0 and slow < var.slow then out.log_min_duration_statement = tostring(slow) end
  return out
end

local function with(list, more)
  local out, have = {}, {}
  for _, name in ipairs(list) do out[#out + 1], have[name] = name, true end
  for _, name in ipairs(more) do
    if not have[name] then out[#out + 1] = name end
  end
  return out
end

-- AWS's own group cannot be changed: the database gets one of its own. A group that people made is theirs, and stays
-- theirs: only the parameters are set, without a tag of ours.
local function group_of(db)
  if db.group:find "^default%." then
    local begins = db.name:sub(1, #account.prefix) == account.prefix
    return ensure.rds.parameter_group {name = (begins and "" or account.prefix .. "-") .. db.name .. "-tls",
      DBParameterGroupFamily = db.family, Description = "TLS enforced, connections and slow statements logged",
      Parameters = parameters(db)}
  end
  return ensure.rds.parameter_group {name = db.group, DBParameterGroupFamily = db.family, Description = db.about,
    Parameters = parameters(db), ignore = {"Tags"}, protect = true}
end

-- The first backup stops a database for a moment; a longer retention does not. A replica has that of its source.
local function backups_of(db)
  if db.replica then return nil end
  if db.backups > 0 then return math.max(var.backups, db.backups) end
  print(("%s keeps no backups, and to switch them on interrupts it. When it suits: tidelock call rds modify-db-instance"
    .. " --db-instance-identifier %s --backup-retention-period %d --apply-immediately"):format(db.name, db.name,
    var.backups))
end

-- RDS makes a group with its first line, for ever: so it is made before that, with an end. Those that are there have
-- lines, about which harden/logs asks.
local new_groups = {}
for _, db in ipairs(databases) do
  for _, group in ipairs(db.no_groups) do new_groups[#new_groups + 1] = group end
end

local function make(group)
  local ok, err = pcall(function() aws.logs:create_log_group {logGroupName = group.name} end)
  if not ok and not (type(err) == "table" and err.code == "ResourceAlreadyExistsException") then error(err, 0) end
  aws.logs:put_retention_policy {logGroupName = group.name, retentionInDays = group.days}
end

if #new_groups > 0 then
  step "make the databases' log groups, with an end" {
    run = function() for _, group in ipairs(new_groups) do make(group) end end,
    probe = again,
  }
end

for _, db in ipairs(databases) do
  ensure.rds.instance {
    name = db.name, DBParameterGroupName = group_of(db).name,
    EnablePerformanceInsights = true, PerformanceInsightsRetentionPeriod = math.max(7, db.kept or 7),
    MonitoringInterval = db.every > 0 and math.min(60, db.every) or 60,
    MonitoringRoleArn = db.every > 0 and db.role or role.arn,
    EnableCloudwatchLogsExports = with(db.logs, LOGS),
    DeletionProtection = true, AutoMinorVersionUpgrade = true,
    BackupRetentionPeriod = backups_of(db),
    EnableIAMDatabaseAuthentication = true,                   -- users with a password go on as before
    ApplyImmediately = true,                                  -- none of these interrupts anything
  }
  if not db.encrypted then
    print(db.name .. ": its storage is not encrypted, and cannot be in place: copy a snapshot with a key and"
      .. " restore it")
  end
end

-- ## Open to the world: whoever comes from outside the VPC would be locked out, so a person says so

local open = {}
for _, db in ipairs(databases) do
  if db.public then
    open[#open + 1] = db.name
    print(db.name .. " has a public address: whoever comes by it will have to come by the VPC instead")
  end
end

local function set_public(names, public)
  for _, name in ipairs(names) do
    aws.rds:modify_db_instance {DBInstanceIdentifier = name, PubliclyAccessible = public, ApplyImmediately = true}
    aws.rds:wait("db_instance_available", {DBInstanceIdentifier = name}, {delay = 5, timeout = 1800})
  end
end

if #open > 0 and var.public == "ask" then
  step "close databases to the world" {
    confirm = "close", later = true,
    run = function()
      set_public(open, false)
      return open
    end,
    probe = again,
    undo = function(names) set_public(names, true) end,
  }
end

-- ## In force: a group that is new to a database waits for its reboot

local WEEK, DAY = 604800, 86400
local DAYS = {thu = 0, fri = 1, sat = 2, sun = 3, mon = 4, tue = 5, wed = 6}   -- 1970 began on a Thursday

-- Seconds until "sun:03:00-sun:04:00" begins; 0 inside it.
local function until_window(text, at)
  local day, hour, minute, last, h2, m2 = (text or ""):match "^(%a+):(%d+):(%d+)%-(%a+):(%d+):(%d+)$"
  if not day then return 0 end
  local begins = DAYS[day] * DAY + hour * 3600 + minute * 60
  local lasts = (DAYS[last] * DAY + h2 * 3600 + m2 * 60 - begins) % WEEK
  local since = (at - begins) % WEEK
  return math.tointeger(since < lasts and 0 or WEEK - since)
end

local function state_of(name)
  local i = aws.rds:describe_db_instances {DBInstanceIdentifier = name}.DBInstances[1]
  return i.DBInstanceStatus, i.DBParameterGroups[1].ParameterApplyStatus
end

for _, db in ipairs(databases) do
  if var.reboot == "window" and (db.group:find "^default%." or db.status == "pending-reboot") then
    park {tostring(until_window(db.window, now())), why = "the maintenance window of " .. db.name}
  end
  local parameters_are = wait_until("it is known whether " .. db.name .. " waits for a reboot") {timeout = "15m",
    test = function()
      local _, status = state_of(db.name)
      return status ~= "applying" and status
    end}
  step("reboot " .. db.name) {
    when = function() return parameters_are == "pending-reboot" and var.reboot ~= "no" end,
    confirm = var.reboot == "ask" and db.name or nil,
    run = function() aws.rds:reboot_db_instance {DBInstanceIdentifier = db.name} end,
    probe = function()
      local _, status = state_of(db.name)
      return status ~= "pending-reboot"
    end,
  }
  if var.reboot == "no" then
    check(db.name .. " has its parameters in force") {severity = "warning", test = function()
      local _, status = state_of(db.name)
      return status == "in-sync", status .. "; reboot it when it suits you"
    end}
  else
    wait_until(db.name .. " has its parameters in force") {timeout = "30m", every = 5, test = function()
      local status, parameters_status = state_of(db.name)
      return status == "available" and parameters_status == "in-sync"
    end}
  end
end

-- ## Proof: in plain it must be refused, with TLS it must answer

local function knock(db)
  local said, err = postgres.probe(where(db))
  if not said then
    if var.probe == "must" then error(db.name .. ": " .. err.message, 0) end
    print(("NOT PROVED that %s refuses plain connections: %s. Run it where the database can be reached (probe=must)")
      :format(db.name, err.message))
    return {proved = false}
  end
  if said.plain ~= "refused" then error(db.name .. " takes plain connections: " .. said.said, 0) end
  if not said.tls then error(db.name .. " refuses plain connections, but with TLS: " .. said.why, 0) end
  print(("%s refuses plain connections: %s; it answers with %s, certificate of %s, signed by %s"):format(db.name,
    said.said, said.tls.version, said.tls.subject or "?", said.tls.issuer or "?"))
  return {proved = true}
end

for _, db in ipairs(databases) do
  if var.probe ~= "no" and db.host then
    step("knock at " .. db.name) {run = function() return knock(db) end, probe = again}
  end
end

-- What is not encrypted cannot be by this; until it is moved, or accepted for a while in the account file, it is told.
check "1.4 databases are encrypted at rest" {controls = "rds-encrypted"}
