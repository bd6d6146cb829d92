-- The survey: every type that bears tags can be listed, else teardown and adopt would pass it by; parts and ARNs.
local resources = require "resources"
local survey = require "resources.survey"

local function item(kind, live)
  local t = resources.find(kind)
  return {type = t, live = live, want = {}, name = live.name, address = kind .. "/" .. tostring(live.name)}
end

describe("the survey of an account", function()
  for _, name in ipairs(resources.names()) do
    local t = resources.find(name)
    if t.tagged then
      it("can list " .. name, function()
        assert.is_true(t.all ~= nil or t.list ~= nil, name .. ' needs `all`, such as all = {"list_tables"}: see'
          .. " docs/guide/resource-types.md")
        if type(t.all) == "table" then
          assert.is_string(t.all[1])
          assert.is_not_nil(require "tidelock.models".service((t.service:gsub("_", "-"))):operation(t.all[1]), t.all[1])
        end
      end)
    end
  end

  it("knows of what a thing without tags is part", function()
    local func = item("lambda.func", {name = "f", arn = "arn:aws:lambda:r:1:function:f"})
    local topic = item("sns.topic", {name = "t", arn = "arn:aws:sns:r:1:t"})
    local key = item("kms.key", {name = "alias/k", id = "1234", arn = "arn:aws:kms:r:1:key/1234"})
    local part_of = survey.part_of {func, topic, key}
    assert.equal(func, part_of(item("lambda.alias", {FunctionName = "f", Name = "live"})))
    assert.equal(topic, part_of(item("sns.subscription", {TopicArn = topic.live.arn, Protocol = "sqs",
      Endpoint = "x"})))
    assert.equal(key, part_of(item("kms.alias", {name = "alias/other", TargetKeyId = "1234"})))
    assert.is_nil(part_of(item("sns.subscription", {TopicArn = "arn:aws:sns:r:1:other", Protocol = "lambda",
      Endpoint = func.live.arn})))
    assert.is_nil(part_of(item("sqs.queue", {name = "f", arn = "arn:aws:sqs:r:1:f"})))
  end)

  it("finds the one that an ARN names, and says why there is none", function()
    local asked = {}
    local aws = {sqs = {
      items = function() return coroutine.wrap(function() for _, n in ipairs {"a", "b"} do
        coroutine.yield("http://q/1/" .. n) end end) end,
      get_queue_url = function(_, input) return {QueueUrl = "http://q/1/" .. input.QueueName} end,
      get_queue_attributes = function(_, input)
        asked[#asked + 1] = input.QueueUrl
        return {Attributes = {QueueArn = "arn:aws:sqs:eu-west-1:1:" .. input.QueueUrl:match "[^/]+$"}}
      end}, tags = function() return {} end}
    local found = survey.by_arn(aws, "arn:aws:sqs:eu-west-1:1:b")
    assert.equal("sqs.queue/b", found.address)
    assert.same({"http://q/1/b"}, asked)                      -- the name in the ARN spares all others
    local none, why = survey.by_arn(aws, "arn:aws:sqs:eu-west-1:1:c")
    assert.is_nil(none)
    assert.matches("nothing with that ARN was found", why)
    assert.matches("there is no resource type of the service sqss; did you mean", (select(2, survey.by_arn(aws,
      "arn:aws:sqss:eu-west-1:1:c"))))
    assert.matches("it is no ARN", (select(2, survey.by_arn(aws, "sqs"))))
  end)
end)
