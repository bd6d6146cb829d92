--- Somebody hears what the topic says: a confirmed subscription.
local control = require "checks"

return control {
  id = "sns-subscribers", title = "The cost topic has a confirmed subscriber", severity = "medium",
  requirement = "3.1, 3.2, 3.3", subjects = "expected.topic", needs = {"sns:ListSubscriptionsByTopic"},
  remedy = "provision/costs",
  command = "tidelock call sns list-subscriptions-by-topic --topic-arn {arn} --region {region}",
  means = "Alerts go to a topic that nobody reads.",
  todo = "Subscribe an address and click the link in the mail that AWS sends to it.",
  absent = {NotFound = "there is no such topic", NotFoundException = "there is no such topic"},
  read = function(aws, subject)
    return aws.sns:items("list_subscriptions_by_topic", {TopicArn = subject.arn})
  end,
  test = function(list)
    local confirmed, pending = 0, 0
    for subscription in list do
      if subscription.SubscriptionArn:find "^arn:" then confirmed = confirmed + 1 else pending = pending + 1 end
    end
    if confirmed > 0 then return control.pass("%d confirmed, %d waiting", confirmed, pending) end
    return control.fail("none is confirmed, %d wait for a click", pending)
  end,
}
