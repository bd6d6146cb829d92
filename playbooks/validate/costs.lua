--- Proves what harden/costs and provision/costs were for: people hear of money, traffic goes past the NAT gateways, and
-- the figures have fallen since those that harden/costs kept before it changed anything. What cannot be measured is an
-- error here, never a pass.
playbook {
  name = "validate/costs",
  about = "Budget, topic and anomalies tell people; endpoints, tiers, expiry and retention save, against the figures"
    .. " from before",
  vars = {
    nat = {"number", default = 20, min = 0, max = 100, about = "percent that NAT traffic must have fallen"},
    tiering = {"number", default = 20, min = 0, max = 100, about = "percent of bytes that must not be in STANDARD"},
    tables = {"number", default = 0, min = 0, max = 100, about = "percent that tables must have shrunk"},
    logs = {"number", default = 0, min = 0, max = 100, about = "percent that stored log lines must have shrunk"},
    share = {"number", default = 80, min = 1, max = 100, about = "percent of the budget that the month may come to"},
  },
}

-- What says that there is none of it; any other refusal means that it could not be looked at.
local none = {}
for code, maker in pairs {NotFound = "costs", NotFoundException = "costs", ResourceNotFoundException = "messaging"} do
  none[code] = ("it is not there; make it with: tidelock apply playbooks/provision/%s.lua --account %s"):format(maker,
    account.file)
end

local DAY, GB = 86400, 1e9
local checked_at = now()
local figures = include("runbooks/cost-figures").figures
local topic = "arn:" .. account.partition .. ":sns:" .. account.region .. ":" .. account.id .. ":"
  .. account.prefix .. "-cost-alerts"

-- ## Whom money talks to

check "3.1/3.2 the budget tells at forecast and actual spend" {absent = none, test = function()
  local base = {AccountId = aws.sts:get_caller_identity {}.Account, BudgetName = account.prefix .. "-monthly"}
  local limit = aws.budgets:describe_budget(base).Budget.BudgetLimit
  local told = {}
  for _, n in ipairs(aws.budgets:describe_notifications_for_budget(base).Notifications or {}) do
    local who = aws.budgets:describe_subscribers_for_notification {AccountId = base.AccountId, Notification = n,
      BudgetName = base.BudgetName}.Subscribers or {}
    for _, one in ipairs(who) do
      if one.Address == secret(topic) then told[n.NotificationType] = n.Threshold end
    end
  end
  for kind, percent in pairs {FORECASTED = account.budget.forecast_percent, ACTUAL = account.budget.actual_percent} do
    if told[kind] ~= percent then
      return false, ("the topic is not told at %s %% of %s spend"):format(percent, kind:lower())
    end
  end
  return true, ("%s %s; %s %% forecast and %s %% actual reach the topic"):format(limit.Amount, limit.Unit,
    told.FORECASTED, told.ACTUAL)
end}

check "4.5 budgets and anomaly detection may publish" {absent = none, test = function()
  local policy = json.decode(aws.sns:get_topic_attributes {TopicArn = topic}.Attributes.Policy)
  local may = {}
  for _, s in ipairs(policy.Statement) do
    local who = type(s.Principal) == "table" and s.Principal.Service or nil
    for _, service in ipairs(type(who) == "table" and who or {who}) do
      if s.Effect == "Allow" then may[service] = true end
    end
  end
  for _, service in ipairs {"budgets.amazonaws.com", "costalerts.amazonaws.com"} do
    if not may[service] then return false, service .. " may not publish" end
  end
  return true, "both may"
end}

check "3.3 anomalies are looked for, and told" {test = function()
  local monitors = {}
  for _, m in ipairs(aws.ce:get_anomaly_monitors {}.AnomalyMonitors or {}) do monitors[m.MonitorArn] = true end
  for _, s in ipairs(aws.ce:get_anomaly_subscriptions {}.AnomalySubscriptions or {}) do
    for _, arn in ipairs(s.MonitorArnList) do
      if monitors[arn] and #(s.Subscribers or {}) > 0 then
        local seen = aws.ce:get_anomalies {DateInterval = {StartDate = os.date("!%Y-%m-%d", checked_at - 30 * DAY)}}
        return true, ("%s, %d subscriber(s); %d anomalies in 30 days"):format(s.Frequency, #s.Subscribers,
          #(seen.Anomalies or {}))
      end
    end
  end
  return false, "no monitor has a subscription with a subscriber"
end}

-- ## Where traffic goes

local function targets_nat(t)
  for _, route in ipairs(t.Routes or {}) do
    if route.NatGatewayId then return true end
  end
  return false
end

check "7.2 S3 and DynamoDB are reached past the NAT gateways" {test = function()
  local served, missing, n = {}, {}, 0
  for e in aws.ec2:items("describe_vpc_endpoints", {}) do
    for _, id in ipairs(e.RouteTableIds or {}) do served[id .. " " .. e.ServiceName:match "[^.]+$"] = true end
  end
  for t in aws.ec2:items("describe_route_tables", {}) do
    if targets_nat(t) then
      n = n + 1
      for _, service in ipairs {"s3", "dynamodb"} do
        if not served[t.RouteTableId .. " " .. service] then
          missing[#missing + 1] = ("%s to %s"):format(t.RouteTableId, service)
        end
      end
    end
  end
  if #missing > 0 then return false, "no way but the NAT gateway: " .. table.concat(missing, ", ") end
  return true, ("%d route tables with a NAT gateway have both endpoints"):format(n)
end}

-- ## What has fallen

-- The figures from before and of now, where there are both and the days since are not the same days.
local function compared(part, whole_window)
  local before = recall "costs before"
  if not before then
    error("there are no figures from before in this state folder or store; harden/costs keeps them when it first runs",
      0)
  end
  for name, f in pairs {["before"] = before, ["now"] = figures} do
    if f[part] == nil then
      error(("%s: %s could not be measured: %s"):format(name, part, (f.refused or {})[part] or "no figure"), 0)
    end
  end
  local soonest = before.at + (figures.window + 1) * DAY
  if whole_window and checked_at < soonest then
    error(("the %d days after the change are not over; prove it from %s on"):format(figures.window,
      os.date("!%Y-%m-%d", soonest)), 0)
  end
  return before[part], figures[part], before
end

local function fall(what, before, after, percent, unit, scale)
  if before <= 0 then error(("there was no %s before, so nothing of it can be saved"):format(what), 0) end
  local fell = (1 - after / before) * 100
  return fell >= percent, ("%s: %.2f -> %.2f %s, %.1f %% less; %g %% are asked for"):format(what, before / scale,
    after / scale, unit, fell, percent)
end

check "7.2 less goes through the NAT gateways" {test = function()
  local before, after = compared("nat", true)
  if not (before.bytes_a_day and after.bytes_a_day) then error("no traffic was counted by CloudWatch", 0) end
  return fall("NAT traffic", before.bytes_a_day, after.bytes_a_day, var.nat, "GB a day", GB)
end}

check "7.2 and costs less" {severity = "warning", test = function()
  local before, after = compared("nat_usd_a_day", true)
  return fall("NAT gateways", before, after, 0, "USD a day", 1)
end}

-- The share of bytes in cheaper classes than STANDARD, which is what tiering moves.
local function cheaper(classes)
  local all, standard = 0, 0
  for name, bytes in pairs(classes) do
    all = all + bytes
    if name == "StandardStorage" then standard = standard + bytes end
  end
  if all == 0 then error("S3 has no figures for any bucket yet; it writes them once a day", 0) end
  return (all - standard) / all * 100
end

check "7.1 stored bytes move to cheaper classes" {test = function()
  local before, after = compared "s3"
  local was, is = cheaper(before), cheaper(after)
  return is >= var.tiering and is >= was, ("%.1f %% -> %.1f %% are not STANDARD; %g %% are asked for"):format(was, is,
    var.tiering)
end}

check "7.4 tables shrink" {test = function()
  local before, after = compared "dynamodb"
  return fall("DynamoDB", before.bytes, after.bytes, var.tables, "GB", GB)
end}

check "7.3 stored log lines shrink" {test = function()
  local before, after = compared "logs"
  return fall("logs", before.bytes, after.bytes, var.logs, "GB", GB)
end}

check "the month stays within the budget" {test = function()
  local limit = account.budget.limit * var.share / 100
  local tomorrow = os.date("!%Y-%m-%d", checked_at + DAY)
  local year, month = tonumber(os.date("!%Y", checked_at)), tonumber(os.date("!%m", checked_at))
  local next_month = ("%04d-%02d-01"):format(month == 12 and year + 1 or year, month % 12 + 1)
  local rest = 0
  if tomorrow < next_month then
    rest = tonumber(aws.ce:get_cost_forecast {Metric = "UNBLENDED_COST", Granularity = "MONTHLY",
      TimePeriod = {Start = tomorrow, End = next_month}}.Total.Amount)
  end
  if figures.month_usd == nil then error("this month's spend could not be measured", 0) end
  local sum = figures.month_usd + rest
  return sum <= limit, ("%.2f so far and %.2f to come are %.2f %s; at most %.2f"):format(figures.month_usd, rest, sum,
    account.budget.currency, limit)
end}

-- ## Whether the costs of AI are written down, where there is a table for them

check "the costs of AI are written down" {severity = "warning", absent = none, test = function()
  local name = ("%s-ai-costs-%s"):format(account.prefix, account.env)
  local yesterday = "COST#" .. os.date("!%Y-%m-%d", checked_at - DAY)
  local found = aws.dynamodb:scan {TableName = name, Limit = 500, ProjectionExpression = "pk",
    FilterExpression = "pk >= :y", ExpressionAttributeValues = {[":y"] = {S = yesterday}}}
  return (found.Count or 0) > 0, ("%d items since yesterday in %s"):format(found.Count or 0, name)
end}
