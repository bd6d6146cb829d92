-- D2: the cost topic let Budgets in alone, so that alarms and anomaly detection were denied; and the alarms of
-- databases and clusters told it, not operations.
local account = require "support.account"
local hardening = require "support.hardening"
local json = require "tidelock.json"

describe("D2", function()
  local host
  before_each(function() host = hardening.start() end)
  after_each(function() host:close() end)

  it("is avoided: Budgets, anomaly detection and alarms may publish, each for this account alone", function()
    local code, text = host:apply "provision/costs"
    assert.equal(0, code, text)
    local arn = ("arn:aws:sns:us-east-1:%s:example-cost-alerts"):format(host.account)
    local policy = json.decode(host.session.sns:get_topic_attributes {TopicArn = arn}.Attributes.Policy)
    local let_in = {}
    for _, s in ipairs(policy.Statement) do
      if s.Principal.Service then
        let_in[s.Principal.Service] = s.Condition.StringEquals["aws:SourceAccount"] == host.account
      end
    end
    assert.same({["budgets.amazonaws.com"] = true, ["costalerts.amazonaws.com"] = true,
      ["cloudwatch.amazonaws.com"] = true}, let_in)
  end)
  it("is mended where the topic is there already, beside what its makers let in", function()
    local sns = host.session.sns
    local arn = sns:create_topic {Name = "example-cost-alerts"}.TopicArn
    sns:set_topic_attributes {TopicArn = arn, AttributeName = "Policy", AttributeValue = json.encode {
      Version = "2012-10-17", Statement = {{Sid = "AllowBudgetsToPublish", Effect = "Allow", Action = "SNS:Publish",
        Principal = {Service = "budgets.amazonaws.com"}, Resource = arn,
        Condition = {StringEquals = {["AWS:SourceAccount"] = host.account}}}}}}
    for _, writes in ipairs {"%d+", "0"} do
      local code, text = host:apply "provision/costs"
      assert.equal(0, code, text)
      assert.matches(" " .. writes .. " writes", text)
      local sids = {}
      for i, s in ipairs(json.decode(sns:get_topic_attributes {TopicArn = arn}.Attributes.Policy).Statement) do
        sids[i] = s.Sid
      end
      assert.same({"AllowBudgetsToPublish", "Owner", "Budgets", "Anomalies", "Alarms"}, sids)
    end
  end)
  it("is avoided: no alarm of harden/alarms tells the cost topic", function()
    account.build(host, {only = {"network", "containers", "data"}})
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    local n = 0
    for alarm in host.session.cloudwatch:items("describe_alarms", {}) do
      n = n + 1
      assert.matches(":example%-ops%-alerts$", alarm.AlarmActions[1])
    end
    assert.is_true(n > 50)
  end)
end)
