--- 4.3, 4.4: the cost tables are encrypted with a KMS key, whose use CloudTrail shows.
local control = require "checks"

return control {
  id = "dynamodb-encryption", title = "Expected tables are encrypted with a KMS key", severity = "medium",
  requirement = "4.3, 4.4", subjects = "expected.table", needs = {"dynamodb:DescribeTable"},
  remedy = "provision/messaging",
  command = "tidelock call dynamodb update-table --table-name {name} --sse-specification Enabled=true "
    .. "--region {region}",
  means = "The table is encrypted by a key of DynamoDB's own, whose use nobody can see or stop.",
  todo = "Switch server-side encryption on: the AWS-managed KMS key costs nothing.",
  absent = {ResourceNotFoundException = "there is no such table"},
  read = function(aws, subject) return aws.dynamodb:describe_table({TableName = subject.name}).Table end,
  test = function(live)
    local sse = live.SSEDescription or {}
    return control.judge(sse.Status == "ENABLED", "encrypted with KMS", "no KMS encryption is set")
  end,
}
