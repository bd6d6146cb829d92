--- sqs.queue: a queue, standard or FIFO, with policy, encryption and dead letters.
local merge = require "resources.merge"
local resource = require "resources"

-- Attributes are text on the wire; here each has its own type. The codec needs no help with the rest.
local ATTRIBUTES <const> = {
  DelaySeconds = {type = "integer", min = 0, max = 900},
  MaximumMessageSize = {type = "integer", min = 1024, max = 1048576},
  MessageRetentionPeriod = {type = "integer", min = 60, max = 1209600},
  ReceiveMessageWaitTimeSeconds = {type = "integer", min = 0, max = 20},
  VisibilityTimeout = {type = "integer", min = 0, max = 43200},
  FifoQueue = "boolean", ContentBasedDeduplication = "boolean", SqsManagedSseEnabled = "boolean",
  DeduplicationScope = {type = "string", enum = {"messageGroup", "queue"}},
  FifoThroughputLimit = {type = "string", enum = {"perQueue", "perMessageGroupId"}},
  KmsMasterKeyId = "string", KmsDataKeyReusePeriodSeconds = {type = "integer", min = 60, max = 86400},
  Policy = "document", RedrivePolicy = "document", RedriveAllowPolicy = "document",
}

local PROPERTIES <const> = {PolicyStatements = "document"}
for name, how in pairs(ATTRIBUTES) do PROPERTIES[name] = how end

local function kind(name) return type(ATTRIBUTES[name]) == "table" and ATTRIBUTES[name].type or ATTRIBUTES[name] end

local function decode(name, text)
  if kind(name) == "integer" then return math.tointeger(tonumber(text)) end
  if kind(name) == "boolean" then return text == "true" end
  if kind(name) == "document" then return resource.document(text) end
  return text
end

local function encode(name, value)
  if value == nil or kind(name) == "document" then return resource.encode(next(value or {}) and value or nil) end
  return tostring(value)
end

-- false for FifoQueue is refused by the API: a standard queue says nothing.
local function encode_all(want, only)
  local out = {}
  for name in pairs(ATTRIBUTES) do
    if (only == nil or only[name]) and want[name] ~= nil and not (name == "FifoQueue" and not want[name]) then
      out[name] = encode(name, want[name])
    end
  end
  return out
end

local function fifo(value) return function(want) return want.FifoQueue and value or nil end end

local ABSENT <const> = {"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"}

local function live_at(aws, want, url)
  local attributes = aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes
  local live = {name = want.name, url = url, arn = attributes.QueueArn}
  for name, text in pairs(attributes) do
    if ATTRIBUTES[name] then live[name] = decode(name, text) end
  end
  live.Tags = aws.tags(live.arn, function() return aws.sqs:list_queue_tags {QueueUrl = url}.Tags or {} end)
  return merge.seen(live, want)
end

local function common_prefix(wants)
  local prefix = wants[1].name
  for _, want in ipairs(wants) do
    while want.name:sub(1, #prefix) ~= prefix do prefix = prefix:sub(1, -2) end
  end
  return prefix ~= "" and prefix or nil
end

return resource {
  type = "sqs.queue",
  about = "A queue: standard or FIFO, with dead letters, encryption and policy",
  model = "create_queue", without = {"Attributes"}, key = "QueueName", longest = 80,
  properties = PROPERTIES,
  arns = "^arn:[^:]+:sqs:[^:]*:%d+:([^:/]+)$",
  provides = {"arn", "url"},
  replaces = {"FifoQueue"},
  documents = {Policy = "policy", PolicyStatements = "policy", RedrivePolicy = "json", RedriveAllowPolicy = "json"},
  -- a policy has none: where a playbook does not speak of it, statements that others put there stay
  defaults = {DelaySeconds = 0, MessageRetentionPeriod = 345600, ReceiveMessageWaitTimeSeconds = 0,
    VisibilityTimeout = 30, FifoQueue = false, RedrivePolicy = {}, RedriveAllowPolicy = {},
    ContentBasedDeduplication = fifo(false), DeduplicationScope = fifo "queue", FifoThroughputLimit = fifo "perQueue"},
  guards = {"MessageRetentionPeriod", "RedrivePolicy", "RedriveAllowPolicy"},
  absent = ABSENT,

  normal = merge.normal,
  check = function(want)
    local out = merge.faults(want)
    local named = type(want.name) == "string" and want.name:find "%.fifo$" ~= nil
    if want.FifoQueue and not named then out[#out + 1] = 'name must end in ".fifo" because FifoQueue is true' end
    if named and not want.FifoQueue then out[#out + 1] = 'FifoQueue must be true because the name ends in ".fifo"' end
    if want.FifoThroughputLimit == "perMessageGroupId" and want.DeduplicationScope ~= "messageGroup" then
      out[#out + 1] = 'DeduplicationScope must be "messageGroup" where FifoThroughputLimit is "perMessageGroupId"'
    end
    return out
  end,

  read = function(aws, want)
    return live_at(aws, want, aws.sqs:get_queue_url {QueueName = want.name}.QueueUrl)
  end,

  -- One list gives the URLs of all; a queue that it lacks may have been made a moment ago, and is asked for.
  read_many = function(aws, wants)
    local urls, out = {}, {}
    for url in aws.sqs:items("list_queues", {QueueNamePrefix = common_prefix(wants), MaxResults = 1000}) do
      urls[url:match "[^/]*$"] = url
    end
    for i, want in ipairs(wants) do
      out[i] = function()
        return resource.unless(ABSENT, function()
          local url = urls[want.name] or aws.sqs:get_queue_url {QueueName = want.name}.QueueUrl
          return live_at(aws, want, url)
        end, false)
      end
    end
    return resource.all(out)
  end,

  all = function(aws)
    local out = {}
    for url in aws.sqs:items("list_queues", {MaxResults = 1000}) do out[#out + 1] = {name = url:match "[^/]+$"} end
    return out
  end,

  create = function(aws, want)
    local attributes = encode_all(want)
    if want.PolicyStatements then attributes.Policy = resource.encode(merge.policy(nil, want.PolicyStatements)) end
    for name, text in pairs(attributes) do
      if text == "" then attributes[name] = nil end        -- a new one has none to take away
    end
    local url = aws.sqs:create_queue {QueueName = want.name, Attributes = attributes, tags = want.Tags}.QueueUrl
    local got = aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"QueueArn"}}
    return {url = url, arn = got.Attributes.QueueArn}
  end,

  update = function(aws, live, want, changed)
    local attributes = encode_all(want, changed)
    if changed.PolicyStatements then
      local had = aws.sqs:get_queue_attributes {QueueUrl = live.url, AttributeNames = {"Policy"}}.Attributes or {}
      had = (had.Policy or "") ~= "" and resource.document(had.Policy) or nil
      attributes.Policy = resource.encode(merge.policy(had, want.PolicyStatements))
    end
    if next(attributes) then aws.sqs:set_queue_attributes {QueueUrl = live.url, Attributes = attributes} end
    if not changed.Tags then return end
    local set, gone = resource.tag_changes(live.Tags, want.Tags)
    if next(set) then aws.sqs:tag_queue {QueueUrl = live.url, Tags = set} end
    if #gone > 0 then aws.sqs:untag_queue {QueueUrl = live.url, TagKeys = gone} end
  end,

  delete = function(aws, live) aws.sqs:delete_queue {QueueUrl = live.url} end,
}
