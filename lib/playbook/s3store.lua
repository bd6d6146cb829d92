--- Runs and locks in the account itself: the journal as numbered objects in S3, a lease in DynamoDB.
local fault = require "playbook.fault"
local journal_of = require "playbook.journal"
local objects = require "playbook.objects"
local store = require "playbook.store"

local s3store = setmetatable({}, {__index = store})
s3store.__index = s3store

--- Seconds a lock lives without a sign of life.
s3store.LEASE = 60

--- Seconds between two signs of life of a lock.
s3store.BEAT = 15

local function fails(what, err)
  fault.fail(69, "%s: %s", what, tostring(err))
end

--- The store at "s3://bucket/prefix". `session` is a client of its own: its calls are no part of the run's count.
function s3store.open(url, session, say)
  local bucket, prefix = url:match "^s3://([^/]+)/?(.-)/?$"
  if not bucket then
    fault.fail(64, "--store takes s3://BUCKET/PREFIX, not %q.", url)
  end
  return setmetatable({bucket = bucket, prefix = prefix == "" and "" or prefix .. "/", aws = session,
    locks = "tidelock-locks", seen = {}, say = say or function() end}, s3store)
end

function s3store:key(...) return self.prefix .. table.concat({...}, "/") end

function s3store:get(key)
  local ok, result = pcall(function() return self.aws.s3:get_object {Bucket = self.bucket, Key = key} end)
  if ok then return type(result.Body) == "string" and result.Body or result.Body:read "a" end
  if type(result) == "table" and (result.code == "NoSuchKey" or result.code == "404") then return nil end
  fails(("The store s3://%s cannot be read"):format(self.bucket), result)
end

function s3store:list(prefix)
  local out = {}
  local ok, err = pcall(function()
    for object in self.aws.s3:items("list_objects_v2", {Bucket = self.bucket, Prefix = prefix}) do
      out[#out + 1] = object.Key
    end
  end)
  if not ok then fails(("The store s3://%s cannot be listed"):format(self.bucket), err) end
  table.sort(out)
  return out
end

-- ## Journals

function s3store:create(id)
  local journal = journal_of.new(objects.new(self, id, 0))
  journal.run = id
  return journal
end

function s3store:journal_path(id) return ("s3://%s/%s"):format(self.bucket, self:key("runs", id)) end

local function load(self, id)
  local keys = self:list(self:key("runs", id) .. "/")
  if #keys == 0 then return nil end
  local parts = {}
  for i, key in ipairs(keys) do
    self.seen[key] = self.seen[key] or self:get(key)           -- an object never changes: --follow asks for new ones
    parts[i] = self.seen[key] or ""
  end
  return table.concat(parts), tonumber(keys[#keys]:match "(%d+)%.jsonl$")
end

function s3store:records(id)
  local text = load(self, id)
  if not text then return nil end
  return journal_of.parse(text)
end

--- The first record of a run and its last ones, which is what a list needs.
function s3store:outline(id)
  local keys = self:list(self:key("runs", id) .. "/")
  if #keys == 0 then return nil end
  local text = self:get(keys[1])
  if #keys > 1 then text = text .. self:get(keys[#keys]) end
  return journal_of.parse(text)
end

function s3store:reopen(id)
  local text, last = load(self, id)
  if not text then return nil end
  local journal = journal_of.new(objects.new(self, id, last), (journal_of.parse(text)))
  journal.run, journal.modified = id, require "tidelock.loop".time()
  return journal
end

function s3store:runs()
  local seen, out = {}, {}
  for _, key in ipairs(self:list(self:key "runs/")) do
    local id = key:match("runs/([^/]+)/[^/]+$")
    if id and not seen[id] then
      seen[id] = true
      table.insert(out, 1, id)
    end
  end
  return out
end

-- ## What is remembered from run to run

local function memory_key(self, name) return self:key("memory", (name:gsub("[^%w%-_.]", "_"))) end

function s3store:recall(name) return self:get(memory_key(self, name)) end

function s3store:keep(name, text)
  local ok, err = pcall(function()
    self.aws.s3:put_object {Bucket = self.bucket, Key = memory_key(self, name), Body = text}
  end)
  if not ok then fails(("The store s3://%s cannot be written"):format(self.bucket), err) end
end

-- ## Open runs

function s3store:mark_open(key, info)
  local name = self:key("open", (key:gsub("[^%w%-_.]", "_")))
  local ok, err = pcall(function()
    if info == nil then
      self.aws.s3:delete_object {Bucket = self.bucket, Key = name}
    else
      self.aws.s3:put_object {Bucket = self.bucket, Key = name,
        Body = require "tidelock.json".encode(info, {sort = true})}
    end
  end)
  if not ok then fails(("The store s3://%s cannot be written"):format(self.bucket), err) end
end

function s3store:open_run(key)
  local text = self:get(self:key("open", (key:gsub("[^%w%-_.]", "_"))))
  return text and require "tidelock.json".decode(text) or nil
end

-- ## The lock: an item with an owner and a time until which it holds

local function now() return math.floor(require "tidelock.loop".time()) end

-- The table is made by the first run that needs it.
local function ensure_table(self)
  local ok, err = pcall(function() self.aws.dynamodb:describe_table {TableName = self.locks} end)
  if ok then return end
  if type(err) ~= "table" or err.code ~= "ResourceNotFoundException" then
    fails("The lock table cannot be read", err)
  end
  self.say(("Making the table %s for locks."):format(self.locks))
  self.aws.dynamodb:create_table {TableName = self.locks, BillingMode = "PAY_PER_REQUEST",
    AttributeDefinitions = {{AttributeName = "id", AttributeType = "S"}},
    KeySchema = {{AttributeName = "id", KeyType = "HASH"}}, Tags = {{Key = "ManagedBy", Value = "tidelock"}}}
  self.aws.dynamodb:wait("table_exists", {TableName = self.locks}, {timeout = 120})
end

local function held_by(self, key)
  return self.aws.dynamodb:get_item {TableName = self.locks, Key = {id = {S = key}}, ConsistentRead = true}.Item
end

--- The run that holds the lock of `key` and has given a sign of life of late, or nil.
function s3store:holder(key)
  ensure_table(self)
  local held = held_by(self, key)
  return held and tonumber(held.expires.N) >= now() and held.run.S or nil
end

local function take(self, key, info, token)
  self.aws.dynamodb:put_item {TableName = self.locks,
    Item = {id = {S = key}, run = {S = info.run}, host = {S = info.host}, start = {S = info.start},
      token = {S = token}, expires = {N = tostring(now() + s3store.LEASE)}},
    -- a run that is gone on with takes its own lock: whoever held it before loses it, and with it the journal
    ConditionExpression = "attribute_not_exists(id) OR expires < :now OR #r = :run",
    ExpressionAttributeNames = {["#r"] = "run"},
    ExpressionAttributeValues = {[":now"] = {N = tostring(now())}, [":run"] = {S = info.run}}}
end

local function beat(self, key, token)
  self.aws.dynamodb:update_item {TableName = self.locks, Key = {id = {S = key}},
    UpdateExpression = "SET expires = :until", ConditionExpression = "#t = :token",
    ExpressionAttributeNames = {["#t"] = "token"},
    ExpressionAttributeValues = {[":until"] = {N = tostring(now() + s3store.LEASE)}, [":token"] = {S = token}}}
end

-- A sign of life; where the lock is another's by now, or could not be renewed in time, it is lost.
local function renew(self)
  local held = self.held
  local ok, err = pcall(beat, self, held.key, held.token)
  if ok then
    held.renewed = now()
  elseif type(err) == "table" and err.code == "ConditionalCheckFailedException"
    or now() - held.renewed > s3store.LEASE - s3store.BEAT then
    self.lost, self.held = true, nil
    self.say "The lock was lost: nothing more is written by this run."
  end
  return ok
end

--- Whether nothing may be written any more. A process that slept through its lease (a laptop's lid, a stopped machine)
-- asks first: another may write by now.
function s3store:lost_the_lock()
  local held = self.held
  if held and now() - held.renewed > s3store.LEASE - s3store.BEAT then
    return not renew(self)
  end
  return self.lost
end

-- Signs of life beside the run. A lock that is lost stops the journal, and with it every write.
local function keep_alive(self)
  local loop = require "tidelock.loop"
  return loop.spawn(function()
    repeat
      loop.sleep(s3store.BEAT)
      if self.held then renew(self) end
    until not self.held
  end)
end

--- Takes the lock, or raises who has it; a dead holder's is taken over, and that is said.
function s3store:lock(key, info)
  ensure_table(self)
  local before = held_by(self, key)
  local token = require "tidelock.digest".uuid()
  local ok, err = pcall(take, self, key, info, token)
  if not ok then
    if type(err) ~= "table" or err.code ~= "ConditionalCheckFailedException" then
      fails("The lock cannot be taken", err)
    end
    local held = held_by(self, key) or {}
    local function say(name) return held[name] and held[name].S or "?" end
    fault.fail(69, "Another run is writing to %s: run %s on %s since %s. Wait until it has ended; see it with: tidelock"
      .. " runs %s", key, say "run", say "host", say "start", say "run")
  end
  if before and before.run.S ~= info.run then
    self.say(("Took over the lock of run %s on %s, which gave no sign of life."):format(before.run.S, before.host.S))
  end
  self.lost, self.held = false, {key = key, token = token, renewed = now()}
  local pulse = keep_alive(self)
  local function close()
    require "tidelock.loop".cancel(pulse)
    self.held = nil
    pcall(function()
      self.aws.dynamodb:delete_item {TableName = self.locks, Key = {id = {S = key}},
        ConditionExpression = "#t = :token", ExpressionAttributeNames = {["#t"] = "token"},
        ExpressionAttributeValues = {[":token"] = {S = token}}}
    end)
  end
  return setmetatable({close = close}, {__close = close})
end

return s3store
