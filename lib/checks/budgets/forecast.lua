--- 3.1: an alert is sent when forecast reaches 80 % of the month's budget.
local control = require "checks"

return control {
  id = "budgets-forecast-alert", title = "An alert is sent at 80 % of the budget by forecast", severity = "medium",
  requirement = "3.1, 9.4", subjects = "account.global",
  needs = {"budgets:ViewBudget"}, remedy = "provision/costs",
  command = "tidelock call budgets describe-budgets --account-id {account}",
  means = "The month's bill is the first to tell that it is too high.",
  todo = "Give the budget a notification that reaches the cost topic.",
  absent = {NotFoundException = "there is no such budget"},
  read = function(aws, _, world)
    if not world.account.prefix then return {} end
    local name = world.account.prefix .. "-monthly"
    local base = {AccountId = world.id, BudgetName = name}
    local budget = aws.budgets:describe_budget(base).Budget
    for notification in aws.budgets:items("describe_notifications_for_budget", base) do
      if notification.NotificationType == "FORECASTED" then
        local topics = 0
        for who in aws.budgets:items("describe_subscribers_for_notification", {AccountId = world.id,
          BudgetName = name, Notification = notification}) do
          if who.SubscriptionType == "SNS" then topics = topics + 1 end
        end
        return {budget = budget, notification = notification, topics = topics}
      end
    end
    return {budget = budget}
  end,
  test = function(live, _, world)
    if not live.budget then return control.skip("no account file was given, so no budget is expected") end
    if not live.notification then return control.fail("there is no notification of this kind") end
    local percent = (world.account.budget or {}).forecast_percent or 80
    if live.notification.Threshold > percent then
      return control.fail("it is sent at %g %%, not %g %%", live.notification.Threshold, percent)
    end
    return control.judge(live.topics > 0, ("at %g %% to a topic"):format(live.notification.Threshold),
      "it reaches no topic")
  end,
}
