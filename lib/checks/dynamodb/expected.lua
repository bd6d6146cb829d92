--- 8.1: the tables that the account file implies are there, with the keys that writers use.
local control = require "checks"

local function key(live, kind)
  for _, part in ipairs(live.KeySchema or {}) do
    if part.KeyType == kind then return part.AttributeName end
  end
end

return control {
  id = "dynamodb-tables-expected", title = "Every expected DynamoDB table is there", severity = "high",
  requirement = "8.1, 4.3, 4.4, 9.2", subjects = "expected.table", needs = {"dynamodb:DescribeTable"},
  remedy = "provision/messaging", command = "tidelock call dynamodb list-tables --region {region}",
  means = "Costs or alerts are written to a table that does not exist, so they are lost.",
  todo = "Create the table, or take it out of the account file if nothing needs it.",
  absent = {ResourceNotFoundException = "there is no such table"},
  read = function(aws, subject) return aws.dynamodb:describe_table({TableName = subject.name}).Table end,
  test = function(live, subject)
    if live.TableStatus ~= "ACTIVE" then return control.fail("its status is %s", live.TableStatus) end
    local hash, range = key(live, "HASH"), key(live, "RANGE")
    if subject.raw.keyed and (hash ~= "pk" or range ~= "sk") then
      return control.fail("its keys are %s and %s, not pk and sk: every write is refused", hash, range or "none")
    end
    return control.pass("active, keys %s and %s", hash, range or "none")
  end,
}
