--- config.delivery_channel: where AWS Config delivers to. A region has one, and it needs a recorder first: after = it.
local resource = require "resources"
local settling = require "resources.settling"

local NOT_YET <const> = {InsufficientDeliveryPolicyException = true, NoSuchBucketException = true}

local MEMBERS <const> = {"s3BucketName", "s3KeyPrefix", "s3KmsKeyArn", "snsTopicARN",
  "configSnapshotDeliveryProperties"}

-- A put replaces all of it; "" takes a part away.
local function put(aws, want, live)
  local input = {name = want.name}
  for _, name in ipairs(MEMBERS) do
    input[name] = want[name]
    if input[name] == nil and live then input[name] = live[name] end
    if input[name] == "" then input[name] = nil end
  end
  settling.patiently(NOT_YET, "the bucket of the delivery channel " .. want.name, function()
    aws.config:put_delivery_channel {DeliveryChannel = input}
  end)
end

return resource {
  type = "config.delivery_channel",
  about = "Where AWS Config delivers what it wrote down: bucket, topic, how often",
  model = "put_delivery_channel", inside = "DeliveryChannel", key = "name", tags = false,
  required = {"s3BucketName"},
  absent = {"NoSuchDeliveryChannelException"},

  all = function(aws)
    local out = {}
    for i, c in ipairs(aws.config:describe_delivery_channels {}.DeliveryChannels or {}) do out[i] = {name = c.name} end
    return out
  end,

  read = function(aws, want)
    local live = aws.config:describe_delivery_channels {DeliveryChannelNames = {want.name}}.DeliveryChannels[1]
    local out = {name = live.name}
    for _, name in ipairs(MEMBERS) do out[name] = live[name] end
    return out
  end,

  create = function(aws, want)
    put(aws, want)
    return {}
  end,

  update = function(aws, live, want) put(aws, want, live) end,

  delete = function(aws, live) aws.config:delete_delivery_channel {DeliveryChannelName = live.name} end,
}
