-- validate/rate-limiter end to end: moto's SQS and logs, a real Redis, `tidelock worker`, `tidelock lambda` as the
-- front door, and a receiver on loopback. It passes for the limiter, and fails for one that limits nothing. `make soak`
-- runs it with the real limit, ten in any minute.
local fixture = require "limiter.fixture"
local hardening = require "support.hardening"
local http = require "tidelock.http"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local policies = require "ratelimit.policy"
local proc = require "tidelock.proc"
local redis = require "support.redis"
local support = require "support.server"

local TIDELUA <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"
local LINES <const> = "/ecs/v/limiter"
local SHORT <const> = {limit = 3, window = 3, burst = 2, timeout = 2}
local REAL <const> = {limit = 10, window = 60, burst = 3, timeout = 2}
local NONE <const> = {limit = 1000, window = 3, burst = 1000, timeout = 2}       -- what a broken limiter keeps to

describe("validate/rate-limiter", function()
  local account, store, site, site_port, folder, children, pollers

  local function write(name, text)
    local out <close> = assert(io.open(folder .. "/" .. name, "w"))
    out:write(text)
    return folder .. "/" .. name
  end

  before_each(function()
    account, folder, children = hardening.start(), support.folder(), {}
    pollers = {}
    store = redis.start()
    site, site_port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
    local sqs, logs = account.session.sqs, account.session.logs
    sqs:create_queue {QueueName = "v-rate-limiter-queue"}
    sqs:create_queue {QueueName = "v-rate-limiter-queue-dlq"}
    logs:create_log_group {logGroupName = LINES}
    logs:create_log_stream {logGroupName = LINES, logStreamName = "s"}
  end)
  after_each(function()
    for _, poller in ipairs(pollers) do loop.cancel(poller) end
    for _, child in ipairs(children) do
      child.process:kill "KILL"
      child.process:wait()
      if child.reader then loop.wait(child.reader) end
      child.process:close()
    end
    site:close()
    store:stop()
    account:close()
    support.remove(folder)
  end)

  -- A Redis that has known this limit for long, as after the first minutes.
  local function vouch(kept)
    local client = fixture.connect(store)
    local policy = assert(policies.new {name = "onlyfans", windows = {{limit = kept.limit, seconds = kept.window}},
      burst = {size = kept.burst, seconds = kept.window / kept.limit}, timeout = kept.timeout,
      lease = 2 * kept.timeout, lag = 0})
    local id = client:call("INFO", "replication"):match "master_replid:(%x+)"
    assert(client:call("SET", policy.lineage, ("%s 0 %d"):format(id, policy:cooldown_ms())))
    assert(client:call("SET", policy.evicted, client:call("INFO", "stats"):match "evicted_keys:(%d+)"))
    client:close()
  end

  local function vars_of(kept)
    return {url = ("http://127.0.0.1:%d/send/{userId}"):format(site_port), redis = store.url, limit = kept.limit,
      window = kept.window, burst = kept.burst, timeout = kept.timeout, lag = 0, backoff = 0.1, visibility = 5}
  end

  -- What the sender writes becomes lines of its log group, as on ECS.
  local function logged(process)
    return loop.spawn(function()
      local rest = ""
      while true do
        local chunk = process:read()
        if not chunk then return end
        rest = rest .. chunk
        local events = {}
        rest = rest:gsub("([^\n]*)\n", function(line)
          events[#events + 1] = {timestamp = math.floor(loop.time() * 1000), message = line}
          return ""
        end)
        if #events > 0 then
          account.session.logs:put_log_events {logGroupName = LINES, logStreamName = "s", logEvents = events}
        end
      end
    end)
  end

  local function worker(kept)
    local words = {TIDELUA, "spec/limiter/main.lua", "worker", "playbooks/workers/rate-limiter.lua",
      "--account=" .. write("worker.lua", 'return {prefix = "v", env = "spec", consumer = "worker"}'),
      stdout = "pipe", env = account.server.env}
    for name, value in pairs(vars_of(kept)) do words[#words + 1] = ("--var=%s=%s"):format(name, value) end
    local process = assert(proc.spawn(words))
    children[#children + 1] = {process = process, reader = logged(process)}
  end

  -- A function behind a port: what is posted there is its event.
  local function func(kept, consumer)
    local own, port = support.start({support.PYTHON, "spec/playbooks/door.py"}, "^(%d+)\n")
    local account_text = ('return {prefix = "v", env = "spec"%s}'):format(consumer and ', consumer = "lambda"' or "")
    local env = {AWS_LAMBDA_RUNTIME_API = "127.0.0.1:" .. port, _HANDLER = "playbooks/workers/rate-limiter",
      LAMBDA_TASK_ROOT = ".", TIDELOCK_VARS = json.encode(vars_of(kept)),
      TIDELOCK_ACCOUNT = write(("function-%d.lua"):format(port), account_text)}
    for name, value in pairs(account.server.env) do env[name] = value end
    local process = assert(proc.spawn {TIDELUA, "spec/limiter/main.lua", "lambda", stdout = "pipe", env = env})
    children[#children + 1] = {process = process, reader = logged(process)}
    children[#children + 1] = {process = own}
    return ("http://127.0.0.1:%s/"):format(port)
  end

  -- What Lambda's poller does with a batch size of one, and one run at a time.
  local function mapping(address)
    local sqs = account.session.sqs
    local url = sqs:get_queue_url {QueueName = "v-rate-limiter-queue"}.QueueUrl
    local function lower(attributes)
      local out = {}
      for name, value in pairs(attributes or {}) do
        out[name] = {stringValue = value.StringValue, dataType = value.DataType}
      end
      return out
    end
    local function one(m)
      local event = {Records = {{messageId = m.MessageId, receiptHandle = m.ReceiptHandle, body = m.Body,
        attributes = m.Attributes, messageAttributes = lower(m.MessageAttributes), eventSource = "aws:sqs"}}}
      local answer = assert(http.send({method = "POST", scheme = "http", host = address:match "//([^/]+)",
        path = "/invoke", query = "", headers = {}, body = json.encode(event)}, {timeout = 30}))
      assert(answer.status == 200, answer.body)
      if #json.decode(answer.body).batchItemFailures == 0 then
        sqs:delete_message {QueueUrl = url, ReceiptHandle = m.ReceiptHandle}
      end
    end
    pollers[#pollers + 1] = loop.spawn(function()
      while true do
        local got = sqs:receive_message {QueueUrl = url, MaxNumberOfMessages = 1, WaitTimeSeconds = 1,
          VisibilityTimeout = 12, AttributeNames = {"All"}, MessageAttributeNames = {"All"}}
        for _, m in ipairs(got.Messages or {}) do one(m) end
      end
    end)
  end

  local function validate(claimed, kept, sender, ...)
    vouch(kept)
    sender(kept)
    local file = write("account.lua", ([[
return {name = "v", prefix = "v", env = "spec", region = "us-east-1", limiter = {limit = %d, window = %d, burst = %d,
  url = "http://127.0.0.1:%d/send/{userId}"}}]]):format(claimed.limit, claimed.window, claimed.burst, site_port))
    return account:run("run", "playbooks/validate/rate-limiter.lua", "--account=" .. file, "--yes", "--var",
      ("receiver=http://127.0.0.1:%d"):format(site_port), "--var", "door=" .. func(kept), "--var", "lines=" .. LINES,
      ...)
  end

  -- {start of a check's name = its sign: "ok" or "x"}.
  local function verdicts(text)
    local out = {}
    for mark, name in text:gmatch "\n?%s*(%S+)%s+check \"([^\"]+)\"" do out[name:match "^[^:]+"] = mark end
    return out
  end

  local function passes(kept, seconds, sender)
    local _, text = validate(kept, kept, sender or worker, "--var", "wait=" .. seconds)
    local v = verdicts(text)
    for _, name in ipairs {"limit", "5.1 nothing is lost and nothing comes twice", "burst", "5.5 over the limit",
      "5.4 a dead letter after the last failure, and not before", "dead letters", "bans"} do
      assert.equal("ok", v[name], name .. "\n" .. text)
    end
    assert.matches("p50 %d+%.%d+ ms, p99 %d+%.%d+ ms of %d+ decisions", text)
    assert.matches("5 tries, then a dead letter: failed 5 times; the last time: HTTP 503", text)
    assert.matches("429, Retry%-After: %d+, policy \"burst\";q=" .. kept.burst, text)
    return text
  end

  it("5.3 5.4 5.5 measures limit, burst, 429, dead letters and decisions, and passes", function()
    passes(SHORT, 60)
  end)
  it("5.1 5.2 passes for a function that is handed one message at a time", function()
    passes(SHORT, 90, function(kept) mapping(func(kept, "lambda")) end)
  end)
  it("fails for a limiter that limits nothing, and says what came when", function()
    local code, text = validate(SHORT, NONE, worker, "--var", "wait=30")
    assert.equal(1, code, text)
    local v = verdicts(text)
    assert.equal("x", v.limit, text)
    assert.equal("x", v["5.5 over the limit"], text)
    assert.equal("ok", v["5.4 a dead letter after the last failure, and not before"], text)
    assert.matches("4 arrivals in 0%.%d+ s: v%x+%-limit%d to v%x+%-limit%d", text)
    assert.matches("the front door answered 202", text)
  end)
  it("sends nothing where the limiter under test does not send to the receiver", function()
    local file = write("real.lua", [[
return {prefix = "v", env = "spec", region = "us-east-1", limiter = {url = "https://site.example/{userId}"}}]])
    local code, text = account:run("run", "playbooks/validate/rate-limiter.lua", "--account=" .. file, "--yes", "--var",
      ("receiver=http://127.0.0.1:%d"):format(site_port))
    assert.equal(1, code, text)
    assert.matches("real people would be written to", text)
    local url = account.session.sqs:get_queue_url {QueueName = "v-rate-limiter-queue"}.QueueUrl
    local a = account.session.sqs:get_queue_attributes {QueueUrl = url, AttributeNames = {"All"}}.Attributes
    assert.equal("0", a.ApproximateNumberOfMessages)
  end)

  if os.getenv "TIDELOCK_SOAK" then
    it("passes with the real limit: ten in any minute", function() print(passes(REAL, 240)) end)
  end
end)
