--- 2.2, 6.5: somebody hears of findings and of alarms: a confirmed subscription.
local control = require "checks"

return control {
  id = "sns-alert-subscribers", title = "The topics of alarms and findings have a confirmed subscriber",
  severity = "high", requirement = "2.2, 2.3, 6.5", subjects = "expected.alert_topic",
  needs = {"sns:ListSubscriptionsByTopic"}, remedy = "harden",
  command = "tidelock call sns list-subscriptions-by-topic --topic-arn {arn} --region {region}",
  means = "An attack is found, or a service is down, and the alert goes to a topic that nobody reads.",
  todo = "Subscribe an address and click the link in the mail that AWS sends to it.",
  absent = {NotFound = "there is no such topic", NotFoundException = "there is no such topic"},
  read = function(aws, subject)
    local confirmed, pending = 0, 0
    for one in aws.sns:items("list_subscriptions_by_topic", {TopicArn = subject.arn}) do
      if one.SubscriptionArn:find "^arn:" then confirmed = confirmed + 1 else pending = pending + 1 end
    end
    return {confirmed = confirmed, pending = pending}
  end,
  test = function(live)
    return control.judge(live.confirmed > 0, ("%d confirmed"):format(live.confirmed),
      ("none is confirmed, %d wait for a click"):format(live.pending))
  end,
}
