-- lambda_spec.lua -- `tidelock lambda` under a runtime API of our own, with events as SQS, function URLs and APIs
-- send them.
local digest = require "tidelock.digest"
local fixture = require "limiter.fixture"
local http = require "tidelock.http"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local policies = require "ratelimit.policy"
local proc = require "tidelock.proc"
local redis = require "support.redis"
local support = require "support.server"

local TIDELUA <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"

local function get(port, path)
  local response = assert(http.send({method = "GET", scheme = "http", host = "127.0.0.1:" .. port, path = path,
    query = "",
    headers = {}}, {timeout = 20}))
  return json.decode(response.body)
end

describe("tidelock lambda", function()
  local account, store, site, site_port, sqs, client, folder, queue

  setup(function()
    account = moto.start()
    store = redis.start()
    client = fixture.connect(store)
    site, site_port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
    sqs = account:session().sqs
    queue = sqs:create_queue{QueueName = "fn-rate-limiter-queue"}.QueueUrl
    sqs:create_queue{QueueName = "fn-rate-limiter-queue-dlq"}
    folder = support.folder()
    local file <close> = assert(io.open(folder .. "/account.lua", "w"))
    file:write('return {prefix = "fn", env = "spec", consumer = "lambda"}')
  end)
  teardown(function()
    client:close()
    site:close()
    store:stop()
    support.remove(folder)
  end)
  before_each(function()
    store:reset()
    -- A lineage that has been known for long, as after the first minutes.
    local policy = assert(policies.new {name = "onlyfans", windows = {{limit = 10, seconds = 60}},
      burst = {size = 3, seconds = 6}, timeout = 30, lease = 60})
    local id = client:call("INFO", "replication"):match "master_replid:(%x+)"
    assert(client:call("SET", policy.lineage, ("%s 0 %d"):format(id, policy:cooldown_ms())))
    assert(client:call("SET", policy.evicted, client:call("INFO", "stats"):match "evicted_keys:(%d+)"))
  end)

  local function body(id, user, changes)
    local out = {version = 1, messageId = id, userId = user, recipientId = "fan", content = "secret words",
      timestamp = loop.time()}
    for name, value in pairs(changes or {}) do out[name] = value end
    return json.encode(out)
  end

  local function record(id, text, receives)
    return {messageId = "sqs-" .. id, receiptHandle = "handle-" .. id, body = text, eventSource = "aws:sqs",
      attributes = {ApproximateReceiveCount = tostring(receives or 1), SentTimestamp = "1790000000000"},
      messageAttributes = {}, eventSourceARN = "arn:aws:sqs:eu-west-1:123456789012:fn-rate-limiter-queue"}
  end

  -- A message on the queue as the mapping would hand it over: with a handle that is real.
  local function received(id, text)
    sqs:send_message {QueueUrl = queue, MessageBody = text}
    local m = sqs:receive_message{QueueUrl = queue, VisibilityTimeout = 600}.Messages[1]
    local r = record(id, text)
    r.receiptHandle = m.ReceiptHandle
    return r
  end

  --- Runs the function over events; its answers, {id -> {kind, error type, body}}, and what it wrote.
  local function run(events, more)
    local api = assert(proc.spawn {support.PYTHON, "spec/limiter/runtime.py", stdin = "pipe", stdout = "pipe"})
    assert(api:write(json.encode(events) .. "\n"))
    local port = assert(api:read()):match "^(%d+)"
    local words = {TIDELUA, "spec/limiter/main.lua", "lambda", stdout = "pipe", stderr = "pipe", env = {}}
    for name, value in pairs(account.env) do words.env[name] = value end
    words.env.AWS_LAMBDA_RUNTIME_API = "127.0.0.1:" .. port
    words.env._HANDLER, words.env.LAMBDA_TASK_ROOT = "playbooks/workers/rate-limiter", "."
    words.env.TIDELOCK_ACCOUNT = folder .. "/account.lua"
    words.env.TIDELOCK_VARS = json.encode {url = ("http://127.0.0.1:%s/send/{userId}"):format(site_port),
      redis = store.url}
    for name, value in pairs(more or {}) do words.env[name] = value end
    local child = assert(proc.spawn(words))
    local text = ""
    local reader = loop.spawn(function()
      while true do
        local chunk = child:read()
        if not chunk then break end
        text = text .. chunk
      end
    end)
    local deadline, results = loop.now() + 60
    repeat
      loop.sleep(0.1)
      results = get(port, "/results")
    until #results >= math.max(1, #events) or loop.now() > deadline
    child:kill "KILL"
    child:wait()
    loop.wait(reader)
    child:close()
    api:close()
    local out = {}
    for _, r in ipairs(results) do
      local n, kind = r[1]:match "invocation/request%-(%d+)/(%a+)$"
      out[tonumber(n) or "init"] = {kind = kind or r[1]:match "(init/error)$", type = r[2], body = json.decode(r[3])}
    end
    return out, text
  end

  it("answers SQS: what was sent is gone, what was put off is named, what can't be read is buried", function()
    local records = {}
    for i = 1, 3 do records[i] = received("ok" .. i, body("fn-ok" .. i, "anna")) end
    records[4] = received("more", body("fn-more", "anna"))
    records[5] = received("bad", "no message")
    local out, text = run {{event = {Records = records}}}
    assert.equal("response", out[1].kind)
    assert.same({{itemIdentifier = "sqs-more"}}, out[1].body.batchItemFailures)
    local arrived = 0
    for _, a in ipairs(get(site_port, "/arrivals")) do if a[3]:find "^fn%-ok" then arrived = arrived + 1 end end
    assert.equal(3, arrived)
    local dead = sqs:receive_message{QueueUrl = queue .. "-dlq", MessageAttributeNames = {"All"}}.Messages[1]
    assert.equal("the body is not JSON", dead.MessageAttributes.reason.StringValue)
    assert.matches('"MessagesSent":3', text)
    assert.matches('"event":"deferred"', text)
    assert.not_matches("secret words", text)
  end)

  it("begins no send that it has no time for", function()
    local out = run {{event = {Records = {record("late", body("fn-late", "anna"))}}, seconds = 2}}
    assert.same({{itemIdentifier = "sqs-late"}}, out[1].body.batchItemFailures)
    for _, a in ipairs(get(site_port, "/arrivals")) do assert.not_equal("fn-late", a[3]) end
  end)

  it("answers a function URL and an API: 202, 429 with its wait, 400 with the reason, 405", function()
    local function url(text, method)
      return {event = {version = "2.0", rawPath = "/", body = text, isBase64Encoded = false,
        requestContext = {http = {method = method or "POST", path = "/"}}}}
    end
    local v1 = {event = {httpMethod = "POST", path = "/", body = digest.base64(body("fn-q2", "bert")),
      isBase64Encoded = true,
      requestContext = {stage = "prod"}}}
    local busy = {}
    for i = 1, 3 do busy[i] = received("b" .. i, body("fn-busy" .. i, "carl")) end
    local out = run {url(body("fn-q1", "bert")), v1, {event = {Records = busy}}, url(body("fn-q3", "carl")),
      url(body("fn-q4", "a\nb")), url("", "GET")}
    assert.same({202, 202, 429, 400, 405}, {out[1].body.statusCode, out[2].body.statusCode, out[4].body.statusCode,
      out[5].body.statusCode, out[6].body.statusCode})
    local headers = out[4].body.headers
    assert.is_true(tonumber(headers["Retry-After"]) >= 2 and tonumber(headers["Retry-After"]) <= 7,
      headers["Retry-After"])
    assert.equal('"burst";q=3;w=18, "minute";q=10;w=60', headers["RateLimit-Policy"])
    assert.matches("control characters", out[5].body.body)
    local queued = {}
    for _ = 1, 4 do
      for _, m in ipairs(sqs:receive_message{QueueUrl = queue, MaxNumberOfMessages = 10}.Messages or {}) do
        queued[#queued + 1] = json.decode(m.Body).messageId
      end
    end
    table.sort(queued)
    assert.same({"fn-q1", "fn-q2"}, queued)
  end)

  it("says 503 where the limit can't be asked, and queues nothing", function()
    local out = run({{event = {httpMethod = "POST", body = body("fn-away", "u"), requestContext = {}}}},
      {TIDELOCK_VARS = json.encode {url = "http://127.0.0.1:1/x", redis = "redis://127.0.0.1:1"}})
    assert.equal(503, out[1].body.statusCode)
    assert.equal("5", out[1].body.headers["Retry-After"])
  end)

  it("reports events that it does not know, and goes on", function()
    local out = run {{event = {detail = "something"}}, {event = "no json"}, {event = {httpMethod = "GET",
      requestContext = {}}}}
    assert.same({"error", "Tidelock.Event"}, {out[1].kind, out[1].type})
    assert.matches("neither", out[1].body.errorMessage)
    assert.same({"error", "Tidelock.Event"}, {out[2].kind, out[2].type})
    assert.equal("response", out[3].kind)
  end)

  it("reports a start that fails, with what to do", function()
    local out = run({}, {TIDELOCK_VARS = "{}"})
    assert.equal("init/error", out.init.kind)
    assert.matches("var url has no default", out.init.body.errorMessage)
    local file <close> = assert(io.open(folder .. "/worker.lua", "w"))
    file:write('return {prefix = "fn", env = "spec", consumer = "worker"}')
    file:close()
    out = run({}, {TIDELOCK_ACCOUNT = folder .. "/worker.lua"})
    assert.matches('consumer = "worker"', out.init.body.errorMessage)
  end)

  it("ends an invocation before its deadline, and takes the next", function()
    local lambda = require "ratelimit.lambda"
    local told, n = {}, 0
    local _, why = lambda.run {host = "x", init = function()
      return function(event)
        if event.slow then loop.sleep(5) end
        return {fine = true}
      end
    end, transport = function(request)
      if request.method == "GET" then
        n = n + 1
        if n > 2 then return nil, {message = "the host is gone"} end
        return {status = 200, body = json.encode {slow = n == 1},
          headers = {["lambda-runtime-aws-request-id"] = "r" .. n,
          ["lambda-runtime-deadline-ms"] = tostring((loop.time() + 0.5) * 1000)}}
      end
      told[#told + 1] = request
      return {status = 202, headers = {}, body = ""}
    end}
    assert.equal("the host is gone", why)
    assert.same({"/2018-06-01/runtime/invocation/r1/error", "/2018-06-01/runtime/invocation/r2/response"},
      {told[1].path, told[2].path})
    assert.equal("Tidelock.Deadline", told[1].headers["Lambda-Runtime-Function-Error-Type"])
  end)
end)
