--- 3.5: tables that hold what grows old expire it by the attribute that writers set.
local control = require "checks"

return control {
  id = "dynamodb-ttl", title = "Items of volatile tables expire by ttl", severity = "medium",
  requirement = "3.5, 7.4, 4.3, 4.4", subjects = "expected.table", needs = {"dynamodb:DescribeTimeToLive"},
  remedy = "provision/messaging",
  command = "tidelock call dynamodb update-time-to-live --table-name {name} "
    .. "--time-to-live-specification Enabled=true,AttributeName=ttl --region {region}",
  means = "The table grows without end, and so does its bill.",
  todo = "Switch time to live on, with the attribute ttl that the writers set.",
  absent = {ResourceNotFoundException = "there is no such table", ResourceNotFound = "there is no such table"},
  read = function(aws, subject)
    return aws.dynamodb:describe_time_to_live({TableName = subject.name}).TimeToLiveDescription
  end,
  test = function(live)
    if live.TimeToLiveStatus ~= "ENABLED" then
      return control.fail("time to live is %s", (live.TimeToLiveStatus or "off"):lower())
    end
    return control.judge(live.AttributeName == "ttl", "items expire by ttl",
      ("items expire by %s, but writers set ttl"):format(tostring(live.AttributeName)))
  end,
}
