--- What watches an account: GuardDuty, Security Hub, an access analyzer, a trail of every call, and the rules that
-- tell people. Nothing that exists is weakened: features, flags and settings that are not named here stay.
playbook {
  name = "harden/security-services",
  about = "GuardDuty, Security Hub, Access Analyzer, CloudTrail, and findings by e-mail",
  vars = {
    severity = {"number", default = 7, min = 1, max = 10, about = "GuardDuty findings from here on are told, to 10"},
    runtime = {"boolean", default = true, about = "watch what runs in containers and machines (billed by vCPU)"},
    cis = {"boolean", default = false, about = "check by the CIS benchmark 3.0 too"},
    data_events = {"boolean", default = true, about = "write down every write to S3, but those to the log bucket"},
    keep = {"seconds", default = "14d", about = "how long findings that could not be delivered are kept"},
  },
}

local function arn(service, rest)
  return "arn:aws:" .. service .. ":" .. account.region .. ":" .. account.id .. ":" .. rest
end

local root = {Sid = "Owner", Effect = "Allow", Principal = {AWS = "arn:aws:iam::" .. account.id .. ":root"},
  Action = "kms:*", Resource = "*"}

-- ## Those who find

local function on(name) return {Name = name, Status = "ENABLED"} end

local features = {on "S3_DATA_EVENTS", on "EKS_AUDIT_LOGS", on "EBS_MALWARE_PROTECTION", on "RDS_LOGIN_EVENTS",
  on "LAMBDA_NETWORK_LOGS"}
if var.runtime then features[#features + 1] = on "RUNTIME_MONITORING" end

local detector = ensure.guardduty.detector {
  Enable = true, FindingPublishingFrequency = "FIFTEEN_MINUTES", Features = features,
}

local hub = ensure.securityhub.hub {ControlFindingGenerator = "SECURITY_CONTROL", AutoEnableControls = true}

local standards = {"aws-foundational-security-best-practices/v/1.0.0"}
if var.cis then standards[2] = "cis-aws-foundations-benchmark/v/3.0.0" end
for _, name in ipairs(standards) do
  ensure.securityhub.standard {
    StandardsArn = "arn:aws:securityhub:" .. account.region .. "::standards/" .. name, after = hub,
  }
end

local analyzer = ensure.accessanalyzer.analyzer {name = account.prefix .. "-access-analyzer", type = "ACCOUNT"}

-- ## Those who tell: topics whose key and policy let EventBridge publish, and a queue for what it could not

local alerts_key = ensure.kms.key {
  name = "alias/" .. account.prefix .. "-sns-security-alerts",
  Description = "Security alerts", EnableKeyRotation = true,
  Policy = {Version = "2012-10-17", Statement = {root,
    {Sid = "Publishers", Effect = "Allow", Principal = {Service = {"events.amazonaws.com", "cloudwatch.amazonaws.com"}},
      Action = {"kms:Decrypt", "kms:GenerateDataKey*"}, Resource = "*",
      Condition = {StringEquals = {["aws:SourceAccount"] = account.id}}},
  }},
}

local RULES = {
  guardduty = {
    rule = "guardduty-high-critical-findings", title = "GuardDuty findings",
    pattern = {source = {"aws.guardduty"}, ["detail-type"] = {"GuardDuty Finding"},
      detail = {severity = {{numeric = {">=", var.severity, "<=", 10}}}, service = {archived = {false}}}},
    paths = {severity = "$.detail.severity", title = "$.detail.title", type = "$.detail.type", id = "$.detail.id",
      account = "$.account", region = "$.region"},
    text = '"GuardDuty <severity>: <title>"\n"Type <type>, account <account>, region <region>, finding <id>"',
  },
  securityhub = {
    rule = "securityhub-failed-findings", title = "Security Hub findings",
    pattern = {source = {"aws.securityhub"}, ["detail-type"] = {"Security Hub Findings - Imported"},
      detail = {findings = {Compliance = {Status = {"FAILED"}}, Severity = {Label = {"HIGH", "CRITICAL"}},
        RecordState = {"ACTIVE"}, Workflow = {Status = {"NEW"}}}}},
    paths = {severity = "$.detail.findings[0].Severity.Label", title = "$.detail.findings[0].Title",
      resource = "$.detail.findings[0].Resources[0].Id", id = "$.detail.findings[0].Id", account = "$.account",
      region = "$.region"},
    text = '"Security Hub <severity>: <title>"\n"Resource <resource>, account <account>, region <region>"\n'
      .. '"Finding <id>"',
  },
}

local function rule_arn(row) return arn("events", "rule/" .. account.prefix .. "-" .. row.rule) end

local undelivered = ensure.sqs.queue {
  name = account.prefix .. "-security-alerts-dlq",
  MessageRetentionPeriod = var.keep, SqsManagedSseEnabled = true,
  Policy = {Version = "2012-10-17", Statement = {
    {Sid = "Undelivered", Effect = "Allow", Principal = {Service = "events.amazonaws.com"}, Action = "sqs:SendMessage",
      Resource = arn("sqs", account.prefix .. "-security-alerts-dlq"),
      Condition = {ArnEquals = {["aws:SourceArn"] = {rule_arn(RULES.guardduty), rule_arn(RULES.securityhub)}}}},
  }},
  tags = {Purpose = "findings that could not be delivered"},
}

local topics = {}
for name, row in pairs(RULES) do
  local topic_name = account.prefix .. "-" .. name .. "-findings"
  local topic = ensure.sns.topic {
    name = topic_name, DisplayName = row.title, KmsMasterKeyId = alerts_key.arn,
    Policy = {Version = "2012-10-17", Statement = {
      {Sid = "Owner", Effect = "Allow", Principal = {AWS = account.id}, Resource = arn("sns", topic_name),
        Action = {"sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:Subscribe",
          "sns:ListSubscriptionsByTopic", "sns:Publish", "sns:AddPermission", "sns:RemovePermission",
          "sns:DeleteTopic"}},
      {Sid = "Rule", Effect = "Allow", Principal = {Service = "events.amazonaws.com"}, Action = "sns:Publish",
        Resource = arn("sns", topic_name), Condition = {ArnEquals = {["aws:SourceArn"] = rule_arn(row)}}},
    }},
    tags = {Purpose = row.title},
  }
  ensure.sns.subscription {TopicArn = topic.arn, Protocol = "email", Endpoint = account.emails.security}
  ensure.events.rule {
    name = account.prefix .. "-" .. row.rule, Description = row.title .. " that somebody must look at",
    EventPattern = row.pattern,
    Targets = {{Id = "SendToSNS", Arn = topic.arn,
      InputTransformer = {InputPathsMap = row.paths, InputTemplate = row.text},
      RetryPolicy = {MaximumRetryAttempts = 185, MaximumEventAgeInSeconds = hours(24)},
      DeadLetterConfig = {Arn = undelivered.arn}}},
  }
  topics[name] = topic.arn
end

-- ## The trail: in all regions, validated, encrypted, to a bucket of its own and to a log group

local trail_name = account.prefix .. "-" .. account.env .. "-trail"
local trail_arn = arn("cloudtrail", "trail/" .. trail_name)
local bucket_name = account.prefix .. "-cloudtrail-logs-" .. account.id
local bucket_arn = "arn:aws:s3:::" .. bucket_name
local service = {Service = "cloudtrail.amazonaws.com"}
local of_trail = {StringEquals = {["aws:SourceArn"] = trail_arn}}

local trail_alias = "alias/" .. account.prefix .. "-cloudtrail"
local trail_key = ensure.kms.key {
  name = trail_alias, Description = "CloudTrail logs", EnableKeyRotation = true,
  Policy = {Version = "2012-10-17", Statement = {root,
    {Sid = "Encrypt", Effect = "Allow", Principal = service, Action = "kms:GenerateDataKey*", Resource = "*",
      Condition = {StringEquals = {["aws:SourceArn"] = trail_arn},
        StringLike = {["kms:EncryptionContext:aws:cloudtrail:arn"] = "arn:aws:cloudtrail:*:" .. account.id
          .. ":trail/*"}}},
    {Sid = "Describe", Effect = "Allow", Principal = service, Action = "kms:DescribeKey", Resource = "*",
      Condition = of_trail},
  }},
}

local bucket = ensure.s3.bucket {
  name = bucket_name, protect = true, after = trail_key,
  OwnershipControls = {Rules = {{ObjectOwnership = "BucketOwnerEnforced"}}},
  PublicAccessBlockConfiguration = {BlockPublicAcls = true, IgnorePublicAcls = true, BlockPublicPolicy = true,
    RestrictPublicBuckets = true},
  VersioningConfiguration = {Status = "Enabled"},
  ServerSideEncryptionConfiguration = {Rules = {{BucketKeyEnabled = true,
    ApplyServerSideEncryptionByDefault = {SSEAlgorithm = "aws:kms", KMSMasterKeyID = arn("kms", trail_alias)}}}},
  LifecycleConfiguration = {Rules = {{ID = "archive", Status = "Enabled", Filter = {Prefix = ""},
    Transitions = {{Days = 90, StorageClass = "GLACIER"}, {Days = 180, StorageClass = "DEEP_ARCHIVE"}},
    Expiration = {Days = 2555}, NoncurrentVersionExpiration = {NoncurrentDays = 90}}}},
  PolicyStatements = {
    {Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = {bucket_arn, bucket_arn .. "/*"},
      Condition = {Bool = {["aws:SecureTransport"] = "false"}}},
    {Sid = "TrailLooks", Effect = "Allow", Principal = service, Action = "s3:GetBucketAcl", Resource = bucket_arn,
      Condition = of_trail},
    {Sid = "TrailWrites", Effect = "Allow", Principal = service, Action = "s3:PutObject",
      Resource = bucket_arn .. "/AWSLogs/" .. account.id .. "/*",
      Condition = {StringEquals = {["aws:SourceArn"] = trail_arn, ["s3:x-amz-acl"] = "bucket-owner-full-control"}}},
  },
  tags = {Purpose = "logs of CloudTrail"},
}

local group_name = "/aws/cloudtrail/" .. account.prefix .. "-" .. account.env
local group = ensure.logs.group {name = group_name, retentionInDays = 90}

local role = ensure.iam.role {
  name = account.prefix .. "-cloudtrail-cloudwatch-role",
  Description = "CloudTrail writes to its log group",
  AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Principal = service,
    Action = "sts:AssumeRole", Condition = of_trail}}},
  InlinePolicies = {write = {Version = "2012-10-17", Statement = {{Effect = "Allow",
    Action = {"logs:CreateLogStream", "logs:PutLogEvents"},
    Resource = arn("logs", "log-group:" .. group_name .. ":*")}}}},
}

local selectors = {{Name = "Management", FieldSelectors = {{Field = "eventCategory", Equals = {"Management"}}}}}
if var.data_events then
  selectors[2] = {Name = "Writes to S3", FieldSelectors = {
    {Field = "eventCategory", Equals = {"Data"}},
    {Field = "resources.type", Equals = {"AWS::S3::Object"}},
    {Field = "readOnly", Equals = {"false"}},
    {Field = "resources.ARN", NotStartsWith = {bucket_arn .. "/"}},     -- else it writes about its own writing
  }}
end

local trail = ensure.cloudtrail.trail {
  name = trail_name, S3BucketName = bucket.name, KmsKeyId = trail_key.arn,
  IsMultiRegionTrail = true, IncludeGlobalServiceEvents = true, EnableLogFileValidation = true,
  CloudWatchLogsLogGroupArn = group.arn .. ":*", CloudWatchLogsRoleArn = role.arn,
  AdvancedEventSelectors = selectors,
}

output {detector = detector.id, hub = hub.arn, analyzer = analyzer.arn, trail = trail.arn, topics = topics}
