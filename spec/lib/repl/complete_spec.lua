-- complete_spec.lua -- what TAB offers at the end of a line.
local complete = require "repl.complete"
local models = require "tidelock.models"

local ENV <const> = setmetatable({queue = {url = "u", urn = "x"}, task = {map = print, spawn = print}}, {__index = _G})

local function at(text)
  local from, rows = complete.at(text, ENV, models)
  local words = {}
  for i, row in ipairs(rows or {}) do words[i] = row[1] .. row[2] end
  return words, from
end

local CASES <const> = {
  {"aws.sq", {"sqs"}}, {"aws.resource_g", {"resource_groups"}},
  {"aws.sqs:create_", {"create_queue{"}}, {"x = aws.sqs:purge", {"purge_queue{"}},
  {"help(aws.sqs.create_q", {"create_queue"}}, {'help "sqs create-q', {'create-queue"'}}, {'help "sq', {"sqs"}},
  {"aws.sqs:create_queue{", {"QueueName = ", "Attributes = ", "tags = "}},
  {'aws.sqs:create_queue{QueueName = "a,{", ', {"Attributes = ", "tags = "}},
  {"aws.sqs:create_queue{\n  Q", {"QueueName = "}},
  {"aws.sqs:create_queue{Attributes = {Fifo", {"FifoQueue = ", "FifoThroughputLimit = "}},
  {'aws.sqs:call("create_queue", {Q', {"QueueName = "}}, {'aws.s3:items("list_objects_v2", {Pre', {"Prefix = "}},
  {'aws.dynamodb:create_table{BillingMode = "PAY', {'PAY_PER_REQUEST"'}},
  {"aws.dynamodb:create_table{BillingMode = ", {'"PROVISIONED"', '"PAY_PER_REQUEST"'}},
  {"aws.dynamodb:create_table{KeySchema = {{Key", {"KeyType = "}},
  {'aws.dynamodb:create_table{KeySchema = {{KeyType = "H', {'HASH"'}},
  {"aws.dynamodb:create_table{DeletionProtectionEnabled = t", {"true"}},
  {'aws.dynamodb:wait("table_ex', {'table_exists"'}}, {'aws.sqs:pages("list_q', {'list_queues"', 'list_queue_tags"'}},
  {"queue.u", {"url", "urn"}}, {"task.m", {"map("}}, {"string.rep", {"rep("}}, {"whi", {"while"}}, {":q", {":quit"}},
  {"x = 'aws.sq", {}}, {"-- aws.sq", {}}, {"aws.nosuch:x", {}}, {"", {}},
}

describe("completion", function()
  for _, case in ipairs(CASES) do
    it(("offers %s after %q"):format(#case[2] > 0 and table.concat(case[2], " ") or "nothing", case[1]), function()
      local found = at(case[1])
      table.sort(found)
      table.sort(case[2])
      assert.same(case[2], found)
    end)
  end

  it("says where the word begins that it completes", function()
    assert.equal(#"x = aws.", select(2, at "x = aws.sq"))
    local text = 'aws.dynamodb:create_table{BillingMode = "'
    assert.equal(#text, select(2, at(text .. "PAY")))
  end)

  it("runs nobody's code on the way", function()
    local trap = setmetatable({}, {__index = function() error "touched" end})
    local _, rows = complete.at("trap.x.y", setmetatable({trap = trap}, {__index = _G}), models)
    assert.same({}, rows)
  end)
end)
