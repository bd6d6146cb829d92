-- e2e_spec.lua -- the whole way on loopback: moto's SQS, a real redis-server with TLS and a password, a receiver that
-- counts arrivals, and workers that are killed at every point between receive and delete.
local aws = require "aws"
local fixture = require "limiter.fixture"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local redis = require "support.redis"
local support = require "support.server"

local TIDELUA <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"
local LIMIT <const>, WINDOW <const> = 3, 2

describe("the limiter, end to end", function()
  local account, store, site, sqs, site_url

  setup(function()
    account = moto.start()
    store = redis.start {tls = true, auth = true}
    local port
    site, port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
    site_url = "http://127.0.0.1:" .. port
    sqs = aws.session({endpoint_url = account.url, region = account.region, credentials = account.credentials}).sqs
  end)
  teardown(function()
    site:close()
    store:stop()
  end)

  local function world(name, changes)
    local self, readers = {name = name}, {}
    self.queue = sqs:create_queue{QueueName = name}.QueueUrl
    self.dlq = sqs:create_queue{QueueName = name .. "-dlq"}.QueueUrl
    local arn = sqs:get_queue_attributes{QueueUrl = self.dlq, AttributeNames = {"QueueArn"}}.Attributes.QueueArn
    sqs:set_queue_attributes {QueueUrl = self.queue,
      Attributes = {RedrivePolicy = json.encode {deadLetterTargetArn = arn,
      maxReceiveCount = 5}}}
    self.spec = {queue = name, wait = 1, visibility = 3, stop = 5, backoff = 0.2,
      redis = {url = store.url, ca = store.ca},
      limit = {name = name, windows = {{limit = LIMIT, seconds = WINDOW}}, burst = {size = 2, seconds = 0.6},
        timeout = 2,
        lease = 2.5, lag = 0, skew = 1, clock_error = 0.01},
      send = {url = site_url .. "/send/{userId}", timeout = 1.5}}
    for field, value in pairs(changes or {}) do self.spec[field] = value end

    function self.put(id, user, more)
      local body = {version = 1, messageId = id, userId = user, recipientId = "fan", content = "secret words",
        timestamp = loop.time()}
      for field, value in pairs(more or {}) do body[field] = value end
      sqs:send_message {QueueUrl = self.queue, MessageBody = json.encode(body)}
    end
    function self.start(...)
      local process = assert(proc.spawn {TIDELUA, "spec/limiter/crash.lua", json.encode(self.spec), stdout = "pipe",
        env = account.env, ...})
      self.text = self.text or ""
      readers[process] = loop.spawn(function()
        while true do
          local chunk = process:read()
          if not chunk then break end
          self.text = self.text .. chunk
        end
      end)
      return process
    end
    function self.stop(process)
      process:kill "TERM"
      local code = process:wait()
      loop.wait(readers[process])
      process:close()
      self.lines = {}
      for line in self.text:gmatch "[^\n]+" do self.lines[#self.lines + 1] = line end
      return code
    end
    function self.left()
      local a = sqs:get_queue_attributes{QueueUrl = self.queue, AttributeNames = {"ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}}.Attributes
      return a.ApproximateNumberOfMessages + a.ApproximateNumberOfMessagesNotVisible
        + (a.ApproximateNumberOfMessagesDelayed or 0)
    end
    function self.wait(seconds)
      local deadline = loop.now() + seconds
      while self.left() > 0 do
        assert(loop.now() < deadline, self.name
          .. ": the queue doesn't empty: " .. self.left() .. " left\n" .. self.text:sub(-3000))
        loop.sleep(0.2)
      end
    end
    function self.dead()
      local out = {}
      while true do
        local got = sqs:receive_message{QueueUrl = self.dlq, MaxNumberOfMessages = 10, MessageAttributeNames = {"All"},
          VisibilityTimeout = 600}.Messages or {}
        if #got == 0 then return out end
        for _, m in ipairs(got) do
          local body = json.decode(m.Body)
          out[type(body) == "table" and body.messageId or m.Body] = m.MessageAttributes.reason.StringValue
        end
      end
    end
    return self
  end

  local function arrivals(prefix)
    local out = {}
    local response = assert(require "tidelock.http".send({method = "GET", scheme = "http", host = site_url:sub(8),
      path = "/arrivals", query = "", headers = {}}, {timeout = 10}))
    for _, a in ipairs(json.decode(response.body)) do
      if a[3]:sub(1, #prefix) == prefix then out[#out + 1] = {at = a[1], user = a[2], id = a[3], status = a[4]} end
    end
    return out
  end

  -- No user has more than the limit in any window, at the receiver.
  local function within_limit(list)
    local by = {}
    for _, a in ipairs(list) do
      local times = by[a.user] or {}
      by[a.user] = times
      times[#times + 1] = a.at
    end
    for user, times in pairs(by) do
      table.sort(times)
      for i = LIMIT + 1, #times do
        assert.is_true(times[i] - times[i - LIMIT] >= WINDOW, ("%s: %d arrivals in %.3f s"):format(user, LIMIT + 1,
          times[i] - times[i - LIMIT]))
      end
    end
  end

  local function counted(list)
    local n = {}
    for _, a in ipairs(list) do if a.status == 201 then n[a.id] = (n[a.id] or 0) + 1 end end
    return n
  end

  it("sends each message once, at the pace of each account, and says so without its text", function()
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

  it("refuses what is no message, retries what may be retried, and keeps the reason of what failed", function()
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

  it("stops an account that the platform limits, for as long as it says, and no other", function()
    local w = world "block"
    w.put("block-e429", "stopped")
    local process = w.start()
    local deadline = loop.now() + 20
    while #arrivals "block-" < 1 do
      assert(loop.now() < deadline)
      loop.sleep(0.1)
    end
    loop.sleep(0.3)
    w.put("block-next", "stopped")
    w.put("block-other", "free")
    loop.sleep(5)
    local ids = {}
    for _, a in ipairs(arrivals "block-") do ids[a.id] = (ids[a.id] or 0) + 1 end
    w.stop(process)
    assert.same({["block-e429"] = 1, ["block-other"] = 1}, ids)
    assert.matches('"event":"blocked"', table.concat(w.lines, "\n"))
  end)

  local POINTS <const> = {"before take", "after take", "before send", "after send", "before finish", "after finish",
    "before delete", "after delete"}

  for _, verified in ipairs {true, false} do
    it(("killed at each point, it sends nothing twice and loses nothing, %s"):format(verified and "with a lookup"
      or "without one"), function()
      local tasks = {}
      for i, point in ipairs(POINTS) do
        tasks[i] = loop.spawn(function()
          local name = ("kill%d%s"):format(i, verified and "v" or "n")
          local w = world(name)
          if verified then w.spec.send.verify = site_url .. "/messages/{messageId}" end
          for n = 1, 4 do w.put(("%s-%d"):format(name, n), "user" .. n % 2) end
          local doomed = w.start(point, "2")
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
        local n, dead = counted(list), w.dead()
        for m = 1, 4 do
          local id = ("%s-%d"):format(name, m)
          assert.is_true((n[id] or 0) <= 1, ("%s: %s was sent twice"):format(POINTS[i], id))
          if verified then
            assert.equal(1, n[id], ("%s: %s was lost"):format(POINTS[i], id))
            assert.is_nil(dead[id], POINTS[i])
          else
            assert.is_true(n[id] == 1 or dead[id] ~= nil, ("%s: %s was lost"):format(POINTS[i], id))
            if dead[id] then assert.matches("^unknown: ", dead[id]) end
          end
        end
      end
    end)
  end

  it("waits while Redis is away or starts anew, and goes on by itself", function()
    local w = world "away"
    local client = fixture.connect(store)
    local process = w.start()
    w.put("away-1", "u")
    w.wait(20)
    store:kill()
    for i = 2, 7 do w.put("away-" .. i, "u") end
    loop.sleep(3)
    assert.equal(1, #arrivals "away-")
    store:restart()
    w.wait(60)
    w.stop(process)
    client:close()
    local list = arrivals "away-"
    assert.equal(7, #list)
    within_limit(list)
    assert.same({}, w.dead())
    local text = table.concat(w.lines, "\n")
    assert.matches('"event":"waiting"', text)
    assert.matches('"event":"resumed"', text)
  end)

  it("many workers side by side are as exact as one", function()
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
end)
