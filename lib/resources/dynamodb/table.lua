--- dynamodb.table: keys, indexes, encryption, time to live and point-in-time recovery.
local compare = require "resources.compare"
local resource = require "resources"

local function wait(aws, name) aws.dynamodb:wait("table_exists", {TableName = name}, {timeout = 600, delay = 2}) end

-- What create_table takes; the rest has operations of its own, for an ACTIVE table only.
local LATER <const> = {name = true, Tags = true, TimeToLiveSpecification = true,
  PointInTimeRecoverySpecification = true}

local function set_ttl(aws, name, spec)
  aws.dynamodb:update_time_to_live {TableName = name, TimeToLiveSpecification = spec}
end

local function set_recovery(aws, name, spec)
  aws.dynamodb:update_continuous_backups {TableName = name, PointInTimeRecoverySpecification = spec}
end

-- Indexes are made and removed one at a time, each by a call of its own; a changed one is removed and made again.
local function index_changes(live, want, changed)
  local out, old, new = {}, {}, {}
  if not changed.GlobalSecondaryIndexes then return out end
  for _, index in ipairs(live.GlobalSecondaryIndexes or {}) do old[index.IndexName] = index end
  for _, index in ipairs(want.GlobalSecondaryIndexes or {}) do new[index.IndexName] = index end
  for name, index in pairs(old) do
    if not new[name] or not compare.equal(new[name], index) then
      out[#out + 1] = {Delete = {IndexName = name}}
      old[name] = nil
    end
  end
  for _, index in ipairs(want.GlobalSecondaryIndexes or {}) do
    if not old[index.IndexName] then out[#out + 1] = {Create = index} end
  end
  return out
end

-- DescribeTable says what is; CreateTable says what is wanted: the same things under other names.
local function as_wanted(t)
  local live = {name = t.TableName, arn = t.TableArn, stream_arn = t.LatestStreamArn, status = t.TableStatus,
    KeySchema = t.KeySchema, AttributeDefinitions = t.AttributeDefinitions,
    GlobalSecondaryIndexes = t.GlobalSecondaryIndexes, LocalSecondaryIndexes = t.LocalSecondaryIndexes,
    BillingMode = t.BillingModeSummary and t.BillingModeSummary.BillingMode or "PROVISIONED",
    ProvisionedThroughput = t.ProvisionedThroughput, StreamSpecification = t.StreamSpecification,
    DeletionProtectionEnabled = t.DeletionProtectionEnabled or false,
    TableClass = t.TableClassSummary and t.TableClassSummary.TableClass or "STANDARD"}
  local sse = t.SSEDescription
  live.SSESpecification = {Enabled = sse ~= nil and (sse.Status == "ENABLED" or sse.Status == "UPDATING"
    or sse.Status == "ENABLING"), SSEType = sse and sse.SSEType, KMSMasterKeyId = sse and sse.KMSMasterKeyArn}
  return live
end

return resource {
  type = "dynamodb.table",
  about = "A table: keys, indexes, encryption, time to live, point-in-time recovery",
  model = "create_table", key = "TableName", longest = 255,
  without = {"ResourcePolicy", "WarmThroughput", "GlobalTableSettingsReplicationMode", "GlobalTableSourceArn"},
  required = {"AttributeDefinitions", "KeySchema"},    -- the model leaves them open for replicas of global tables
  also = {update_time_to_live = {"TimeToLiveSpecification"},
    update_continuous_backups = {"PointInTimeRecoverySpecification"}},
  arns = "^arn:[^:]+:dynamodb:[^:]*:%d+:table/([^/]+)$",
  provides = {"arn", "stream_arn", "status"},
  replaces = {"KeySchema", "LocalSecondaryIndexes"},
  sets = {AttributeDefinitions = "AttributeName", GlobalSecondaryIndexes = "IndexName",
    LocalSecondaryIndexes = "IndexName"},
  -- recovery and protection have none: where a playbook does not speak of them, those that others put on stay on
  defaults = {BillingMode = "PROVISIONED", TableClass = "STANDARD", SSESpecification = {Enabled = false}},
  guards = {"SSESpecification"},
  absent = {"ResourceNotFoundException"},

  check = function(want)
    if want.BillingMode ~= "PAY_PER_REQUEST" and want.ProvisionedThroughput == nil then
      return {'give BillingMode = "PAY_PER_REQUEST", or ProvisionedThroughput'}
    end
  end,

  read = function(aws, want)
    local live = as_wanted(aws.dynamodb:describe_table {TableName = want.name}.Table)
    local got = resource.all {
      ttl = function() return aws.dynamodb:describe_time_to_live {TableName = want.name} end,
      recovery = function() return aws.dynamodb:describe_continuous_backups {TableName = want.name} end,
      tags = function()
        return aws.tags(live.arn, function()
          return resource.tag_map(aws.dynamodb:list_tags_of_resource {ResourceArn = live.arn}.Tags)
        end)
      end,
    }
    local ttl = got.ttl.TimeToLiveDescription or {}
    live.TimeToLiveSpecification = {AttributeName = ttl.AttributeName,
      Enabled = ttl.TimeToLiveStatus == "ENABLED" or ttl.TimeToLiveStatus == "ENABLING"}
    local recovery = got.recovery.ContinuousBackupsDescription.PointInTimeRecoveryDescription or {}
    live.PointInTimeRecoverySpecification = {RecoveryPeriodInDays = recovery.RecoveryPeriodInDays,
      PointInTimeRecoveryEnabled = recovery.PointInTimeRecoveryStatus == "ENABLED"}
    live.Tags = got.tags
    return live
  end,

  all = {"list_tables"},

  create = function(aws, want)
    local input = {TableName = want.name, Tags = resource.tag_list(want.Tags)}
    for name, value in pairs(want) do
      if not LATER[name] then input[name] = value end
    end
    local made = aws.dynamodb:create_table(input).TableDescription
    wait(aws, want.name)
    if want.TimeToLiveSpecification then set_ttl(aws, want.name, want.TimeToLiveSpecification) end
    if want.PointInTimeRecoverySpecification then
      set_recovery(aws, want.name, want.PointInTimeRecoverySpecification)
    end
    return {arn = made.TableArn, stream_arn = made.LatestStreamArn, status = "ACTIVE"}
  end,

  update = function(aws, live, want, changed)
    if live.status ~= "ACTIVE" then wait(aws, want.name) end          -- one that is still being made takes no change
    local input = {TableName = want.name}
    for _, name in ipairs {"BillingMode", "ProvisionedThroughput", "StreamSpecification", "SSESpecification",
      "TableClass", "DeletionProtectionEnabled", "OnDemandThroughput"} do
      if changed[name] then input[name] = want[name] end
    end
    if changed.BillingMode and want.BillingMode == "PROVISIONED" then
      input.ProvisionedThroughput = want.ProvisionedThroughput
    end
    if next(input, next(input)) then
      aws.dynamodb:update_table(input)
      wait(aws, want.name)
    end
    for _, change in ipairs(index_changes(live, want, changed)) do
      aws.dynamodb:update_table {TableName = want.name, AttributeDefinitions = want.AttributeDefinitions,
        GlobalSecondaryIndexUpdates = {change}}
      wait(aws, want.name)
    end
    if changed.TimeToLiveSpecification then set_ttl(aws, want.name, want.TimeToLiveSpecification) end
    if changed.PointInTimeRecoverySpecification then
      set_recovery(aws, want.name, want.PointInTimeRecoverySpecification)
    end
    if changed.Tags then resource.retag(aws.dynamodb, {ResourceArn = live.arn}, live, want) end
  end,

  delete = function(aws, live)
    aws.dynamodb:delete_table {TableName = live.name}
    aws.dynamodb:wait("table_not_exists", {TableName = live.name}, {timeout = 600, delay = 2})
  end,

  protected = function(live)
    return live.DeletionProtectionEnabled and "DeletionProtectionEnabled is on: turn it off in the playbook first"
  end,
}
