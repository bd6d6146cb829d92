--- An alarm that is always on is no alarm.
local control = require "checks"

local WEEK <const> = 7 * 86400

return control {
  id = "cloudwatch-alarm-stuck", title = "No alarm has been on, or without data, for a week", severity = "low",
  requirement = "6.5", subjects = "cloudwatch.alarm", needs = {},
  command = "tidelock call cloudwatch describe-alarms --alarm-names {name} --region {region}",
  means = "People have learnt to look past it, and will when it matters.",
  todo = "Repair what it shows, or the alarm: its threshold, its unit, its dimensions.",
  test = function(live, _, world)
    local since = live.StateUpdatedTimestamp
    if live.StateValue == "OK" then return control.pass("it is OK") end
    if type(since) ~= "number" then
      return control.warn("it is %s, since when is not known", tostring(live.StateValue))
    end
    local days = (world.now - since) // 86400 | 0
    return control.judge(world.now - since < WEEK, ("%s for %d day(s)"):format(live.StateValue, days),
      ("%s for %d days"):format(live.StateValue, days))
  end,
}
