-- What playbooks declare, at work: on an emulator that evaluates alarms and delivers what they say.
local fs = require "tidelock.fs"
local json = require "tidelock.json"
local ministack = require "support.ministack"
local program = require "support.program"

local BOOK <const> = [[playbook {name = "heard", about = "an alarm that a queue hears"}
local ear = ensure.sqs.queue {name = "ear"}
local topic = ensure.sns.topic {name = "ops"}
ensure.sns.subscription {TopicArn = topic.arn, Protocol = "sqs", Endpoint = ear.arn}
ensure.cloudwatch.alarm {name = "too-many", Namespace = "Spec", MetricName = "Failures", Statistic = "Sum",
  Period = 60, EvaluationPeriods = 1, Threshold = 1, ComparisonOperator = "GreaterThanThreshold",
  TreatMissingData = "notBreaching", AlarmActions = {topic.arn}, OKActions = {topic.arn}}
]]

describe("on an emulator that delivers", function()
  local server <const> = ministack.start {auth = false, region = "us-east-1"}
  local session <const> = server:session()
  local folder, restore

  setup(function()
    folder = fs.tempdir "delivery_spec"
    assert(fs.write(folder .. "/book.lua", BOOK))
    restore = program.environment(program.with(server.env, {TIDELOCK_STATE = folder .. "/state"}))
  end)
  teardown(function()
    restore()
    os.execute("rm -rf '" .. folder .. "'")
    server:stop()
  end)

  local run <const> = program.shown

  local function heard()
    local url, found = session.sqs:get_queue_url({QueueName = "ear"}).QueueUrl, nil
    for _ = 1, 20 do
      found = (session.sqs:receive_message {QueueUrl = url, WaitTimeSeconds = 1}.Messages or {})[1]
      if found then break end
    end
    assert(found, "the queue has heard nothing within 20 s")
    session.sqs:delete_message {QueueUrl = url, ReceiptHandle = found.ReceiptHandle}
    return json.decode(json.decode(found.Body).Message)
  end

  it("a declared alarm goes off and is heard, and the second apply makes no write", function()
    local code, text = run("apply", folder .. "/book.lua", "--yes")
    assert.equal(0, code, text)
    session.cloudwatch:put_metric_data {Namespace = "Spec", MetricData = {{MetricName = "Failures", Value = 5}}}
    local told = heard()
    assert.same({"too-many", "ALARM"}, {told.AlarmName, told.NewStateValue})
    code, text = run("apply", folder .. "/book.lua", "--yes")
    assert.equal(0, code, text)
    assert.is_truthy(text:find("0 writes", 1, true), text)
  end)

  it("what somebody changed by hand is drift, told and put right", function()
    session.cloudwatch:put_metric_alarm {AlarmName = "too-many", Namespace = "Spec", MetricName = "Failures",
      Statistic = "Sum", Period = 60, EvaluationPeriods = 1, Threshold = 1000, AlarmActions = {},
      ComparisonOperator = "GreaterThanThreshold", TreatMissingData = "notBreaching"}
    local code, text = run("plan", folder .. "/book.lua", "--detailed-exitcode")
    assert.equal(2, code, text)
    assert.is_truthy(text:find("Threshold%s+1000 %-> 1"), text)
    assert.equal(0, (run("apply", folder .. "/book.lua", "--yes")))
    assert.equal(1, session.cloudwatch:describe_alarms({AlarmNames = {"too-many"}}).MetricAlarms[1].Threshold)
  end)
end)
