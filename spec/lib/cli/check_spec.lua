-- tidelock check and the security runbook on moto: a weak account and one as it should be.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local moto = require "support.moto"
local program = require "support.program"

local BLOCK <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = true}

-- Each leaves one thing as nobody should.
local function weaken(s, id)
  s.s3:create_bucket {Bucket = "open-" .. id}
  s.s3:put_bucket_acl {Bucket = "open-" .. id, ACL = "public-read"}
  s.sqs:create_queue {QueueName = "plain", Attributes = {SqsManagedSseEnabled = "false"}}
  s.dynamodb:create_table {TableName = "old", BillingMode = "PAY_PER_REQUEST",
    AttributeDefinitions = {{AttributeName = "id", AttributeType = "S"}},
    KeySchema = {{AttributeName = "id", KeyType = "HASH"}}}
  s.elasticache:create_cache_cluster {CacheClusterId = "old-redis", Engine = "redis", CacheNodeType = "cache.t3.micro",
    NumCacheNodes = 1}
  s.rds:create_db_instance {DBInstanceIdentifier = "db", Engine = "postgres", DBInstanceClass = "db.t3.micro",
    AllocatedStorage = 20, MasterUsername = "u", MasterUserPassword = "not-a-real-one", PubliclyAccessible = true}
  s.logs:create_log_group {logGroupName = "/ecs/api"}
  s.kms:create_key {}
  s.iam:create_user {UserName = "u"}
  s.iam:create_access_key {UserName = "u"}
  s.iam:create_login_profile {UserName = "u", Password = "Not-a-real-one-1"}
  local arn = s.iam:create_policy({PolicyName = "all", PolicyDocument = json.encode {Version = "2012-10-17",
    Statement = {{Effect = "Allow", Action = "*", Resource = "*"}}}}).Policy.Arn
  s.iam:attach_user_policy {UserName = "u", PolicyArn = arn}
  s.ecs:create_cluster {clusterName = "main"}
  s.ecs:register_task_definition {family = "api", requiresCompatibilities = {"FARGATE"}, networkMode = "awsvpc",
    cpu = "256", memory = "512", containerDefinitions = {{name = "api", image = "api:1", environment = {
      {name = "DB_PASSWORD", value = "hunter2"}}}}}
  s.secretsmanager:create_secret {Name = "redis", SecretString = "x"}
  s.cloudwatch:put_metric_alarm {AlarmName = "quiet", MetricName = "M", Namespace = "N", Period = 60,
    EvaluationPeriods = 1, Threshold = 1, ComparisonOperator = "GreaterThanThreshold", Statistic = "Sum"}
end

local function private(s, name)
  s.s3:create_bucket {Bucket = name}
  s.s3:put_public_access_block {Bucket = name, PublicAccessBlockConfiguration = BLOCK}
  s.s3:put_bucket_versioning {Bucket = name, VersioningConfiguration = {Status = "Enabled"}}
  local all = {"arn:aws:s3:::" .. name, "arn:aws:s3:::" .. name .. "/*"}
  s.s3:put_bucket_policy {Bucket = name, Policy = json.encode {Version = "2012-10-17", Statement = {
    {Effect = "Deny", Principal = "*", Action = "s3:*", Resource = all,
      Condition = {Bool = {["aws:SecureTransport"] = "false"}}},
    {Effect = "Allow", Principal = {Service = "cloudtrail.amazonaws.com"}, Action = {"s3:GetBucketAcl",
      "s3:PutObject"}, Resource = all}}}}
end

local function watch(s, id)
  local bucket = "logs-" .. id
  private(s, bucket)
  local key = s.kms:create_key {}.KeyMetadata
  s.kms:enable_key_rotation {KeyId = key.KeyId}
  s.cloudtrail:create_trail {Name = "trail", S3BucketName = bucket, IsMultiRegionTrail = true,
    EnableLogFileValidation = true, KmsKeyId = key.Arn, IncludeGlobalServiceEvents = true}
  s.cloudtrail:put_event_selectors {TrailName = "trail", AdvancedEventSelectors = {{Name = "all", FieldSelectors = {
    {Field = "eventCategory", Equals = {"Management"}}}}}}
  s.cloudtrail:start_logging {Name = "trail"}
  s.guardduty:create_detector {Enable = true, Features = {{Name = "S3_DATA_EVENTS", Status = "ENABLED"}}}
  s.events:put_rule {Name = "guardduty", State = "ENABLED", EventPattern = json.encode {source = {"aws.guardduty"},
    detail = {severity = {{numeric = {">=", 7}}}}}}
  local topic = s.sns:create_topic {Name = "security", Attributes = {Policy = json.encode {Version = "2012-10-17",
    Statement = {{Effect = "Allow", Principal = {Service = "events.amazonaws.com"}, Action = "sns:Publish",
      Resource = "*"}}}}}.TopicArn
  s.events:put_targets {Rule = "guardduty", Targets = {{Id = "1", Arn = topic}}}
  s.securityhub:enable_security_hub {EnableDefaultStandards = false}
  s.securityhub:batch_enable_standards {StandardsSubscriptionRequests = {{StandardsArn =
    "arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0"}}}
end

local function harden(s, id)
  watch(s, id)
  s.s3control:put_public_access_block {AccountId = id, PublicAccessBlockConfiguration = BLOCK}
  s.iam:update_account_password_policy {MinimumPasswordLength = 14, PasswordReusePrevention = 24}
  s.accessanalyzer:create_analyzer {analyzerName = "a", type = "ACCOUNT"}
  s.elasticache:create_replication_group {ReplicationGroupId = "redis", ReplicationGroupDescription = "r",
    Engine = "redis", AtRestEncryptionEnabled = true, TransitEncryptionEnabled = true, NumCacheClusters = 2,
    AutomaticFailoverEnabled = true, MultiAZEnabled = true, AuthToken = "not-a-real-token-0",
    SnapshotRetentionLimit = 7, CacheNodeType = "cache.t3.micro"}
  s.rds:create_db_parameter_group {DBParameterGroupName = "tls", DBParameterGroupFamily = "postgres16",
    Description = "tls"}
  s.rds:modify_db_parameter_group {DBParameterGroupName = "tls", Parameters = {{ParameterName = "rds.force_ssl",
    ParameterValue = "1", ApplyMethod = "immediate"}}}
  s.rds:create_db_instance {DBInstanceIdentifier = "db", Engine = "postgres", DBInstanceClass = "db.t3.micro",
    AllocatedStorage = 20, MasterUsername = "u", MasterUserPassword = "not-a-real-one", PubliclyAccessible = false,
    StorageEncrypted = true, DeletionProtection = true, BackupRetentionPeriod = 7, AutoMinorVersionUpgrade = true,
    DBParameterGroupName = "tls", EnablePerformanceInsights = true, MonitoringInterval = 60,
    MonitoringRoleArn = "arn:aws:iam::123456789012:role/m"}
  s.logs:create_log_group {logGroupName = "/ecs/api"}
  s.logs:put_retention_policy {logGroupName = "/ecs/api", retentionInDays = 30}
  s.ecs:create_cluster {clusterName = "main", settings = {{name = "containerInsights", value = "enhanced"}}}
end

describe("tidelock check", function()
  local server <const> = moto.start {region = "us-east-1"}
  local state, restore

  setup(function() state = fs.tempdir "check_spec" end)
  teardown(function()
    server:stop()
    os.execute("rm -rf '" .. state .. "'")
  end)
  before_each(function()
    server:reset()
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = state}))
  end)
  after_each(function() restore() end)

  local run <const> = program.run

  local function session()
    return server:session()
  end

  local ACCOUNT <const> = "--account=playbooks/accounts/example.lua"

  local function failing(...)
    local code, out, err = run("check", "--output", "json", ...)
    assert.is_true(code == 0 or code == 1 or code == 2, err)
    local failed, passed = {}, {}
    for _, r in ipairs(json.decode(out).results) do
      if r.result == "fail" then failed[r.id] = r.evidence end
      if r.result == "pass" then passed[r.id] = true end
      assert.is_true(r.result ~= "error", r.id .. ": " .. r.evidence)
    end
    return failed, passed, code
  end

  it("finds what is wrong with a weak account", function()
    weaken(session(), server.account)
    local failed, _, code = failing(ACCOUNT)
    assert.equal(1, code)
    for _, id in ipairs {"guardduty-enabled", "securityhub-enabled", "cloudtrail-multi-region", "iam-root-mfa",
      "s3-account-public-access", "s3-bucket-public-access", "s3-bucket-not-public", "s3-bucket-tls-only",
      "s3-bucket-versioning", "rds-force-ssl", "rds-not-public", "rds-encrypted", "rds-deletion-protection",
      "rds-backups", "rds-performance-insights", "rds-monitoring", "elasticache-encryption-at-rest",
      "elasticache-encryption-in-transit", "elasticache-auth", "elasticache-failover", "elasticache-backups",
      "dynamodb-tables-expected", "dynamodb-point-in-time-recovery", "sqs-queues-expected", "sqs-encryption",
      "sns-cost-publishers", "ecs-container-insights", "ecs-task-roles", "ecs-no-literal-secrets", "kms-rotation",
      "secretsmanager-rotation", "logs-retention", "cloudwatch-alarm-actions", "budgets-forecast-alert",
      "budgets-actual-alert", "ce-anomaly-alerts", "iam-user-mfa", "iam-no-admin-policy", "iam-password-policy",
      "accessanalyzer-findings"} do
      assert.is_string(failed[id], id .. " does not fail")
    end
    assert.matches("api.DB_PASSWORD", failed["ecs-no-literal-secrets"])
  end)

  it("passes what is as it should be, and then only the root's MFA is left of what is critical", function()
    assert.equal(0, (run("apply", "playbooks/provision/all.lua", ACCOUNT, "--yes", "--quiet")))
    harden(session(), server.account)
    local failed, passed = failing(ACCOUNT)
    for _, id in ipairs {"guardduty-enabled", "guardduty-findings", "guardduty-s3-protection", "guardduty-notified",
      "securityhub-enabled", "securityhub-best-practices", "cloudtrail-multi-region", "cloudtrail-logging",
      "cloudtrail-validation", "cloudtrail-encryption", "cloudtrail-bucket-private", "s3-account-public-access",
      "s3-bucket-public-access", "s3-bucket-not-public", "s3-bucket-tls-only", "s3-bucket-versioning",
      "rds-force-ssl", "rds-not-public", "rds-encrypted", "rds-deletion-protection", "rds-backups",
      "rds-performance-insights", "rds-monitoring", "elasticache-encryption-at-rest",
      "elasticache-encryption-in-transit", "elasticache-auth", "elasticache-failover", "elasticache-backups",
      "dynamodb-tables-expected", "dynamodb-ttl", "dynamodb-point-in-time-recovery", "dynamodb-encryption",
      "sqs-queues-expected", "sqs-queue-settings", "sqs-dead-letters", "sqs-encryption", "sqs-dead-letter-retention",
      "sns-cost-publishers", "budgets-forecast-alert", "budgets-actual-alert", "ce-anomaly-alerts", "logs-retention",
      "ecs-container-insights", "kms-rotation", "iam-password-policy", "accessanalyzer-findings"} do
      assert.is_true(passed[id] and not failed[id], ("%s: %s"):format(id, failed[id] or "did not pass"))
    end
    local critical = failing(ACCOUNT, "--severity", "critical")
    assert.same({["iam-root-mfa"] = "root has no MFA"}, critical)
    local code, _, err = run("check", ACCOUNT, "--requirement", "8")
    assert.equal(0, code, err)
  end)

  it("tells an open finding of GuardDuty, and not one that is archived", function()
    local s = session()
    local id = s.guardduty:create_detector({Enable = true}).DetectorId
    s.guardduty:create_sample_findings {DetectorId = id}
    local failed, _, code = failing("guardduty-findings")
    assert.equal(1, code)
    assert.matches("1 finding of severity 7 or more", failed["guardduty-findings"])
    s.guardduty:archive_findings {DetectorId = id,
      FindingIds = s.guardduty:list_findings({DetectorId = id}).FindingIds}
    assert.equal(0, (run("check", "guardduty-findings")))
  end)

  it("accepts what the account file suppresses until its day, and counts only what a baseline does not know", function()
    local path = state .. "/weak.lua"
    local function account(expires)
      local f = assert(io.open(path, "w"))
      f:write(([[return {prefix = "x", env = "test", region = "us-east-1", suppressions = {{control = "iam-root-mfa",
        reason = "hardware key is ordered", owner = "ops", expires = "%s"}}}]]):format(expires))
      f:close()
    end
    account "2999-01-01"
    local code, out = run("check", "iam-root-mfa", "--account", path, "--all")
    assert.equal(0, code)
    assert.matches("Accepted by ops until 2999%-01%-01: hardware key is ordered", out)
    account "2020-01-01"
    code, out = run("check", "iam-root-mfa", "--account", path)
    assert.equal(1, code)
    assert.matches("by ops expired on 2020%-01%-01", out)
    local base = state .. "/base.json"
    assert.equal(1, (run("check", "--service", "iam", "--output", "json", "--out", base)))
    code, out = run("check", "--service", "iam", "--baseline", base)
    assert.equal(0, code)
    assert.matches("2 more failures are in the baseline and not shown", out)
    assert.equal(2, (run("check", "--service", "iam", "--service", "kms", "--service", "config", "--baseline", base)))
  end)

  it("asks each region that --regions names, and what is global once", function()
    local code, out = run("check", "guardduty-enabled", "iam-root-mfa", "--regions", "us-east-1,eu-west-1",
      "--output", "json")
    assert.equal(1, code)
    local regions = {}
    for i, r in ipairs(json.decode(out).results) do regions[i] = r.id .. " " .. r.region end
    assert.same({"guardduty-enabled us-east-1", "guardduty-enabled eu-west-1", "iam-root-mfa us-east-1"}, regions)
  end)

  it("names each region once, and tells all that is wrong with its words at once, before anything is asked", function()
    local code, out = run("check", "guardduty-enabled", "--regions", "us-east-1,us-east-1", "--output", "json")
    assert.same({1, 1}, {code, #json.decode(out).results})
    local err
    code, out, err = run("check", "rds-forc-ssl", "--service", "s33", "--requirement", "99", "--regions", "us-east1",
      "--baseline", state, "--out", state .. "/none/x", "--org-role", "Audit", "--fix", "--output", "html")
    assert.same({64, ""}, {code, out})
    for _, what in ipairs {'no control has the id "rds-forc-ssl"; did you mean "rds-force-ssl"?', '"s33"; did you mean',
      'no control has the requirement "99"', '"us-east1" is none', "--baseline cannot be read",
      "--out cannot be written", "--org-role is for --org", "only as text"} do
      assert.is_truthy(err:find(what, 1, true), what .. " is not in: " .. err)
    end
    code, out, err = run("check", "--regions", "")
    assert.same({64, ""}, {code, out})
    assert.matches("it names none", err)
  end)

  it("leaves what was in the file of --out until the new report is there", function()
    local path = state .. "/kept.json"
    local file = assert(io.open(path, "w"))
    file:write "of yesterday"
    file:close()
    assert.equal(64, (run("check", "--out", path, "--id", "none")))
    assert.equal(1, (run("check", "--out", state .. "/new.json", "--output", "json", "iam-root-mfa")))
    file = assert(io.open(path))
    assert.equal("of yesterday", file:read "a")
    file:close()
    assert.equal(64, (run("check", "--out", state .. "/unborn.json", "--id", "none")))
    assert.is_nil(io.open(state .. "/unborn.json"))
  end)

  it("plans each playbook that repairs what failed once, with --fix, and changes nothing", function()
    local code, out, err = run("check", "--requirement", "8.1", "--requirement", "8.2", "--fix", ACCOUNT)
    assert.equal(2, code, err)
    local first, last = out:find "What repairs it: playbooks/provision/messaging.lua"
    assert.is_number(first, out)
    assert.is_nil(out:find("What repairs it", last, true))
    assert.matches("Plan: 6 to create, 0 to update", out)
    assert.matches("Nothing was changed", out)
    assert.equal(2, (run("check", "--requirement", "8.2", ACCOUNT)))
    session().s3:create_bucket {Bucket = "forgetful-" .. server.account}
    code, out, err = run("check", "--fix", "--id", "s3-bucket-versioning", ACCOUNT)
    session().s3:delete_bucket {Bucket = "forgetful-" .. server.account}
    assert.equal(2, code, err)
    assert.matches("repair: tidelock plan playbooks/harden/storage.lua %-%-account %S+ %-%-var 'versioned=%*'", out)
    assert.matches("What repairs it: playbooks/harden/storage.lua", out, 1, true)
    code, out, err = run("check", "--fix", "--output", "json")
    assert.equal("", out)
    assert.equal(64, code)
    assert.matches("only as text", err)
  end)

  it("answers in every form it offers, lists controls and their IAM actions", function()
    for format, pattern in pairs {junit = "^<%?xml", ocsf = '"class_uid": 2003', markdown = "^# Checks of account",
      html = "^<!doctype html>", text = "CRITICAL"} do
      local code, out, err = run("check", "iam-root-mfa", "--output", format)
      assert.equal(1, code, err)
      assert.matches(pattern, out)
    end
    local code, out = run("check", "--list", "--requirement", "8.5")
    assert.equal(0, code)
    assert.matches("^critical +rds%-force%-ssl", out)
    code, out = run("check", "rds-force-ssl", "--actions")
    assert.equal(0, code)
    assert.equal("rds:DescribeDBClusterParameters\nrds:DescribeDBClusters\nrds:DescribeDBInstances\n"
      .. "rds:DescribeDBParameters\n", out)
    code, out = run("check", "iam-root-mfa", "--actions", "--org", "--regions", "all")
    assert.equal(0, code)
    assert.equal("ec2:DescribeRegions\niam:GetAccountSummary\norganizations:ListAccounts\nsts:AssumeRole\n", out)
  end)

  it("exits 64 for a control that does not exist, and 1 where nothing answers", function()
    local code, _, err = run("check", "iam-root-mfs")
    assert.equal(64, code)
    assert.matches('did you mean "iam%-root%-mfa"', err)
    code = run("check", "iam-root-mfa", "--endpoint-url", "http://127.0.0.1:1")
    assert.equal(69, code)
  end)

  it("runs the security runbook: exit 1 on a weak account, with what it means and what to do", function()
    local code, out, err = run("run", "playbooks/runbooks/security.lua", ACCOUNT)
    assert.equal(1, code, err)
    assert.matches('x   check "8.1 DynamoDB: every expected table is there": 2 not so', err)
    assert.matches("means:  Costs or alerts are written to a table that does not exist", err)
    assert.matches("repair: tidelock plan playbooks/provision/messaging.lua %-%-account playbooks/accounts/example.lua",
      err)
    assert.matches("Checks: %d+ passed, %d+ failed, 0 could not be made, %d+ skipped. %d+ reads, 0 writes", out)
    code, out, err = run("run", "playbooks/runbooks/inventory.lua", ACCOUNT)
    assert.equal(2, code, err)
    assert.matches("example%-rate%-limiter%-queue: there is no such queue", err)
    assert.matches("2 passed, 3 failed", out)
    assert.matches('ok  check "Tables that are there %(8%.1%)": none', err)
    assert.equal(0, (run("apply", "playbooks/provision/all.lua", ACCOUNT, "--yes", "--quiet")))
    code, out, err = run("run", "playbooks/runbooks/inventory.lua", ACCOUNT)
    assert.matches("5 passed, 0 failed, 0 could not be made, 1 skipped", out)    -- no cluster is expected
    assert.equal(0, code, err)
    for _, line in ipairs {
      'Tables that are there (8.1)": 2: example-ai-costs-production, example-cost-alerts-production',
      'Queues that are there (8.2)": 4: example-hybrid-workflows-dlq.fifo, example-hybrid-workflows.fifo'} do
      assert.is_truthy(err:find(line, 1, true), err)
    end
  end)

  it("tells a playbook's word that names no control, at its line, before any request", function()
    local path = state .. "/p.lua"
    local f = assert(io.open(path, "w"))
    f:write 'playbook {name = "spec/word"}\ncheck "x" {controls = "rds-force-sll"}\n'
    f:close()
    local code, _, err = run("plan", path, "--endpoint-url", "http://127.0.0.1:1")
    assert.equal(65, code)
    assert.matches(':2: check "x": no control has the id "rds%-force%-sll"; did you mean "rds%-force%-ssl"', err)
  end)

  it("--org looks into every account of the organization, and says where each thing is", function()
    local s = session()
    s.organizations:create_organization {FeatureSet = "ALL"}
    local id = s.organizations:create_account({AccountName = "second", Email = "second@example.com"})
      .CreateAccountStatus.AccountId
    local who = s.sts:get_caller_identity {}
    local inside = require "checks.organization".session(s, {id = id}, "auditor", who)
    inside.sqs:create_queue {QueueName = "plain", Attributes = {SqsManagedSseEnabled = "false"}}
    local code, out, err = run("check", "sqs-encryption", "--org", "--org-role", "auditor", "--no-color")
    assert.equal(2, code, err)
    assert.is_truthy(out:find("2 accounts of the organization of " .. who.Account, 1, true))
    assert.is_truthy(out:find(id .. " plain: no encryption is set", 1, true))
  end)
end)
