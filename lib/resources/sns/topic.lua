--- sns.topic: a topic with its policy, whole or some statements of it, and encryption.
local merge = require "resources.merge"
local resource = require "resources"

-- Attributes are text on the wire; here each has its own type.
local ATTRIBUTES <const> = {
  DisplayName = {type = "string", max = 100}, KmsMasterKeyId = "string", Policy = "document",
  DeliveryPolicy = "document", ArchivePolicy = "document", FifoTopic = "boolean", ContentBasedDeduplication = "boolean",
  FifoThroughputScope = {type = "string", enum = {"Topic", "MessageGroup"}},
  TracingConfig = {type = "string", enum = {"PassThrough", "Active"}}, SignatureVersion = "string",
}

local PROPERTIES <const> = {PolicyStatements = "document"}
for name, how in pairs(ATTRIBUTES) do PROPERTIES[name] = how end

local function decode(name, text)
  if ATTRIBUTES[name] == "boolean" then return text == "true" end
  if ATTRIBUTES[name] == "document" then return resource.document(text) end
  return text
end

local function encode(name, value)
  if ATTRIBUTES[name] == "document" then return resource.encode(value) end
  return value == nil and "" or tostring(value)
end

local function encode_all(want)
  local out = {}
  for name in pairs(ATTRIBUTES) do
    if want[name] ~= nil and want[name] ~= "" and not (name == "FifoTopic" and not want[name]) then
      out[name] = encode(name, want[name])
    end
  end
  return out
end

return resource {
  type = "sns.topic",
  about = "A topic: policy, encryption, FIFO",
  model = "create_topic", without = {"Attributes", "DataProtectionPolicy"}, key = "Name", longest = 256,
  properties = PROPERTIES,
  arns = "^arn:[^:]+:sns:[^:]*:%d+:([^:/]+)$",
  provides = {"arn"},
  replaces = {"FifoTopic"},
  documents = {Policy = "policy", PolicyStatements = "policy", DeliveryPolicy = "json", ArchivePolicy = "json"},
  defaults = {DisplayName = "", KmsMasterKeyId = "", FifoTopic = false},
  guards = {"KmsMasterKeyId"},
  absent = {"NotFound", "NotFoundException"},

  check = function(want)
    local fifo = type(want.name) == "string" and want.name:find "%.fifo$" ~= nil
    local out = merge.faults(want)
    if fifo ~= (want.FifoTopic == true) then
      out[#out + 1] = 'name ends in ".fifo" exactly where FifoTopic is true'
    end
    return out
  end,
  normal = merge.normal,

  read = function(aws, want)
    local arn = aws.arn("sns", want.name)
    local attributes = aws.sns:get_topic_attributes {TopicArn = arn}.Attributes
    local live = {name = want.name, arn = arn, DisplayName = "", KmsMasterKeyId = "", FifoTopic = false}
    for name in pairs(ATTRIBUTES) do
      if attributes[name] ~= nil then live[name] = decode(name, attributes[name]) end
    end
    live.Tags = aws.tags(arn, function()
      return resource.tag_map(aws.sns:list_tags_for_resource {ResourceArn = arn}.Tags)
    end)
    return merge.seen(live, want)
  end,

  all = function(aws)
    local out = {}
    for topic in aws.sns:items("list_topics", {}) do out[#out + 1] = {name = topic.TopicArn:match "[^:]+$"} end
    return out
  end,

  create = function(aws, want)
    local attributes = encode_all(want)
    if want.PolicyStatements then attributes.Policy = resource.encode(merge.policy(nil, want.PolicyStatements)) end
    return {arn = aws.sns:create_topic {Name = want.name, Attributes = attributes,
      Tags = resource.tag_list(want.Tags)}.TopicArn}
  end,

  update = function(aws, live, want, changed)
    for name in pairs(changed) do
      if ATTRIBUTES[name] then
        aws.sns:set_topic_attributes {TopicArn = live.arn, AttributeName = name,
          AttributeValue = encode(name, want[name])}
      end
    end
    if changed.PolicyStatements then
      local had = aws.sns:get_topic_attributes {TopicArn = live.arn}.Attributes.Policy
      aws.sns:set_topic_attributes {TopicArn = live.arn, AttributeName = "Policy",
        AttributeValue = resource.encode(merge.policy(had and resource.document(had), want.PolicyStatements))}
    end
    if changed.Tags then resource.retag(aws.sns, {ResourceArn = live.arn}, live, want) end
  end,

  delete = function(aws, live) aws.sns:delete_topic {TopicArn = live.arn} end,
}
