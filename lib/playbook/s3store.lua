--- Runs and locks in the account itself: the journal as numbered objects in S3, a lease in DynamoDB.
local fault = require "playbook.fault"
local journal_of = require "playbook.journal"
local lease = require "playbook.lease"
local objects = require "playbook.objects"
local store = require "playbook.store"

local s3store = setmetatable({}, {__index = store})
s3store.__index = s3store

--- Seconds a lock lives without a sign of life.
s3store.LEASE = 60

--- Seconds between two signs of life of a lock.
s3store.BEAT = 15

local fails <const> = lease.fails

--- The store at "s3://bucket/prefix". `session` is a client of its own: its calls are no part of the run's count.
function s3store.open(url, session, say)
  local bucket, prefix = url:match "^s3://([^/]+)/?(.-)/?$"
  if not bucket then
    fault.fail(64, "--store takes s3://BUCKET/PREFIX, not %q.", url)
  end
  return setmetatable({bucket = bucket, prefix = prefix == "" and "" or prefix .. "/", aws = session,
    words = " --store " .. url, locks = "tidelock-locks", seen = {}, say = say or function() end}, s3store)
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

s3store.holder, s3store.lock, s3store.lost_the_lock = lease.holder, lease.lock, lease.lost

return s3store
