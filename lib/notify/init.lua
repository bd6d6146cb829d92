--- Tells people what has changed: a topic, Slack, webhooks, Security Hub; and the alerts table where one of them fails.
-- The account file says whom: notify = {topic =, slack =, webhooks =, security_hub =, table =}.
local change = require "notify.change"
local message = require "notify.message"
local post = require "notify.post"
local securityhub = require "notify.securityhub"

local notify = {}

local KEPT_DAYS <const> = 30
local TEXT_MOST <const> = 200000         -- bytes: SNS takes 256 KB a message

local function sentence(err)
  if type(err) == "table" then return err.message or tostring(err.code) end
  return (tostring(err):gsub("\nstack traceback:.*", ""))
end

-- The services where an ARN is at home: a topic, a secret or a table may be of another region than the run.
local function near(world, name)
  local region = name:match "^arn:[^:]+:[^:]+:([^:]+):"
  if not region or region == world.region then return world.aws end
  return world.aws:derive {region = region}
end

local function topic_arn(world, name)
  if name:find "^arn:" then return name end
  return ("arn:%s:sns:%s:%s:%s"):format(world.partition or "aws", world.region, world.account, name)
end

-- ## Channels: each takes (world, message, change) and returns true, or nil and why

local function topic(name)
  return function(world, told)
    near(world, name).sns:publish {TopicArn = topic_arn(world, name), Subject = told.subject,
      Message = told.text:sub(1, TEXT_MOST)}
    return true
  end
end

-- What Slack would read as markup.
local function escaped(text) return (text:gsub("[&<>]", {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;"})) end

local function web(secret, data_of)
  return function(world, told)
    local value = near(world, secret).secretsmanager:get_secret_value {SecretId = secret}.SecretString
    if type(value) == "userdata" then value = require "tidelock.secret".reveal(value) end
    if not value then return nil, ("the secret %s has no text"):format(secret) end
    local ok, why = post.json(value:match "^%s*(.-)%s*$", data_of(told), world)
    if ok then return true end
    return nil, ("the address in the secret %s: %s"):format(secret, why)
  end
end

local function slack_data(told)
  return {text = ("*%s*\n```%s```"):format(escaped(told.subject), escaped(told.text:sub(1, 35000)))}
end

local function hub(world, _, changed)
  return securityhub.import(world.aws, securityhub.findings(changed, world, change.key))
end

--- The channels that an account file asks for: a list of {name=, send=}. Raises what is wrong with it, all at once.
function notify.channels(account)
  local wanted, out, faults = account.notify or {}, {}, {}
  local function add(name, send) out[#out + 1] = {name = name, send = send} end
  if wanted.topic then add("topic " .. wanted.topic, topic(wanted.topic)) end
  if wanted.slack then
    local secret = account.slack and account.slack.webhook_secret
    if secret then add("Slack", web(secret, slack_data)) else
      faults[1] = "notify.slack needs slack.webhook_secret, the name of the secret that holds Slack's webhook address"
    end
  end
  for _, secret in ipairs(wanted.webhooks or {}) do
    add("webhook " .. secret, web(secret, function(told) return told.data end))
  end
  if wanted.security_hub then add("Security Hub", hub) end
  if #out == 0 and #faults == 0 then
    faults[1] = 'it names nobody to tell; add for example notify = {topic = "security-alerts"}'
  end
  if #faults > 0 then
    error({code = "Usage", exit = 64, message = "The account file: " .. table.concat(faults, "; ") .. "."}, 0)
  end
  return out
end

-- ## Where no channel takes it

-- What the table is called where it is: one of another account by its ARN.
local function called(world, table_name)
  local id, name = table_name:match "^arn:[^:]+:dynamodb:[^:]+:(%d+):table/(.+)$"
  return id and id == world.account and name or table_name
end

local function keep(world, table_name, told, channel, why)
  local now = os.date("!%Y-%m-%dT%H:%M:%SZ", world.now // 1 | 0)
  near(world, table_name).dynamodb:put_item {TableName = called(world, table_name), Item = {
    pk = {S = "ALERT#" .. require "tidelock.digest".uuid()}, sk = {S = now}, alertType = {S = "security"},
    severity = {S = told.severity}, message = {S = told.text:sub(1, TEXT_MOST)}, subject = {S = told.subject},
    channel = {S = channel}, error = {S = why}, notified = {BOOL = false},
    ttl = {N = tostring((world.now // 1 | 0) + KEPT_DAYS * 86400)}}}
end

local function fall_back(world, name, told, channel, why)
  if not name then return nil, "and the account file names no notify.table to keep it in" end
  local ok, err = pcall(keep, world, name, told, channel, why)
  if ok then return true, ("kept in the table %s for %d days"):format(name, KEPT_DAYS) end
  return nil, ("and it could not be kept in the table %s either: %s"):format(name, sentence(err))
end

-- One channel: {name=, sent= | kept= | lost=, why=}.
local function deliver(world, channel, told, changed, table_name)
  local fine, ok, why = pcall(channel.send, world, told, changed)
  if fine and ok then return {name = channel.name, sent = true} end
  why = fine and why or sentence(ok)
  local kept, where = fall_back(world, table_name, told, channel.name, why)
  return {name = channel.name, kept = kept, lost = not kept, why = ("%s; %s"):format(why, where)}
end

-- ## All of it

local function remember(memory, changed)
  memory.put(require "tidelock.json".encode({format = "tidelock.told/1", failing = changed.memory}, {sort = true}))
end

local function recall(memory)
  local text = memory.get()
  local data = text and require "tidelock.json".decode(text)
  return type(data) == "table" and data.format == "tidelock.told/1" and data.failing or nil
end

--- Tells what has changed since the last time, to all channels side by side.
-- What is remembered is written last, and only where every channel took it or the table kept it: what is lost is told
-- again next time. A process killed in between tells twice, never not at all.
-- @param report of report.findings
-- @param how {account = account file's data, world = {aws=, account=, region=, partition=, now=}, always = boolean,
--   memory = {get() -> text or nil, put(text)}, members = set of the organization's accounts, where it was asked}
-- @return {told = boolean, lost = boolean, change =, outcomes = {{name=, sent=, kept=, lost=, why=}, ...}}
function notify.run(report, how)
  local channels, before = notify.channels(how.account), recall(how.memory)
  local members = how.members and how.members[how.world.account] and how.members   -- without the caller it is no list
  local changed = change.between(before, report.results, how.world.now, members)
  local out = {told = false, lost = false, change = changed, outcomes = {}}
  if not how.always and #changed.new + #changed.gone + #changed.left == 0 then return out end
  local told = message.of(changed, report)
  out.told = true
  out.outcomes = require "task".map(channels, function(channel)
    return deliver(how.world, channel, told, changed, how.account.notify.table)
  end, {concurrency = 8})
  for _, outcome in ipairs(out.outcomes) do out.lost = out.lost or outcome.lost == true end
  if not out.lost then remember(how.memory, changed) end
  return out
end

--- Lines about what came of it, for a person.
function notify.lines(out)
  if not out.told then return {"Nobody was told: nothing has changed since the last time."} end
  local lines = {}
  for i, outcome in ipairs(out.outcomes) do
    lines[i] = outcome.sent and ("Told: %s"):format(outcome.name)
      or ("Not told: %s: %s"):format(outcome.name, outcome.why)
  end
  return lines
end

return notify
