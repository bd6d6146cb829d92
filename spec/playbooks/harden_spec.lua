-- The hardening playbooks on an empty account: applied, applied again without a write, and what is live then.
local hardening = require "support.hardening"
local json = require "tidelock.json"

local SHORTEN <const> = {"--approve", "shorten log retention"}

describe("a hardening playbook", function()
  local account
  before_each(function() account = hardening.start() end)
  after_each(function() account:close() end)

  for _, name in ipairs {"harden/security-services", "harden/logs", "harden"} do
    it(name .. " applies, and applies again without a write", function()
      account.session.logs:create_log_group {logGroupName = "/ecs/app"}
      local code, text = account:apply(name, table.unpack(SHORTEN))
      assert.equal(0, code, text)
      code, text = account:apply(name, table.unpack(SHORTEN))
      assert.equal(0, code, text)
      assert.matches("was changed: %d+ as declared%..* %d+ reads, 0 writes", text)
    end)
  end
end)

describe("on an account half done by hand", function()
  local account, session
  before_each(function()
    account = hardening.start()
    session = account.session
  end)
  after_each(function() account:close() end)

  it("plans the missing half alone, and leaves what others have switched on", function()
    local id = session.guardduty:create_detector {Enable = true, FindingPublishingFrequency = "SIX_HOURS",
      Features = {{Name = "EKS_RUNTIME_MONITORING", Status = "ENABLED"}}}.DetectorId
    session.securityhub:enable_security_hub {EnableDefaultStandards = false}
    session.securityhub:batch_enable_standards {StandardsSubscriptionRequests = {{
      StandardsArn = "arn:aws:securityhub:us-east-1::standards/pci-dss/v/4.0.1"}}}
    local _, plan = account:run("plan", "playbooks/harden/security-services.lua", hardening.ACCOUNT)
    assert.matches("~%s+guardduty%.detector/detector%s+update", plan)
    assert.matches("~%s+securityhub%.hub/hub%s+update", plan)
    local code, text = account:apply "harden/security-services"
    assert.equal(0, code, text)
    assert.equal(id, session.guardduty:list_detectors {}.DetectorIds[1])
    local on = {}
    for _, feature in ipairs(session.guardduty:get_detector {DetectorId = id}.Features) do
      on[feature.Name] = feature.Status
    end
    assert.equal("ENABLED", on.EKS_RUNTIME_MONITORING)
    assert.equal("ENABLED", on.RUNTIME_MONITORING)
    assert.equal(2, #session.securityhub:get_enabled_standards {}.StandardsSubscriptions)
  end)
end)

describe("harden/security-services", function()
  local account, session
  setup(function()
    account = hardening.start()
    session = account.session
    local code, text = account:apply("harden/security-services", "--var", "cis=true")
    assert.equal(0, code, text)
  end)
  teardown(function() account:close() end)

  it("2.2 leaves a detector that publishes each quarter of an hour, with all features of the plan on", function()
    local id = session.guardduty:list_detectors {}.DetectorIds[1]
    local live = session.guardduty:get_detector {DetectorId = id}
    assert.equal("ENABLED", live.Status)
    assert.equal("FIFTEEN_MINUTES", live.FindingPublishingFrequency)
    local on = {}
    for _, feature in ipairs(live.Features) do on[feature.Name] = feature.Status end
    for _, name in ipairs {"S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS",
      "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING"} do assert.equal("ENABLED", on[name], name) end
  end)
  it("2.3 leaves Security Hub with FSBP, and CIS where it is asked for", function()
    assert.equal("SECURITY_CONTROL", session.securityhub:describe_hub {}.ControlFindingGenerator)
    local names = {}
    for s in session.securityhub:items("get_enabled_standards", {}) do
      names[#names + 1] = s.StandardsArn:match "standards/(.+)$" or s.StandardsArn
    end
    table.sort(names)
    assert.same({"aws-foundational-security-best-practices/v/1.0.0", "cis-aws-foundations-benchmark/v/3.0.0"}, names)
  end)
  it("2.1 leaves a trail of all regions that logs, is validated, and delivers to an encrypted bucket", function()
    local trail = session.cloudtrail:describe_trails {}.trailList[1]
    assert.is_true(trail.IsMultiRegionTrail)
    assert.is_true(trail.LogFileValidationEnabled)
    assert.is_true(session.cloudtrail:get_trail_status {Name = trail.Name}.IsLogging)
    local found = session.s3:get_bucket_encryption {Bucket = trail.S3BucketName}
    local rule = found.ServerSideEncryptionConfiguration.Rules[1]
    assert.equal("aws:kms", rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm)
    local policy = json.decode(session.s3:get_bucket_policy {Bucket = trail.S3BucketName}.Policy)
    local deny = policy.Statement[1]
    assert.equal("Deny", deny.Effect)
    assert.equal("false", deny.Condition.Bool["aws:SecureTransport"])
  end)
  it("2.1 keeps the trail from writing about its own bucket", function()
    local found = session.cloudtrail:get_event_selectors {TrailName = "example-production-trail"}
    local fields = found.AdvancedEventSelectors[2].FieldSelectors
    assert.same({("arn:aws:s3:::example-cloudtrail-logs-%s/"):format(account.account)}, fields[4].NotStartsWith)
  end)

  -- A queue subscribed to the topic takes what the rule lets through, and what the topic's policy and key let in.
  local function heard(name, kind, detail)
    local url = session.sqs:create_queue {QueueName = "heard"}.QueueUrl
    session.sns:subscribe {TopicArn = ("arn:aws:sns:us-east-1:%s:example-%s-findings"):format(account.account, name),
      Protocol = "sqs", Endpoint = ("arn:aws:sqs:us-east-1:%s:heard"):format(account.account),
      Attributes = {RawMessageDelivery = "true"}}
    session.events:put_events {Entries = {{Source = "aws." .. name, DetailType = kind, Detail = json.encode(detail)}}}
    local got = session.sqs:receive_message {QueueUrl = url}.Messages or {}
    for _, message in ipairs(got) do
      session.sqs:delete_message {QueueUrl = url, ReceiptHandle = message.ReceiptHandle}
    end
    return #got == 1, got[1] and got[1].Body
  end
  local function guardduty(detail) return heard("guardduty", "GuardDuty Finding", detail) end

  local SEVERITIES <const> = {[4.0] = false, [6.9] = false, [7.0] = true, [8.95] = true, [9.0] = true, [10.0] = true}
  for severity, told in pairs(SEVERITIES) do
    local does = told and "tells" or "does not tell"
    it(("2.2 %s of a GuardDuty finding of severity %.2f"):format(does, severity), function()
      assert.equal(told, (guardduty {severity = severity, service = {archived = false}}))
    end)
  end
  it("2.2 does not tell of an archived GuardDuty finding", function()
    assert.is_false((guardduty {severity = 8.0, service = {archived = true}}))
  end)
  it("2.2 tells it in words", function()
    local _, text = guardduty {severity = 9.0, service = {archived = false}, title = "Keys used elsewhere",
      type = "UnauthorizedAccess", id = "f1"}
    assert.equal(('"GuardDuty 9.0: Keys used elsewhere"\n"Type UnauthorizedAccess, account %s, region us-east-1, '
      .. 'finding f1"'):format(account.account), text)
  end)
  local function finding(changes)
    local f = {Compliance = {Status = "FAILED"}, Severity = {Label = "HIGH"}, RecordState = "ACTIVE",
      Workflow = {Status = "NEW"}}
    for name, value in pairs(changes) do f[name] = value end
    return {findings = {f}}
  end
  for name, row in pairs {["an active, new one"] = {{}, true},
    ["a suppressed one"] = {{Workflow = {Status = "SUPPRESSED"}}, false},
    ["an archived one"] = {{RecordState = "ARCHIVED"}, false},
    ["one that passed"] = {{Compliance = {Status = "PASSED"}}, false},
    ["a low one"] = {{Severity = {Label = "LOW"}}, false}} do
    it(("2.3 %s of a Security Hub finding: %s"):format(row[2] and "tells" or "does not tell", name), function()
      assert.equal(row[2], (heard("securityhub", "Security Hub Findings - Imported", finding(row[1]))))
    end)
  end
  it("2.2 keeps a finding that the topic refuses in the queue of the undelivered", function()
    local arn = ("arn:aws:sns:us-east-1:%s:example-guardduty-findings"):format(account.account)
    local policy = session.sns:get_topic_attributes {TopicArn = arn}.Attributes.Policy
    local url = session.sqs:get_queue_url {QueueName = "example-security-alerts-dlq"}.QueueUrl
    assert.is_nil(session.sqs:receive_message {QueueUrl = url}.Messages)
    session.sns:set_topic_attributes {TopicArn = arn, AttributeName = "Policy",
      AttributeValue = (policy:gsub("events%.amazonaws", "budgets.amazonaws"))}
    assert.is_false((guardduty {severity = 8.0, service = {archived = false}}))
    session.sns:set_topic_attributes {TopicArn = arn, AttributeName = "Policy", AttributeValue = policy}
    assert.equal(1, #session.sqs:receive_message {QueueUrl = url}.Messages)
  end)
  it("2.2 is not heard of where the topic's key does not let EventBridge in", function()
    local key = session.kms:describe_key {KeyId = "alias/example-sns-security-alerts"}.KeyMetadata.KeyId
    local policy = session.kms:get_key_policy {KeyId = key, PolicyName = "default"}.Policy
    local function set(text) session.kms:put_key_policy {KeyId = key, PolicyName = "default", Policy = text} end
    set((policy:gsub("events%.amazonaws", "budgets.amazonaws")))
    assert.is_false((guardduty {severity = 8.0, service = {archived = false}}))
    set(policy)
    assert.is_true((guardduty {severity = 8.0, service = {archived = false}}))
  end)
  it("gives each rule a text for people, retries, and a queue for what could not be delivered", function()
    for _, rule in ipairs {"example-guardduty-high-critical-findings", "example-securityhub-failed-findings"} do
      local target
      for _, t in ipairs(session.events:list_targets_by_rule {Rule = rule}.Targets) do
        if t.Id == "SendToSNS" then target = t end
      end
      assert.matches("<title>", target.InputTransformer.InputTemplate)
      assert.equal(185, target.RetryPolicy.MaximumRetryAttempts)
      assert.matches(":example%-security%-alerts%-dlq$", target.DeadLetterConfig.Arn)
    end
  end)
end)
