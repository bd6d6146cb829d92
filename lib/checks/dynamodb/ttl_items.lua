--- 3.5: what writers set is what time to live reads: seconds, as a number. Of items only that attribute is asked for.
local control = require "checks"

local SAMPLE <const> = 20                  -- items looked at
local FIVE_YEARS <const> = 5 * 365 * 86400 -- what expired longer ago, DynamoDB leaves where it is
local MILLISECONDS <const> = 1e11          -- so many seconds from 1970 is the year 5138

-- Why time to live passes the item by, or nil.
local function flaw_of(value, now)
  local seconds = tonumber(value.N)
  if not seconds then return "is no number" end
  if seconds >= MILLISECONDS then return "counts milliseconds, not seconds" end
  if seconds < now - FIVE_YEARS then return "is no time of the last five years" end
end

-- {attribute =, seen = items, have = of these with the attribute, bad = of these not so, flaw = why one is not}
local function look(items, attribute, now)
  local out = {attribute = attribute, seen = #items, have = 0, bad = 0}
  for _, item in ipairs(items) do
    local value = item[attribute]
    local flaw = value and flaw_of(value, now)
    if value then out.have = out.have + 1 end
    if flaw then out.bad, out.flaw = out.bad + 1, flaw end
  end
  return out
end

return control {
  id = "dynamodb-ttl-items", title = "Items carry the attribute that time to live reads", severity = "medium",
  requirement = "3.5, 7.4", subjects = "dynamodb.table", needs = {"dynamodb:DescribeTimeToLive", "dynamodb:Scan"},
  command = "tidelock call dynamodb describe-time-to-live --table-name {name} --region {region}",
  means = "Time to live is on, and deletes nothing: the table grows without end, and so does its bill.",
  todo = "Have the writers set that attribute, as a number of seconds since 1970; or name the one that they set.",
  read = function(aws, subject, world)
    local how = aws.dynamodb:describe_time_to_live({TableName = subject.name}).TimeToLiveDescription
    if how.TimeToLiveStatus ~= "ENABLED" then return {off = true} end
    local items = aws.dynamodb:scan({TableName = subject.name, Limit = SAMPLE, ProjectionExpression = "#ttl",
      ExpressionAttributeNames = {["#ttl"] = how.AttributeName}}).Items
    return look(items or {}, how.AttributeName, world.now)
  end,
  test = function(live)
    if live.off then return control.skip("time to live is off") end
    if live.seen == 0 then return control.skip("there are no items yet") end
    if live.have == 0 then return control.fail("none of %d items has %s", live.seen, live.attribute) end
    return control.judge(live.bad == 0, ("%d of %d items have %s, in seconds"):format(live.have, live.seen,
      live.attribute), ("%s of %d of %d items %s"):format(live.attribute, live.bad, live.seen, live.flaw))
  end,
}
