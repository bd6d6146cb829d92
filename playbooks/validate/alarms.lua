--- Proves what harden/alarms was for: an alarm that goes off is heard. Each is set off by hand, its history must say
-- that its topics took it, and it is set back. Whoever is subscribed hears of it, and of the end.
playbook {
  name = "validate/alarms",
  about = "Alarms are heard: one for each topic is set off, its history must say that the topic took it, and set back",
  vars = {
    which = {"string", default = "one", choices = {"one", "all"},
      about = "one alarm for each topic that alarms tell, or all that tell topics"},
    wait = {"seconds", default = "2m", about = "how long to wait for an alarm's history, at most"},
  },
}

local REASON = "Set off by tidelock (validate/alarms) to see whether it is heard; nothing is wrong."

-- ## What can be read

check "6.5 alarms look at something and tell somebody" {
  controls = {"cloudwatch-alarm-actions", "cloudwatch-alarm-topics", "cloudwatch-alarm-data", "cloudwatch-alarm-units"}}

-- ## Which are set off: none that does more than tell, and none that is on already

local function tells_only(alarm)
  for _, list in ipairs {alarm.AlarmActions or {}, alarm.OKActions or {}, alarm.InsufficientDataActions or {}} do
    for _, action in ipairs(list) do
      if not action:find "^arn:[^:]+:sns:" then return false end
    end
  end
  return #(alarm.AlarmActions or {}) > 0
end

local function has_news(alarm, heard)
  local news = false
  for _, topic in ipairs(alarm.AlarmActions) do
    news = news or not heard[topic]
    heard[topic] = true
  end
  return news
end

local found = find "alarms to set off" {run = function()
  local out, heard = {alarms = {}, left = {}}, {}
  for page in aws.cloudwatch:pages("describe_alarms", {AlarmTypes = {"MetricAlarm", "CompositeAlarm"},
    AlarmNamePrefix = account.prefix .. "-", MaxRecords = 100}) do
    for _, list in ipairs {page.MetricAlarms or {}, page.CompositeAlarms or {}} do
      for _, a in ipairs(list) do
        if a.ActionsEnabled == false or a.StateValue == "ALARM" or not tells_only(a) then
          table.insert(out.left, a.AlarmName)
        elseif has_news(a, heard) or var.which == "all" then
          table.insert(out.alarms, {name = a.AlarmName, topics = a.AlarmActions, state = a.StateValue})
        end
      end
    end
  end
  return out
end}

-- ## Off, and back

-- What the history says last of each topic: {[topic] = {at =, summary =}}.
local function told(alarm)
  local out = {}
  for item in aws.cloudwatch:items("describe_alarm_history", {AlarmName = alarm.name, HistoryItemType = "Action",
    AlarmTypes = {"MetricAlarm", "CompositeAlarm"}, ScanBy = "TimestampDescending", MaxRecords = 50}) do
    for _, topic in ipairs(alarm.topics) do
      if not out[topic] and item.HistorySummary:find(topic, 1, true) then
        out[topic] = {at = item.Timestamp, summary = item.HistorySummary}
      end
    end
  end
  return out
end

-- Topics that took it or refused it since; those that are silent are missing.
local function since(alarm, before)
  local took, refused, n = {}, {}, 0
  for topic, last in pairs(told(alarm)) do
    if not before[topic] or before[topic].at ~= last.at then
      n = n + 1
      table.insert(last.summary:find "^Successfully" and took or refused, topic)
    end
  end
  return {took = took, refused = refused, all = n == #alarm.topics}
end

local function set(alarm, state)
  aws.cloudwatch:set_alarm_state {AlarmName = alarm.name, StateValue = state, StateReason = REASON}
end

local function listen(alarm, before)
  local waited = 0
  while true do
    local heard = since(alarm, before)
    heard.waited = waited
    if heard.all or waited >= var.wait then return heard end
    task.sleep(5)
    waited = waited + 5
  end
end

local results = {}
for i, alarm in ipairs(found.alarms or {}) do
  results[i] = step("set off " .. alarm.name) {
    run = function()
      local before = told(alarm)
      set(alarm, "ALARM")
      local ok, heard = pcall(listen, alarm, before)
      set(alarm, alarm.state)
      if not ok then error(heard, 0) end
      return heard
    end,
    probe = function()                            -- killed on the way: back it goes, and once more from the start
      set(alarm, alarm.state)
      return false
    end,
  }
end

check "6.5 what is set off is heard" {test = function()
  local took, faults = 0, {}
  for i, alarm in ipairs(found.alarms) do
    for _, topic in ipairs(results[i].refused) do
      faults[#faults + 1] = ("%s did not take %s: look at its policy and its key"):format(topic, alarm.name)
    end
    if not results[i].all then
      faults[#faults + 1] = ("the history of %s says nothing of some topic within %d s"):format(alarm.name,
        results[i].waited)
    end
    if #results[i].refused == 0 and results[i].all then took = took + 1 end
  end
  if #faults > 0 then return false, table.concat(faults, "; ") end
  if #found.alarms == 0 then
    return false, ("there is no alarm to set off: %d are on, disabled, or do more than tell"):format(#found.left)
  end
  return true, ("%d alarm(s) set off, taken by every topic, and set back"):format(took)
end}

output {left_alone = found.left or {}}
