--- dynamodb.table_settings: recovery and protection of a table that somebody else made. It stays theirs: no tag, and
-- nothing is taken back.
local resource = require "resources"

return resource {
  type = "dynamodb.table_settings",
  about = "Point-in-time recovery and deletion protection of a table that is there already, whoever made it",
  key = "TableName", tags = false,
  also = {update_continuous_backups = {"PointInTimeRecoverySpecification"},
    update_table = {"DeletionProtectionEnabled"}},
  absent = {"ResourceNotFoundException", "TableNotFoundException"},
  protected = function() return "it is settings of a table that is not the playbook's own; they stay as they are" end,

  read = function(aws, want)
    local live = {name = want.name}
    if want.DeletionProtectionEnabled ~= nil then
      live.DeletionProtectionEnabled = aws.dynamodb:describe_table({TableName = want.name}).Table
        .DeletionProtectionEnabled or false
    end
    if want.PointInTimeRecoverySpecification ~= nil or want.DeletionProtectionEnabled == nil then
      local found = aws.dynamodb:describe_continuous_backups {TableName = want.name}.ContinuousBackupsDescription
        .PointInTimeRecoveryDescription or {}
      live.PointInTimeRecoverySpecification = {RecoveryPeriodInDays = found.RecoveryPeriodInDays,
        PointInTimeRecoveryEnabled = found.PointInTimeRecoveryStatus == "ENABLED"}
    end
    return live
  end,

  create = function(_, want)
    error({code = "ResourceNotFoundException", message = ("there is no table %s whose settings could be changed; it was"
      .. " deleted meanwhile, or is to be made first with ensure.dynamodb.table"):format(want.name)}, 0)
  end,

  -- A table takes a change of itself only when the one before has come to an end.
  update = function(aws, _, want, changed)
    if changed.PointInTimeRecoverySpecification then
      aws.dynamodb:update_continuous_backups {TableName = want.name,
        PointInTimeRecoverySpecification = want.PointInTimeRecoverySpecification}
    end
    if changed.DeletionProtectionEnabled then
      aws.dynamodb:update_table {TableName = want.name, DeletionProtectionEnabled = want.DeletionProtectionEnabled}
      aws.dynamodb:wait("table_exists", {TableName = want.name}, {timeout = 600, delay = 2})
    end
  end,

  delete = function(_, live)
    error({code = "Protected", message = ("the settings of table %s are not taken back: that would weaken it")
      :format(live.name)}, 0)
  end,
}
