-- e2e_spec.lua -- the whole way on loopback: moto's SQS, a real redis-server with TLS and a password, a receiver that
-- counts arrivals, and workers that are killed at every point between receive and delete.
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local redis = require "support.redis"
local support = require "support.server"
local worlds = require "limiter.world"

describe("the limiter, end to end", function()
  local account, store, site, sqs, site_url

  setup(function()
    account = moto.start()
    store = redis.start {tls = true, auth = true}
    local port
    site, port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
    site_url = "http://127.0.0.1:" .. port
    sqs = account:session().sqs
  end)
  teardown(function()
    site:close()
    store:stop()
  end)

  local function world(name, changes)
    return worlds.new(name, {account = account, sqs = sqs, store = store, site_url = site_url}, changes)
  end
  local function arrivals(prefix) return worlds.arrivals(site_url, prefix) end
  local within_limit, counted = worlds.within_limit, worlds.counted

  local case = worlds.together(it)

  case("sends each message once, at the pace of each account, and says so without its text", function()
    local w = world "pace"
    for i = 1, 8 do
      w.put("pace-a" .. i, "anna")
      w.put("pace-b" .. i, "bert")
    end
    w.put("pace-a1", "anna")                    -- a duplicate
    local process = w.start()
    w.wait(60)
    assert.equal(0, w.stop(process))
    local list = arrivals "pace-"
    assert.equal(16, #list)
    for id, n in pairs(counted(list)) do assert.equal(1, n, id) end
    within_limit(list)
    assert.same({}, w.dead())
    local text = table.concat(w.lines, "\n")
    assert.not_matches("secret words", text)
    local sums, events = {}, {}
    for _, line in ipairs(w.lines) do
      local value = assert(json.decode(line))
      if value._aws then
        assert.same({{"Environment"}}, value._aws.CloudWatchMetrics[1].Dimensions)
        for _, metric in ipairs(value._aws.CloudWatchMetrics[1].Metrics) do
          local v = value[metric.Name]
          sums[metric.Name] = (sums[metric.Name] or 0) + (type(v) == "table" and #v or v)
        end
      else
        events[value.event] = (events[value.event] or 0) + 1
      end
    end
    assert.equal(16, sums.MessagesSent)
    assert.equal(16, sums.QueueLatency)
    assert.equal(1, sums.MessagesDuplicate)
    assert.is_true(sums.DecisionLatency >= 17)
    assert.same({16, 1, 1, 1}, {events.sent, events.duplicate, events.started, events.stopped})
  end)

  case("refuses what is no message, retries what may be retried, and keeps the reason of what failed", function()
    local w = world "fail"
    sqs:send_message {QueueUrl = w.queue, MessageBody = "not a message"}
    w.put("fail-v2", "u", {version = 2})
    w.put("fail-e400", "u1")
    w.put("fail-twice503", "u2")
    w.put("fail-always503", "u3")
    w.put("fail-lost", "u4")
    local process = w.start()
    w.wait(60)
    w.stop(process)
    local dead = w.dead()
    assert.equal("the body is not JSON", dead["not a message"])
    assert.matches("version 2", dead["fail-v2"])
    assert.equal("refused: HTTP 400", dead["fail-e400"])
    assert.equal("failed 5 times; the last time: HTTP 503", dead["fail-always503"])
    assert.matches("^unknown: ", dead["fail-lost"])
    assert.is_nil(dead["fail-twice503"])
    local list, tries = arrivals "fail-", {}
    for _, a in ipairs(list) do tries[a.id] = (tries[a.id] or 0) + 1 end
    assert.same({["fail-e400"] = 1, ["fail-twice503"] = 3, ["fail-always503"] = 5, ["fail-lost"] = 1}, tries)
    within_limit(list)
  end)

  case("stops an account that the platform limits, for as long as it says, and no other", function()
    local w = world "block"
    w.put("block-e429", "stopped")
    local process = w.start()
    local deadline = loop.now() + 60
    while not w.text:find '"event":"blocked"' do
      assert(loop.now() < deadline, w.text)
      loop.sleep(0.1)
    end
    w.put("block-next", "stopped")
    w.put("block-other", "free")
    loop.sleep(4)
    while #arrivals "block-other" < 1 do
      assert(loop.now() < deadline, w.text)
      loop.sleep(0.1)
    end
    local list, others, from = arrivals "block-", 0, nil
    w.stop(process)
    for _, a in ipairs(list) do
      if a.user == "free" then others = others + 1
      elseif from then assert.is_true(a.at >= from + 7, a.id)            -- the site's Retry-After
      else from = a.at end
    end
    assert.equal(1, others)
    assert.matches('"event":"blocked"', table.concat(w.lines, "\n"))
  end)

  case = worlds.together(it)           -- of their own: what is above looks at its own pace and duplicates

  local POINTS <const> = {"before take", "after take", "before send", "after send", "before finish", "after finish",
    "before delete", "after delete"}

  -- Worlds side by side, one a point: the worker is killed there, the `nth` time that it comes by, and another goes on.
  -- Calls seen(point, world, arrivals by id, dead letters, name) for each.
  local function killed_at(points, prefix, nth, prepare, seen)
    local tasks = {}
    for i, point in ipairs(points) do
      tasks[i] = loop.spawn(function()
        local name = prefix .. i
        local w = prepare(name)
        local doomed = w.start(point, nth(point))
        local _, number = doomed:wait()
        doomed:close()
        assert(number == 9, ("it was not killed %s"):format(point))
        local process = w.start()
        w.wait(60)
        w.stop(process)
        return w, name
      end)
    end
    for i, task in ipairs(tasks) do
      local ok, w, name = loop.wait(task)
      assert(ok, w)
      local list = arrivals(name .. "-")
      within_limit(list)
      seen(points[i], w, counted(list), w.dead(), name)
    end
  end

  -- Five messages that have been received three times without a send.
  local function nearly_dead(name)
    local w = world(name, {patience = 0})
    w.spec.send.verify = site_url .. "/messages/{messageId}"
    for n = 1, 5 do w.put(("%s-%d"):format(name, n), "user") end
    for _ = 1, 3 do
      local seen = 0
      repeat
        seen = seen + #(sqs:receive_message {QueueUrl = w.queue, MaxNumberOfMessages = 10, VisibilityTimeout = 1,
          WaitTimeSeconds = 2}.Messages or {})
      until seen == 5
      loop.sleep(1.1)
    end
    return w
  end

  -- What the queue would soon make a dead letter is enqueued anew and deleted: both are there between the two.
  case("killed while a message is enqueued anew, it sends nothing twice and loses nothing", function()
    local function nth(point) return point == "after delete" and "4" or "1" end
    killed_at({"before enqueue", "after enqueue", "after delete"}, "anew", nth, nearly_dead,
      function(point, w, n, dead, name)
        for m = 1, 5 do assert.equal(1, n[("%s-%d"):format(name, m)], ("%s: %s-%d"):format(point, name, m)) end
        assert.same({}, dead, point)
        assert.matches('"event":"deferred"', table.concat(w.lines, "\n"))
      end)
  end)

  for _, verified in ipairs {true, false} do
    local function four(name)
      local w = world(name)
      if verified then w.spec.send.verify = site_url .. "/messages/{messageId}" end
      for n = 1, 4 do w.put(("%s-%d"):format(name, n), "user" .. n % 2) end
      return w
    end
    case(("killed at each point, it sends nothing twice and loses nothing, %s"):format(verified and "with a lookup"
      or "without one"), function()
      killed_at(POINTS, verified and "killv" or "killn", function() return "2" end, four,
        function(point, _, n, dead, name)
          for m = 1, 4 do
            local id = ("%s-%d"):format(name, m)
            assert.is_true((n[id] or 0) <= 1, ("%s: %s was sent twice"):format(point, id))
            if verified then
              assert.equal(1, n[id], ("%s: %s was lost"):format(point, id))
              assert.is_nil(dead[id], point)
            else
              assert.is_true(n[id] == 1 or dead[id] ~= nil, ("%s: %s was lost"):format(point, id))
              if dead[id] then assert.matches("^unknown: ", dead[id]) end
            end
          end
        end)
    end)
  end

  case("waits while Redis is away or starts anew, and goes on by itself", function()
    local own <close> = redis.start {tls = true, auth = true}
    local w = worlds.new("away", {account = account, sqs = sqs, store = own, site_url = site_url})
    local process = w.start()
    w.put("away-1", "u")
    w.wait(20)
    own:kill()
    for i = 2, 7 do w.put("away-" .. i, "u") end
    loop.sleep(3)
    assert.equal(1, #arrivals "away-")
    own:restart()
    w.wait(60)
    w.stop(process)
    local list = arrivals "away-"
    assert.equal(7, #list)
    within_limit(list)
    assert.same({}, w.dead())
    local text = table.concat(w.lines, "\n")
    assert.matches('"event":"waiting"', text)
    assert.matches('"event":"resumed"', text)
  end)

  case("many workers side by side are as exact as one", function()
    local w, processes = world "many", {}
    for i = 1, 24 do w.put("many-" .. i, "user" .. i % 3) end
    for i = 1, 3 do processes[i] = w.start() end
    w.wait(90)
    for _, process in ipairs(processes) do w.stop(process) end
    local list = arrivals "many-"
    for id, n in pairs(counted(list)) do assert.equal(1, n, id) end
    assert.equal(24, #list)
    within_limit(list)
    assert.same({}, w.dead())
  end)

  case("a hundred at once for one account are all sent, at its pace, and none is a dead letter untried", function()
    local w = world("crowd", {limit = {name = "crowd", windows = {{limit = 10, seconds = 1}}, burst = {size = 3,
      seconds = 0.1}, timeout = 2, lease = 2.5, lag = 0, skew = worlds.SKEW, clock_error = 0.01}})
    for i = 1, 100 do w.put("crowd-" .. i, "u") end
    local process = w.start()
    w.wait(120)
    w.stop(process)
    local list = arrivals "crowd-"
    assert.equal(100, #list)
    for id, n in pairs(counted(list)) do assert.equal(1, n, id) end
    within_limit(list, 10, 1)
    assert.same({}, w.dead())
  end)
end)
