--- Every table there is can be put back to any second of the last 35 days, and is not deleted by a slip. The tables
-- stay their makers': nothing is tagged, and nothing of it is taken back.
playbook {
  name = "harden/tables",
  about = "All tables: point-in-time recovery and deletion protection",
  vars = {
    without = {"list", default = {}, about = "tables with one of these words in their name need neither: what they hold"
      .. " counts only for a while (session, lock, cache ...)"},
    protect = {"boolean", default = true, about = "protect them from deletion"},
    price = {"number", default = 0.20, about = "USD for a GB with recovery a month"},
  },
}

local GB = 1e9

-- ## What there is

local function look(name)
  local t = aws.dynamodb:describe_table {TableName = name}.Table
  local backups = aws.dynamodb:describe_continuous_backups {TableName = name}.ContinuousBackupsDescription
  return {name = name, bytes = t.TableSizeBytes or 0, protected = t.DeletionProtectionEnabled == true,
    recovery = (backups.PointInTimeRecoveryDescription or {}).PointInTimeRecoveryStatus == "ENABLED"}
end

local found = find "tables" {run = function()
  local names = {}
  for name in aws.dynamodb:items("list_tables", {}) do names[#names + 1] = name end
  table.sort(names)
  return task.map(names, function(name)
    local ok, seen = pcall(look, name)
    if ok then return seen end
    if type(seen) ~= "table" or seen.status == nil then error(seen, 0) end
    if seen.code == "ResourceNotFoundException" or seen.code == "TableNotFoundException" then return {} end
    return {name = name, refused = seen.message or seen.code}
  end, {concurrency = 8})
end}

-- ## What each of them gets

local function volatile(name)
  for _, word in ipairs(var.without) do
    if name:find(word, 1, true) then return true end
  end
  return false
end

local bytes, refused, left = 0, {}, {}
for _, t in ipairs(found) do
  if t.refused then
    refused[#refused + 1] = t.name .. ": " .. t.refused
  elseif t.name then
    local kept = not volatile(t.name)
    local recovery, protect = kept and not t.recovery, kept and var.protect and not t.protected
    if not kept and not t.recovery then left[#left + 1] = t.name end
    if recovery then bytes = bytes + t.bytes end
    if recovery or protect then
      ensure.dynamodb.table_settings {
        name = t.name,
        PointInTimeRecoverySpecification = recovery and {PointInTimeRecoveryEnabled = true} or nil,
        DeletionProtectionEnabled = protect and true or nil,
      }
    end
  end
end

if bytes > 0 then
  print(("recovery of what is in those tables now: about %.2f USD a month"):format(bytes / GB * var.price))
end
if #left > 0 then print("without recovery, by choice: " .. table.concat(left, ", ")) end

if #refused > 0 then
  check "every table could be looked at" {test = function()
    return false, ("%d of %d could not, and are as they were: %s"):format(#refused, #found, table.concat(refused, "; "))
  end}
end

output {tables = #found, without = left, refused = #refused}
