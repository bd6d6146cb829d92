--- 4.5: the cost topic lets Budgets, anomaly detection and alarms publish.
local control = require "checks"
local policy = require "checks.policy"

local PUBLISHERS <const> = {"budgets.amazonaws.com", "costalerts.amazonaws.com", "cloudwatch.amazonaws.com"}

return control {
  id = "sns-cost-publishers", title = "The cost topic lets budgets, anomaly detection and alarms publish",
  severity = "high", requirement = "4.5, 9.3, 3.1, 3.2, 3.3", subjects = "expected.topic",
  needs = {"sns:GetTopicAttributes"}, remedy = "provision/costs",
  command = "tidelock call sns get-topic-attributes --topic-arn {arn} --region {region}",
  means = "An alert on spend is sent and refused, so nobody hears of it.",
  todo = "Allow the services in the topic's policy, each for this account only.",
  absent = {NotFound = "there is no such topic", NotFoundException = "there is no such topic"},
  read = function(aws, subject)
    return aws.sns:get_topic_attributes({TopicArn = subject.arn}).Attributes
  end,
  test = function(live)
    local statements, missing = policy.statements(live.Policy), {}
    for _, service in ipairs(PUBLISHERS) do
      if not policy.allows_service(statements, service, "sns:Publish") then missing[#missing + 1] = service end
    end
    return control.judge(#missing == 0, "all three may publish", table.concat(missing, ", ") .. " may not publish")
  end,
}
