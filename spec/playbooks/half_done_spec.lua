-- harden.lua on an account that somebody has hardened half by hand: only the missing half is planned, and what was
-- there stays as it is.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"

local FEATURES <const> = {"S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS",
  "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING"}
local FSBP <const> = "arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0"
local BLOCK <const> = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
  RestrictPublicBuckets = true}

-- Half of the plan, as a person does it in the console: rightly, and without a tag of tidelock.
local function watchers(aws)
  local features = {}
  for i, name in ipairs(FEATURES) do features[i] = {Name = name, Status = "ENABLED"} end
  aws.guardduty:create_detector {Enable = true, FindingPublishingFrequency = "FIFTEEN_MINUTES", Features = features}
  aws.securityhub:enable_security_hub {EnableDefaultStandards = false, ControlFindingGenerator = "SECURITY_CONTROL"}
  aws.securityhub:batch_enable_standards {StandardsSubscriptionRequests = {{StandardsArn = FSBP}}}
  aws.iam:create_service_linked_role {AWSServiceName = "config.amazonaws.com"}
end

local function by_hand(host, names)
  local aws = host.session
  watchers(aws)
  aws.s3control:put_public_access_block {AccountId = host.account, PublicAccessBlockConfiguration = BLOCK}
  aws.s3:put_public_access_block {Bucket = names.lifecycle, PublicAccessBlockConfiguration = BLOCK}
  aws.s3:put_bucket_ownership_controls {Bucket = names.lifecycle,
    OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}}}
  aws.dynamodb:update_time_to_live {TableName = "example-sessions",
    TimeToLiveSpecification = {Enabled = true, AttributeName = names.volatile["example-sessions"]}}
  aws.dynamodb:update_table {TableName = "example-payments", DeletionProtectionEnabled = true}
  aws.dynamodb:update_continuous_backups {TableName = "example-payments",
    PointInTimeRecoverySpecification = {PointInTimeRecoveryEnabled = true}}
  aws.ec2:create_vpc_endpoint {VpcId = names.vpc, ServiceName = "com.amazonaws.us-east-1.s3",
    VpcEndpointType = "Gateway", RouteTableIds = {names.route_tables.private_a, names.route_tables.private_b}}
end

describe("harden on an account half done by hand", function()
  local host, planned, text
  setup(function()
    host = hardening.start()
    by_hand(host, account.build(host))
    local code
    code, text = host:run("plan", "playbooks/harden.lua", hardening.ACCOUNT, "--quiet")
    assert.equal(0, code, text)
    planned = {}
    for sign, address, what in text:gmatch "\n([^%s=>])%s+(%l%S*%.%l%S*/%S*)%s+([^\n]*)" do
      planned[address] = {sign = sign, what = what}
    end
  end)
  teardown(function() host:close() end)

  local function none(pattern)
    for address in pairs(planned) do assert.is_nil(address:find(pattern), address) end
  end

  it("plans nothing for what is as it shall be", function()
    none "^securityhub%.standard/"
    none "^iam%.service_linked_role/"
    none "^ec2%.vpc_endpoint/.*s3/"
    none "^ec2%.vpc_endpoint_route/"
    none "^s3%.account_public_access_block/"
    none "^dynamodb%.time_to_live/example%-sessions$"
    none "^dynamodb%.table_settings/example%-payments$"
  end)
  it("takes on what others have made by its tags alone", function()
    for _, address in ipairs {"guardduty.detector/detector", "securityhub.hub/hub"} do
      assert.equal("update, Tags differs; found without owner, it becomes this playbook's", planned[address].what)
    end
  end)
  it("plans the missing half of what is half done", function()
    assert.equal("update, PolicyStatements differs",
      planned["s3.bucket_settings/example-backups-" .. host.account].what)
  end)
  it("plans what is missing", function()
    for _, address in ipairs {"config.recorder/example-config-recorder", "config.recording/example-config-recorder",
      "config.conformance_pack/example-cis",
      "securityhub.finding_aggregator/aggregator", "cloudtrail.trail/example-production-trail",
      "events.rule/example-guardduty-high-critical-findings", "dynamodb.time_to_live/example-webhook-events",
      "iam.password_policy/account"} do
      assert.equal("+", (planned[address] or {}).sign, address)
    end
    assert.matches("ec2.vpc_endpoint/vpc%-%x+/com.amazonaws.us%-east%-1.dynamodb/Gateway%s+create", text)
    assert.matches("update, DeletionProtectionEnabled, PointInTimeRecoverySpecification",
      planned["dynamodb.table_settings/example-invoices"].what)
  end)
  it("leaves what people have put into policies, and whom they have told beside", function()
    local id, sns = "arn:aws:iam::210987654321:root", host.session.sns
    local topic = sns:create_topic {Name = "example-guardduty-findings"}.TopicArn
    local function allow(sid, action) return {Sid = sid, Effect = "Allow", Principal = {AWS = id}, Action = action,
      Resource = "*"} end
    local function policy(sid, action)
      return json.encode {Version = "2012-10-17", Statement = {allow(sid, action), {Sid = "Root", Effect = "Allow",
        Principal = {AWS = ("arn:aws:iam::%s:root"):format(host.account)}, Action = "kms:*", Resource = "*"}}}
    end
    sns:set_topic_attributes {TopicArn = topic, AttributeName = "Policy",
      AttributeValue = policy("Partner", "sns:Subscribe")}
    local key = host.session.kms:create_key {Policy = policy("Partner", "kms:Decrypt")}.KeyMetadata.KeyId
    host.session.kms:create_alias {AliasName = "alias/example-sns-security-alerts", TargetKeyId = key}
    local queue = host.session.sqs:create_queue {QueueName = "example-security-alerts-dlq", Attributes = {
      Policy = json.encode {Version = "2012-10-17", Statement = {allow("Partner", "sqs:ReceiveMessage")}}}}
    local rule = "example-guardduty-high-critical-findings"
    host.session.events:put_rule {Name = rule, EventPattern = json.encode {source = {"aws.guardduty"}}}
    host.session.events:put_targets {Rule = rule, Targets = {{Id = "pager",
      Arn = ("arn:aws:lambda:us-east-1:%s:function:pager"):format(host.account)}}}
    local bucket = "example-cloudtrail-logs-" .. host.account
    host.session.s3:create_bucket {Bucket = bucket}
    host.session.s3:put_bucket_lifecycle_configuration {Bucket = bucket, LifecycleConfiguration = {Rules = {{
      ID = "theirs", Status = "Enabled", Filter = {Prefix = "old/"}, Expiration = {Days = 4000}}}}}
    local code, said = host:apply "harden/security-services"
    assert.equal(0, code, said)
    local function sids(document)
      local out = {}
      for i, s in ipairs(json.decode(document).Statement) do out[i] = s.Sid end
      return table.concat(out, " ")
    end
    assert.equal("Partner Root Owner Rule", sids(sns:get_topic_attributes {TopicArn = topic}.Attributes.Policy))
    assert.equal("Partner Root Owner Publishers",
      sids(host.session.kms:get_key_policy {KeyId = key, PolicyName = "default"}.Policy))
    assert.equal("Partner Undelivered TlsOnly", sids(host.session.sqs:get_queue_attributes {QueueUrl = queue.QueueUrl,
      AttributeNames = {"Policy"}}.Attributes.Policy))
    local targets = {}
    for _, t in ipairs(host.session.events:list_targets_by_rule {Rule = rule}.Targets) do targets[t.Id] = true end
    assert.same({pager = true, SendToSNS = true}, targets)
    local rules = {}
    for i, r in ipairs(host.session.s3:get_bucket_lifecycle_configuration {Bucket = bucket}.Rules) do
      rules[i] = r.ID
    end
    assert.same({"theirs", "archive"}, rules)
    code, said = host:apply "harden/security-services"
    assert.equal(0, code, said)
    assert.matches("%d+ reads, 0 writes", said)
  end)
  it("replaces nothing, deletes nothing", function()
    assert.matches("Plan: %d+ to create, %d+ to update, 0 to replace, 0 to delete", text)
    for address, row in pairs(planned) do assert.is_true(row.sign == "+" or row.sign == "~", address) end
  end)
end)
