--- ce.anomaly_subscription: who hears of cost anomalies, from which size on. The API sends to SNS only at once.
local resource = require "resources"

local FIELDS <const> = {"MonitorArnList", "Subscribers", "ThresholdExpression", "Frequency"}

local function pick(want, out)
  for _, name in ipairs(FIELDS) do out[name] = want[name] end
  return out
end

local function tags_of(aws, arn)
  return resource.tag_map(aws.ce:list_tags_for_resource {ResourceArn = arn}.ResourceTags)
end

return resource {
  type = "ce.anomaly_subscription",
  about = "Who hears of cost anomalies, and from which size on",
  model = "create_anomaly_subscription", inside = "AnomalySubscription", key = "SubscriptionName",
  without = {"SubscriptionArn", "AccountId"},
  once = {"create_anomaly_subscription"},
  provides = {"arn"},
  sets = {"MonitorArnList", Subscribers = "Address"},

  check = function(want)
    local out = {}
    if want.Threshold ~= nil then
      out[1] = "Threshold is deprecated and refused beside an expression; give ThresholdExpression ="
        .. ' {Dimensions = {Key = "ANOMALY_TOTAL_IMPACT_ABSOLUTE", MatchOptions = {"GREATER_THAN_OR_EQUAL"},'
        .. ' Values = {"100"}}}'
    end
    for i, s in ipairs(want.Subscribers or {}) do
      if s.Type == "SNS" and want.Frequency ~= "IMMEDIATE" then
        out[#out + 1] = ('Subscribers[%d] is SNS, which AWS serves only with Frequency = "IMMEDIATE"'):format(i)
      elseif s.Type == "EMAIL" and want.Frequency == "IMMEDIATE" then
        out[#out + 1] = ('Subscribers[%d] is EMAIL, which AWS serves only DAILY or WEEKLY'):format(i)
      end
    end
    return out
  end,

  read = function(aws, want)
    for s in aws.ce:items("get_anomaly_subscriptions", {}) do
      if s.SubscriptionName == want.name then
        return pick(s, {name = s.SubscriptionName, arn = s.SubscriptionArn, Tags = tags_of(aws, s.SubscriptionArn)})
      end
    end
  end,

  list = function(aws)
    local out = {}
    for s in aws.ce:items("get_anomaly_subscriptions", {}) do
      out[#out + 1] = {name = s.SubscriptionName, Tags = tags_of(aws, s.SubscriptionArn)}
    end
    return out
  end,

  all = {"get_anomaly_subscriptions", "SubscriptionName"},

  create = function(aws, want)
    return {arn = aws.ce:create_anomaly_subscription {
      AnomalySubscription = pick(want, {SubscriptionName = want.name}),
      ResourceTags = resource.tag_list(want.Tags)}.SubscriptionArn}
  end,

  update = function(aws, live, want, changed)
    local input = {SubscriptionArn = live.arn}
    for _, name in ipairs(FIELDS) do
      if changed[name] then input[name] = want[name] end
    end
    if next(input, next(input)) then aws.ce:update_anomaly_subscription(input) end
    if changed.Tags then resource.retag(aws.ce, {ResourceArn = live.arn}, live, want, {tags = "ResourceTags"}) end
  end,

  delete = function(aws, live) aws.ce:delete_anomaly_subscription {SubscriptionArn = live.arn} end,
}
