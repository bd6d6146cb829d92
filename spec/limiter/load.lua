-- load.lua -- the worker under load: many accounts at a rate, and a crowd for an account of its own. Prints figures and
-- fails on any window with more arrivals than the limit, on a dead letter, on a message that is lost, on memory that
-- grows, and on a quiet account that a crowd keeps waiting.
-- usage: tidelua spec/limiter/load.lua [SECONDS = 60] [PER_MINUTE = 1000] [ACCOUNTS = 110] [CROWD = 100] [GRACE = 120]
--   [QUEUE = ministack]: the emulator that is the queue. moto answers about 250 requests a second, which is less than
--   a worker asks for at that rate; with it the figures are moto's.
local aws = require "aws"
local fixture = require "limiter.fixture"
local http = require "tidelock.http"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local proc = require "tidelock.proc"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local support = require "support.server"

local SECONDS <const>, RATE <const>, ACCOUNTS <const> = tonumber(arg[1]) or 60, tonumber(arg[2]) or 1000,
  tonumber(arg[3]) or 110
local CROWD <const>, GRACE <const> = tonumber(arg[4]) or 100, tonumber(arg[5]) or 120
local QUEUE <const> = arg[6] or "ministack"
local LIMIT <const>, WINDOW <const> = 10, 60
local GROWTH <const> = 8                 -- MB that the worker may hold more at the end than after a quarter of the run
local KEYS <const> = {access_key_id = "test", secret_access_key = "test"}

local TIDELUA <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"

-- ## The world

local function environment(account)
  return account.env or {AWS_ENDPOINT_URL = account.url, AWS_REGION = account.region,
    AWS_ACCESS_KEY_ID = KEYS.access_key_id, AWS_SECRET_ACCESS_KEY = KEYS.secret_access_key}
end

local function queues(account)
  local sqs = aws.session({endpoint_url = account.url, region = account.region,
    credentials = account.credentials or KEYS}).sqs
  local url, dlq = sqs:create_queue{QueueName = "load"}.QueueUrl, sqs:create_queue{QueueName = "load-dlq"}.QueueUrl
  local arn = sqs:get_queue_attributes{QueueUrl = dlq, AttributeNames = {"QueueArn"}}.Attributes.QueueArn
  sqs:set_queue_attributes {QueueUrl = url, Attributes = {RedrivePolicy = json.encode {deadLetterTargetArn = arn,
    maxReceiveCount = 5}}}
  return sqs, url, dlq
end

local account, store = require("support." .. QUEUE).start {auth = false}, redis.start()
local site, port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
local sqs, queue, dlq = queues(account)
local spec = {queue = "load", visibility = 60, redis = {url = store.url}, limit = {name = "load",
  windows = {{limit = LIMIT, seconds = WINDOW}}, burst = {size = 3, seconds = 6}, timeout = 30, lease = 60, lag = 0},
  send = {url = ("http://127.0.0.1:%s/send/{userId}"):format(port)}}

do                                        -- the cool-down of a first start is not what is measured
  local client <close> = fixture.connect(store)
  local opener <close> = ratelimit.new(spec.limit, client)
  fixture.open(opener)
end

local env <const> = {SPEC_WORKER = json.encode(spec), SPEC_COUNT = "1"}
for name, value in pairs(environment(account)) do env[name] = value end
local child = assert(proc.spawn {TIDELUA, "spec/limiter/crash.lua", stdout = "pipe", env = env})
local chunks = {}
local reader = loop.spawn(function()
  for chunk in function() return child:read() end do chunks[#chunks + 1] = chunk end
end)

local function memory()
  local file <close> = assert(io.open(("/proc/%d/status"):format(child:pid())))
  return tonumber(file:read "a":match "VmRSS:%s+(%d+)") / 1024
end

-- ## What is offered

local function put(list)
  local entries = {}
  for i, m in ipairs(list) do
    entries[i] = {Id = tostring(i), MessageBody = json.encode {version = 1, messageId = m[1], userId = m[2],
      recipientId = "fan", content = "hello", timestamp = loop.time()}}
  end
  assert(#(sqs:send_message_batch{QueueUrl = queue, Entries = entries}.Failed or {}) == 0)
end

local function crowd()
  for i = 1, CROWD, 10 do
    local list = {}
    for j = i, math.min(CROWD, i + 9) do list[#list + 1] = {"crowd-" .. j, "crowd"} end
    put(list)
  end
end

local start, held = loop.now(), {}
crowd()
local offered, sampled = 0, 0
while loop.now() - start < SECONDS do
  local due = math.floor((loop.now() - start) * RATE / 60)
  while offered < due do
    local list = {}
    while #list < 10 and offered < due do
      offered = offered + 1
      list[#list + 1] = {"m" .. offered, "user" .. offered % ACCOUNTS}
    end
    put(list)
  end
  if loop.now() - start >= sampled + 1 then
    sampled = sampled + 1
    held[#held + 1] = memory()
  end
  loop.sleep(0.2)
end

-- ## What came of it

local function arrivals()
  local response = assert(http.send({method = "GET", scheme = "http", host = "127.0.0.1:" .. port, path = "/arrivals",
    query = "", headers = {}}, {timeout = 30, max_body = 1 << 26}))
  return json.decode(response.body)
end

local function count(got)
  local many = 0
  for _, a in ipairs(got) do if a[2] ~= "crowd" then many = many + 1 end end
  return many, #got - many
end

local deadline, got, many, crowded = loop.now() + GRACE
repeat
  loop.sleep(2)
  got = arrivals()
  many, crowded = count(got)
until many >= offered and crowded >= CROWD or loop.now() > deadline
held[#held + 1] = memory()
local took = loop.now() - start
child:kill "TERM"
child:wait()
loop.wait(reader)
local text = table.concat(chunks)

-- The most arrivals of one account in any window, and how many messages came more than once.
local function judge(list)
  local by, ids, worst, twice = {}, {}, 0, 0
  for _, a in ipairs(list) do
    by[a[2]] = by[a[2]] or {}
    table.insert(by[a[2]], a[1])
    ids[a[3]] = (ids[a[3]] or 0) + 1
    if ids[a[3]] == 2 then twice = twice + 1 end
  end
  for _, times in pairs(by) do
    table.sort(times)
    local first = 1
    for i = 1, #times do
      while times[i] - times[first] > WINDOW do first = first + 1 end
      worst = math.max(worst, i - first + 1)
    end
  end
  return worst, twice
end

local function percentile(list, share) return list[math.max(1, math.ceil(#list * share))] or 0 end

-- All values of a metric in the worker's lines, sorted.
local function values(name)
  local out = {}
  for list in text:gmatch('"' .. name .. '":%[([^%]]*)%]') do
    for ms in list:gmatch "[%d.]+" do out[#out + 1] = tonumber(ms) end
  end
  table.sort(out)
  return out
end

-- From the queue to the send, of the accounts that are not the crowd's, by the worker's own lines.
local function quiet()
  local out = {}
  for line in text:gmatch "[^\n]+" do
    local value = line:find('"event":"sent"', 1, true) and json.decode(line)
    if value and value.userId ~= "crowd" then out[#out + 1] = value.queue_ms end
  end
  table.sort(out)
  return out
end

local function requests()
  local line, list, sum = json.decode(text:match '{"requests":.-}}\n' or '{"requests":{}}').requests, {}, 0
  for name, n in pairs(line) do
    list[#list + 1] = ("%s %d"):format(name, n)
    sum = sum + n
  end
  table.sort(list)
  return sum, table.concat(list, ", ")
end

local worst, twice = judge(got)
local dead = tonumber(sqs:get_queue_attributes{QueueUrl = dlq, AttributeNames = {"ApproximateNumberOfMessages"}}
  .Attributes.ApproximateNumberOfMessages)
local early, late = held[math.max(1, #held // 4)], held[#held]
local decisions, waits = values "DecisionLatency", quiet()
local asked, kinds = requests()
print(("offered %d in %g s over %d accounts, and %d at once for one; the queue is %s"):format(offered, SECONDS,
  ACCOUNTS, CROWD, QUEUE))
print(("arrived %d of them; %d of the crowd in %.0f s; sent twice %d; dead letters %d"):format(many, crowded, took,
  twice, dead))
print(("worst window of %g s: %d arrivals of one account, at most %d"):format(WINDOW, worst, LIMIT))
print(("decisions: %d, p50 %.2f ms, p99 %.2f ms"):format(#decisions, percentile(decisions, 0.5),
  percentile(decisions, 0.99)))
print(("from the queue to the send, accounts without a crowd: p50 %d ms, p99 %d ms, most %d ms"):format(
  percentile(waits, 0.5), percentile(waits, 0.99), waits[#waits] or 0))
print(("requests to the queue: %.2f a message that was sent (%s)"):format(asked / math.max(1, #got), kinds))
print(("memory of the worker: %.1f MB after a quarter, %.1f MB at the end"):format(early, late))
child:close()
site:close()
store:stop()
account:stop()
return (worst <= LIMIT and twice == 0 and dead == 0 and many == offered and crowded == CROWD
  and late <= early + GROWTH) and 0 or 1
