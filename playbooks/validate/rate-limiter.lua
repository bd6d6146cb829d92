--- Proves the limiter by what arrives: messages go through the queue and the front door, and a receiver that stands in
-- for the site says when each came. Run it against a copy of the limiter whose account file sends to the receiver.
playbook {
  name = "validate/rate-limiter",
  about = "The limiter measured at the receiver: limit, burst, 429, dead letters, time of decisions",
  vars = {
    receiver = {"string", about = "where the limiter under test sends to; RECEIVER/arrivals lists what came"},
    door = {"string", default = "", about = "address of the front door; without it 429 is not measured"},
    sign = {"string", default = "lambda", choices = {"lambda", "no"}, about = "how a call of the front door is signed"},
    lines = {"string", default = "", about = "log group of the sender; else /aws/lambda/PREFIX-rate-limiter"},
    wait = {"seconds", default = "15m", about = "how long everything may take to arrive"},
    users = {"string", default = "validate", about = "what the names of the accounts that are sent for begin with"},
  },
}

local site = account.limiter
local LIMIT, WINDOW, BURST = site.limit or 10, site.window or 60, site.burst or 3
local TRIES = site.tries or 5
local PAUSE = WINDOW / LIMIT                        -- between two messages, once the burst is used up
local queue_name = account.prefix .. "-rate-limiter-queue"
local log_group = var.lines ~= "" and var.lines or "/aws/lambda/" .. account.prefix .. "-rate-limiter"
local receiver = var.receiver:gsub("/+$", "")

-- ## What comes to the receiver

-- {at = seconds of the receiver's clock, user, id, status} of one run, in order.
local function arrivals(run)
  local answer = http.get(receiver .. "/arrivals")
  local ok, rows = pcall(json.decode, answer.body)
  if answer.status ~= 200 or not ok or type(rows) ~= "table" then
    error(("the receiver's list of arrivals, %s/arrivals, cannot be read: status %d"):format(receiver, answer.status),
      0)
  end
  local out = {}
  for _, row in ipairs(rows) do
    if row[3]:sub(1, #run) == run then out[#out + 1] = {at = row[1], user = row[2], id = row[3], status = row[4]} end
  end
  table.sort(out, function(a, b) return a.at < b.at end)
  return out
end

local function of_user(list, user)
  local out = {}
  for _, a in ipairs(list) do
    if a.user == user then out[#out + 1] = a end
  end
  return out
end

-- ## The plan: who is sent what

local began = now()

local function user(word) return var.users .. "-" .. word end

local function message(id, whom)
  return json.encode({version = 1, messageId = id, userId = whom, recipientId = "validate", timestamp = began,
    content = "A message of validate/rate-limiter: the receiver is no real site.", metadata = {source = "validate"}},
    {sort = true})
end

local function url_of(name) return aws.sqs:get_queue_url {QueueName = name}.QueueUrl end

local function enqueue(bodies)
  local url = url_of(queue_name)
  for from = 1, #bodies, 10 do
    local entries = {}
    for i = from, math.min(from + 9, #bodies) do
      entries[#entries + 1] = {Id = tostring(i), MessageBody = bodies[i]}
    end
    local failed = aws.sqs:send_message_batch {QueueUrl = url, Entries = entries}.Failed or {}
    if #failed > 0 then error(("%d messages were not taken by the queue: %s"):format(#failed, failed[1].Message), 0) end
  end
end

-- Twice the limit at once for one account, a burst for another that is at rest, and one that the receiver never takes.
local EXPECTED = 2 * LIMIT

local run = step "send" {
  run = function(token)
    if site.url:sub(1, #receiver) ~= receiver then
      error(("the limiter under test sends to %s, not to the receiver %s: real people would be written to. Use the"
        .. " account file of a copy, with the receiver in limiter.url."):format(site.url, receiver), 0)
    end
    local id = "v" .. token:sub(1, 12) .. "-"
    arrivals(id)                                    -- a receiver that cannot be asked is found before anything is sent
    local bodies = {message(id .. "always503", user "fails")}
    for i = 1, EXPECTED do bodies[#bodies + 1] = message(id .. "limit" .. i, user "limit") end
    for i = 1, BURST do bodies[#bodies + 1] = message(id .. "burst" .. i, user "burst") end
    enqueue(bodies)
    return id
  end,
}

-- ## The front door: over the limit 429 and nothing is queued, at rest 202 and exactly one message comes

local function knock(id, whom)
  local answer = http.post {url = var.door, body = message(id, whom), sign = var.sign ~= "no" and var.sign or nil}
  return {status = answer.status, retry = answer.headers["retry-after"], policy = answer.headers["ratelimit-policy"]}
end

local knocked = step "knock" {
  run = function()
    if var.door == "" then return {} end
    for _ = 1, 300 do                               -- a minute at most, until the account has used up its burst
      if #of_user(arrivals(run), user "limit") >= BURST then break end
      task.sleep(0.2)
    end
    return {over = knock(run .. "over", user "limit"), rest = knock(run .. "rest", user "rest")}
  end,
}

-- ## The wait: until all has come, or the time is up

-- The dead letter of this run, taken out of the queue; others stay.
local function dead_letter(url)
  local got = aws.sqs:receive_message {QueueUrl = url, MaxNumberOfMessages = 10, WaitTimeSeconds = 1,
    VisibilityTimeout = 2, MessageAttributeNames = {"All"}}
  for _, m in ipairs(got.Messages or {}) do
    if m.Body:find(run .. "always503", 1, true) then
      aws.sqs:delete_message {QueueUrl = url, ReceiptHandle = m.ReceiptHandle}
      local reason = m.MessageAttributes and m.MessageAttributes.reason
      return {reason = reason and reason.StringValue or "no reason is given"}
    end
  end
end

local function complete(list)
  local rest = not knocked.rest or knocked.rest.status ~= 202 or #of_user(list, user "rest") > 0
  return rest and #of_user(list, user "limit") >= EXPECTED and #of_user(list, user "burst") >= BURST
end

local seen = step "watch" {
  run = function()
    local dead
    local url = url_of(queue_name .. "-dlq")
    for _ = 1, var.wait do
      dead = dead or dead_letter(url)               -- waits a second where there is none
      if dead and complete(arrivals(run)) then break end
      if dead then task.sleep(1) end
    end
    task.sleep(math.min(PAUSE, 10))                 -- what comes twice comes late
    return {arrivals = arrivals(run), dead = dead}
  end,
}

-- ## What the sender wrote: the metrics in its own lines. They come some seconds late

local function written()
  local out = {received = 0, dead = 0, decisions = {}}
  for event in aws.logs:items("filter_log_events", {logGroupName = log_group, startTime = began * 1000,
    filterPattern = '"CloudWatchMetrics"'}) do
    local ok, line = pcall(json.decode, event.message)
    if ok and type(line) == "table" then
      out.received = out.received + (line.MessagesReceived or 0)
      out.dead = out.dead + (line.MessagesDeadLettered or 0)
      for _, ms in ipairs(line.DecisionLatency or {}) do out.decisions[#out.decisions + 1] = ms end
    end
  end
  table.sort(out.decisions)
  return out
end

local function percentile(list, percent) return list[math.max(1, math.ceil(#list * percent / 100))] end

local said = step "read what the sender wrote" {
  run = function()
    local all
    for _ = 1, 60 do
      all = written()
      if all.received > EXPECTED + BURST and (all.dead > 0 or not seen.dead) then break end
      task.sleep(2)
    end
    return {received = all.received, dead = all.dead, count = #all.decisions, p50 = percentile(all.decisions, 50),
      p99 = percentile(all.decisions, 99)}
  end,
}

-- ## The verdicts

check "limit: no more arrivals in any window than the limit" {test = function()
  local list = of_user(seen.arrivals, user "limit")
  if #list <= LIMIT then error(("only %d messages came: too few to tell"):format(#list), 0) end
  local closest = math.huge
  for i = LIMIT + 1, #list do
    local span = list[i].at - list[i - LIMIT].at
    if span < WINDOW then
      return false, ("%d arrivals in %.3f s: %s to %s"):format(LIMIT + 1, span, list[i - LIMIT].id, list[i].id)
    end
    closest = math.min(closest, span)
  end
  return true, ("at most %d in any %g s: of %d arrivals the closest %d took %.3f s"):format(LIMIT, WINDOW, #list,
    LIMIT + 1, closest)
end}

check "5.1 nothing is lost and nothing comes twice" {test = function()
  local times, n = {}, 0
  for _, a in ipairs(seen.arrivals) do
    if a.status < 300 then times[a.id] = (times[a.id] or 0) + 1 end
  end
  for id, count in pairs(times) do
    n = n + 1
    if count > 1 then return false, ("%s came %d times"):format(id, count) end
  end
  local expected = EXPECTED + BURST + (knocked.rest and knocked.rest.status == 202 and 1 or 0)
  return n == expected, ("%d of %d messages came"):format(n, expected)
end}

check "burst: at once, from rest" {test = function()
  local list = of_user(seen.arrivals, user "burst")
  if #list < BURST then return false, ("only %d of %d came"):format(#list, BURST) end
  local span = list[BURST].at - list[1].at
  return span < PAUSE, ("%d arrivals in %.3f s; paced they would take %.3f s"):format(BURST, span, (BURST - 1) * PAUSE)
end}

check "5.5 over the limit: 429 with Retry-After, and nothing is queued" {test = function()
  local over, rest = knocked.over, knocked.rest
  if not over then error("no front door was given: --var door=ADDRESS", 0) end
  if over.status ~= 429 then return false, ("the front door answered %d"):format(over.status) end
  local seconds = math.tointeger(tonumber(over.retry))
  if not seconds or seconds < 1 then return false, "its Retry-After is " .. tostring(over.retry) end
  if #of_user(seen.arrivals, user "rest") ~= 1 or rest.status ~= 202 then
    return false, ("an account at rest was answered %d, and %d messages came"):format(rest.status,
      #of_user(seen.arrivals, user "rest"))
  end
  for _, a in ipairs(seen.arrivals) do
    if a.id == run .. "over" then return false, "what was answered with 429 was sent all the same" end
  end
  return true, ("429, Retry-After: %d, policy %s; at rest 202"):format(seconds, over.policy or "not told")
end}

check "5.4 a dead letter after the last failure, and not before" {test = function()
  local tries = #of_user(seen.arrivals, user "fails")
  if not seen.dead then return false, ("%d tries, and it is no dead letter yet"):format(tries) end
  return tries == TRIES, ("%d tries, then a dead letter: %s"):format(tries, seen.dead.reason)
end}

local function told(value)
  if value == 0 then error("the sender wrote no such metrics into " .. log_group .. " since this began", 0) end
  return value
end

check "decisions: p50 under 100 ms, p99 under 500 ms" {test = function()
  local n = told(said.count)
  return said.p50 < 100 and said.p99 < 500, ("p50 %.2f ms, p99 %.2f ms of %d decisions"):format(said.p50, said.p99, n)
end}

check "dead letters: under 1 %, but for the one that was made to fail" {test = function()
  local received, others = told(said.received), math.max(0, said.dead - (seen.dead and 1 or 0))
  return others / received < 0.01, ("%.2f %%: %d of %d receives"):format(100 * others / received, others, received)
end}

check "bans: the site has stopped nobody" {test = function()
  local n = 0
  for _, a in ipairs(seen.arrivals) do
    if a.status == 429 or a.status == 403 then n = n + 1 end
  end
  return n == 0, ("%d of %d requests were answered with 429 or 403"):format(n, #seen.arrivals)
end}
