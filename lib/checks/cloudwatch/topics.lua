--- 6.5: the topics that alarms tell are there.
local control = require "checks"

-- Topics of this account and region that the alarm names.
local function named(alarm, world)
  local out = {}
  for _, list in ipairs {alarm.AlarmActions or {}, alarm.OKActions or {}, alarm.InsufficientDataActions or {}} do
    for _, arn in ipairs(list) do
      if arn:find(world.arn("sns", ""), 1, true) == 1 then out[#out + 1] = arn end
    end
  end
  return out
end

return control {
  id = "cloudwatch-alarm-topics", title = "The topics that alarms tell are there", severity = "high",
  requirement = "6.5", subjects = "cloudwatch.alarm", needs = {"sns:ListTopics"},
  command = "tidelock call cloudwatch describe-alarms --alarm-names {name} --region {region}",
  means = "The alarm goes off and tells a topic that was deleted. Nothing tells of it.",
  todo = "Make the topic again under the same name, or give the alarm another.",
  read = function(aws, subject, world)
    local there, gone = {}, {}
    local wanted = named(subject.raw, world)
    if #wanted == 0 then return {} end
    for topic in aws.sns:items("list_topics", {}) do there[topic.TopicArn] = true end
    for _, arn in ipairs(wanted) do
      if not there[arn] then gone[#gone + 1] = arn:match "[^:]+$" end
    end
    return {gone = gone}
  end,
  test = function(live)
    if not live.gone then return control.skip("it tells no topic of this account") end
    return control.judge(#live.gone == 0, "they are there", "there is no topic " .. table.concat(live.gone, ", "))
  end,
}
