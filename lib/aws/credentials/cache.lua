--- One set of credentials for many calls: renewed before it ends, by one task while others wait.
local cache = {}
cache.__index = cache

local ADVISORY <const>, MANDATORY <const> = 15 * 60, 10 * 60   -- seconds before the end
local PAUSE <const> = 60                                        -- after a renewal that failed early

--- A cache over `find()`, which may yield and raises where there are no credentials.
function cache.new(find, world)
  return setmetatable({find = find, world = world, pause = 0}, cache)
end

local function left(creds, now) return creds.expires and creds.expires - now or math.huge end

-- One refresh, however many ask: the first starts a task, the rest wait for the same one. It is a
-- task of its own so that a caller that is cancelled does not take it from the others.
local function refresh(self)
  local task = self.task
  if not task then
    task = self.world.spawn(function()
      local ok, creds = pcall(self.find)
      self.task = nil
      if not ok then error(creds, 0) end
      self.creds = creds
      return creds
    end)
    self.task = task
  end
  return self.world.wait(task)
end

--- The credentials now. Yields only when they must be fetched.
function cache:get()
  local creds, now = self.creds, self.world.clock()
  local rest = creds and left(creds, now) or -1
  if rest > ADVISORY then return creds end
  if rest > 0 and now < self.pause or rest > MANDATORY and self.task then return creds end
  local ok, result = refresh(self)
  if ok then                                  -- keys made for a short life are not renewed at every call
    if left(result, now) <= ADVISORY then self.pause = now + PAUSE end
    return result
  end
  if rest > 0 then                            -- the old ones still count; ask again a little later
    self.pause = now + PAUSE
    return creds
  end
  error(result, 0)
end

--- Forgets them: the service said that they have ended.
function cache:expire() self.creds = nil end

return cache
