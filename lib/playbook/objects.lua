--- A journal's file as objects of S3: the nth is the nth group of records, and never overwrites one.
local objects = {}
objects.__index = objects

--- Seconds that a record may wait for others which nothing waits for to be kept.
objects.LINGER = 1

local LOST <const> = {message = "the lock was lost to another run", remedy = "Wait until the other run has ended"}

-- One object, or why it could not be made (another writer would have made it).
local function put(self, text)
  local place, key = self.store, self.store:key("runs", self.run, ("%06d.jsonl"):format(self.n + 1))
  local ok, err = pcall(function()
    place.aws.s3:put_object {Bucket = place.bucket, Key = key, Body = text, IfNoneMatch = "*"}
  end)
  if ok then return true end
  if type(err) == "table" and err.code == "PreconditionFailed" then
    -- the first try may have been ours, its answer lost
    if (tonumber(err.attempts) or 1) > 1 and place:get(key) == text then return true end
    return nil, {message = ("s3://%s/%s is there already: another process goes on with this run"):format(place.bucket,
      key), remedy = "Find out which process that is"}
  end
  return nil, {message = tostring(err), remedy = "See that the bucket is there and can be written to"}
end

-- Sends all that waits as one object, if the lock is still ours.
local function send(self)
  local upto, text = #self.waiting, table.concat(self.waiting)
  if self.store:lost_the_lock() then
    self.failed = LOST
    return
  end
  local ok, err = put(self, text)
  if not ok then
    self.failed = err
    return
  end
  self.n, self.kept = self.n + 1, self.kept + upto
  table.move(self.waiting, upto + 1, #self.waiting + upto, 1)
end

-- Returns when the first `goal` records are kept. One object is on its way at a time: what comes meanwhile goes
-- together in the next.
local function flush(self, goal)
  local loop = require "tidelock.loop"
  while self.kept < goal and not self.failed do
    local mine = self.sending or loop.spawn(send, self)
    self.sending = mine
    local ok, err = loop.wait(mine)
    if self.sending == mine then self.sending = nil end
    if not ok then self.failed = self.failed or {message = tostring(err)} end
  end
  if self.failed then return nil, self.failed end
  if self.lingering and self.kept == self.taken then
    loop.cancel(self.lingering)
    self.lingering = nil
  end
  return true
end

-- A record that nothing waits for is kept soon, with whatever comes by then.
local function linger(self)
  if self.lingering then return end
  local loop = require "tidelock.loop"
  self.lingering = loop.spawn(function()
    loop.sleep(objects.LINGER)
    self.lingering = nil
    flush(self, self.taken)
  end)
end

--- Takes a record. `soon`: it need not be kept before what comes next, only before the next that must.
function objects:write(text, soon)
  if self.store.lost then return nil, LOST end
  if self.failed then return nil, self.failed end
  self.waiting[#self.waiting + 1] = text
  self.taken = self.taken + 1
  if soon then
    linger(self)
    return true
  end
  return flush(self, self.taken)
end

--- The file of run `id` in an s3store, which has `n` objects already.
function objects.new(store, id, n)
  return setmetatable({store = store, run = id, n = n, waiting = {}, taken = 0, kept = 0}, objects)
end

return objects
