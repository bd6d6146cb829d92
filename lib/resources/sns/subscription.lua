--- sns.subscription: who receives a topic's messages. E-mail and other accounts must confirm before it counts.
local resource = require "resources"

local ATTRIBUTES <const> = {
  RawMessageDelivery = "boolean", FilterPolicy = "document", RedrivePolicy = "document", DeliveryPolicy = "document",
  FilterPolicyScope = {type = "string", enum = {"MessageAttributes", "MessageBody"}}, SubscriptionRoleArn = "string",
}

local function decode(name, text)
  if ATTRIBUTES[name] == "boolean" then return text == "true" end
  if ATTRIBUTES[name] == "document" then return resource.document(text) end
  return text
end

local function encode(name, value)
  if ATTRIBUTES[name] == "document" then return value and next(value) ~= nil and resource.encode(value) or "{}" end
  return tostring(value)
end

local function pending(arn) return arn == nil or arn == "PendingConfirmation" or not arn:find "^arn:" end

return resource {
  type = "sns.subscription",
  about = "A receiver of a topic: e-mail, queue, function, URL",
  model = "subscribe", without = {"Attributes", "ReturnSubscriptionArn"},
  key = {"TopicArn", "Protocol", "Endpoint"}, required = {"Endpoint"},
  label = function(want) return ("%s/%s/%s"):format(want.TopicArn:match "[^:]*$", want.Protocol, want.Endpoint) end,
  properties = ATTRIBUTES,
  provides = {"arn", "pending"},
  documents = {"FilterPolicy", "RedrivePolicy", "DeliveryPolicy"},
  defaults = {RawMessageDelivery = false, FilterPolicy = {}, RedrivePolicy = {}},
  guards = {"RedrivePolicy"},
  tags = false,
  absent = {"NotFound", "NotFoundException"},

  read = function(aws, want)
    for s in aws.sns:items("list_subscriptions_by_topic", {TopicArn = want.TopicArn}) do
      if s.Protocol == want.Protocol and s.Endpoint == want.Endpoint then
        local live = {TopicArn = want.TopicArn, Protocol = want.Protocol, Endpoint = want.Endpoint,
          arn = s.SubscriptionArn, pending = pending(s.SubscriptionArn), RawMessageDelivery = false}
        if live.pending then return live end
        local got = aws.sns:get_subscription_attributes {SubscriptionArn = live.arn}.Attributes
        for name in pairs(ATTRIBUTES) do
          if got[name] ~= nil then live[name] = decode(name, got[name]) end
        end
        live.pending = got.PendingConfirmation == "true"
        return live
      end
    end
  end,

  note = function(live) return live.pending and "waits until the receiver confirms it" end,

  all = function(aws)
    local out = {}
    for s in aws.sns:items("list_subscriptions", {}) do
      out[#out + 1] = {TopicArn = s.TopicArn, Protocol = s.Protocol, Endpoint = s.Endpoint,
        leave = pending(s.SubscriptionArn) and "its receiver has not confirmed it" or nil}
    end
    return out
  end,

  create = function(aws, want)
    local attributes = {}
    for name in pairs(ATTRIBUTES) do
      local text = want[name] ~= nil and encode(name, want[name])
      if text and text ~= "{}" then attributes[name] = text end        -- a new one has none to take away
    end
    local arn = aws.sns:subscribe {TopicArn = want.TopicArn, Protocol = want.Protocol, Endpoint = want.Endpoint,
      Attributes = next(attributes) and attributes or nil, ReturnSubscriptionArn = true}.SubscriptionArn
    return {arn = arn, pending = pending(arn)}
  end,

  update = function(aws, live, want, changed)
    if live.pending then
      error({code = "Pending", message = "it cannot be changed until the receiver confirms it"}, 0)
    end
    for name in pairs(changed) do
      aws.sns:set_subscription_attributes {SubscriptionArn = live.arn, AttributeName = name,
        AttributeValue = encode(name, want[name])}
    end
  end,

  delete = function(aws, live)
    if live.pending then return end      -- AWS forgets what is not confirmed within days, and takes no order to
    aws.sns:unsubscribe {SubscriptionArn = live.arn}
  end,
}
