--- dynamodb.time_to_live: which attribute says when an item ends, of a table that somebody else made.
local resource = require "resources"

local ON <const> = {ENABLED = true, ENABLING = true}

return resource {
  type = "dynamodb.time_to_live", about = "The attribute by which items of a table that is there already expire",
  model = "update_time_to_live", inside = "TimeToLiveSpecification",
  properties = {TableName = {type = "string", required = true}},
  key = {"TableName"}, tags = false,
  absent = {"ResourceNotFoundException"},

  -- One that is off, or on its way there, counts as none.
  read = function(aws, want)
    local live = aws.dynamodb:describe_time_to_live {TableName = want.TableName}.TimeToLiveDescription or {}
    if not ON[live.TimeToLiveStatus] then return nil end
    return {TableName = want.TableName, Enabled = true, AttributeName = live.AttributeName}
  end,

  create = function(aws, want)
    aws.dynamodb:update_time_to_live {TableName = want.TableName,
      TimeToLiveSpecification = {Enabled = want.Enabled, AttributeName = want.AttributeName}}
    return {}
  end,

  -- AWS knows no change of the attribute: one must be switched off, which takes up to an hour, before another is on.
  update = function(_, live, want)
    local why = "items of %s expire by %s, not by %s; switch that off, and the other on when it is (up to an hour"
      .. " later)"
    error({code = "TimeToLiveElsewhere", message = why:format(want.TableName, live.AttributeName,
      want.AttributeName)}, 0)
  end,

  delete = function(aws, live)
    aws.dynamodb:update_time_to_live {TableName = live.TableName,
      TimeToLiveSpecification = {Enabled = false, AttributeName = live.AttributeName}}
  end,
}
