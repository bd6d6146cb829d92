--- Who tells of findings: rules that match what somebody must look at, topics whose key and policy let them publish,
-- and a queue for what could not be delivered.
playbook {
  name = "harden/findings",
  about = "Findings of GuardDuty and Security Hub by e-mail: rules, topics, their key, and a queue for the undelivered",
  vars = {
    severity = {"number", default = 7, min = 1, max = 10, about = "GuardDuty findings from here on are told, to 10"},
    keep = {"seconds", default = "14d", about = "how long findings that could not be delivered are kept"},
  },
}

local ARN = "arn:" .. account.partition .. ":"

local function arn(service, rest)
  return ARN .. service .. ":" .. account.region .. ":" .. account.id .. ":" .. rest
end

local root = {Sid = "Owner", Effect = "Allow", Principal = {AWS = ARN .. "iam::" .. account.id .. ":root"},
  Action = "kms:*", Resource = "*"}

local function topic_arn(name) return arn("sns", account.prefix .. "-" .. name .. "-findings") end

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

-- Whom somebody has these rules tell too, by rule: they stay.
local others = find "who is told of findings already" {run = function()
  local out = {}
  for name, row in pairs(RULES) do
    out[name] = {}
    local ok, err = pcall(function()
      for target in aws.events:items("list_targets_by_rule", {Rule = account.prefix .. "-" .. row.rule}) do
        if target.Id ~= "SendToSNS" then table.insert(out[name], target) end
      end
    end)
    if not ok and not (type(err) == "table" and err.code == "ResourceNotFoundException") then error(err, 0) end
  end
  return out
end}

-- EventBridge does not say for whom it uses a topic's key: a condition on aws:SourceArn or aws:SourceAccount would keep
-- it out, and nobody would hear of anything. The key is bound to the topics instead, and these to their rules.
local alerts_key = ensure.kms.key {
  name = "alias/" .. account.prefix .. "-sns-security-alerts",
  Description = "Security alerts", EnableKeyRotation = true,
  PolicyStatements = {root,
    {Sid = "Publishers", Effect = "Allow", Principal = {Service = "events.amazonaws.com"},
      Action = {"kms:Decrypt", "kms:GenerateDataKey*"}, Resource = "*",
      Condition = {StringEquals = {["kms:EncryptionContext:aws:sns:topicArn"] = {topic_arn "guardduty",
        topic_arn "securityhub"}}}},
  },
}

local function rule_arn(row) return arn("events", "rule/" .. account.prefix .. "-" .. row.rule) end

local undelivered = ensure.sqs.queue {
  name = account.prefix .. "-security-alerts-dlq",
  MessageRetentionPeriod = var.keep, SqsManagedSseEnabled = true,
  PolicyStatements = {
    {Sid = "Undelivered", Effect = "Allow", Principal = {Service = "events.amazonaws.com"}, Action = "sqs:SendMessage",
      Resource = arn("sqs", account.prefix .. "-security-alerts-dlq"),
      Condition = {ArnEquals = {["aws:SourceArn"] = {rule_arn(RULES.guardduty), rule_arn(RULES.securityhub)}}}},
    {Sid = "TlsOnly", Effect = "Deny", Principal = "*", Action = "sqs:*",
      Resource = arn("sqs", account.prefix .. "-security-alerts-dlq"),
      Condition = {Bool = {["aws:SecureTransport"] = "false"}}},
  },
  tags = {Purpose = "findings that could not be delivered"},
}

local topics = {}
for name, row in pairs(RULES) do
  local topic_name = account.prefix .. "-" .. name .. "-findings"
  local topic = ensure.sns.topic {
    name = topic_name, DisplayName = row.title, KmsMasterKeyId = alerts_key.arn,
    PolicyStatements = {
      {Sid = "Owner", Effect = "Allow", Principal = {AWS = account.id}, Resource = topic_arn(name),
        Action = {"sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:Subscribe",
          "sns:ListSubscriptionsByTopic", "sns:Publish", "sns:AddPermission", "sns:RemovePermission",
          "sns:DeleteTopic"}},
      {Sid = "Rule", Effect = "Allow", Principal = {Service = "events.amazonaws.com"}, Action = "sns:Publish",
        Resource = topic_arn(name), Condition = {ArnEquals = {["aws:SourceArn"] = rule_arn(row)}}},
    },
    tags = {Purpose = row.title},
  }
  ensure.sns.subscription {TopicArn = topic.arn, Protocol = "email", Endpoint = account.emails.security}
  ensure.events.rule {
    name = account.prefix .. "-" .. row.rule, Description = row.title .. " that somebody must look at",
    EventPattern = row.pattern,
    Targets = {{Id = "SendToSNS", Arn = topic.arn,
      InputTransformer = {InputPathsMap = row.paths, InputTemplate = row.text},
      RetryPolicy = {MaximumRetryAttempts = 185, MaximumEventAgeInSeconds = hours(24)},
      DeadLetterConfig = {Arn = undelivered.arn}}, table.unpack(others[name] or {})},
  }
  topics[name] = topic.arn
end

output {topics = topics, undelivered = undelivered.url}
