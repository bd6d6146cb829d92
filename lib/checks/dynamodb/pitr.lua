--- 9.5: a table can be put back to any second of the last days.
local control = require "checks"

return control {
  id = "dynamodb-point-in-time-recovery", title = "Tables have point-in-time recovery", severity = "medium",
  fsbp = "DynamoDB.2", requirement = "9.5", subjects = "dynamodb.table",
  needs = {"dynamodb:DescribeContinuousBackups"}, remedy = "harden/tables",
  command = "tidelock call dynamodb update-continuous-backups --table-name {name} "
    .. "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true --region {region}",
  means = "What is deleted or overwritten by mistake is gone.",
  todo = "Switch point-in-time recovery on.",
  read = function(aws, subject)
    return aws.dynamodb:describe_continuous_backups({TableName = subject.name}).ContinuousBackupsDescription
  end,
  test = function(live)
    local status = (live.PointInTimeRecoveryDescription or {}).PointInTimeRecoveryStatus
    return control.judge(status == "ENABLED", "point-in-time recovery is on", "point-in-time recovery is off")
  end,
}
