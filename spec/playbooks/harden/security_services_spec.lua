-- harden/security-services on the unhardened account: what boto3 reads back, and what of others' stays.
local account = require "support.account"
local faults = require "support.faults"
local hardening = require "support.hardening"
local json = require "tidelock.json"
local oracle = require "support.oracle"

local FSBP <const> = "arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0"
local BLOCK <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = true}

local function statement(policy, sid)
  for _, s in ipairs(policy.Statement) do
    if s.Sid == sid then return s end
  end
end

-- A failed control, as Security Hub writes it down.
local function deviation(host, id, label, control, title)
  return {SchemaVersion = "2018-10-08", Id = id, GeneratorId = "aws-foundational-security-best-practices/" .. control,
    ProductArn = "arn:aws:securityhub:us-east-1::product/aws/securityhub", AwsAccountId = host.account,
    Types = {"Software and Configuration Checks"}, CreatedAt = "2026-01-01T00:00:00Z",
    UpdatedAt = "2026-01-01T00:00:00Z", Title = title, Description = title, Severity = {Label = label},
    Compliance = {Status = "FAILED", SecurityControlId = control}, RecordState = "ACTIVE",
    Workflow = {Status = "NEW"}, Resources = {{Type = "Other", Id = "arn:aws:x:::" .. id}},
    Remediation = {Recommendation = {Url = "https://docs.aws.amazon.com/" .. control}}}
end

describe("harden/security-services", function()
  local boto, host, first
  setup(function()
    boto, host = oracle.start(), hardening.start()
    account.build(host, {only = {"storage", "queues", "logs"}})
    local code, text = host:apply "harden/security-services"
    assert.equal(0, code, text)
    first = text
  end)
  teardown(function()
    boto:stop()
    host:close()
  end)

  local function read(service, operation, input)
    local answer = boto:call({url = host.server.url, region = "us-east-1", account = host.account}, service,
      operation, input or {})
    assert.is_nil(answer.error, answer.error and answer.error.message)
    return answer.output
  end
  local function policy_of(bucket) return json.decode(read("s3", "GetBucketPolicy", {Bucket = bucket}).Policy) end
  local function encryption_of(bucket)
    return read("s3", "GetBucketEncryption", {Bucket = bucket}).ServerSideEncryptionConfiguration.Rules[1]
      .ApplyServerSideEncryptionByDefault
  end

  it("2.1 leaves a trail of all regions that logs, and is validated", function()
    local trail = read("cloudtrail", "DescribeTrails").trailList[1]
    assert.same({true, true, true}, {trail.IsMultiRegionTrail, trail.LogFileValidationEnabled,
      trail.IncludeGlobalServiceEvents})
    assert.is_true(read("cloudtrail", "GetTrailStatus", {Name = trail.Name}).IsLogging)
    local key = read("kms", "DescribeKey", {KeyId = trail.KmsKeyId}).KeyMetadata
    assert.is_true(read("kms", "GetKeyRotationStatus", {KeyId = key.KeyId}).KeyRotationEnabled)
    local selectors = read("cloudtrail", "GetEventSelectors", {TrailName = trail.Name}).AdvancedEventSelectors
    assert.same({Field = "eventCategory", Equals = {"Management"}}, selectors[1].FieldSelectors[1])
    assert.equal(1, #selectors[1].FieldSelectors)
  end)
  it("2.1 delivers to a bucket that is encrypted, private, and takes from this trail alone, by TLS alone", function()
    local trail = read("cloudtrail", "DescribeTrails").trailList[1]
    local bucket = trail.S3BucketName
    assert.equal("aws:kms", encryption_of(bucket).SSEAlgorithm)
    assert.same(BLOCK, read("s3", "GetPublicAccessBlock", {Bucket = bucket}).PublicAccessBlockConfiguration)
    local policy = policy_of(bucket)
    assert.equal("false", statement(policy, "TlsOnly").Condition.Bool["aws:SecureTransport"])
    assert.equal(trail.TrailARN, statement(policy, "TrailWrites").Condition.StringEquals["aws:SourceArn"])
  end)
  it("2.2 leaves a detector that is on, with all features of the plan", function()
    local live = read("guardduty", "GetDetector",
      {DetectorId = read("guardduty", "ListDetectors").DetectorIds[1]})
    assert.same({"ENABLED", "FIFTEEN_MINUTES"}, {live.Status, live.FindingPublishingFrequency})
    local on = {}
    for _, f in ipairs(live.Features) do on[f.Name] = f.Status end
    for _, name in ipairs {"S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS",
      "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING"} do assert.equal("ENABLED", on[name], name) end
  end)
  it("2.2 tells of a finding without anybody's hand: from GuardDuty to the topic", function()
    local url = read("sqs", "CreateQueue", {QueueName = "heard"}).QueueUrl
    read("sns", "Subscribe", {Protocol = "sqs", Attributes = {RawMessageDelivery = "true"},
      TopicArn = ("arn:aws:sns:us-east-1:%s:example-guardduty-findings"):format(host.account),
      Endpoint = ("arn:aws:sqs:us-east-1:%s:heard"):format(host.account)})
    local detector = read("guardduty", "ListDetectors").DetectorIds[1]
    read("guardduty", "CreateSampleFindings", {DetectorId = detector,
      FindingTypes = {"CryptoCurrency:EC2/BitcoinTool.B!DNS", "Recon:EC2/PortProbeUnprotectedPort"}})
    local got = read("sqs", "ReceiveMessage", {QueueUrl = url, MaxNumberOfMessages = 10}).Messages
    assert.equal(1, #got)                         -- the one of severity 8, not the one of severity 2
    assert.matches('"GuardDuty 8.0: [SAMPLE] CryptoCurrency:EC2/BitcoinTool.B!DNS"', got[1].Body, 1, true)
    read("guardduty", "ArchiveFindings", {DetectorId = detector,
      FindingIds = read("guardduty", "ListFindings", {DetectorId = detector}).FindingIds})
  end)
  it("2.3 leaves Security Hub on with the best practices, one finding a control, findings of all regions", function()
    local hub = read("securityhub", "DescribeHub")
    assert.same({true, "SECURITY_CONTROL"}, {hub.AutoEnableControls, hub.ControlFindingGenerator})
    local standards = read("securityhub", "GetEnabledStandards").StandardsSubscriptions
    assert.same({1, FSBP, "READY"}, {#standards, standards[1].StandardsArn, standards[1].StandardsStatus})
    local arn = read("securityhub", "ListFindingAggregators").FindingAggregators[1].FindingAggregatorArn
    local gathers = read("securityhub", "GetFindingAggregator", {FindingAggregatorArn = arn})
    assert.same({"us-east-1", "ALL_REGIONS"}, {gathers.FindingAggregationRegion, gathers.RegionLinkingMode})
  end)
  it("2.3 has AWS Config record all there is, by its own role, before the standards look", function()
    local recorder = read("config", "DescribeConfigurationRecorders").ConfigurationRecorders[1]
    assert.equal(("arn:aws:iam::%s:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"):format(
      host.account), recorder.roleARN)
    assert.same({true, true}, {recorder.recordingGroup.allSupported,
      recorder.recordingGroup.includeGlobalResourceTypes})
    local status = read("config", "DescribeConfigurationRecorderStatus").ConfigurationRecordersStatus[1]
    assert.same({recorder.name, true}, {status.name, status.recording})
    local began, standard = first:find "config%.recording/", first:find "securityhub%.standard/"
    assert.is_true(began < standard)
  end)
  it("2.3 has it deliver to a bucket that is encrypted, private, and takes from this account alone", function()
    local bucket = read("config", "DescribeDeliveryChannels").DeliveryChannels[1].s3BucketName
    assert.equal("AES256", encryption_of(bucket).SSEAlgorithm)
    assert.same(BLOCK, read("s3", "GetPublicAccessBlock", {Bucket = bucket}).PublicAccessBlockConfiguration)
    assert.equal("Enabled", read("s3", "GetBucketVersioning", {Bucket = bucket}).Status)
    local policy = policy_of(bucket)
    assert.equal("false", statement(policy, "TlsOnly").Condition.Bool["aws:SecureTransport"])
    for _, sid in ipairs {"ConfigLooks", "ConfigWrites"} do
      assert.equal(host.account, statement(policy, sid).Condition.StringEquals["aws:SourceAccount"], sid)
    end
  end)
  it("2.3 rolls out the rules of CIS, unasked", function()
    local pack = read("config", "DescribeConformancePackStatus").ConformancePackStatusDetails[1]
    assert.same({"example-cis", "CREATE_COMPLETE"}, {pack.ConformancePackName, pack.ConformancePackState})
  end)
  it("2.3 shows deviations as findings: a plan, the worst first, and what repairs them", function()
    local list = {}
    for i = 1, 6 do list[i] = deviation(host, "f" .. i, "MEDIUM", "EC2." .. i, "Medium " .. i) end
    list[7] = deviation(host, "f7", "CRITICAL", "S3.8", "Buckets are open")
    list[8] = deviation(host, "f8", "CRITICAL", "S3.8", "Buckets are open")
    local passed = deviation(host, "p", "CRITICAL", "S3.1", "Passed")
    local settled = deviation(host, "s", "HIGH", "S3.1", "Settled")
    passed.Compliance.Status, settled.Workflow.Status = "PASSED", "SUPPRESSED"
    list[9], list[10] = passed, settled
    read("securityhub", "BatchImportFindings", {Findings = list})
    local code, text = host:apply "harden/security-services"
    assert.equal(0, code, text)
    assert.matches("8 open findings, 7 things to do\n  CRITICAL Buckets are open (Security Hub)\n"
      .. "    on arn:aws:x:::f7 and 1 more\n    do: tidelock apply playbooks/harden/storage.lua\n"
      .. "  MEDIUM Medium 1 (Security Hub)\n    on arn:aws:x:::f1\n    do: https://docs.aws.amazon.com/EC2.1\n",
      text, 1, true)
    assert.matches("Medium 4", text, 1, true)
    assert.is_nil(text:find("Medium 5", 1, true))             -- five are named
    assert.matches("... and 2 more: tidelock run playbooks/runbooks/findings.lua", text, 1, true)
    code, text = host:run("run", "playbooks/runbooks/findings.lua", hardening.ACCOUNT, "--yes", "--output", "json")
    assert.equal(0, code, text)
    assert.matches("Medium 6", text, 1, true)                 -- and all are given
  end)
  it("10.2 makes all three of the first week's plan pass their controls, and AWS Config with them", function()
    local code, text = host:run("check", hardening.ACCOUNT, "--id", "guardduty-enabled", "--id", "guardduty-notified",
      "--id", "guardduty-s3-protection", "--id", "guardduty-protections", "--id", "securityhub-enabled", "--id",
      "securityhub-best-practices", "--id", "securityhub-notified", "--id", "config-recorder", "--id", "cloudtrail-*")
    assert.equal(0, code, text)
    assert.matches("0 failed, 13 passed", text, 1, true)
  end)
  it("makes no write the second time", function()
    local code, text = host:apply "harden/security-services"
    assert.equal(0, code, text)
    assert.matches("was changed: %d+ as declared%..* %d+ reads, 0 writes", text)
  end)
end)

describe("harden/security-services, where some of it is there,", function()
  local host, session
  before_each(function()
    host = hardening.start()
    session = host.session
  end)
  after_each(function() host:close() end)

  local function apply(...)
    local code, text = host:apply("harden/security-services", ...)
    assert.equal(0, code, text)
    return text
  end
  local function plan(...)
    local code, text = host:run("plan", "playbooks/harden/security-services.lua", hardening.ACCOUNT, ...)
    assert.equal(0, code, text)
    return text
  end
  local function bucket(name, service)
    session.s3:create_bucket {Bucket = name}
    session.s3:put_bucket_policy {Bucket = name, Policy = json.encode {Version = "2012-10-17", Statement = {{
      Effect = "Allow", Principal = {Service = service}, Action = {"s3:GetBucketAcl", "s3:PutObject"},
      Resource = {"arn:aws:s3:::" .. name, "arn:aws:s3:::" .. name .. "/*"}}}}}
    return name
  end
  local function config_role()
    return session.iam:create_service_linked_role {AWSServiceName = "config.amazonaws.com"}.Role.Arn
  end
  local function trail(input)
    input.S3BucketName = bucket("logs-" .. input.Name .. host.account, "cloudtrail.amazonaws.com")
    session.cloudtrail:create_trail(input)
    session.cloudtrail:start_logging {Name = input.Name}
  end

  it("switches a suspended detector on, and leaves its other features", function()
    local id = session.guardduty:create_detector {Enable = false, FindingPublishingFrequency = "SIX_HOURS",
      Features = {{Name = "EKS_RUNTIME_MONITORING", Status = "ENABLED"}}}.DetectorId
    local text = apply("--var", "runtime=false")
    assert.matches("guardduty%.detector/detector%s+update, Enable, Features, FindingPublishingFrequency", text)
    local live = session.guardduty:get_detector {DetectorId = id}
    assert.equal("ENABLED", live.Status)
    for _, f in ipairs(live.Features) do
      if f.Name == "EKS_RUNTIME_MONITORING" then assert.equal("ENABLED", f.Status) end
    end
    assert.equal(1, #session.guardduty:list_detectors {}.DetectorIds)
  end)
  it("says that what runs is not seen without an agent, and has GuardDuty put it where that is chosen", function()
    local NOTHING <const> = "GuardDuty sees what runs only where its agent is"
    assert.matches(NOTHING, apply(), 1, true)
    local function agents()
      local out = {}
      local id = session.guardduty:list_detectors {}.DetectorIds[1]
      for _, f in ipairs(session.guardduty:get_detector {DetectorId = id}.Features) do
        for _, a in ipairs(f.AdditionalConfiguration or {}) do out[a.Name] = a.Status end
      end
      return out
    end
    assert.equal("DISABLED", agents().ECS_FARGATE_AGENT_MANAGEMENT)
    assert.is_nil(apply("--var", "agents=fargate"):find(NOTHING, 1, true))
    assert.equal("ENABLED", agents().ECS_FARGATE_AGENT_MANAGEMENT)
    assert.equal("DISABLED", agents().EKS_ADDON_MANAGEMENT)
    local text = apply()                                             -- nobody speaks of it: it stays, and is seen
    assert.is_nil(text:find(NOTHING, 1, true))
    assert.matches(" 0 writes", text, 1, true)
    local code, said = host:run("plan", "playbooks/harden/security-services.lua", hardening.ACCOUNT, "--var",
      "agents=lambda")
    assert.equal(65, code, said)
    assert.matches("agents: lambda is none of fargate, ec2 and eks", said, 1, true)
  end)
  it("leaves the recorder of others as it is, and says what it lacks", function()
    session.config:put_configuration_recorder {ConfigurationRecorder = {name = "default", roleARN = config_role(),
      recordingGroup = {allSupported = false, resourceTypes = {"AWS::S3::Bucket"}}}}
    session.config:put_delivery_channel {DeliveryChannel = {name = "default",
      s3BucketName = bucket("theirs-" .. host.account, "config.amazonaws.com")}}
    local text = plan()
    assert.matches("the recorder default is there already, and left as it is. It does not record: tidelock call config"
      .. " start-configuration-recorder --configuration-recorder-name default --region us-east-1. It does not record"
      .. " all kinds of resources", text, 1, true)
    assert.is_nil(text:find("config.recorder/", 1, true))
    assert.is_nil(text:find("config.delivery_channel/", 1, true))
    assert.matches("the rules of CIS wait until something is recorded", text, 1, true)
    assert.is_nil(text:find("config.conformance_pack/", 1, true))
    session.config:start_configuration_recorder {ConfigurationRecorderName = "default"}
    assert.is_nil(plan():find("It does not record: ", 1, true))
  end)
  it("has the rules of CIS judge what the recorder of others records, and keeps them when somebody stops it", function()
    session.config:put_configuration_recorder {ConfigurationRecorder = {name = "default", roleARN = config_role()}}
    session.config:put_delivery_channel {DeliveryChannel = {name = "default",
      s3BucketName = bucket("theirs-" .. host.account, "config.amazonaws.com")}}
    session.config:start_configuration_recorder {ConfigurationRecorderName = "default"}
    apply()
    assert.equal("example-cis", session.config:describe_conformance_packs {}.ConformancePackDetails[1]
      .ConformancePackName)
    session.config:stop_configuration_recorder {ConfigurationRecorderName = "default"}
    assert.matches("0 to create, 0 to update, 0 to replace, 0 to delete", plan("--prune"), 1, true)
  end)
  it("makes no rules of CIS where that is chosen, and none before anything is recorded", function()
    local code, text = host:apply "harden/config-rules"
    assert.equal(1, code, text)
    assert.matches("AWS Config records nothing in us-east-1, and rules judge what is recorded. First: tidelock apply"
      .. " playbooks/harden/config.lua", text, 1, true)
    apply("--var", "pack=false")
    assert.same({}, session.config:describe_conformance_packs {}.ConformancePackDetails or {})
  end)
  it("leaves the channel of others, and records to it", function()
    session.config:put_configuration_recorder {ConfigurationRecorder = {name = "gone", roleARN = config_role()}}
    session.config:put_delivery_channel {DeliveryChannel = {name = "default",
      s3BucketName = bucket("theirs-" .. host.account, "config.amazonaws.com")}}
    session.config:delete_configuration_recorder {ConfigurationRecorderName = "gone"}
    apply()
    local channels = session.config:describe_delivery_channels {}.DeliveryChannels
    assert.same({1, "default"}, {#channels, channels[1].name})
    local status = session.config:describe_configuration_recorder_status {}.ConfigurationRecordersStatus[1]
    assert.same({"example-config-recorder", true}, {status.name, status.recording})
  end)
  it("makes the role of AWS Config where there is none, and takes the one there is", function()
    local role = config_role()
    assert.matches("=   iam.service_linked_role/AWSServiceRoleForConfig", plan(), 1, true)
    session.iam:delete_service_linked_role {RoleName = "AWSServiceRoleForConfig"}
    assert.matches("iam%.service_linked_role/AWSServiceRoleForConfig%s+create, there is none", plan())
    assert.matches(":role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig", role, 1, true)
  end)
  it("leaves GuardDuty and Security Hub to the account that administers them, and does the rest", function()
    session.guardduty:create_detector {Enable = true, FindingPublishingFrequency = "SIX_HOURS"}
    session.guardduty:enable_organization_admin_account {AdminAccountId = "210987654321"}
    local text = apply()
    assert.matches("guardduty is administered by account 210987654321, and left to it", text, 1, true)
    local id = session.guardduty:list_detectors {}.DetectorIds[1]
    assert.equal("SIX_HOURS", session.guardduty:get_detector {DetectorId = id}.FindingPublishingFrequency)
    assert.is_true(session.cloudtrail:get_trail_status {Name = "example-production-trail"}.IsLogging)
    assert.matches('detector = "' .. id, text, 1, true)
    text = plan("--var", "administered=true")
    assert.matches("guardduty is administered by account 210987654321\n", text, 1, true)
    assert.matches('FindingPublishingFrequency%s+"SIX_HOURS" %-> "FIFTEEN_MINUTES"', text)
  end)
  it("leaves Security Hub to the organisation's delegated administrator", function()
    session.organizations:create_organization {FeatureSet = "ALL"}
    local function member(name)
      return session.organizations:create_account {AccountName = name, Email = name .. "@example.com"}
        .CreateAccountStatus.AccountId
    end
    local admin, one = member "security", member "shop"
    session.securityhub:enable_organization_admin_account {AdminAccountId = admin}
    host.server.env.AWS_ACCESS_KEY_ID = one                      -- an emulated account's key is its number
    require "aws".session {region = "us-east-1", endpoint_url = host.server.url,
      credentials = {access_key_id = one, secret_access_key = "sandbox"}}.securityhub:enable_security_hub {
      EnableDefaultStandards = false}
    local text = plan()
    assert.matches("securityhub is administered by account " .. admin .. ", and left to it", text, 1, true)
    for _, kind in ipairs {"hub", "standard", "finding_aggregator"} do
      assert.is_nil(text:find("securityhub." .. kind .. "/", 1, true), kind)
    end
    assert.matches("guardduty.detector/detector", text, 1, true)
  end)
  it("tells of the organisation's trail, and makes none of its own where that is asked", function()
    trail {Name = "org", IsMultiRegionTrail = true, IsOrganizationTrail = true}
    local planned = plan()
    assert.matches("the organisation's trail org of account " .. host.account .. " records all regions already; the own"
      .. " one beside it is billed as a second copy (--var own_trail=false makes none)", planned, 1, true)
    assert.matches("cloudtrail.trail/example-production-trail", planned, 1, true)
    assert.is_nil(plan("--var", "own_trail=false"):find("cloudtrail.trail/", 1, true))
    apply()                                                     -- made after all: it stays from then on
    session.cloudtrail:stop_logging {Name = "example-production-trail"}
    assert.matches("cloudtrail.trail/example-production-trail", plan("--var", "own_trail=false"), 1, true)
  end)
  it("leaves the analyzer that others have made, which is the one that a region has", function()
    session.accessanalyzer:create_analyzer {analyzerName = "ConsoleAnalyzer", type = "ACCOUNT"}
    local text = plan()
    assert.matches("Access Analyzer: ConsoleAnalyzer looks at this account already, and goes on so", text, 1, true)
    assert.is_nil(text:find("accessanalyzer.analyzer/", 1, true))
  end)
  it("does in a second region what each region needs, and not again what the first has for all", function()
    apply()
    local env = host.server.env
    env.AWS_REGION, env.AWS_DEFAULT_REGION = "eu-west-1", "eu-west-1"
    local file = host.state .. "/second.lua"
    local text = assert(io.open "playbooks/accounts/example.lua"):read "a"
    assert(require "tidelock.fs".write(file, (text:gsub('region = "us%-east%-1"', 'region = "eu-west-1"'))))
    local code, said = host:run("apply", "playbooks/harden/security-services.lua", "--account", file, "--yes",
      "--quiet", "--var", "global=false")
    assert.equal(0, code, said)
    assert.matches("The trail example-production-trail is at home in us-east-1, and records this region too", said, 1,
      true)
    assert.is_nil(said:find("securityhub.finding_aggregator", 1, true))
    local there = require "aws".session {region = "eu-west-1", endpoint_url = host.server.url,
      credentials = host.server.credentials}
    local recorder = there.config:describe_configuration_recorders {}.ConfigurationRecorders[1]
    assert.is_false(recorder.recordingGroup.includeGlobalResourceTypes)
    assert.equal(("example-aws-config-%s-eu-west-1"):format(host.account),
      there.config:describe_delivery_channels {}.DeliveryChannels[1].s3BucketName)
    assert.equal(1, #session.cloudtrail:describe_trails {}.trailList)
    assert.equal(1, #there.guardduty:list_detectors {}.DetectorIds)
  end)
  it("says in a second region that it is one, and what to give it, where the whole takes it too", function()
    apply()
    local function there(word, file, ...)
      return host:run(word, "playbooks/" .. file .. ".lua", hardening.ACCOUNT, "--region", "eu-west-1", ...)
    end
    local code, said = there("apply", "harden/security-services", "--yes", "--quiet")
    assert.equal(1, code, said)
    assert.matches("the finding aggregator is in us-east-1 and cannot be made from eu-west-1", said, 1, true)
    assert.matches("If that is the account's first region, give --var global=false in this one", said, 1, true)
    for _, file in ipairs {"harden/security-services", "harden"} do
      code, said = there("plan", file, "--var", "global=false", "--output", "json")
      assert.equal(0, code, said)
      assert.is_truthy(said:find("config.recorder/", 1, true), file)
      assert.is_nil(said:find("securityhub.finding_aggregator", 1, true), file)
      assert.matches('"includeGlobalResourceTypes": false', said, 1, true)
      assert.is_nil(said:find("give --var global=false", 1, true), file)
    end
  end)
  it("takes no trail for one that records while it is not logging", function()
    trail {Name = "org", IsMultiRegionTrail = true, IsOrganizationTrail = true}
    session.cloudtrail:stop_logging {Name = "org"}
    local text = plan("--var", "own_trail=false")
    assert.matches("the organisation's trail org of account " .. host.account .. " is not logging", text, 1, true)
    assert.matches("cloudtrail.trail/example-production-trail", text, 1, true)
  end)
  it("leaves findings to be gathered in the region where they are", function()
    local other = require "aws".session {region = "eu-west-1", endpoint_url = host.server.url,
      credentials = host.server.credentials}
    other.securityhub:enable_security_hub {EnableDefaultStandards = false}
    session.securityhub:enable_security_hub {EnableDefaultStandards = false}
    other.securityhub:create_finding_aggregator {RegionLinkingMode = "SPECIFIED_REGIONS", Regions = {"us-east-1"}}
    local text = plan()
    assert.matches("Security Hub gathers the findings of regions in eu-west-1 already, and goes on so", text, 1, true)
    assert.is_nil(text:find("securityhub.finding_aggregator", 1, true))
  end)
  it("names all reads that are refused at once, with the statements to add", function()
    local proxy <close> = faults.start(host.server, {rate = 1, kinds = {"denied"},
      only = {"DescribeConfigurationRecorders", "DescribeTrails"}})
    host.server.env.AWS_ENDPOINT_URL = proxy.url
    local code, text = host:run("plan", "playbooks/harden/security-services.lua", hardening.ACCOUNT)
    assert.equal(77, code, text)
    for _, name in ipairs {"config:DescribeConfigurationRecorders", "cloudtrail:DescribeTrails"} do
      assert.matches(('{"Effect":"Allow","Action":"%s","Resource":"*"}'):format(name), text, 1, true)
    end
    assert.is_nil(text:find("Plan: ", 1, true))
  end)
  it("leaves out, and names, a service that the region does not have", function()
    host.server.env.AWS_ENDPOINT_URL_GUARDDUTY = "http://guardduty.nowhere.invalid"
    local text = plan()
    assert.matches("guardduty is not offered in us-east-1, and is left out", text, 1, true)
    assert.is_nil(text:find("guardduty.detector", 1, true))
    assert.matches("securityhub.hub/hub", text, 1, true)
  end)
end)

describe("runbooks/findings", function()
  it("names only playbooks that a control of tidelock gives as the remedy", function()
    local file = assert(io.open "playbooks/runbooks/findings.lua")
    local text = file:read("a"):match "local REPAIRS = (%b{})"
    file:close()
    local by_id = {}
    for _, control in ipairs(require "checks".all()) do
      for _, ids in ipairs {control.fsbp_ids, control.hub_ids} do
        for _, id in ipairs(ids) do by_id[id .. " " .. (control.remedy or "")] = true end
      end
    end
    local n = 0
    for playbook, ids in pairs(load("return " .. text)()) do
      for id in ids:gmatch "%S+" do
        n = n + 1
        assert.is_true(by_id[id .. " " .. playbook], id .. " is not what " .. playbook .. " repairs")
      end
    end
    assert.is_true(n > 20)
  end)
  it("does not take silence for peace where neither is on", function()
    local host = hardening.start()
    local code, text = host:run("run", "playbooks/runbooks/findings.lua", hardening.ACCOUNT, "--yes")
    host:close()
    assert.equal(0, code, text)
    assert.matches("GuardDuty is not on here, so nothing is known of it\nSecurity Hub is not on here", text, 1, true)
  end)
end)
