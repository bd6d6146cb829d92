--- Each trail that is there is logging and delivers.
local control = require "checks"

local DAY <const> = 86400

return control {
  id = "cloudtrail-logging", title = "Each trail is logging and delivers", severity = "critical",
  requirement = "2.1", subjects = "cloudtrail.trail", needs = {"cloudtrail:GetTrailStatus"},
  remedy = "harden/security-services",
  command = "tidelock call cloudtrail start-logging --name {arn} --region {region}",
  means = "The trail looks as if it recorded, but there is a gap in what it knows.",
  todo = "Start logging; if it cannot deliver, look at the policy of its bucket and key.",
  read = function(aws, subject) return aws.cloudtrail:get_trail_status {Name = subject.arn} end,
  test = function(live, _, world)
    if live.IsLogging ~= true then return control.fail("it is not logging") end
    local err = live.LatestDeliveryError
    if err and err ~= "" then return control.fail("it cannot deliver: %s", err) end
    local last, began = live.LatestDeliveryTime, live.StartLoggingTime
    if type(last) == "number" and world.now - last > DAY and (type(began) ~= "number" or world.now - began > DAY) then
      return control.fail("nothing was delivered since %s", os.date("!%Y-%m-%d", last // 1 | 0))
    end
    return control.pass("logging")
  end,
}
