--- What tells people about money: a topic, a budget at two thresholds, and anomaly detection.
playbook {
  name = "provision/costs",
  about = "Cost topic with its subscribers, monthly budget, anomaly monitor and subscription",
  vars = {
    anomalies = {"string", default = "IMMEDIATE", choices = {"IMMEDIATE", "DAILY", "WEEKLY"},
      about = "when anomalies are told: at once through the topic, or by e-mail"},
    slack = {"boolean", default = false,
      about = "tell the account file's Slack channel too, through AWS Chatbot (its workspace and channel are ids)"},
  },
}

local topic_name = account.prefix .. "-cost-alerts"
local ARN = "arn:" .. account.partition .. ":"
local topic_arn = ARN .. "sns:" .. account.region .. ":" .. account.id .. ":" .. topic_name

-- This policy replaces the owner's default one, so the owner is in it. Budgets, anomaly detection and alarms may
-- publish, each only for this account.
local function may_publish(sid, service)
  return {Sid = sid, Effect = "Allow", Principal = {Service = service}, Action = "sns:Publish", Resource = topic_arn,
    Condition = {StringEquals = {["aws:SourceAccount"] = account.id}}}
end

local topic = ensure.sns.topic {
  name = topic_name,
  DisplayName = "Cost alerts",
  PolicyStatements = {
    {Sid = "Owner", Effect = "Allow", Principal = {AWS = account.id}, Resource = topic_arn,
      Action = {"sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:Subscribe", "sns:ListSubscriptionsByTopic",
        "sns:Publish", "sns:AddPermission", "sns:RemovePermission", "sns:DeleteTopic"}},
    may_publish("Budgets", "budgets.amazonaws.com"),
    may_publish("Anomalies", "costalerts.amazonaws.com"),
    may_publish("Alarms", "cloudwatch.amazonaws.com"),
  },
  tags = {Purpose = "alerts on spend"},
}

ensure.sns.subscription {TopicArn = topic.arn, Protocol = "email", Endpoint = account.emails.costs}

-- Slack: the workspace is authorised once, by a person, in the console of AWS Chatbot. The role may only look.
if var.slack then
  local role = ensure.iam.role {
    name = account.prefix .. "-chatbot-role",
    AssumeRolePolicyDocument = {Version = "2012-10-17", Statement = {{Effect = "Allow", Action = "sts:AssumeRole",
      Principal = {Service = "chatbot.amazonaws.com"}}}},
    ManagedPolicyArns = {},
    InlinePolicies = {look = {Version = "2012-10-17", Statement = {{Effect = "Allow", Resource = "*",
      Action = {"cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*"}}}}},
    tags = {Purpose = "what Slack may show"},
  }
  ensure.chatbot.slack_channel {
    name = account.prefix .. "-cost-alerts",
    SlackTeamId = account.slack.workspace, SlackChannelId = account.slack.channel,
    IamRoleArn = role.arn, SnsTopicArns = {topic.arn},
    GuardrailPolicyArns = {ARN .. "iam::aws:policy/ReadOnlyAccess"},
    tags = {Purpose = "alerts on spend"},
  }
end

-- The topic comes first: AWS refuses a budget whose topic it cannot publish to.
local function told(kind, percent)
  return {
    Notification = {NotificationType = kind, ComparisonOperator = "GREATER_THAN", Threshold = percent,
      ThresholdType = "PERCENTAGE"},
    Subscribers = {{SubscriptionType = "SNS", Address = topic.arn}},
  }
end

ensure.budgets.budget {
  name = account.prefix .. "-monthly",
  BudgetType = "COST", TimeUnit = "MONTHLY",
  BudgetLimit = {Amount = tostring(account.budget.limit), Unit = account.budget.currency},
  NotificationsWithSubscribers = {
    told("FORECASTED", account.budget.forecast_percent),
    told("ACTUAL", account.budget.actual_percent),
  },
  tags = {Purpose = "monthly budget"},
}

local monitor = ensure.ce.anomaly_monitor {
  name = account.prefix .. "-cost-anomaly-monitor",
  MonitorType = "DIMENSIONAL", MonitorDimension = "SERVICE",
  tags = {Purpose = "cost anomalies by service"},
}

local at_once = var.anomalies == "IMMEDIATE"

ensure.ce.anomaly_subscription {
  name = account.prefix .. "-cost-anomaly-alerts",
  MonitorArnList = {monitor.arn},
  Frequency = var.anomalies,
  Subscribers = {at_once and {Type = "SNS", Address = topic.arn} or {Type = "EMAIL", Address = account.emails.costs}},
  ThresholdExpression = {Dimensions = {
    Key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
    MatchOptions = {"GREATER_THAN_OR_EQUAL"},
    Values = {tostring(account.anomaly.threshold)},
  }},
  tags = {Purpose = "cost anomalies"},
}

output {topic = topic.arn, monitor = monitor.arn}
