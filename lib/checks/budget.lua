--- Both controls of the month's budget: one looks at what is spent, one at what is forecast.
local control = require "checks"

local budget = {}

-- The notification of this type, and how many topics hear it.
local function heard(aws, kind, base)
  for notification in aws.budgets:items("describe_notifications_for_budget", base) do
    if notification.NotificationType == kind then
      local topics = 0
      for who in aws.budgets:items("describe_subscribers_for_notification", {AccountId = base.AccountId,
        BudgetName = base.BudgetName, Notification = notification}) do
        if who.SubscriptionType == "SNS" then topics = topics + 1 end
      end
      return notification, topics
    end
  end
end

--- `read` of such a control: {budget, notification, topics}, or nothing where no account file was given.
function budget.read(kind)
  return function(aws, _, world)
    if not world.account.prefix then return {} end
    local base = {AccountId = world.id, BudgetName = world.account.prefix .. "-monthly"}
    local live = {budget = aws.budgets:describe_budget(base).Budget}
    live.notification, live.topics = heard(aws, kind, base)
    return live
  end
end

--- `test` of such a control: sent at `percent` of the budget or sooner, or at what the account file says under `key`;
-- and the budget itself no larger than the account file says.
function budget.test(key, percent)
  return function(live, _, world)
    if not live.budget then return control.skip("no account file was given, so no budget is expected") end
    local limit, wanted = tonumber((live.budget.BudgetLimit or {}).Amount), (world.account.budget or {}).limit
    if limit and wanted and limit > wanted then
      return control.fail("the budget is %.14g %s, not %.14g", limit, live.budget.BudgetLimit.Unit or "", wanted)
    end
    if not live.notification then return control.fail("there is no notification of this kind") end
    local most, at = (world.account.budget or {})[key] or percent, live.notification.Threshold
    if at > most then return control.fail("it is sent at %g %%, not %g %%", at, most) end
    return control.judge(live.topics > 0, ("at %g %% to a topic"):format(at), "it reaches no topic")
  end
end

return budget
