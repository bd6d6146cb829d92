-- load.lua -- the worker under load: many accounts at a rate, and a crowd for an account of its own. Prints figures and
-- fails on any window with more arrivals than the limit, on a dead letter, and on a message that is lost.
-- usage: tidelua spec/limiter/load.lua [SECONDS = 60] [PER_MINUTE = 1000] [ACCOUNTS = 110] [CROWD = 100] [GRACE = 120]
local aws = require "aws"
local fixture = require "limiter.fixture"
local http = require "tidelock.http"
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local moto = require "support.moto"
local proc = require "tidelock.proc"
local ratelimit = require "ratelimit"
local redis = require "support.redis"
local support = require "support.server"

local SECONDS <const>, RATE <const>, ACCOUNTS <const> = tonumber(arg[1]) or 60, tonumber(arg[2]) or 1000,
  tonumber(arg[3]) or 110
local CROWD <const>, GRACE <const> = tonumber(arg[4]) or 100, tonumber(arg[5]) or 120
local LIMIT <const>, WINDOW <const> = 10, 60

local TIDELUA <const> = assert(proc.run {"sh", "-c", "readlink /proc/$PPID/exe"}).stdout:match "^(.-)\n"
local account, store = moto.start {auth = false}, redis.start()
local site, port = support.start({support.PYTHON, "spec/limiter/receiver.py"}, "^(%d+)\n")
local sqs = aws.session({endpoint_url = account.url, region = account.region, credentials = account.credentials}).sqs
local queue = sqs:create_queue{QueueName = "load"}.QueueUrl
local dlq = sqs:create_queue{QueueName = "load-dlq"}.QueueUrl
local arn = sqs:get_queue_attributes{QueueUrl = dlq, AttributeNames = {"QueueArn"}}.Attributes.QueueArn
sqs:set_queue_attributes {QueueUrl = queue, Attributes = {RedrivePolicy = json.encode {deadLetterTargetArn = arn,
  maxReceiveCount = 5}}}

local spec = {queue = "load", visibility = 60, redis = {url = store.url}, limit = {name = "load",
  windows = {{limit = LIMIT, seconds = WINDOW}}, burst = {size = 3, seconds = 6}, timeout = 30, lease = 60, lag = 0},
  send = {url = ("http://127.0.0.1:%s/send/{userId}"):format(port)}}
local client = fixture.connect(store)
local opener = ratelimit.new(spec.limit, client)
fixture.open(opener)
opener:close()

local env <const> = {SPEC_WORKER = json.encode(spec)}
for name, value in pairs(account.env) do env[name] = value end
local child = assert(proc.spawn {TIDELUA, "spec/limiter/crash.lua", stdout = "pipe", env = env})
local text = ""
local reader = loop.spawn(function()
  while true do
    local chunk = child:read()
    if not chunk then break end
    text = text .. chunk
  end
end)

local function memory()
  local file <close> = assert(io.open(("/proc/%d/status"):format(child:pid())))
  return tonumber(file:read "a":match "VmRSS:%s+(%d+)") / 1024
end

local function put(list)
  local entries = {}
  for i, m in ipairs(list) do
    entries[i] = {Id = tostring(i), MessageBody = json.encode {version = 1, messageId = m[1], userId = m[2],
      recipientId = "fan", content = "hello", timestamp = loop.time()}}
  end
  sqs:send_message_batch {QueueUrl = queue, Entries = entries}
end

local offered, start = 0, loop.now()
for i = 1, CROWD, 10 do
  local list = {}
  for j = i, math.min(CROWD, i + 9) do list[#list + 1] = {"crowd-" .. j, "crowd"} end
  put(list)
end
local has_pid, early = pcall(memory)
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
  loop.sleep(0.2)
end

local function arrivals()
  local response = assert(http.send({method = "GET", scheme = "http", host = "127.0.0.1:" .. port, path = "/arrivals",
    query = "", headers = {}}, {timeout = 10}))
  return json.decode(response.body)
end

local deadline, got, many = loop.now() + GRACE
repeat
  loop.sleep(2)
  got, many = arrivals(), 0
  for _, a in ipairs(got) do if a[2] ~= "crowd" then many = many + 1 end end
until many >= offered and #got - many >= CROWD or loop.now() > deadline
local late = has_pid and memory() or 0
child:kill "TERM"
child:wait()
loop.wait(reader)

local by, ids, worst = {}, {}, 0
for _, a in ipairs(got) do
  by[a[2]] = by[a[2]] or {}
  table.insert(by[a[2]], a[1])
  ids[a[3]] = (ids[a[3]] or 0) + 1
end
for _, times in pairs(by) do
  table.sort(times)
  local first = 1
  for i = 1, #times do
    while times[i] - times[first] > WINDOW do first = first + 1 end
    worst = math.max(worst, i - first + 1)
  end
end
local twice = 0
for _, n in pairs(ids) do if n > 1 then twice = twice + 1 end end
local dead = tonumber(sqs:get_queue_attributes{QueueUrl = dlq, AttributeNames = {"ApproximateNumberOfMessages"}}
  .Attributes.ApproximateNumberOfMessages)
local decisions = {}
for list in text:gmatch '"DecisionLatency":%[([^%]]*)%]' do
  for ms in list:gmatch "[%d.]+" do decisions[#decisions + 1] = tonumber(ms) end
end
table.sort(decisions)
print(("offered %d in %g s over %d accounts, and %d at once for one"):format(offered, SECONDS, ACCOUNTS, CROWD))
print(("arrived %d of them; %d of the crowd in %.0f s; sent twice %d; dead letters %d"):format(many,
  by.crowd and #by.crowd or 0, loop.now() - start, twice, dead))
print(("worst window of %g s: %d arrivals of one account, at most %d"):format(WINDOW, worst, LIMIT))
if #decisions > 0 then
  print(("decisions: %d, p50 %.2f ms, p99 %.2f ms"):format(#decisions, decisions[math.ceil(#decisions / 2)],
    decisions[math.ceil(#decisions * 0.99)]))
end
if has_pid then print(("memory of the worker: %.1f MB at first, %.1f MB at the end"):format(early, late)) end
client:close()
child:close()
site:close()
store:stop()
account:stop()
return (worst <= LIMIT and twice == 0 and dead == 0 and many == offered and #got - many == CROWD) and 0 or 1
