-- What only looks and what writes; requests by service.
local recorder = require "playbook.recorder"

describe("the recorder", function()
  it("knows an operation that only looks by either of its names", function()
    for _, name in ipairs {"list_queues", "ListQueues", "DescribeDBInstances", "describe_db_instances", "Query",
      "HeadBucket", "batch_get_item"} do
      assert.is_true(recorder.is_read(name), name)
    end
    for _, name in ipairs {"CreateQueue", "create_queue", "SetQueueAttributes", "put_item", "query_and_delete",
      "ListenAndWrite"} do
      assert.is_false(recorder.is_read(name), name)
    end
  end)
  it("counts requests by service, those of a plan before it too", function()
    local session = {sqs = {list_queues = function() return {} end, create_queue = function() return {} end},
      sts = {get_caller_identity = function() return {} end}}
    local first, run = recorder.new(session), recorder.new(session)
    first:client().sts:get_caller_identity {}
    first:client().sqs:list_queues {}
    run:client().sqs:list_queues {}
    run:client().sqs:create_queue {QueueName = "a"}
    run:count_also(first)
    assert.same({sqs = 3, sts = 1}, run.requests)
    assert.equal(3, run.reads)
    assert.equal(1, run.writes)
  end)
end)
