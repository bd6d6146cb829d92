--- budgets.budget: a budget with its notifications and who hears them, each converged by itself.
local resource = require "resources"

-- "500.0" and "500.00" are one amount: the shortest text of it stands for all.
local function amount(text)
  local n = tonumber(text)
  return n and tostring(math.tointeger(n) or n) or text
end

local function id(n)
  return ("%s %s %g %s"):format(n.NotificationType, n.ComparisonOperator, n.Threshold, n.ThresholdType or "PERCENTAGE")
end

local function subscriber_id(s) return s.SubscriptionType .. " " .. s.Address end

local function known_addresses(list)
  for _, s in ipairs(list) do
    if type(s.Address) ~= "string" then return false end
  end
  return true
end

-- A notification in the form that equal ones share: its own key beside it, its subscribers sorted.
local function spelt_row(row)
  local n, subscribers = {}, table.move(row.Subscribers or {}, 1, #(row.Subscribers or {}), 1, {})
  for name, value in pairs(row.Notification) do n[name] = value end
  n.ThresholdType = n.ThresholdType or "PERCENTAGE"
  n.NotificationState = nil                               -- whether it was told of, nothing that one sets
  if known_addresses(subscribers) then
    table.sort(subscribers, function(a, b) return subscriber_id(a) < subscriber_id(b) end)
  end
  return {Notification = n, Subscribers = subscribers, id = id(n)}
end

local function spelt(budget)
  local limit, rows = budget.BudgetLimit, {}
  if limit then budget.BudgetLimit = {Amount = amount(limit.Amount), Unit = limit.Unit} end
  for i, row in ipairs(budget.NotificationsWithSubscribers or {}) do rows[i] = spelt_row(row) end
  budget.NotificationsWithSubscribers = rows
  return budget
end

local function plain(n)
  return {NotificationType = n.NotificationType, ComparisonOperator = n.ComparisonOperator, Threshold = n.Threshold,
    ThresholdType = n.ThresholdType or "PERCENTAGE"}
end

local function by_id(rows)
  local out = {}
  for _, row in ipairs(rows or {}) do out[id(row.Notification)] = row end
  return out
end

-- What to add before what to remove: a notification must never be without a subscriber.
local function converge_subscribers(aws, base, old, new)
  local have, want = {}, {}
  for _, s in ipairs(old.Subscribers) do have[subscriber_id(s)] = s end
  for _, s in ipairs(new.Subscribers) do want[subscriber_id(s)] = s end
  local function call(operation, subscriber)
    aws.budgets[operation](aws.budgets, {AccountId = base.AccountId, BudgetName = base.BudgetName,
      Notification = plain(new.Notification), Subscriber = subscriber})
  end
  for key, s in pairs(want) do
    if not have[key] then call("create_subscriber", s) end
  end
  for key, s in pairs(have) do
    if not want[key] then call("delete_subscriber", {SubscriptionType = s.SubscriptionType, Address = s.Address}) end
  end
end

local function converge(aws, base, live, want)
  local old, new = by_id(live), by_id(want)
  for key, row in pairs(new) do
    if old[key] then
      converge_subscribers(aws, base, old[key], row)
    else
      aws.budgets:create_notification {AccountId = base.AccountId, BudgetName = base.BudgetName,
        Notification = row.Notification, Subscribers = row.Subscribers}
    end
  end
  for key, row in pairs(old) do
    if not new[key] then
      aws.budgets:delete_notification {AccountId = base.AccountId, BudgetName = base.BudgetName,
        Notification = plain(row.Notification)}
    end
  end
end

local function budget_of(want)
  local out = {BudgetName = want.name}
  for name, value in pairs(want) do
    if name ~= "name" and name ~= "Tags" and name ~= "NotificationsWithSubscribers" then out[name] = value end
  end
  return out
end

-- Ways to say one thing, of which a budget has one; where AWS shows two, it is the first that was set.
local WAYS <const> = {{"AutoAdjustData", "PlannedBudgetLimits", "BudgetLimit"}, {"FilterExpression", "CostFilters"},
  {"Metrics", "CostTypes"}, {"TimePeriod"}, {"BillingViewArn"}}

local function first_of(budget, names)
  for _, name in ipairs(names) do
    if budget[name] ~= nil then return name end
  end
end

-- An update replaces the whole budget: what the playbook does not give stays as it is.
local function kept(want, live)
  local out = budget_of(want)
  for _, names in ipairs(WAYS) do
    local name = not first_of(want, names) and first_of(live, names)
    if name then out[name] = live[name] end
  end
  return out
end

local function subscribers(aws, base, notification)
  return resource.unless({"NotFoundException"}, function()
    return aws.budgets:describe_subscribers_for_notification {AccountId = base.AccountId, BudgetName = base.BudgetName,
      Notification = plain(notification)}.Subscribers
  end, {})
end

local function tags_of(aws, arn)
  return resource.tag_map(aws.budgets:list_tags_for_resource {ResourceARN = arn}.ResourceTags)
end

return resource {
  type = "budgets.budget",
  about = "A budget, its notifications and who hears them",
  model = "create_budget", inside = "Budget", key = "BudgetName",
  without = {"CalculatedSpend", "LastUpdatedTime", "HealthStatus"},
  also = {create_budget = {"NotificationsWithSubscribers"}},
  arns = "^arn:[^:]+:budgets::%d+:budget/(.+)$",
  provides = {"arn"},
  replaces = {"BudgetType", "TimeUnit"},
  sets = {NotificationsWithSubscribers = "id"},
  defaults = {NotificationsWithSubscribers = {}},
  guards = {"NotificationsWithSubscribers"},
  absent = {"NotFoundException"},
  normal = spelt,

  check = function(want)
    for i, row in ipairs(want.NotificationsWithSubscribers or {}) do
      if #(row.Subscribers or {}) == 0 then
        return {("NotificationsWithSubscribers[%d] has no subscriber; AWS keeps none without"):format(i)}
      end
    end
  end,

  read = function(aws, want)
    local base = {AccountId = aws.account_id, BudgetName = want.name}
    local b = aws.budgets:describe_budget(base).Budget
    local live = budget_of(b)
    live.name, live.BudgetName = want.name, nil
    live.arn = aws.arn("budgets", "budget/" .. want.name, "")
    local rows = {}
    for n in aws.budgets:items("describe_notifications_for_budget", base) do
      rows[#rows + 1] = {Notification = n, Subscribers = subscribers(aws, base, n)}
    end
    live.NotificationsWithSubscribers = rows
    live = spelt(live)
    live.Tags = aws.tags(live.arn, function() return tags_of(aws, live.arn) end)
    return live
  end,

  list = function(aws)
    local out = {}
    for b in aws.budgets:items("describe_budgets", {AccountId = aws.account_id}) do
      out[#out + 1] = {name = b.BudgetName, Tags = tags_of(aws, aws.arn("budgets", "budget/" .. b.BudgetName, ""))}
    end
    return out
  end,

  all = function(aws)
    local out = {}
    for b in aws.budgets:items("describe_budgets", {AccountId = aws.account_id}) do
      out[#out + 1] = {name = b.BudgetName}
    end
    return out
  end,

  create = function(aws, want)
    local rows = {}
    for i, row in ipairs(want.NotificationsWithSubscribers or {}) do
      rows[i] = {Notification = row.Notification, Subscribers = row.Subscribers}
    end
    aws.budgets:create_budget {AccountId = aws.account_id, Budget = budget_of(want),
      NotificationsWithSubscribers = #rows > 0 and rows or nil, ResourceTags = resource.tag_list(want.Tags)}
    return {arn = aws.arn("budgets", "budget/" .. want.name, "")}
  end,

  update = function(aws, live, want, changed)
    local base = {AccountId = aws.account_id, BudgetName = want.name}
    local rest = {}
    for name in pairs(changed) do
      if name ~= "NotificationsWithSubscribers" and name ~= "Tags" then rest[name] = true end
    end
    if next(rest) then aws.budgets:update_budget {AccountId = base.AccountId, NewBudget = kept(want, live)} end
    if changed.NotificationsWithSubscribers then
      converge(aws, base, live.NotificationsWithSubscribers, want.NotificationsWithSubscribers)
    end
    if changed.Tags then resource.retag(aws.budgets, {ResourceARN = live.arn}, live, want, {tags = "ResourceTags"}) end
  end,

  delete = function(aws, live) aws.budgets:delete_budget {AccountId = aws.account_id, BudgetName = live.name} end,
}
