--- 3.3: what costs more than usual is told at once.
local control = require "checks"

return control {
  id = "ce-anomaly-alerts", title = "Cost anomalies are told to a topic at once", severity = "medium",
  requirement = "3.3, 7.5", subjects = "account.global",
  needs = {"ce:GetAnomalyMonitors", "ce:GetAnomalySubscriptions"}, remedy = "provision/costs",
  command = "tidelock call ce get-anomaly-subscriptions",
  means = "A loop that spends money runs for a month before anyone sees it.",
  todo = "Create a monitor by service and a subscription, frequency IMMEDIATE, to the cost topic.",
  read = function(aws)
    return {monitor = aws.ce:items("get_anomaly_monitors", {})(),
      subscriptions = aws.ce:items("get_anomaly_subscriptions", {})}
  end,
  test = function(live)
    if not live.monitor then return control.fail("there is no monitor") end
    local any
    for one in live.subscriptions do
      any = true
      for _, who in ipairs(one.Subscribers or {}) do
        if one.Frequency == "IMMEDIATE" and who.Type == "SNS" then
          return control.pass("subscription %s tells a topic at once", one.SubscriptionName)
        end
      end
    end
    return control.fail(any and "no subscription tells a topic at once: only IMMEDIATE goes to SNS"
      or "there is no subscription")
  end,
}
