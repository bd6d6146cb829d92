-- harden/database on the unhardened account: TLS enforced, in force, asked for by the applications, and proved against
-- a real PostgreSQL; settings added without weakening what is there.
local account = require "support.account"
local hardening = require "support.hardening"
local oracle = require "support.oracle"
local real = require "support.postgres"

local PASSWORD <const> = "Plain-Sight-7"

describe("harden/database", function()
  local host, names, session, boto
  setup(function() boto = oracle.start() end)
  teardown(function() boto:stop() end)
  before_each(function()
    host = hardening.start()
    session = host.session
  end)
  after_each(function() host:close() end)

  local function build(parts) names = account.build(host, {only = parts or {"data"}, encrypted = true}) end
  local function instance()
    return boto:call({url = host.server.url, region = "us-east-1", account = host.account}, "rds",
      "DescribeDBInstances", {}).output.DBInstances[1]
  end
  local function parameters(group)
    local out = {}
    for p in session.rds:items("describe_db_parameters", {DBParameterGroupName = group}) do
      out[p.ParameterName] = p.ParameterValue
    end
    return out
  end
  local function apply(...)
    return host:apply("harden/database", "--approve", "ask for TLS in connection URLs", "--approve",
      "reboot example-postgres-production", "--approve", "close databases to the world", ...)
  end
  local function set(input)
    input.DBInstanceIdentifier = "example-postgres-production"
    session.rds:modify_db_instance(input)
  end
  local function own_group(values)
    session.rds:create_db_parameter_group {DBParameterGroupName = "theirs", DBParameterGroupFamily = "postgres16",
      Description = "by hand"}
    for name, value in pairs(values) do
      session.rds:modify_db_parameter_group {DBParameterGroupName = "theirs", Parameters = {{ParameterName = name,
        ParameterValue = value, ApplyMethod = "immediate"}}}
    end
    set {DBParameterGroupName = "theirs"}
    session.rds:reboot_db_instance {DBInstanceIdentifier = "example-postgres-production"}
  end

  it("makes the log groups that RDS would make for ever, with an end, and leaves those that are there", function()
    build()
    local function name(kind) return "/aws/rds/instance/example-postgres-production/" .. kind end
    session.logs:create_log_group {logGroupName = name "upgrade"}
    local code, text = apply()
    assert.equal(0, code, text)
    assert.same({[name "postgresql"] = 30, [name "upgrade"] = false}, host:retention())
    session.logs:delete_log_group {logGroupName = name "upgrade"}
    assert.equal(0, (apply()))
    assert.same({[name "postgresql"] = 30, [name "upgrade"] = 90}, host:retention())
    code, text = apply()
    assert.equal(0, code, text)
    assert.matches(" 0 writes", text)
    code, text = host:apply "harden/logs"
    assert.equal(0, code, text)
    assert.same({[name "postgresql"] = 30, [name "upgrade"] = 90}, host:retention())
  end)
  it("1.4, 8.5 leaves a group in force that enforces TLS, and logs who connects and what is slow", function()
    build()
    assert.equal(2, (host:run("check", "rds-performance-insights", "rds-monitoring")))
    local code, text = apply()
    assert.equal(0, code, text)
    local group = instance().DBParameterGroups[1]
    assert.equal("example-postgres-production-tls", group.DBParameterGroupName)
    assert.equal("in-sync", group.ParameterApplyStatus)
    local live = parameters(group.DBParameterGroupName)
    assert.equal("1", live["rds.force_ssl"])
    assert.equal("1", live.log_connections)
    assert.equal("1", live.log_disconnections)
    assert.equal("ddl", live.log_statement)
    assert.equal("1000", live.log_min_duration_statement)
    local exit, said = host:run("check", "rds-force-ssl", "rds-performance-insights", "rds-monitoring")
    assert.equal(0, exit, said)
    assert.matches("Checks: 0 failed, 3 passed", said)
  end)
  it("6.4 leaves Performance Insights for 7 days, monitoring each minute with its role, and logs", function()
    build()
    assert.equal(0, (apply()))
    local live = instance()
    assert.is_true(live.PerformanceInsightsEnabled)
    assert.equal(7, live.PerformanceInsightsRetentionPeriod)
    assert.equal(60, live.MonitoringInterval)
    assert.equal(("arn:aws:iam::%s:role/example-rds-enhanced-monitoring-role"):format(host.account),
      live.MonitoringRoleArn)
    table.sort(live.EnabledCloudwatchLogsExports)
    assert.same({"postgresql", "upgrade"}, oracle.plain(live.EnabledCloudwatchLogsExports))
    local role = session.iam:get_role {RoleName = "example-rds-enhanced-monitoring-role"}.Role.AssumeRolePolicyDocument
    local text = type(role) == "table" and require "tidelock.json".encode(role) or role
    assert.is_truthy(text:find(host.account, 1, true))
    local attached = session.iam:list_attached_role_policies {RoleName = "example-rds-enhanced-monitoring-role"}
    assert.equal("AmazonRDSEnhancedMonitoringRole", attached.AttachedPolicies[1].PolicyName)
  end)
  it("makes no write when it is applied again", function()
    build()
    assert.equal(0, (apply()))
    local code, text = host:apply "harden/database"
    assert.equal(0, code, text)
    assert.matches("%d+ reads, 0 writes", text)
    assert.matches('check "1.4 databases are encrypted at rest": 1 as it should be', text, 1, true)
  end)
  it("does all it can for one whose storage is not encrypted, and fails by that until somebody accepts it", function()
    names = account.build(host, {only = {"data"}})
    local code, text = apply()
    assert.equal(1, code, text)
    assert.matches("its storage is not encrypted, and cannot be in place: copy a snapshot", text)
    assert.matches("critical, rds-encrypted: not so", text, 1, true)
    assert.equal("in-sync", instance().DBParameterGroups[1].ParameterApplyStatus)
    local file = host.state .. "/accepted.lua"
    assert(require "tidelock.fs".write(file, ([[return {name = "example", prefix = "example", env = "production",
      region = "us-east-1", suppressions = {{control = "rds-encrypted", subject = "example-postgres-production",
        reason = "moved in the next window", owner = "ops", expires = "%s"}}}]]):format(
        os.date("!%Y-%m-%d", os.time() + 86400))))
    code, text = host:run("apply", "playbooks/harden/database.lua", "--account", file, "--yes", "--quiet")
    assert.equal(0, code, text)
    assert.matches("moved in the next window", text, 1, true)
  end)

  it("backs up for 7 days, protects from deletion, lets in by IAM, takes minor versions, and closes it to the world",
    function()
      build()
      local before = instance()
      assert.same({1, false, true}, {before.BackupRetentionPeriod, before.DeletionProtection,
        before.PubliclyAccessible})
      set {AutoMinorVersionUpgrade = false}
      assert.equal(0, (apply()))
      local live = instance()
      assert.same({7, true, false, true, true}, {live.BackupRetentionPeriod, live.DeletionProtection,
        live.PubliclyAccessible, live.IAMDatabaseAuthenticationEnabled, live.AutoMinorVersionUpgrade})
    end)
  it("closes it only after asking, and leaves a longer retention of backups", function()
    build()
    set {BackupRetentionPeriod = 30}
    local code, text = host:apply("harden/database", "--approve", "reboot example-postgres-production")
    assert.equal(75, code, text)
    assert.matches('step "close databases to the world" waits for a confirmation', text)
    assert.same({true, 30}, {instance().PubliclyAccessible, instance().BackupRetentionPeriod})
  end)
  it("switches no backups on by itself, because that interrupts, and says how", function()
    build()
    set {BackupRetentionPeriod = 0}
    local _, text = apply()
    assert.matches("keeps no backups, and to switch them on interrupts it", text)
    assert.equal(0, instance().BackupRetentionPeriod)
  end)

  describe("the reboot", function()
    it("waits for a person: nothing is interrupted unasked", function()
      build()
      local code, text = host:apply("harden/database", "--var", "public=leave")
      assert.equal(75, code, text)
      assert.equal("pending-reboot", instance().DBParameterGroups[1].ParameterApplyStatus)
      code, text = host:run("resume", text:match "tidelock resume (%S+)", "--approve",
        "reboot example-postgres-production")
      assert.equal(0, code, text)
      assert.equal("in-sync", instance().DBParameterGroups[1].ParameterApplyStatus)
    end)
    -- From and to these seconds from now; AWS refuses one that meets the window of backups, which is moved away.
    local function maintained(from, to)
      local function at(seconds) return os.date("!%a:%H:%M", os.time() + seconds):lower() end
      local away = os.date("!%H", os.time() + 10 * 3600)
      set {PreferredMaintenanceWindow = at(from) .. "-" .. at(to),
        PreferredBackupWindow = ("%s:00-%s:30"):format(away, away)}
    end

    it("waits for the maintenance window where that is wanted", function()
      build()
      maintained(2 * 3600, 3 * 3600)
      local before = os.time()
      local code, text = host:apply("harden/database", "--var", "public=leave", "--var", "reboot=window")
      assert.equal(75, code, text)
      local minutes = text:match "Parked %(the maintenance window of example%-postgres%-production%) for 1h(%d+)m"
      local most = 2 + (os.time() - before) // 60            -- the seconds of its minute, and what the run took
      assert.is_true(minutes and tonumber(minutes) >= 60 - most, text)
      assert.equal("pending-reboot", instance().DBParameterGroups[1].ParameterApplyStatus)
    end)
    it("is done inside the window, unasked", function()
      build()
      maintained(-1800, 1800)
      local code, text = host:apply("harden/database", "--var", "public=leave", "--var", "reboot=window")
      assert.equal(0, code, text)
      assert.equal("in-sync", instance().DBParameterGroups[1].ParameterApplyStatus)
    end)
    it("is waited for where AWS still applies the group: it is not known yet whether it is needed", function()
      local slow = hardening.start {slow = 1.5}
      account.build(slow, {only = {"data"}, encrypted = true})
      local rds = slow.session.rds
      rds:wait("db_instance_available", {DBInstanceIdentifier = "example-postgres-production"}, {delay = 0.2})
      local code, text = slow:apply("harden/database", "--var", "public=leave", "--approve",
        "reboot example-postgres-production")
      assert.equal(0, code, text)
      local group = rds:describe_db_instances {}.DBInstances[1].DBParameterGroups[1]
      assert.same({"example-postgres-production-tls", "in-sync"}, {group.DBParameterGroupName,
        group.ParameterApplyStatus})
      slow:close()
    end)
    it("is left to people where that is wanted, and told as a warning", function()
      build()
      local code, text = host:apply("harden/database", "--var", "public=leave", "--var", "reboot=no")
      assert.equal(2, code, text)
      assert.matches("pending%-reboot; reboot it when it suits you", text)
    end)
  end)

  it("leaves alone what it cannot change, and says why: Aurora, and what does not run", function()
    build()
    session.rds:create_db_cluster {DBClusterIdentifier = "c", Engine = "aurora-postgresql", StorageEncrypted = true,
      MasterUsername = "app", MasterUserPassword = PASSWORD}
    session.rds:create_db_instance {DBInstanceIdentifier = "au", Engine = "aurora-postgresql",
      DBInstanceClass = "db.r5.large", DBClusterIdentifier = "c", StorageEncrypted = true}
    session.rds:create_db_cluster {DBClusterIdentifier = "zones", Engine = "postgres", MasterUsername = "app",
      MasterUserPassword = PASSWORD, StorageEncrypted = true, DBClusterInstanceClass = "db.m5d.large",
      AllocatedStorage = 100, StorageType = "io1", Iops = 1000}
    session.rds:create_db_instance {DBInstanceIdentifier = "zones-1", Engine = "postgres", StorageEncrypted = true,
      DBInstanceClass = "db.m5d.large", DBClusterIdentifier = "zones"}
    session.rds:stop_db_instance {DBInstanceIdentifier = "example-postgres-production"}
    local code, text = host:apply("harden/database", "--var", "public=leave")
    assert.equal(0, code, text)
    assert.matches("au is left as it is: it is Aurora: set rds.force_ssl in its cluster's parameter group", text)
    assert.matches("zones%-1 is left as it is: it is one of the cluster zones: set rds.force_ssl", text)
    assert.matches("example%-postgres%-production is left as it is: it is stopped: run this again", text)
    assert.matches("0 writes", text)
  end)

  describe("what people have set", function()
    it("stays where it is stricter, and their group stays theirs: no tag, no reboot", function()
      build()
      own_group {log_statement = "all", log_min_duration_statement = "250", ["rds.force_ssl"] = "0"}
      set {EnablePerformanceInsights = true, PerformanceInsightsRetentionPeriod = 93, MonitoringInterval = 15,
        MonitoringRoleArn = "arn:aws:iam::123456789012:role/theirs"}
      local code, text = host:apply("harden/database", "--var", "public=leave")
      assert.equal(0, code, text)
      local live, group = instance(), parameters "theirs"
      assert.equal("theirs", live.DBParameterGroups[1].DBParameterGroupName)
      assert.equal("in-sync", live.DBParameterGroups[1].ParameterApplyStatus)
      assert.equal("1", group["rds.force_ssl"])
      assert.equal("all", group.log_statement)
      assert.equal("250", group.log_min_duration_statement)
      assert.equal(93, live.PerformanceInsightsRetentionPeriod)
      assert.equal(15, live.MonitoringInterval)
      assert.equal("arn:aws:iam::123456789012:role/theirs", live.MonitoringRoleArn)
      assert.same({}, session.rds:list_tags_for_resource {
        ResourceName = ("arn:aws:rds:us-east-1:%s:pg:theirs"):format(host.account)}.TagList or {})
    end)
    it("is all that is left out of the plan: half of it done by hand, only the other half is planned", function()
      build()
      own_group {["rds.force_ssl"] = "1", log_connections = "1", log_disconnections = "1", log_statement = "ddl",
        log_min_duration_statement = "1000"}
      local _, plan = host:run("plan", "playbooks/harden/database.lua", hardening.ACCOUNT)
      assert.matches("rds%.instance/example%-postgres%-production%s+update", plan)
      assert.is_nil(plan:find "rds%.parameter_group/[%w-]+%s+update")
      assert.is_nil(plan:find "DBParameterGroupName%s+.*%->")
    end)
  end)

  describe("the applications", function()
    local function environment(family)
      local d = session.ecs:describe_task_definition {taskDefinition = family}.taskDefinition
      local out = {}
      for _, e in ipairs(d.containerDefinitions[1].environment) do out[e.name] = e.value end
      return out, d
    end
    local function written(what)
      local p = io.popen(("grep -rlF -- '%s' '%s'"):format(what, host.state))
      local found = p:read "a"
      p:close()
      return found
    end
    it("are shown, and changed only after asking; what is secret is written down nowhere", function()
      build {"network", "containers", "data"}
      local before = environment(names.secret_family)
      local code, text = host:apply("harden/database", "--var", "public=leave")
      assert.equal(75, code, text)
      assert.matches("example%-cluster/api: api's variable DATABASE_URL connects to "
        .. "example%-postgres%-production.local with sslmode=none", text)
      assert.matches('Step "ask for TLS in connection URLs" needs a confirmation', text)
      assert.equal(before.DATABASE_URL, environment(names.secret_family).DATABASE_URL)
      code, text = host:run("resume", text:match "tidelock resume (%S+)", "--approve", "ask for TLS in connection URLs",
        "--approve", "reboot example-postgres-production")
      assert.equal(0, code, text)
      local after, definition = environment(names.secret_family)
      assert.equal(before.DATABASE_URL .. "?sslmode=require", after.DATABASE_URL)
      assert.equal(before.API_KEY, after.API_KEY)
      assert.equal("256", definition.cpu)
      assert.equal(definition.taskDefinitionArn, session.ecs:describe_services {cluster = "example-cluster",
        services = {"api"}}.services[1].taskDefinition)
      assert.is_nil(text:find(PASSWORD, 1, true))
      assert.equal("", written(PASSWORD))
      assert.equal("", written(before.API_KEY))
    end)
    it("keep what was released while the run waited for the word: only the URL changes in it", function()
      build {"network", "containers", "data"}
      local code, text = host:apply("harden/database", "--var", "public=leave")
      assert.equal(75, code, text)
      local ecs = session.ecs
      local old = ecs:describe_task_definition {taskDefinition = names.secret_family}.taskDefinition
      local c = old.containerDefinitions[1]
      ecs:register_task_definition {family = names.secret_family, cpu = "512", memory = old.memory,
        networkMode = old.networkMode, requiresCompatibilities = old.requiresCompatibilities,
        executionRoleArn = old.executionRoleArn, taskRoleArn = old.taskRoleArn,
        containerDefinitions = {{name = c.name, image = "released:meanwhile", environment = c.environment}}}
      ecs:update_service {cluster = "example-cluster", service = "api", taskDefinition = names.secret_family}
      code, text = host:run("resume", text:match "tidelock resume (%S+)", "--approve", "ask for TLS in connection URLs",
        "--approve", "reboot example-postgres-production")
      assert.equal(0, code, text)
      local runs = ecs:describe_services {cluster = "example-cluster", services = {"api"}}.services[1].taskDefinition
      local live = ecs:describe_task_definition {taskDefinition = runs}.taskDefinition
      assert.same({"512", "released:meanwhile"}, {live.cpu, live.containerDefinitions[1].image})
      assert.matches("sslmode=require", environment(names.secret_family).DATABASE_URL)
    end)
    it("go back to what they ran before where the run is undone", function()
      build {"network", "containers", "data"}
      local uses = session.ecs:describe_services {cluster = "example-cluster", services = {"api"}}.services[1]
        .taskDefinition
      local code, text = host:apply("harden/database", "--var", "public=leave", "--approve",
        "ask for TLS in connection URLs", "--approve", "reboot example-postgres-production", "--var", "probe=must",
        "--on-failure", "undo")
      assert.equal(1, code, text)
      assert.matches("All done steps were undone", text)
      assert.equal(uses, session.ecs:describe_services {cluster = "example-cluster", services = {"api"}}.services[1]
        .taskDefinition)
    end)
    it("take their URL from a secret: it is changed there, and put back where the run is undone", function()
      build()
      local url = ("postgresql://app:%s@db.local/app"):format(PASSWORD)
      local arn = session.secretsmanager:create_secret {Name = "example/db", SecretString = url}.ARN
      session.ecs:create_cluster {clusterName = "c"}
      session.ecs:register_task_definition {family = "f", containerDefinitions = {{name = "a", image = "i", memory = 64,
        secrets = {{name = "DATABASE_URL", valueFrom = arn}}}}}
      session.ecs:create_service {cluster = "c", serviceName = "s", taskDefinition = "f", desiredCount = 1}
      local function value() return session.secretsmanager:get_secret_value {SecretId = arn}.SecretString end
      local function plain(v)
        local secret = require "tidelock.secret"
        return secret.is(v) and secret.reveal(v) or v
      end
      local code, text = apply("--var", "probe=must", "--on-failure", "undo")
      assert.equal(1, code, text)
      assert.equal(url, plain(value()))
      code, text = apply("--new")
      assert.equal(0, code, text)
      assert.matches("secret example/db%-%w+: it connects to db.local with sslmode=none", text)
      assert.equal(url .. "?sslmode=require", plain(value()))
      assert.equal("", written(PASSWORD))
    end)
  end)

  describe("knocking", function()
    local server, address
    setup(function()
      local one = hardening.start()
      account.build(one, {only = {"data"}})
      address = one.session.rds:describe_db_instances {}.DBInstances[1].Endpoint.Address
      one:close()
      server = real.start {name = address}
    end)
    teardown(function() server:stop() end)
    local function knocked(...)
      return apply("--var", "tunnel=127.0.0.1:" .. server.port, "--var", "ca=" .. server.ca, ...)
    end
    it("1.4 proves that a plain connection is refused, and that TLS with a good certificate is not", function()
      build()
      assert.equal(address, instance().Endpoint.Address)
      local code, text = knocked()
      assert.equal(0, code, text)
      assert.matches("refuses plain connections: no pg_hba.conf entry for host .*no encryption; it answers with TLSv1",
        text)
    end)
    it("fails where the database takes a plain connection all the same", function()
      session.rds:create_db_instance {DBInstanceIdentifier = "example-postgres-production", Engine = "postgres",
        EngineVersion = "16.3", DBInstanceClass = "db.t3.micro", AllocatedStorage = 20, MasterUsername = "open",
        MasterUserPassword = PASSWORD}
      local code, text = knocked "--quiet"
      assert.equal(1, code, text)
      assert.matches("example%-postgres%-production takes plain connections", text)
    end)
    it("refuses verify-full where the applications' authorities do not know the certificate", function()
      build()
      local code, text = apply("--var", "tunnel=127.0.0.1:" .. server.port, "--var", "sslmode=verify-full")
      assert.equal(1, code, text)
      assert.matches("certificate.*Nothing was changed; give the file of authorities", text)
      assert.equal("default.postgres16", instance().DBParameterGroups[1].DBParameterGroupName)
      code, text = knocked("--var", "sslmode=verify-full", "--new")
      assert.equal(0, code, text)
    end)
    it("says that nothing is proved where the database cannot be reached, and fails where it must be", function()
      build()
      local code, text = apply()
      assert.equal(0, code, text)
      assert.matches("NOT PROVED that example%-postgres%-production refuses plain connections", text)
      code, text = apply("--var", "probe=must")
      assert.equal(1, code, text)
    end)
  end)
end)
