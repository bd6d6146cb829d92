-- harden/alarms at work: its alarms are evaluated from what the metrics say, and what they say is heard.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local ministack = require "support.ministack"
local program = require "support.program"

describe("harden/alarms on an emulator that evaluates alarms", function()
  local server <const> = ministack.start {auth = false, region = "us-east-1"}
  local session <const> = server:session()
  local folder, url, restore

  setup(function()
    folder = fs.tempdir "alarms_spec"
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = folder .. "/state"}))
    for _, name in ipairs {"orders", "orders-dlq", "ear"} do
      url = session.sqs:create_queue {QueueName = name}.QueueUrl     -- the last is the ear
    end
  end)
  teardown(function()
    restore()
    os.execute("rm -rf '" .. folder .. "'")
    server:stop()
  end)

  local function put(name, queue, value)
    session.cloudwatch:put_metric_data {Namespace = "AWS/SQS", MetricData = {{MetricName = name, Value = value,
      Dimensions = {{Name = "QueueName", Value = queue}}}}}
  end
  -- What the topic tells of this alarm, within 20 seconds.
  local function heard(alarm, state)
    for _ = 1, 20 do
      for _, m in ipairs(session.sqs:receive_message {QueueUrl = url, WaitTimeSeconds = 1}.Messages or {}) do
        session.sqs:delete_message {QueueUrl = url, ReceiptHandle = m.ReceiptHandle}
        local told = json.decode(json.decode(m.Body).Message)
        if told.AlarmName == alarm and told.NewStateValue == state then return true end
      end
    end
    return false
  end

  it("tells of dead letters when the metric says that there are too many", function()
    local code, text = program.shown("apply", "playbooks/harden/alarms.lua", "--account",
      "playbooks/accounts/example.lua", "--yes", "--quiet")
    assert.equal(0, code, text)
    session.sns:subscribe {TopicArn = "arn:aws:sns:us-east-1:000000000000:example-ops-alerts", Protocol = "sqs",
      Endpoint = "arn:aws:sqs:us-east-1:000000000000:ear"}
    put("ApproximateNumberOfMessagesVisible", "orders-dlq", 10)
    put("ApproximateNumberOfMessagesVisible", "orders-dlq", 11)
    assert.is_true(heard("example-sqs-orders-dlq-dead-letters", "ALARM"))
  end)
end)
