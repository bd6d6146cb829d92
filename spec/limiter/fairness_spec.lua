-- fairness_spec.lua -- crowds of some accounts keep no other account waiting: one worker, a real Redis, the real limit.
local fixture = require "limiter.fixture"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local reports = require "ratelimit.report"
local shelves = require "limiter.shelf"
local workers = require "ratelimit.worker"

local LIMIT <const> = {windows = {{limit = 10, seconds = 60}}, burst = {size = 3, seconds = 6}, lag = 0}
local QUIET <const> = 20                 -- accounts with one message each, behind the crowds in the queue

describe("a worker with 64 messages in flight", function()
  local store, client
  setup(function()
    store = redis.start()
    client = fixture.connect(store)
  end)
  teardown(function()
    client:close()
    store:stop()
  end)

  -- Crowds first, the quiet behind them. Until the quiet are through, and so many of the crowds. How long the last of
  -- the quiet waited, when it began, and all sends.
  local function run(name, crowds, size, most)
    local limit = {name = name}
    for field, value in pairs(LIMIT) do limit[field] = value end
    local limiter <close> = ratelimit.new(limit, client)
    fixture.open(limiter)
    local shelf, sent, late = shelves.new(0.005), {}, {}
    local sender = {send = function(_, message)
      loop.sleep(0.02)
      sent[#sent + 1] = {at = loop.now(), user = message.userId, id = message.messageId}
      return {outcome = "S", detail = "x"}
    end}
    local function put(id, user)
      shelf:put(json.encode {version = 1, messageId = id, userId = user, recipientId = "f", content = "c",
        timestamp = loop.time()})
    end
    for i = 1, size do for c = 1, crowds do put(("c%d-%d"):format(c, i), "crowd" .. c) end end
    for i = 1, QUIET do put("q" .. i, "quiet" .. i) end
    local worker = workers.new({sqs = shelf}, {queue = "http://q", dlq = "http://dlq", limiter = limiter,
      sender = sender, report = reports.new {write = function() end}, wait = 1})
    local from = loop.now()
    local task = loop.spawn(function() return worker:run() end)
    local function quiet()
      late = {}
      for _, s in ipairs(sent) do if s.user:find "quiet" then late[#late + 1] = s.at - from end end
      return #late
    end
    while (quiet() < QUIET or #sent < QUIET + most) and loop.now() < from + 60 do loop.sleep(0.05) end
    worker:drain()
    assert(select(2, assert(loop.wait(task))), "it did not end in order")
    assert.equal(QUIET, quiet())
    table.sort(late)
    return late[QUIET], from, sent
  end

  it("sends what is behind a crowd of one account at once, and the crowd at the pace of the limit", function()
    local late, from, sent = run("one", 1, 100, 4)
    assert.is_true(late < 5, ("the last quiet account waited %.2f s"):format(late))
    local crowd = {}
    for _, s in ipairs(sent) do if s.user == "crowd1" then crowd[#crowd + 1] = s.at - from end end
    assert.equal(4, #crowd)
    assert.is_true(crowd[3] < 5)
    assert.is_true(crowd[4] > 5.5 and crowd[4] < 11, ("its first token after the burst was used after %.2f s")
      :format(crowd[4]))
  end)

  it("sends what is behind crowds of 70 accounts at once", function()
    local late = run("many", 70, 10, 0)        -- with all of them waiting in place it was 42 s
    assert.is_true(late < 20, ("the last quiet account waited %.2f s"):format(late))
  end)
end)
