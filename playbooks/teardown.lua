--- Removes what tidelock's playbooks made and own in this account and region, and nothing else. Plan it first: the plan
-- names each thing that would go, and each that stays with why. Data, keys, trails and what guards the account go only
-- where their names are typed: --var delete=NAME,NAME. What was changed of other people's things (settings of their
-- buckets, how long their logs are kept) stays as it is: taking it back would weaken them.
playbook {
  name = "teardown",
  about = "Removes what tidelock made and owns; data, keys, trails and guards only by their typed names",
  vars = {
    playbooks = {"list", default = {}, about = "only what these own, such as harden/alarms, or provision; else all"},
    delete = {"list", default = {}, about = "names, in full, of data, keys, trails and guards that shall go too"},
    without = {"list", default = {}, about = "types that are not looked at, such as chatbot.slack_channel"},
  },
}

-- ## What goes only where its name is typed

local BY_NAME = {
  ["dynamodb.table"] = "it holds items", ["s3.bucket"] = "it holds objects",
  ["logs.group"] = "it holds what was logged", ["secretsmanager.secret"] = "it holds a secret",
  ["elasticache.replication_group"] = "it holds data",
  ["kms.key"] = "what it has encrypted is lost with it",
  ["cloudtrail.trail"] = "without it nobody knows who did what",
  ["config.recorder"] = "without it nobody knows what was changed",
  ["config.delivery_channel"] = "without it nobody knows what was changed",
  ["guardduty.detector"] = "it guards the account", ["securityhub.hub"] = "it guards the account",
  ["accessanalyzer.analyzer"] = "it guards the account", ["iam.password_policy"] = "it guards the account",
}

-- ## What there is

local made = find "what tidelock made" {run = function()
  return owned {playbooks = var.playbooks, without = var.without}
end}

local function messages_in(queue)
  local url = aws.sqs:get_queue_url {QueueName = queue}.QueueUrl
  local counts = aws.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}}.Attributes
  local n = 0
  for _, count in pairs(counts) do n = n + tonumber(count) end
  return n
end

local function holds_objects(bucket)
  return #(aws.s3:list_objects_v2 {Bucket = bucket, MaxKeys = 1}.Contents or {}) > 0
    or #(aws.s3:list_object_versions {Bucket = bucket, MaxKeys = 1}.Versions or {}) > 0
end

local held = find "what is in queues and buckets" {run = function()
  local out = {}
  for _, one in ipairs(made) do
    if one.type == "sqs.queue" then
      local n = messages_in(one.name)
      if n > 0 then out[one.address] = ("it holds %d message%s"):format(n, n == 1 and "" or "s") end
    elseif one.type == "s3.bucket" and holds_objects(one.name) then
      out[one.address] = "it holds objects; nothing but an empty bucket is deleted, so empty it first"
    end
  end
  return out
end}

-- ## What may go

local typed = {}
for _, name in ipairs(var.delete) do typed[name] = true end

local function is_typed(one) return typed[one.name] or typed[one.address] end

local function why_not(one)
  if #one.used_by > 0 then return "in use by " .. table.concat(one.used_by, ", ") end
  if one.protected then return one.protected end
  if one.type == "s3.bucket" and held[one.address] then return held[one.address] end
  local guarded = held[one.address] or BY_NAME[one.type]
  if guarded and not is_typed(one) then
    return ("%s; to remove it too: --var delete=%s"):format(guarded, one.name)
  end
end

-- What stays keeps all that it leans on.
local at, stays = {}, {}
for _, one in ipairs(made) do at[one.address] = one end

local function keep_it(one, why)
  if stays[one.address] then return end
  stays[one.address] = why
  for _, address in ipairs(one.leans) do keep_it(at[address], one.address .. " stays, and leans on it") end
end

for _, one in ipairs(made) do
  local why = why_not(one)
  if why then keep_it(one, why) end
end

find "names that were typed" {run = function()
  for _, one in ipairs(made) do typed[one.name], typed[one.address] = nil, nil end
  local unknown = next(typed)
  if unknown then
    error {exit = 64, message = ("delete names %s, which is nothing that tidelock made here. Nothing was removed. What"
      .. " may be named stands in: tidelock plan playbooks/teardown.lua"):format(unknown)}
  end
  return true
end}

-- A misspelt playbook looks like one that has nothing left.
local function owns_any(word)
  for _, one in ipairs(made) do
    if one.owner == word or one.owner:sub(1, #word + 1) == word .. "/" then return true end
  end
  return false
end

for _, word in ipairs(var.playbooks) do
  if not owns_any(word) then print(("nothing here is owned by %s, or left of it"):format(word)) end
end

-- ## Away with it

for _, one in ipairs(made) do
  if stays[one.address] then
    print("stays: " .. one.address .. ": " .. stays[one.address])
  else
    retire(one)
  end
end

output {stays = stays}
