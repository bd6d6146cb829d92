--- 6.5: the topics that alarms tell are there, and let alarms publish.
local control = require "checks"
local policy = require "checks.policy"

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

-- Why the topic hears nothing, or nil. The policy that SNS gives a new topic lets in all that belongs to its account.
local function deaf(aws, arn, there)
  local name = arn:match "[^:]+$"
  if not there[arn] then return "there is no topic " .. name end
  local statements = policy.statements(aws.sns:get_topic_attributes({TopicArn = arn}).Attributes.Policy)
  if policy.allows_service(statements, "cloudwatch.amazonaws.com", "sns:Publish")
    or policy.allows_owner(statements, "sns:Publish") then
    return nil
  end
  return ("topic %s does not let alarms publish"):format(name)
end

return control {
  id = "cloudwatch-alarm-topics", title = "The topics that alarms tell are there and let them publish",
  severity = "high", requirement = "6.5", subjects = "cloudwatch.alarm",
  needs = {"sns:ListTopics", "sns:GetTopicAttributes"},
  command = "tidelock call cloudwatch describe-alarms --alarm-names {name} --region {region}",
  means = "The alarm goes off and tells a topic that is gone, or refuses it. Nothing tells of it.",
  todo = "Make the topic again under the same name, or let cloudwatch.amazonaws.com publish in its policy.",
  read = function(aws, subject, world)
    local there, flaws = {}, {}
    local wanted = named(subject.raw, world)
    if #wanted == 0 then return {} end
    for topic in aws.sns:items("list_topics", {}) do there[topic.TopicArn] = true end
    for _, arn in ipairs(wanted) do flaws[#flaws + 1] = deaf(aws, arn, there) end
    return {flaws = flaws}
  end,
  test = function(live)
    if not live.flaws then return control.skip("it tells no topic of this account") end
    return control.judge(#live.flaws == 0, "they are there, and let it publish", table.concat(live.flaws, "; "))
  end,
}
