local fake = require "support.fake"
local queue = require "resources.sqs.queue"

describe("sqs.queue", function()
  local aws
  before_each(function() aws = fake.new() end)
  after_each(function() aws:verify() end)

  local function live(attributes, tags)
    aws:expect("sqs", "get_queue_url", {QueueName = "q"}, {QueueUrl = "u"})
    aws:expect("sqs", "get_queue_attributes", {QueueUrl = "u", AttributeNames = {"All"}}, {Attributes = attributes})
    aws:expect("sqs", "list_queue_tags", {QueueUrl = "u"}, {Tags = tags})
  end

  it("reads MessageRetentionPeriod as an integer, not the string SQS sends", function()
    live {QueueArn = "a", MessageRetentionPeriod = "60"}
    assert.same({name = "q", url = "u", arn = "a", MessageRetentionPeriod = 60, Tags = {}},
      queue.read(aws, {name = "q"}))
  end)
  it("reads a missing queue as none, and any other refusal as an error", function()
    aws:refuse("sqs", "get_queue_url", {QueueName = "q"}, "QueueDoesNotExist")
    assert.is_nil(queue.read(aws, {name = "q"}))
    aws:refuse("sqs", "get_queue_url", {QueueName = "q"}, "AccessDenied")
    local ok, err = pcall(queue.read, aws, {name = "q"})
    assert.is_false(ok)
    assert.equal("AccessDenied", err.code)
  end)
  it("does not take a redrive policy with the count as text for another", function()
    live {QueueArn = "a", RedrivePolicy = '{"maxReceiveCount":"5","deadLetterTargetArn":"d"}'}
    local want = queue:complete {name = "q", RedrivePolicy = {deadLetterTargetArn = "d", maxReceiveCount = 5}}
    local found = queue:diff(queue.read(aws, {name = "q"}), want)
    for _, change in ipairs(found) do assert.not_equal("RedrivePolicy", change.name) end
  end)
  it("sends attributes as text, a document as JSON, and no FifoQueue for a standard queue", function()
    aws:expect("sqs", "create_queue", {QueueName = "q", tags = {a = "b"}, Attributes = {VisibilityTimeout = "30",
      RedrivePolicy = '{"deadLetterTargetArn":"d","maxReceiveCount":5}'}}, {QueueUrl = "u"})
    aws:expect("sqs", "get_queue_attributes", {QueueUrl = "u", AttributeNames = {"QueueArn"}},
      {Attributes = {QueueArn = "a"}})
    local made = queue.create(aws, {name = "q", FifoQueue = false, VisibilityTimeout = 30, Tags = {a = "b"},
      RedrivePolicy = {deadLetterTargetArn = "d", maxReceiveCount = 5}})
    assert.same({url = "u", arn = "a"}, made)
  end)
  it("sets only what changed, in one call", function()
    aws:expect("sqs", "set_queue_attributes", {QueueUrl = "u", Attributes = {VisibilityTimeout = "60"}})
    queue.update(aws, {url = "u"}, {VisibilityTimeout = 60, DelaySeconds = 0}, {VisibilityTimeout = true})
  end)
  it("takes a redrive policy away with an empty text", function()
    aws:expect("sqs", "set_queue_attributes", {QueueUrl = "u", Attributes = {RedrivePolicy = ""}})
    queue.update(aws, {url = "u"}, {RedrivePolicy = {}}, {RedrivePolicy = true})
  end)
  it("adds and removes tags by name", function()
    aws:expect("sqs", "tag_queue", {QueueUrl = "u", Tags = {b = "2"}})
    aws:expect("sqs", "untag_queue", {QueueUrl = "u", TagKeys = {"c"}})
    queue.update(aws, {url = "u", Tags = {a = "1", b = "1", c = "1"}}, {Tags = {a = "1", b = "2"}}, {Tags = true})
  end)
  it("holds FIFO names and throughput to the API's rules", function()
    assert.matches("must end in", queue.check({name = "q", FifoQueue = true})[1])
    assert.matches("must be true", queue.check({name = "q.fifo"})[1])
    assert.matches("DeduplicationScope", queue.check({name = "q.fifo", FifoQueue = true,
      FifoThroughputLimit = "perMessageGroupId"})[1])
    assert.same({}, queue.check {name = "q.fifo", FifoQueue = true})
  end)
end)
