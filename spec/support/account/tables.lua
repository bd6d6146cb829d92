-- tables.lua -- twenty-three tables: some of what only counts for a while, and hardly any that lets it go.

-- A word is a table; what its writers set as the time of its end, false where it is volatile and empty; nil where it
-- is kept for good.
local TABLES <const> = {"users", "messages", "campaigns", "fans", "subscriptions", "media", "content", "templates",
  "settings", "teams", "payments", "invoices", "products", "roles", "integrations", "contracts"}
local VOLATILE <const> = {["analytics-events"] = "ttl", ["webhook-events"] = "ttl", sessions = "expiresAt",
  ["oauth-states"] = "ttl", ["rate-limits"] = "expires_at", ["notification-log"] = false, ["job-locks"] = "ttl"}
local WRONG <const> = "oauth-states"          -- its TTL was switched on for `expires`, which nobody sets
local ALREADY <const> = "job-locks"           -- the one that is right
local SOON <const> = 4102444800               -- 2100: nothing of it expires while a spec runs

local function fill(world, name, attribute)
  for n = 1, 3 do
    world.aws.dynamodb:put_item {TableName = name, Item = {pk = {S = ("%s#%d"):format(name, n)},
      [attribute] = {N = tostring(SOON + n)}, note = {S = ("x"):rep(200)}}}
  end
end

local function make(world, word)
  local name = world.prefix .. "-" .. word
  world.aws.dynamodb:create_table {TableName = name, BillingMode = "PAY_PER_REQUEST",
    AttributeDefinitions = {{AttributeName = "pk", AttributeType = "S"}},
    KeySchema = {{AttributeName = "pk", KeyType = "HASH"}}}
  if VOLATILE[word] then fill(world, name, VOLATILE[word]) end
  local attribute = word == WRONG and "expires" or word == ALREADY and "ttl"
  if attribute then
    world.aws.dynamodb:update_time_to_live {TableName = name,
      TimeToLiveSpecification = {Enabled = true, AttributeName = attribute}}
  end
  return name
end

return function(world)
  local words, volatile = {}, {}
  table.move(TABLES, 1, #TABLES, 1, words)
  for word, attribute in pairs(VOLATILE) do
    words[#words + 1] = word
    volatile[world.prefix .. "-" .. word] = attribute
  end
  local tables = world.each(words, function(word) return make(world, word) end)
  table.sort(tables)
  return {tables = tables, volatile = volatile, wrong_ttl = world.prefix .. "-" .. WRONG}
end
