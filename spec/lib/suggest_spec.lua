local suggest = require "suggest"

describe("suggest", function()
  it("counts a swap of neighbours as one edit", function()
    assert.equal(1, suggest.distance("queue", "queeu"))
    assert.equal(3, suggest.distance("kitten", "sitting"))
    assert.equal(0, suggest.distance("", ""))
    assert.equal(4, suggest.distance("", "four"))
  end)

  it("gives up beyond the limit", function()
    assert.is_nil(suggest.distance("abcdef", "uvwxyz", 2))
    assert.is_nil(suggest.distance("a", "abcdef", 2))
  end)

  it("finds the name that was meant", function()
    assert.equal("list_queues", suggest.nearest("list_quees", {"create_queue", "list_queues", "purge_queue"}))
    assert.equal("QueueName", suggest.nearest("queue_name", {"QueueUrl", "QueueName"}))
    assert.equal("application-autoscaling", suggest.nearest("applicationautoscaling",
      {"autoscaling", "application-autoscaling"}))
  end)

  it("suggests nothing for a word that is like none", function()
    assert.is_nil(suggest.nearest("zebra", {"QueueUrl", "QueueName"}))
    assert.equal("", suggest.phrase("zebra", {"QueueUrl", "QueueName"}))
    assert.equal("", suggest.phrase("x", {}))
  end)

  it("suggests a name that holds the word where none is near", function()
    assert.equal('; did you mean "VisibilityTimeout"?',
      suggest.phrase("Timeout", {"VisibilityTimeout", "MessageRetentionPeriod"}))
  end)
end)
