--- The lock of a store in the account: an item in DynamoDB with an owner and a time until which it holds. `self` is the
-- store: its client, its table of locks, LEASE and BEAT in seconds.
local fault = require "playbook.fault"

local lease = {}

--- Raises that the store cannot be reached: exit code 69.
function lease.fails(what, err)
  fault.fail(69, "%s: %s", what, tostring(err))
end
local fails <const> = lease.fails

local function now() return math.floor(require "tidelock.loop".time()) end

-- The table is made by the first run that needs it.
local function ensure_table(self)
  local ok, err = pcall(function() self.aws.dynamodb:describe_table {TableName = self.locks} end)
  if ok then return end
  if type(err) ~= "table" or err.code ~= "ResourceNotFoundException" then
    fails("The lock table cannot be read", err)
  end
  local there, why = pcall(function() self.aws.s3:list_objects_v2 {Bucket = self.bucket, MaxKeys = 1} end)
  if not there then fails(("The store s3://%s cannot be used"):format(self.bucket), why) end  -- before a table is made
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
function lease.holder(self, key)
  ensure_table(self)
  local held = held_by(self, key)
  return held and tonumber(held.expires.N) >= now() and held.run.S or nil
end

local function take(self, key, info, token)
  self.aws.dynamodb:put_item {TableName = self.locks,
    Item = {id = {S = key}, run = {S = info.run}, host = {S = info.host}, start = {S = info.start},
      token = {S = token}, expires = {N = tostring(now() + self.LEASE)}},
    -- a run that is gone on with takes its own lock: whoever held it before loses it, and with it the journal
    ConditionExpression = "attribute_not_exists(id) OR expires < :now OR #r = :run",
    ExpressionAttributeNames = {["#r"] = "run"},
    ExpressionAttributeValues = {[":now"] = {N = tostring(now())}, [":run"] = {S = info.run}}}
end

local function beat(self, key, token)
  self.aws.dynamodb:update_item {TableName = self.locks, Key = {id = {S = key}},
    UpdateExpression = "SET expires = :until", ConditionExpression = "#t = :token",
    ExpressionAttributeNames = {["#t"] = "token"},
    ExpressionAttributeValues = {[":until"] = {N = tostring(now() + self.LEASE)}, [":token"] = {S = token}}}
end

-- A sign of life; where the lock is another's by now, or could not be renewed in time, it is lost.
local function renew(self)
  local held = self.held
  local ok, err = pcall(beat, self, held.key, held.token)
  if ok then
    held.renewed = now()
  elseif type(err) == "table" and err.code == "ConditionalCheckFailedException"
    or now() - held.renewed > self.LEASE - self.BEAT then
    self.lost, self.held = true, nil
    self.say "The lock was lost: nothing more is written by this run."
  end
  return ok
end

--- Whether nothing may be written any more. A process that slept through its lease (a laptop's lid, a stopped machine)
-- asks first: another may write by now.
function lease.lost(self)
  local held = self.held
  if held and now() - held.renewed > self.LEASE - self.BEAT then
    return not renew(self)
  end
  return self.lost
end

-- Signs of life beside the run. A lock that is lost stops the journal, and with it every write.
local function keep_alive(self)
  local loop = require "tidelock.loop"
  return loop.spawn(function()
    repeat
      loop.sleep(self.BEAT)
      if self.held then renew(self) end
    until not self.held
  end)
end

-- Raises who has the lock, and what to do about it. A killed run's outlives it until the lease ends; a resume of that
-- same run takes it at once.
local function refuse(self, key)
  local held = held_by(self, key)
  if not held then
    fault.fail(69, "Another run is writing to %s, or was until this moment. Repeat the command.", key)
  end
  local id, words = held.run.S, self.words
  fault.fail(69, "Another run is writing to %s: run %s on %s since %s. Wait until it has ended; see it with: tidelock"
    .. " runs %s%s. If it was killed, go on with it at once: tidelock resume %s%s; or wait %d s, until the lock of a"
    .. " run without a sign of life is free.", key, id, held.host.S, held.start.S, id, words, id, words,
    math.max(1, tonumber(held.expires.N) - now() + 1))
end

--- Takes the lock, or raises who has it; a dead holder's is taken over, and that is said.
function lease.lock(self, key, info)
  ensure_table(self)
  local before = held_by(self, key)
  local token = require "tidelock.digest".uuid()
  local ok, err = pcall(take, self, key, info, token)
  if not ok then
    if type(err) ~= "table" or err.code ~= "ConditionalCheckFailedException" then
      fails("The lock cannot be taken", err)
    end
    refuse(self, key)
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

return lease
