--- Every log group keeps what it holds for 30 to 90 days: by class, whoever made it. New groups follow by themselves on
-- a schedule: tidelock schedule add playbooks/harden/logs.lua --account ACCOUNT. They lose nothing, so nobody is asked.
-- It does not own the groups: nothing is tagged, so no --prune and no destroy can reach them.
playbook {
  name = "harden/logs",
  about = "Retention of every log group there is, by class; shortened only after asking",
  schedule = "1 day",
  vars = {
    application = {"integer", default = 30, min = 30, max = 90, about = "days for what applications write"},
    audit = {"integer", default = 90, min = 30, max = 90, about = "days for trails, findings, flow logs and the like"},
    most = {"integer", default = 90, min = 30, about = "a longer retention that somebody set comes down to this"},
    shorten = {"string", default = "ask", choices = {"ask", "no"},
      about = "what would delete old lines is asked for, or left alone"},
    price = {"number", default = 0.03, about = "USD for a GB stored a month"},
  },
}

-- Whose names have one of these in them are kept as evidence.
local AUDIT = {"cloudtrail", "guardduty", "securityhub", "security-hub", "aws/config", "audit", "flowlogs",
  "flow-logs", "waf", "upgrade"}
local DAY, GB = 86400, 1e9
local began = now()

local function class_of(name)
  for _, word in ipairs(AUDIT) do
    if name:lower():find(word, 1, true) then return "audit" end
  end
  return "application"
end

local function age_of(group) return math.max(0, began - (group.creationTime or 0) / 1000) / DAY end

-- What a retention of so many days would delete: as if the bytes had come evenly since the group was made.
local function lost(group, days)
  local age = age_of(group)
  if age <= days then return 0 end
  local kept = math.min(group.retentionInDays or age, age)
  return (group.storedBytes or 0) * math.max(0, 1 - days / kept)
end

-- Where it must go to: nil where it is right. A retention that a person chose between the class's and the most stays.
local function target(group)
  local days = group.retentionInDays
  local least = var[class_of(group.logGroupName)]
  if not days then return least end
  if days < least then return least end
  if days > math.max(var.most, least) then return math.max(var.most, least) end
end

local function look()
  local out = {groups = 0, new = {}, longer = {}, shorter = {}, bytes = 0}
  for group in aws.logs:items("describe_log_groups", {}) do
    local days = group.logGroupClass ~= "DELIVERY" and target(group)   -- AWS keeps that class two days, always
    out.groups = out.groups + 1
    if days then
      local row = {name = group.logGroupName, before = group.retentionInDays, days = days, bytes = lost(group, days)}
      if not row.before and age_of(group) <= days then
        table.insert(out.new, row)
      elseif row.before and row.before < days then
        table.insert(out.longer, row)
      else
        table.insert(out.shorter, row)
        out.bytes = out.bytes + row.bytes
      end
    end
  end
  return out
end

local function tell(found)
  print(("%d log groups: %d new ones without a retention, %d to keep longer, %d older ones without a retention or above"
    .. " %d days"):format(found.groups, #found.new, #found.longer, #found.shorter, var.most))
  for _, row in ipairs(found.shorter) do
    print(("  %s: %s -> %d days, about %.2f GB deleted"):format(row.name, row.before or "for ever", row.days,
      row.bytes / GB))
  end
  if found.bytes > 0 then
    print(("  about %.2f GB deleted in all; saves about %.2f USD a month"):format(found.bytes / GB,
      found.bytes / GB * var.price))
  end
end

-- A group that was deleted meanwhile needs no retention; one that is refused does not keep the others from theirs.
local function set(rows, days_of)
  local refused = {}
  task.map(rows, function(row)
    local days = days_of(row)
    local ok, err = pcall(function()
      if days then
        aws.logs:put_retention_policy {logGroupName = row.name, retentionInDays = days}
      else
        aws.logs:delete_retention_policy {logGroupName = row.name}
      end
    end)
    if not ok and not (type(err) == "table" and err.code == "ResourceNotFoundException") then
      refused[#refused + 1] = row.name .. ": " .. (type(err) == "table" and err.message or tostring(err))
    end
  end, {concurrency = 4})
  if #refused > 0 then
    table.sort(refused)
    error(("%d of %d log groups could not be set:\n%s"):format(#refused, #rows, table.concat(refused, "\n")), 0)
  end
  return rows
end

local function wanted(row) return row.days end
local function former(row) return row.before end

-- Killed on the way, each of these steps is run again: looking changes nothing, and a retention is set to the same.
local function again() return false end

local found = step "look at every log group" {
  run = function()
    local seen = look()
    tell(seen)
    return seen
  end,
  probe = again,
}

-- Younger than what they are to be kept for, so no line of theirs goes now.
step "give new log groups a retention" {
  when = function() return #found.new > 0 end,
  run = function() return set(found.new, wanted) end,
  probe = again,
  undo = function(rows) set(rows, former) end,
}

step "keep logs longer" {
  when = function() return #found.longer > 0 end,
  run = function() return set(found.longer, wanted) end,
  probe = again,
  undo = function(rows) set(rows, former) end,
}

-- The setting can be undone; the lines that AWS deletes within days cannot.
step "shorten log retention" {
  when = function() return #found.shorter > 0 and var.shorten == "ask" end,
  confirm = "shorten", later = true,
  run = function() return set(found.shorter, wanted) end,
  probe = again,
  undo = function(rows) set(rows, former) end,
}
