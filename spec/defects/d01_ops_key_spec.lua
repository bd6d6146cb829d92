-- D1: the key of the operations topic did not let CloudWatch in, so that no alarm was ever heard.
local hardening = require "support.hardening"

describe("D1", function()
  local host, session, url
  local ALARM <const> = "example-sqs-example-orders-dlq-dead-letters"
  setup(function()
    host = hardening.start()
    session = host.session
    session.sqs:create_queue {QueueName = "example-orders-dlq"}
    local code, text = host:apply "harden/alarms"
    assert.equal(0, code, text)
    url = session.sqs:create_queue {QueueName = "heard"}.QueueUrl
    session.sns:subscribe {TopicArn = ("arn:aws:sns:us-east-1:%s:example-ops-alerts"):format(host.account),
      Protocol = "sqs", Endpoint = ("arn:aws:sqs:us-east-1:%s:heard"):format(host.account)}
  end)
  teardown(function() host:close() end)

  local function received()
    local got = session.sqs:receive_message {QueueUrl = url, MaxNumberOfMessages = 10}.Messages or {}
    for _, m in ipairs(got) do session.sqs:delete_message {QueueUrl = url, ReceiptHandle = m.ReceiptHandle} end
    return #got
  end
  -- Whether the topic hears of the alarm.
  local function heard()
    session.cloudwatch:set_alarm_state {AlarmName = ALARM, StateValue = "OK", StateReason = "spec"}
    received()
    session.cloudwatch:set_alarm_state {AlarmName = ALARM, StateValue = "ALARM", StateReason = "spec"}
    return received() == 1
  end

  it("is avoided: an alarm arrives at the topic, whose key and policy let CloudWatch in", function()
    assert.is_true(heard())
  end)
  it("would be seen: with a key that does not let CloudWatch in, nothing arrives", function()
    local key = session.kms:describe_key {KeyId = "alias/example-ops-alerts"}.KeyMetadata.KeyId
    local policy = session.kms:get_key_policy {KeyId = key, PolicyName = "default"}.Policy
    local function set(text) session.kms:put_key_policy {KeyId = key, PolicyName = "default", Policy = text} end
    set((policy:gsub("cloudwatch%.amazonaws", "budgets.amazonaws")))
    assert.is_false(heard())
    set(policy)
    assert.is_true(heard())
  end)
end)
