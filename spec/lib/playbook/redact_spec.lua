-- What the models call sensitive is in no record.
local models = require "tidelock.models"
local redact = require "playbook.redact"
local resources = require "resources"
local secret = require "tidelock.secret"

describe("the input of a request", function()
  it("is kept but for what the model calls sensitive", function()
    assert.same({Name = "db", SecretString = "<secret>"},
      redact.input(models, "secretsmanager", "create_secret", {Name = "db", SecretString = "hunter2"}))
  end)
  it("is redacted inside structures, lists and maps, under the API's own name for the operation too", function()
    local input = {AccountId = "1", BudgetName = "b", NotificationsWithSubscribers = {{Notification = {Threshold = 80},
      Subscribers = {{SubscriptionType = "EMAIL", Address = "who@example.com"}}}}}
    local out = redact.input(models, "budgets", "CreateBudget", input)
    assert.same({SubscriptionType = "EMAIL", Address = "<secret>"}, out.NotificationsWithSubscribers[1].Subscribers[1])
    assert.equal(80, out.NotificationsWithSubscribers[1].Notification.Threshold)
    assert.equal("who@example.com", input.NotificationsWithSubscribers[1].Subscribers[1].Address)
  end)
  it("is kept as it is where nothing is known of the operation, or nothing was given", function()
    assert.same({name = "a"}, redact.input(models, "no_such", "create_thing", {name = "a"}))
    assert.same({name = "a"}, redact.input({}, "sqs_of_specs", "create_queue", {name = "a"}))
    assert.same({x = 1}, redact.input(models, "sqs", "create_nothing", {x = 1}))
    assert.is_nil(redact.input(models, "sqs", "create_queue", nil))
  end)
  it("leaves what is a secret already as it is, under a member that the model does not know to be one", function()
    local value = secret.new "hunter2"
    assert.equal(value, redact.input(models, "sqs", "create_queue", {QueueName = value}).QueueName)
  end)
end)

describe("what was live", function()
  it("is kept without a function's variables", function()
    local live = {FunctionName = "f", Environment = {Variables = {TOKEN = "hunter2"}}, Timeout = 3}
    local out = redact.properties(assert(resources.find "lambda.func"), models, live)
    assert.equal(3, out.Timeout)
    assert.equal("<secret>", out.Environment.Variables)
    assert.equal("hunter2", live.Environment.Variables.TOKEN)
  end)
  it("is so on both sides of a change", function()
    local changes = {{property = "Environment", before = {Variables = {A = "one"}}, after = {Variables = {A = "two"}}},
      {property = "Timeout", before = 3, after = 4}}
    local t = assert(resources.find "lambda.func")
    assert.same({{property = "Environment", before = {Variables = "<secret>"}, after = {Variables = "<secret>"}},
      {property = "Timeout", before = 3, after = 4}}, redact.changes(t, models, changes))
  end)
end)
