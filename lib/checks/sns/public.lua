--- A topic takes messages from, and sends them to, those who are named.
local control = require "checks"
local policy = require "checks.policy"

return control {
  id = "sns-not-public", title = "No topic is open to the world", severity = "critical", fsbp = "SNS.4",
  subjects = "sns.topic", needs = {"sns:GetTopicAttributes"},
  command = "tidelock call sns get-topic-attributes --topic-arn {arn} --region {region}",
  means = "Anybody may send false alerts, or subscribe and read the true ones.",
  todo = "Name the services or accounts in the topic's policy, or add a condition on aws:SourceAccount.",
  read = function(aws, subject) return aws.sns:get_topic_attributes({TopicArn = subject.arn}).Attributes end,
  test = function(live)
    return control.judge(not policy.public(policy.statements(live.Policy)), "its policy names who may",
      "its policy allows everyone")
  end,
}
