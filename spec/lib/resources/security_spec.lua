-- The types of hardening on moto: created, read back equal, each property changed alone, deleted.
local models = require "tidelock.models"
local moto = require "support.moto"
local place = require "playbook.place"
local recorder_of = require "playbook.recorder"
local resources = require "resources"
local schema = require "resources.schema"

local function pattern(severity)
  return {source = {"aws.guardduty"}, ["detail-type"] = {"GuardDuty Finding"},
    detail = {severity = {{numeric = severity}}, service = {archived = {false}}}}
end

local function target(queue, retries)
  return function(account)
    return {{Id = "tell", Arn = ("arn:aws:sqs:eu-west-1:%s:%s"):format(account, queue),
      InputTransformer = {InputPathsMap = {title = "$.detail.title"}, InputTemplate = '"Found: <title>"'},
      RetryPolicy = {MaximumRetryAttempts = retries, MaximumEventAgeInSeconds = 3600},
      DeadLetterConfig = {Arn = ("arn:aws:sqs:eu-west-1:%s:dlq"):format(account)}}}
  end
end

local function feature(name, status) return {Name = name, Status = status} end

local SERVICE <const> = {ServiceNamespace = "ecs", ResourceId = "service/c/s",
  ScalableDimension = "ecs:service:DesiredCount"}

local function service(session)
  session.ecs:create_cluster {clusterName = "c"}
  session.ecs:register_task_definition {family = "t", containerDefinitions = {{name = "a", image = "a", memory = 64}}}
  session.ecs:create_service {cluster = "c", serviceName = "s", taskDefinition = "t", desiredCount = 1}
end

local function scaled(more)
  for name, value in pairs(SERVICE) do more[name] = value end
  return more
end

local function tracking(value, out)
  return {TargetValue = value, ScaleInCooldown = 300, ScaleOutCooldown = out,
    PredefinedMetricSpecification = {PredefinedMetricType = "ECSServiceAverageCPUUtilization"}}
end

-- What AWS Config needs before it takes a recorder and a channel: its role, and a bucket that lets it in.
local function config_role(session)
  return session.iam:create_service_linked_role {AWSServiceName = "config.amazonaws.com"}.Role.Arn
end

local function config_bucket(session, account)
  local name = "config-" .. account
  session.s3:create_bucket {Bucket = name, CreateBucketConfiguration = {LocationConstraint = "eu-west-1"}}
  session.s3:put_bucket_policy {Bucket = name, Policy = resources.encode {Version = "2012-10-17", Statement = {
    {Effect = "Allow", Principal = {Service = "config.amazonaws.com"}, Action = {"s3:GetBucketAcl", "s3:PutObject"},
      Resource = {"arn:aws:s3:::" .. name, "arn:aws:s3:::" .. name .. "/*"},
      Condition = {StringEquals = {["aws:SourceAccount"] = account}}}}}}
  return name
end

local function config_recorder(session)
  session.config:put_configuration_recorder {ConfigurationRecorder = {name = "r", roleARN = config_role(session)}}
end

local function config_rule(identifier)
  return {Resources = {rule = {Type = "AWS::Config::ConfigRule", Properties = {ConfigRuleName = "rule",
    Source = {Owner = "AWS", SourceIdentifier = identifier}}}}}
end

local ALL <const> = {allSupported = true, includeGlobalResourceTypes = true}

local STANDARDS <const> = "arn:aws:securityhub:eu-west-1::standards/"

-- One row a type, as in roundtrip_spec.lua.
local CASES <const> = {
  {file = "guardduty.detector", want = {Enable = true, FindingPublishingFrequency = "FIFTEEN_MINUTES",
      Features = {feature("S3_DATA_EVENTS", "ENABLED"), feature("RDS_LOGIN_EVENTS", "ENABLED")}, Tags = {a = "1"}},
    changes = {{FindingPublishingFrequency = "ONE_HOUR"}, {Enable = false}, {Enable = true},
      {Features = {feature("RDS_LOGIN_EVENTS", "DISABLED"), feature("S3_DATA_EVENTS", "ENABLED")}},
      {Features = {feature("EKS_AUDIT_LOGS", "ENABLED"), {Name = "RUNTIME_MONITORING", Status = "ENABLED",
        AdditionalConfiguration = {feature("ECS_FARGATE_AGENT_MANAGEMENT", "ENABLED")}}}},
      {Tags = {a = "2"}}, {Tags = {b = "1"}, calls = 2}}},
  {file = "securityhub.hub", want = {ControlFindingGenerator = "SECURITY_CONTROL", AutoEnableControls = true,
      Tags = {a = "1"}},
    changes = {{AutoEnableControls = false}, {ControlFindingGenerator = "STANDARD_CONTROL"}, {Tags = {a = "2"}}}},
  {file = "securityhub.standard", before = function(session) session.securityhub:enable_security_hub {} end,
    want = {StandardsArn = STANDARDS .. "aws-foundational-security-best-practices/v/1.0.0"}, changes = {}},
  {file = "securityhub.finding_aggregator", before = function(session) session.securityhub:enable_security_hub {} end,
    want = {RegionLinkingMode = "ALL_REGIONS"},
    changes = {{RegionLinkingMode = "NO_REGIONS"}}},
  {file = "securityhub.finding_aggregator", label = "regions",
    before = function(session) session.securityhub:enable_security_hub {} end,
    want = {RegionLinkingMode = "SPECIFIED_REGIONS", Regions = {"us-east-1", "eu-central-1"}},
    changes = {{RegionLinkingMode = "ALL_REGIONS_EXCEPT_SPECIFIED"}, {Regions = {"eu-central-1"}}}},
  {file = "iam.service_linked_role", changes = {},
    want = {AWSServiceName = "config.amazonaws.com", RoleName = "AWSServiceRoleForConfig"}},
  {file = "config.recorder", before = config_role,
    want = {name = "r", recordingGroup = ALL, Tags = {a = "1"}, roleARN = function(_, arn) return arn end},
    changes = {{recordingGroup = {allSupported = true, includeGlobalResourceTypes = false}},
      {recordingGroup = {allSupported = false, resourceTypes = {"AWS::S3::Bucket"}}},
      {recordingMode = {recordingFrequency = "DAILY"}}, {recordingGroup = ALL},
      {Tags = {a = "2"}}, {Tags = {b = "2"}, calls = 2}}},
  {file = "config.delivery_channel",
    before = function(session, account)
      config_recorder(session)
      return config_bucket(session, account)
    end,
    want = {name = "c", s3BucketName = function(_, bucket) return bucket end},
    changes = {{s3KeyPrefix = "here"}, {configSnapshotDeliveryProperties = {deliveryFrequency = "TwentyFour_Hours"}},
      {s3KmsKeyArn = "arn:aws:kms:eu-west-1:123456789012:key/k"},
      {snsTopicARN = "arn:aws:sns:eu-west-1:123456789012:t"}}},
  {file = "config.recording", changes = {},
    before = function(session, account)
      config_recorder(session)
      session.config:put_delivery_channel {DeliveryChannel = {name = "c",
        s3BucketName = config_bucket(session, account)}}
    end,
    want = {ConfigurationRecorderName = "r"}},
  {file = "config.conformance_pack", differs = {TemplateBody = "Template"},
    want = {name = "cis", TemplateBody = config_rule "IAM_ROOT_ACCESS_KEY_CHECK", Tags = {a = "1"}},
    changes = {{TemplateBody = config_rule "ROOT_ACCOUNT_MFA_ENABLED", calls = 2},
      {ConformancePackInputParameters = {{ParameterName = "Days", ParameterValue = "90"}}},
      {DeliveryS3Bucket = "awsconfigconforms-x"}, {DeliveryS3KeyPrefix = "packs"}, {Tags = {a = "2"}}}},
  {file = "accessanalyzer.analyzer", want = {name = "unused", type = "ACCOUNT_UNUSED_ACCESS", Tags = {a = "1"},
      configuration = {unusedAccess = {unusedAccessAge = 90}}},
    changes = {{configuration = {unusedAccess = {unusedAccessAge = 90,
      analysisRule = {exclusions = {{resourceTags = {{a = "b"}}}}}}}}, {Tags = {a = "2"}}}},
  {file = "events.rule", want = {name = "rule", EventPattern = pattern {">=", 7, "<=", 10}, Targets = target("q", 5),
      Tags = {a = "1"}},
    changes = {{EventPattern = pattern {">=", 4}}, {Description = "d"}, {State = "DISABLED"}, {State = "ENABLED"},
      {Targets = target("q", 6)}, {Targets = target("r", 6)},
      {Targets = function(account) return {{Id = "other", Arn = "arn:aws:sqs:eu-west-1:" .. account .. ":q"}} end,
        calls = 2}, {Tags = {a = "2"}}}},
  {file = "events.rule", label = "schedule", want = {name = "hourly", ScheduleExpression = "rate(1 hour)", Tags = {}},
    changes = {{ScheduleExpression = "rate(2 hours)"}}},
  {file = "s3.account_public_access_block", want = {BlockPublicAcls = true, IgnorePublicAcls = true,
      BlockPublicPolicy = true, RestrictPublicBuckets = true},
    changes = {{BlockPublicAcls = false}, {IgnorePublicAcls = false}, {BlockPublicPolicy = false},
      {RestrictPublicBuckets = false}}},
  {file = "ecs.cluster", want = {name = "c", settings = {{name = "containerInsights", value = "enhanced"}},
      capacityProviders = {"FARGATE"}, Tags = {a = "1"}},
    changes = {{settings = {{name = "containerInsights", value = "disabled"}}},
      {capacityProviders = {"FARGATE_SPOT", "FARGATE"}},
      {defaultCapacityProviderStrategy = {{capacityProvider = "FARGATE", weight = 1, base = 1}}},
      {configuration = {executeCommandConfiguration = {logging = "DEFAULT"}}}, {Tags = {a = "2"}}}},
  {file = "application_autoscaling.target", before = service,
    want = scaled {MinCapacity = 1, MaxCapacity = 10, Tags = {a = "1"}},
    changes = {{MinCapacity = 2}, {MaxCapacity = 5}, {SuspendedState = {DynamicScalingOutSuspended = true}},
      {Tags = {a = "2"}}}},
  {file = "application_autoscaling.policy",
    before = function(session)
      service(session)
      session.application_autoscaling:register_scalable_target(scaled {MinCapacity = 1, MaxCapacity = 10})
    end,
    want = scaled {PolicyName = "s-cpu-scaling", PolicyType = "TargetTrackingScaling",
      TargetTrackingScalingPolicyConfiguration = tracking(70.0, 60)},
    changes = {{TargetTrackingScalingPolicyConfiguration = tracking(60.0, 60)},
      {TargetTrackingScalingPolicyConfiguration = tracking(60.0, 30)}}},
}

local function resolved(value, account, before)
  if type(value) == "function" then return value(account, before) end
  return value
end

local function no() return false end
local IS <const> = {unknown = no, handle = no, secret = no}

local server <const> = moto.start()
local session, recorder, client

local function fresh()
  server:reset()
  session = server:session()
  recorder = recorder_of.new(session)
  recorder.place = place.of {region = server.region, identity = {known = {id = server.account}}}
  client = recorder:client()
end

local function differs(t, want)
  local live = t.read(client, want)
  assert.is_table(live, "it is not there")
  local names = {}
  for i, change in ipairs(t:diff(live, t:complete(want))) do names[i] = change.name end
  return table.concat(names, ", ")
end

describe("on moto", function()
  teardown(function() server:stop() end)

  for _, case in ipairs(CASES) do
    local t = require("resources." .. case.file)
    describe(case.file .. (case.label and " (" .. case.label .. ")" or ""), function()
      local before, want

      setup(function()
        fresh()
        before = case.before and case.before(session, server.account)
        want = {}
        for name, value in pairs(case.want) do want[name] = resolved(value, server.account, before) end
      end)

      it("is not there at first", function() assert.is_nil(t.read(client, want)) end)
      it("takes what it is made with for valid", function()
        assert.same({}, schema.faults(t:schema(models), want, IS))
        assert.same({}, t.check and t.check(want) or {})
      end)
      it("reads back as it was made", function()
        local made = t.create(client, want)
        local live = t.read(client, want)
        for name, value in pairs(made) do assert.same(value, live[name], name) end
        assert.equal("", differs(t, want))
      end)
      for i, change in ipairs(case.changes) do
        local name = next(change) ~= "calls" and next(change) or next(change, "calls")
        local shown = case.differs and case.differs[name] or name
        it(("changes %s alone (%d)"):format(name, i), function()
          want[name] = resolved(change[name], server.account, before)
          assert.same({}, schema.faults(t:schema(models), want, IS))
          assert.equal(shown, differs(t, want))
          local writes = recorder.writes
          t.update(client, t.read(client, want), t:complete(want), {[name] = true})
          assert.equal(change.calls or 1, recorder.writes - writes)
          assert.equal("", differs(t, want))
        end)
      end
      it("is gone when deleted", function()
        t.delete(client, t.read(client, want))
        assert.is_nil(t.read(client, want))
      end)
    end)
  end

  describe("what others have set", function()
    before_each(fresh)
    it("stays: a detector's features that the playbook does not name", function()
      local t = require "resources.guardduty.detector"
      local id = session.guardduty:create_detector {Enable = true,
        Features = {feature("LAMBDA_NETWORK_LOGS", "ENABLED")}}.DetectorId
      local want = {Enable = true, Features = {feature("S3_DATA_EVENTS", "ENABLED")}, Tags = {}}
      t.update(client, t.read(client, want), t:complete(want), {Features = true})
      local on = {}
      for _, f in ipairs(session.guardduty:get_detector {DetectorId = id}.Features) do on[f.Name] = f.Status end
      assert.equal("ENABLED", on.LAMBDA_NETWORK_LOGS)
      assert.equal("ENABLED", on.S3_DATA_EVENTS)
    end)
    it("stays: flags of the account's block that the playbook does not give", function()
      local t = require "resources.s3.account_public_access_block"
      t.create(client, {BlockPublicAcls = true})
      local want = {IgnorePublicAcls = true}
      t.update(client, t.read(client, want), t:complete(want), {IgnorePublicAcls = true})
      assert.same({BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = false,
        RestrictPublicBuckets = false}, t.read(client, want))
    end)
  end)

  describe("a rule's pattern", function()
    before_each(fresh)
    local t = require "resources.events.rule"
    local function same(one, other)
      t.create(client, {name = "p", EventPattern = one})
      return differs(t, {name = "p", EventPattern = other, Tags = {}}) == ""
    end
    it("is the same with its alternatives in another order", function()
      assert.is_true(same({source = {"a", "b"}, detail = {x = {{prefix = "p"}, "q"}}},
        {detail = {x = {"q", {prefix = "p"}}}, source = {"b", "a"}}))
      assert.is_true(same({["$or"] = {{a = {"1"}}, {b = {"2"}}}}, {["$or"] = {{b = {"2"}}, {a = {"1"}}}}))
      assert.is_true(same({a = {{["anything-but"] = {"x", "y"}}}}, {a = {{["anything-but"] = {"y", "x"}}}}))
    end)
    it("is another with another number, another bound, or a number for a text", function()
      assert.is_false(same({a = {7}}, {a = {"7"}}))
      assert.is_false(same({a = {{numeric = {">", 1, "<", 2}}}}, {a = {{numeric = {"<", 1, ">", 2}}}}))
      assert.is_false(same({source = {"a"}}, {source = {"a", "b"}}))
    end)
    it("is refused without one, with an unknown placeholder, and with two inputs", function()
      assert.matches("needs an EventPattern or", t.check {name = "x"}[1])
      assert.matches("uses <gone>", t.check {ScheduleExpression = "rate(1 hour)", Targets = {{Id = "a", Arn = "b",
        InputTransformer = {InputPathsMap = {}, InputTemplate = '"<gone>"'}}}}[1])
      assert.matches("exclude each other", t.check {ScheduleExpression = "rate(1 hour)", Targets = {{Id = "a",
        Arn = "b", Input = "{}", InputPath = "$"}}}[1])
    end)
  end)

  it("tells when a target was not put although the answer is 200", function()
    local t = require "resources.events.rule"
    local fake = {events = {put_rule = function() return {RuleArn = "arn"} end, put_targets = function()
      return {FailedEntryCount = 1, FailedEntries = {{TargetId = "a", ErrorCode = "LimitExceeded",
        ErrorMessage = "too many"}}}
    end}}
    local ok, err = pcall(t.create, fake, {name = "r", ScheduleExpression = "rate(1 hour)",
      Targets = {{Id = "a", Arn = "b"}}})
    assert.is_false(ok)
    assert.equal("rule r: target a was not put: too many", err.message)
  end)
end)
