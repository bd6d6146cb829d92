-- validate/alarms: what harden/alarms made is heard, set back as it was, and what no topic takes is told.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"

describe("validate/alarms", function()
  local host, session
  setup(function()
    host = hardening.start()
    session = host.session
    account.build(host, {only = {"queues"}})
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
  end)
  teardown(function() host:close() end)

  local function validate(...)
    return host:run("run", "playbooks/validate/alarms.lua", hardening.ACCOUNT, "--yes", "--quiet", ...)
  end

  -- {[state] = how many}, and how often each was set off.
  local function states()
    local out = {}
    for alarm in session.cloudwatch:items("describe_alarms", {MaxRecords = 100}) do
      out[alarm.StateValue] = (out[alarm.StateValue] or 0) + 1
    end
    return out
  end
  local function actions()
    return #session.cloudwatch:describe_alarm_history {HistoryItemType = "Action"}.AlarmHistoryItems
  end

  it("6.5 sets off one for the topic, sees that it is heard, and leaves it as it was", function()
    local before = states()
    local code, text = validate()
    assert.equal(0, code, text)
    assert.matches('ok  check "6.5 what is set off is heard": 1 alarm(s) set off, taken by every topic', text, 1, true)
    assert.same(before, states())
    assert.equal(1, actions())
  end)
  it("sets off all but those that are on, disabled, or do more than tell", function()
    local name
    for alarm in session.cloudwatch:items("describe_alarms", {MaxRecords = 100}) do name = alarm.AlarmName end
    session.cloudwatch:disable_alarm_actions {AlarmNames = {name}}
    session.cloudwatch:put_metric_alarm {AlarmName = "example-scales", Namespace = "n", MetricName = "m", Period = 60,
      Statistic = "Sum", EvaluationPeriods = 1, Threshold = 1, ComparisonOperator = "GreaterThanThreshold",
      AlarmActions = {"arn:aws:autoscaling:us-east-1:1:scalingPolicy:u:resource/ecs/service/c/s:policyName/p"}}
    local all, was = 0, actions()
    for _, n in pairs(states()) do all = all + n end
    local code, text = validate("--var", "which=all")
    session.cloudwatch:enable_alarm_actions {AlarmNames = {name}}
    session.cloudwatch:delete_alarms {AlarmNames = {"example-scales"}}
    assert.equal(2, code, text)                                       -- the control names the one that is disabled
    assert.matches(("%d alarm(s) set off"):format(all - 2), text, 1, true)
    assert.equal(was + all - 2, actions())
  end)
  it("fails where the topic does not take it, and sets it back all the same", function()
    local topic = ("arn:aws:sns:us-east-1:%s:example-ops-alerts"):format(host.account)
    session.sns:set_topic_attributes {TopicArn = topic, AttributeName = "Policy", AttributeValue = json.encode {
      Version = "2012-10-17", Statement = {{Effect = "Allow", Principal = {AWS = host.account}, Action = "sns:Publish",
        Resource = topic}}}}
    local before = states()
    local code, text = validate()
    assert.equal(1, code, text)
    assert.matches("example%-ops%-alerts did not take example%-%S+: look at its policy and its key", text)
    assert.same(before, states())
  end)
  it("fails where there is no alarm at all", function()
    local names = {}
    for one in session.cloudwatch:items("describe_alarms", {MaxRecords = 100}) do names[#names + 1] = one.AlarmName end
    session.cloudwatch:delete_alarms {AlarmNames = names}
    local code, text = validate()
    assert.equal(1, code, text)
    assert.matches("there is no alarm to set off", text)
  end)
end)
