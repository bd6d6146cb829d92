--- logs.group: a log group, how long it keeps what it holds, and the key it is encrypted with.
local resource = require "resources"

local DAYS <const> = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653}

local function set_retention(aws, name, days)
  if days then
    aws.logs:put_retention_policy {logGroupName = name, retentionInDays = days}
  else
    aws.logs:delete_retention_policy {logGroupName = name}
  end
end

local ABSENT <const> = {"ResourceNotFoundException"}
local MANY <const> = 8             -- from so many on, one list of all is less than a request for each

local function live_of(aws, g)
  local arn = g.arn:gsub(":%*$", "")
  return {name = g.logGroupName, arn = arn, retentionInDays = g.retentionInDays or 0, kmsKeyId = g.kmsKeyId or "",
    logGroupClass = g.logGroupClass or "STANDARD",
    Tags = aws.tags(arn, function() return aws.logs:list_tags_for_resource {resourceArn = arn}.tags or {} end)}
end

local function read(aws, want)
  for g in aws.logs:items("describe_log_groups", {logGroupNamePrefix = want.name}) do
    if g.logGroupName == want.name then return live_of(aws, g) end
  end
end

-- Fifty on a page; the tags of each are a request of its own where the account's own call does not have them.
local function read_many(aws, wants)
  local groups, out = {}, {}
  if #wants >= MANY then
    for g in aws.logs:items("describe_log_groups", {}) do groups[g.logGroupName] = g end
  end
  for i, want in ipairs(wants) do
    local g = groups[want.name]                -- one that the list lacks may have been made a moment ago
    out[i] = function()
      return resource.unless(ABSENT, function() return g and live_of(aws, g) or read(aws, want) or false end, false)
    end
  end
  return resource.all(out)
end

return resource {
  type = "logs.group",
  about = "A log group: retention and encryption",
  model = "create_log_group", key = "logGroupName",
  properties = {retentionInDays = "integer"},
  arns = "^arn:[^:]+:logs:[^:]*:%d+:log%-group:([^:*]+)",
  provides = {"arn"},
  replaces = {"logGroupClass"},
  defaults = {logGroupClass = "STANDARD", kmsKeyId = "", retentionInDays = 0},
  guards = {"kmsKeyId", "retentionInDays"},
  absent = ABSENT,

  check = function(want)
    if want.retentionInDays == nil or want.retentionInDays == 0 then return end
    for _, days in ipairs(DAYS) do
      if days == want.retentionInDays then return end
    end
    return {("retentionInDays is %s; AWS knows only %s, and 0 means for ever"):format(want.retentionInDays,
      table.concat(DAYS, ", "))}
  end,

  read = read, read_many = read_many,

  all = {"describe_log_groups", "logGroupName"},

  create = function(aws, want)
    local key = want.kmsKeyId ~= "" and want.kmsKeyId or nil
    aws.logs:create_log_group {logGroupName = want.name, kmsKeyId = key, logGroupClass = want.logGroupClass,
      tags = want.Tags}
    if (want.retentionInDays or 0) ~= 0 then set_retention(aws, want.name, want.retentionInDays) end
    return {arn = aws.arn("logs", "log-group:" .. want.name)}
  end,

  update = function(aws, live, want, changed)
    if changed.retentionInDays then
      set_retention(aws, want.name, want.retentionInDays ~= 0 and want.retentionInDays or nil)
    end
    if changed.kmsKeyId and want.kmsKeyId ~= "" then
      aws.logs:associate_kms_key {logGroupName = want.name, kmsKeyId = want.kmsKeyId}
    elseif changed.kmsKeyId then
      aws.logs:disassociate_kms_key {logGroupName = want.name}
    end
    if changed.Tags then resource.retag(aws.logs, {resourceArn = live.arn}, live, want, "map") end
  end,

  delete = function(aws, live) aws.logs:delete_log_group {logGroupName = live.name} end,
}
