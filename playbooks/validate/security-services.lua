--- Proves what harden/security-services was for: those who watch are on, a call is found in what the trail has written,
-- and a finding reaches somebody. CloudTrail writes with a delay of some minutes: this waits for it, or parks.
playbook {
  name = "validate/security-services",
  about = "Detector, hub, recorder and trail are at work: a call is looked up in the trail, a finding is delivered",
  vars = {
    trail = {"string", default = "", about = "the trail to look in; the account's own where it is not given"},
    wait = {"seconds", default = "15m", about = "how long to wait for the trail, and for a finding, at most"},
    park = {"seconds", default = 0, about = "park so long between the call and the look, instead of waiting there"},
    sample = {"boolean", default = false,
      about = "have GuardDuty make a sample finding and see it delivered; whoever is subscribed hears of it too"},
  },
}

local MAKE_IT = "; make it with: tidelock apply playbooks/harden/security-services.lua --account " .. account.file
local NO_QUEUE = "there is no queue of those that could not" .. MAKE_IT
local trail = var.trail ~= "" and var.trail or account.prefix .. "-" .. account.env .. "-trail"

-- ## Those who watch are on

check "2.1 a trail of all regions is active, and its bucket is safe" {controls = "cloudtrail-*"}
check "2.2 GuardDuty is on and looks at all there is" {controls = {"guardduty-enabled", "guardduty-s3-protection",
  "guardduty-protections"}}
check "2.2 GuardDuty's findings reach somebody by themselves" {controls = "guardduty-notified"}
check "2.3 Security Hub is on, by the best practices" {controls = {"securityhub-enabled",
  "securityhub-best-practices"}}
check "2.3 Security Hub's findings reach somebody by themselves" {controls = "securityhub-notified"}
check "AWS Config records changes" {controls = "config-recorder"}

check "findings could all be delivered" {severity = "warning", absent = {
  ["AWS.SimpleQueueService.NonExistentQueue"] = NO_QUEUE, QueueDoesNotExist = NO_QUEUE}, test = function()
  local url = aws.sqs:get_queue_url {QueueName = account.prefix .. "-security-alerts-dlq"}.QueueUrl
  local n = aws.sqs:get_queue_attributes {QueueUrl = url,
    AttributeNames = {"ApproximateNumberOfMessages"}}.Attributes.ApproximateNumberOfMessages
  return tonumber(n) == 0, n .. " in the queue of those that could not"
end}

-- ## A call, and what the trail has written of it

-- There is no such rule: the call changes nothing, and its name is found again.
local call = step "make a call that the trail must write down" {
  run = function(token)
    local name = "tidelock-proof-" .. token
    local ok, err = pcall(function() return aws.events:describe_rule {Name = name} end)
    if ok or type(err) ~= "table" or err.code ~= "ResourceNotFoundException" then error(err, 0) end
    return name
  end,
  probe = function() return false end,
}
local called_at = now()

if var.park > 0 then park {var.park, name = "the trail is given time", why = "CloudTrail delivers with a delay"} end

local NONE = {TrailNotFoundException = true, NotFound = true}

-- What is asked for, or nil where the answer is that there is none.
local function if_there(fn)
  local ok, answer = pcall(fn)
  if ok then return answer end
  if type(answer) == "table" and NONE[answer.code] then return nil end
  error(answer, 0)
end

local function minutes_ago(time, at)
  if type(time) ~= "number" then return "never" end
  return ("%.0f minutes before the call"):format(math.max(0, at - time) / 60)
end

-- Where the trail has a log group, the very record; where it has none, that it delivered since.
local function written(t, status)
  local group = (t.CloudWatchLogsLogGroupArn or ""):match ":log%-group:([^:]+)"
  if not group then
    local last = status.LatestDeliveryTime
    return type(last) == "number" and last > called_at + 300 and "delivered to its bucket since; it has no log group"
  end
  for event in aws.logs:items("filter_log_events", {logGroupName = group, filterPattern = '"' .. call .. '"',
    startTime = (called_at - 300) * 1000}) do
    local record = json.decode(event.message)
    if record.eventName == "DescribeRule" then                -- and not this very search, which is written down too
      return ("%s, stream %s, event %s"):format(group, event.logStreamName, record.eventID)
    end
  end
end

local function every(seconds, fn)
  local waited = 0
  while true do
    local value = fn()
    if value or waited >= var.wait then return value, waited end
    local pause = math.min(seconds, var.wait - waited)
    task.sleep(pause)
    waited = waited + pause
  end
end

local proof = step "look for it in the trail" {
  run = function()
    local t = if_there(function() return aws.cloudtrail:get_trail {Name = trail}.Trail end)
    if not t then return {absent = true} end
    local status
    local found, waited = every(20, function()
      status = aws.cloudtrail:get_trail_status {Name = t.TrailARN}
      return written(t, status)
    end)
    return {found = found or nil, waited = waited, logging = status.IsLogging or false,
      group = t.CloudWatchLogsLogGroupArn ~= nil,
      last = status.LatestCloudWatchLogsDeliveryTime or status.LatestDeliveryTime,
      why = status.LatestCloudWatchLogsDeliveryError or status.LatestDeliveryError}
  end,
  probe = function() return false end,
}

check "2.1 the trail has written the call down" {test = function()
  if proof.found then return true, ("%s; waited %d s"):format(proof.found, proof.waited) end
  if proof.absent then return false, "there is no trail " .. trail .. MAKE_IT end
  if not proof.logging then return false, trail .. " is not logging" end
  if (proof.why or "") ~= "" then return false, ("%s cannot deliver: %s"):format(trail, proof.why) end
  return false, ("%s has not written %s down within %d s; it last delivered %s. CloudTrail takes some 5 minutes, and up"
    .. " to 15: look again with --var park=15m, then tidelock resume"):format(trail, call, proof.waited,
    minutes_ago(proof.last, called_at))
end}

-- ## A finding, all the way: GuardDuty, EventBridge, the topic and its key, and a queue that hears

if var.sample then
  local KIND = "CryptoCurrency:EC2/BitcoinTool.B!DNS"                  -- of high severity
  local function arn(service, rest)
    return "arn:" .. account.partition .. ":" .. service .. ":" .. account.region .. ":" .. account.id .. ":" .. rest
  end
  local topic = arn("sns", account.prefix .. "-guardduty-findings")
  local name = account.prefix .. "-security-proof"

  local ear = ensure.sqs.queue {
    name = name, MessageRetentionPeriod = hours(1), SqsManagedSseEnabled = true,
    Policy = {Version = "2012-10-17", Statement = {{Sid = "Topic", Effect = "Allow", Action = "sqs:SendMessage",
      Principal = {Service = "sns.amazonaws.com"},
      Resource = arn("sqs", name),
      Condition = {ArnEquals = {["aws:SourceArn"] = topic}}}}},
    tags = {Purpose = "hears one finding, as a proof"},
  }

  local function heard()
    for _, m in ipairs(aws.sqs:receive_message {QueueUrl = ear.url, MaxNumberOfMessages = 10,
      WaitTimeSeconds = 1}.Messages or {}) do
      aws.sqs:delete_message {QueueUrl = ear.url, ReceiptHandle = m.ReceiptHandle}
      if m.Body:find(KIND, 1, true) then return m.Body end
    end
  end

  local function quiet(detector)
    local ids = aws.guardduty:list_findings {DetectorId = detector, FindingCriteria = {Criterion = {
      type = {Equals = {KIND}}, ["service.archived"] = {Equals = {"false"}}}}}.FindingIds
    if #ids == 0 then return end
    local samples = {}
    for _, f in ipairs(aws.guardduty:get_findings {DetectorId = detector, FindingIds = ids}.Findings) do
      if f.Title:find "^%[SAMPLE%]" then samples[#samples + 1] = f.Id end
    end
    if #samples > 0 then aws.guardduty:archive_findings {DetectorId = detector, FindingIds = samples} end
  end

  local delivered = step "have a sample finding delivered" {
    run = function()
      local detector = (aws.guardduty:list_detectors {}.DetectorIds or {})[1]
      local subscription = detector and if_there(function()
        return aws.sns:subscribe {TopicArn = topic, Protocol = "sqs", Endpoint = ear.arn,
          Attributes = {RawMessageDelivery = "true"}, ReturnSubscriptionArn = true}.SubscriptionArn
      end)
      if not subscription then
        aws.sqs:delete_queue {QueueUrl = ear.url}
        return {absent = detector and "there is no topic " .. topic or "GuardDuty has no detector here"}
      end
      local ok, text, waited = pcall(function()
        aws.guardduty:create_sample_findings {DetectorId = detector, FindingTypes = {KIND}}
        return every(5, heard)
      end)
      aws.sns:unsubscribe {SubscriptionArn = subscription}
      quiet(detector)
      aws.sqs:delete_queue {QueueUrl = ear.url}
      if not ok then error(text, 0) end
      return {text = text or nil, waited = waited}
    end,
    probe = function() return false end,
  }

  check "2.2 a finding of high severity is delivered" {test = function()
    if delivered.text then return true, ("within %d s: %s"):format(delivered.waited, delivered.text) end
    if delivered.absent then return false, delivered.absent .. MAKE_IT end
    return false, ("nothing was heard on %s within %d s: look at rule, topic policy and key"):format(topic,
      delivered.waited)
  end}
end

output {call = call, trail = trail, written = proof.found}
