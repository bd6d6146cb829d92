-- greedy.lua -- a sender that wants to send all the time, for seconds: asks the limiter, posts, says how it ended. What
-- it is told is JSON in SPEC_GREEDY: {redis =, limit =, site =, user =, prefix =, seconds =, trusting = true where the
-- script shall believe the sender's clock}. At the end it prints how often it got each answer, as JSON.
local json = require "tidelock.json"
local loop = require "tidelock.loop"
local ratelimit = require "ratelimit"
local redis = require "redis"
local senders = require "ratelimit.sender"

local spec = assert(json.decode(os.getenv "SPEC_GREEDY"))
local client = redis.connect {url = spec.redis, timeout = 0.5, lazy = true}
local limiter = ratelimit.new(spec.limit, client, spec.trusting
  and {script_clock = "local server = caller", shadow = false} or nil)
local sender = senders.new {url = spec.site .. "/send/{userId}", timeout = 1.5}
local WORDS <const> = {"-late", "-late", "-late", "-late", "-late-lost", ""}
local codes, n, ends = {}, 0, loop.now() + spec.seconds

local function send(id, info)
  local result = sender:send({messageId = id, userId = spec.user, recipientId = "f", content = "c"}, info.timeout,
    loop.time())
  limiter:finish(spec.user, id, info.nonce, result.outcome, result.detail)
end

while loop.now() < ends do
  n = n + 1
  local id = spec.prefix .. n .. WORDS[n % #WORDS + 1]
  local ok, info = limiter:take(spec.user, id)
  codes[info.code] = (codes[info.code] or 0) + 1
  if ok then
    loop.spawn(send, id, info)                 -- and the next is wanted meanwhile
  else
    loop.sleep(math.max(0.005, math.min(info.wait, 0.1)))
  end
end
loop.sleep(2)
print(json.encode(codes))
limiter:close()
client:close()
