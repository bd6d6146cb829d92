--- The account file of an adopted account: what can be told from what there is, and what a person must say. Pure.
local text = require "adopt.text"
local words = require "playbook.accountwords"

local account = {}

local function most(counts, least)
  local best, n = nil, least - 1
  for word, count in pairs(counts) do
    if count > n or count == n and best and word < best then best, n = word, count end
  end
  return best
end

--- The word that most names begin with, if more than a few do.
function account.prefix(items)
  local counts = {}
  for _, item in ipairs(items) do
    local word = tostring(item.live.name or ""):match "^([%a][%w]*)[-_.]"
    if word then counts[word] = (counts[word] or 0) + 1 end
  end
  return most(counts, 3)
end

local function env(items)
  local counts = {}
  for _, item in ipairs(items) do
    for name, value in pairs(item.live.Tags or {}) do
      local word = name:lower()
      if word == "environment" or word == "env" or word == "stage" then counts[value] = (counts[value] or 0) + 1 end
    end
  end
  return most(counts, 1)
end

local function names_of(items, kind)
  local out = {}
  for _, item in ipairs(items) do
    if item.type.type == kind then out[#out + 1] = item.live.name end
  end
  return out
end

-- A line of the file; one that nothing was found for is left for a person, as a comment.
local function line(name, value, otherwise, why)
  if value ~= nil then return ("  %s = %s,"):format(name, text.value(value, nil, 2, #name + 3)) end
  return ("  %s%s = %s,%s"):format(why and "" or "-- ", name, otherwise, why and "   -- " .. why or "")
end

--- The text of the file.
function account.text(items, place, day)
  local databases, clusters = names_of(items, "rds.instance"), names_of(items, "ecs.cluster")
  local prefix, stage = account.prefix(items), env(items)
  local usable = prefix and prefix:lower()                   -- as names of buckets are
  if usable and words.prefix(usable) then usable = nil end
  return table.concat({
    ("--- Account %s, as it was found on %s. What is commented out could not be told: fill in what your"):format(
      place.id, day),
    "-- playbooks ask for. What it may say is checked; what is your own goes under custom.",
    "return {",
    line("name", prefix or "account-" .. place.id),
    line("prefix", usable, '"main"', "no word begins the names of many: say which yours shall begin with"),
    line("env", stage, '"production"', "no tag says so: is it?"),
    line("region", place.region),
    line("id", place.id),
    line("clusters", #clusters > 0 and clusters or nil, '{"a-cluster"}'),
    line("database", databases[1] and #databases == 1 and databases[1] or nil, '"a-database"'),
    line("emails", nil, '{ops = "ops@example.com", security = "security@example.com", costs = "costs@example.com"}'),
    line("budget", nil, '{limit = 500, currency = "USD", forecast_percent = 80, actual_percent = 100}'),
    line("anomaly", nil, "{threshold = 100}"),
    "}",
  }, "\n") .. "\n"
end

return account
