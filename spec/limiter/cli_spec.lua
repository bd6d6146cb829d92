-- cli_spec.lua -- limit and worker as people call them: output, exit codes, and what they refuse.
local fixture = require "limiter.fixture"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local program = require "support.program"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local simulate = require "ratelimit.simulate"
local support = require "support.server"

local TIDELUA <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"

local call <const> = program.run

describe("tidelock limit simulate", function()
  it("sends never more than the limit in any window, whatever is offered", function()
    for _, case in ipairs {{"1000/min", 10}, {"25/min", 30}, {"5/min", 30}} do
      local code, out = call("limit", "simulate", "--rate", case[1], "--minutes", tostring(case[2]), "--output", "json")
      assert.equal(0, code)
      local result = json.decode(out)
      local times = result.sends_ms
      for i = 11, #times do assert.is_true(times[i] - times[i - 10] > 60000) end
      for i = 4, #times do assert.is_true(times[i] - times[i - 3] >= 6000) end
      assert.equal(result.offered, result.sent + result.waiting)
      if case[1] == "1000/min" then assert.is_true(result.sent >= 99, result.sent) end
    end
  end)

  it("is the same for the same seed and another for another", function()
    local function run(seed)
      return select(2, call("limit", "simulate", "--rate", "25/min", "--seed", seed, "--output", "json"))
    end
    assert.equal(run "7", run "7")
    assert.not_equal(run "7", run "8")
  end)

  it("prints a timeline and a chart", function()
    local _, out = call("limit", "simulate", "--rate", "25/min", "--minutes", "2")
    assert.matches("worst    10 in any 60 s, at most 10 allowed", out)
    assert.matches("s  ##########  ?10", (out:gsub("# 10", "#  10")))
  end)

  it("reads limits in words", function()
    assert.same({name = "x", windows = {{limit = 10, seconds = 60}, {limit = 200, seconds = 86400}},
      burst = {size = 3, seconds = 6}}, simulate.words("10/min, 200/day burst 3", "x"))
    assert.same({{20, 90}, {5, 3600}, {1, 1}}, {{simulate.rate "20/90s"}, {simulate.rate "5/hours"},
      {simulate.rate "1/s"}})
  end)

  for why, words in pairs {
    ["%-%-rate 25/min"] = {"limit", "simulate"},
    ["are more than 1000000 messages: offer fewer"] = {"limit", "simulate", "--rate", "1000000/s"},
    ["a whole number from 0 on"] = {"limit", "simulate", "--rate", "5/min", "--seed", "1.5"},
    ["is not a limit"] = {"limit", "simulate", "--rate", "5/min", "--policy", "ten a minute"},
    ["can't be kept exactly"] = {"limit", "simulate", "--rate", "5/min", "--policy", "10/min burst 11"},
    ["it knows simulate"] = {"limit", "stat"},
    ["which user"] = {"limit", "status"},
    ["which queue"] = {"limit", "dlq", "list"},
  } do
    it("refuses, and says how: " .. why, function()
      local code, _, err = call(table.unpack(words))
      assert.equal(64, code)
      assert.matches(why, err)
    end)
  end
end)

describe("tidelock limit, with a Redis and a queue", function()
  local account, store, sqs, client, session
  setup(function()
    account = moto.start()
    store = redis.start()
    client = fixture.connect(store)
    session = account:session()
    sqs = session.sqs
  end)
  teardown(function()
    client:close()
    store:stop()
  end)
  before_each(function() store:reset() end)

  local function limiter()
    local made = ratelimit.new({name = "onlyfans", windows = {{limit = 10, seconds = 60}}, burst = {size = 3,
      seconds = 6}},
      client)
    fixture.open(made)
    return made
  end

  -- The command line in a process of its own, whose environment is the emulator's.
  local function run(...)
    local words = {TIDELUA, "spec/limiter/main.lua", ...}
    words.env = {}
    for name, value in pairs(account.env) do words.env[name] = value end
    local out = assert(proc.run(words))
    return out.code, out.stdout, out.stderr
  end

  it("tells how an account stands, and resets it when it is told to", function()
    local own <close> = limiter()
    for i = 1, 3 do own:take("anna", "m" .. i) end
    local code, out = call("limit", "status", "anna", "--redis", store.url)
    assert.equal(0, code)
    assert.matches("^anna: limited, for %d+%.%d+ s\n", out)
    assert.matches("being sent, or lost", out)
    local refused, _, err = call("limit", "reset", "anna", "--redis", store.url)
    assert.equal(64, refused)
    assert.matches("%-%-yes", err)
    assert.equal(0, (call("limit", "reset", "anna", "--redis", store.url, "--yes")))
    assert.matches("anna: open, 3 could be sent at once", select(2, call("limit", "status", "anna",
      "--redis", store.url)))
    assert.equal(69, (call("limit", "status", "anna", "--redis", "redis://127.0.0.1:1")))
    local restore <const> = program.environment {TIDELOCK_REDIS_URL = store.url}
    local there = select(2, program.run("limit", "status", "anna"))
    restore()
    assert.matches("^anna: open", there)
  end)

  it("lists, shows, sends again and drops dead letters; what may have been sent stays", function()
    local own <close> = limiter()
    local queue = sqs:create_queue{QueueName = "people"}.QueueUrl
    local dlq = sqs:create_queue{QueueName = "people-dlq"}.QueueUrl
    for i, kind in ipairs {"failed", "unknown", "refused"} do
      local id = "m" .. i
      local _, info = own:take("user" .. i, id)
      own:finish("user" .. i, id, info.nonce, "F", "HTTP 503")
      sqs:send_message {QueueUrl = dlq, MessageBody = json.encode {messageId = id, userId = "user" .. i},
        MessageAttributes = {
        reason = {DataType = "String", StringValue = "because " .. i}, kind = {DataType = "String",
          StringValue = kind}, reposts = {DataType = "String", StringValue = "3"},
        tenant = {DataType = "String.id", StringValue = "t" .. i}}}
    end
    local code, out = run("limit", "dlq", "list", "--queue", "people")
    assert.equal(0, code)
    for i = 1, 3 do assert.matches("user" .. i .. "  m" .. i .. "  because " .. i, out) end
    assert.matches('"messageId":"m1"', select(2, run("limit", "dlq", "show", "m1", "--queue", "people")))
    assert.equal(0, (run("limit", "dlq", "drop", "m3", "--queue", "people", "--yes")))
    local kept, _, err = run("limit", "dlq", "redrive", "--all", "--queue", "people", "--redis", store.url)
    assert.equal(2, kept)
    assert.matches("it may have been sent already", err)
    assert.matches("1 back on the queue", err)
    local again = sqs:receive_message{QueueUrl = queue, MessageAttributeNames = {"All"}}.Messages[1]
    assert.equal("m1", json.decode(again.Body).messageId)
    assert.same({tenant = {DataType = "String.id", StringValue = "t1"}}, again.MessageAttributes)
    assert.equal("admitted", select(2, own:take("user1", "m1")).code, "the limiter forgot that it failed")
    local _, rest = run("limit", "dlq", "list", "--queue", "people")
    assert.matches("m2", rest)
    assert.not_matches("m1", rest)
    assert.equal(1, (run("limit", "dlq", "drop", "nope", "--queue", "people", "--yes")))
    local none, _, said = run("limit", "dlq", "list", "--queue", "peopel")
    assert.equal(1, none)
    assert.matches("There is no queue peopel in this account and region", said)
  end)

  it("the worker's playbook runs from the command line, and SIGTERM ends it in order", function()
    local own <close> = limiter()
    local folder = support.folder()
    local account_file = folder .. "/worker.lua"
    do
      local file <close> = assert(io.open(account_file, "w"))
      file:write 'return {prefix = "example", env = "production", consumer = "worker"}'
    end
    local site, port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
    local queue = sqs:create_queue{QueueName = "example-rate-limiter-queue"}.QueueUrl
    sqs:create_queue {QueueName = "example-rate-limiter-queue-dlq"}
    sqs:send_message {QueueUrl = queue, MessageBody = json.encode {version = 1, messageId = "cli-slow-1", userId = "u",
      recipientId = "f", content = "hello", timestamp = loop.time()}}
    local words = {TIDELUA, "spec/limiter/main.lua", "worker", "playbooks/workers/rate-limiter.lua",
      "--account", account_file,
      "--var", "url=http://127.0.0.1:" .. port .. "/send/{userId}", "--var", "redis=" .. store.url,
      stdout = "pipe", env = {}}
    for name, value in pairs(account.env) do words.env[name] = value end
    words.env.AWS_REGION, words.env.AWS_DEFAULT_REGION = account.region, account.region
    words[#words + 1] = "--region"
    words[#words + 1] = account.region
    local child = assert(proc.spawn(words))
    local text = ""
    local reader = loop.spawn(function()
      while true do
        local chunk = child:read()
        if not chunk then break end
        text = text .. chunk
      end
    end)
    local deadline = loop.now() + 60
    while client:call("EXISTS", own:ring_key "u") == 0 do
      assert(loop.now() < deadline, text)
      loop.sleep(0.05)
    end
    child:kill "TERM"                       -- in the middle of the send, which takes a second
    local code = child:wait()
    loop.wait(reader)
    child:close()
    site:close()
    support.remove(folder)
    assert.equal(0, code)
    assert.matches('"event":"draining"', text)
    assert.matches('"event":"sent"', text)
    assert.matches('"event":"stopped","flying":0', text)
    assert.matches('"MessagesSent":1', text)
    assert.equal("done", select(2, own:take("u", "cli-slow-1")).code)
  end)

  it("the worker refuses a queue that is a Lambda's, and a playbook that declares none", function()
    local folder = support.folder()
    local function write(name, text)
      local file <close> = assert(io.open(folder .. "/" .. name, "w"))
      file:write(text)
      return folder .. "/" .. name
    end
    local account_file = write("a.lua", 'return {prefix = "x", env = "spec", consumer = "lambda"}')
    local code, _, err = call("worker", "playbooks/workers/rate-limiter.lua", "--account", account_file, "--var",
      "url=http://127.0.0.1:1/", "--var", "redis=redis://127.0.0.1:1")
    assert.equal(64, code)
    assert.matches("two kinds of consumer", err)
    code, _, err = call("worker", write("none.lua", 'playbook {name = "x", about = "y", account = false}'))
    assert.equal(65, code)
    assert.matches("declares no worker", err)
    code, _, err = call("worker", write("bad.lua",
      'playbook {name = "x", about = "y"}\nworker {queue = "q", redis = {}, limit = {}, send = {}, quue = 1}'))
    assert.equal(64, code)
    assert.matches("no field 'quue'; did you mean \"queue\"", err)
    support.remove(folder)
  end)
end)
