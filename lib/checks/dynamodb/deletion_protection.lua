--- A table that holds money's history is not deleted by a slip.
local control = require "checks"

return control {
  id = "dynamodb-deletion-protection", title = "Expected tables are protected from deletion", severity = "low",
  fsbp = "DynamoDB.6", subjects = "expected.table", needs = {"dynamodb:DescribeTable"},
  remedy = "harden/tables",
  command = "tidelock call dynamodb update-table --table-name {name} --deletion-protection-enabled --region {region}",
  means = "One wrong command deletes the table with all it holds.",
  todo = "Switch deletion protection on.",
  absent = {ResourceNotFoundException = {says = "there is no such table", remedy = "provision/messaging"}},
  read = function(aws, subject) return aws.dynamodb:describe_table({TableName = subject.name}).Table end,
  test = function(live)
    return control.judge(live.DeletionProtectionEnabled == true, "protected", "deletion protection is off")
  end,
}
