-- The prototype of RATELIMIT.md, row c3, as a Redis script: the ring of the last ten times, eight bytes each, newest
-- first, by Redis's clock alone; no claim, no fence, no block, no second clock, no version. What our rule is held to.
-- luacheck: globals redis KEYS struct
-- KEYS: 1 the account's ring. Returns {code, wait ms}.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local s = redis.call('GET', KEYS[1]) or ''
local n, wait, h = #s / 8, 0
local at = {struct.unpack('>' .. string.rep('I8', n), s)}
at[n + 1] = nil
h = at[3] if h and h + 6000 - now > wait then wait = h + 6000 - now end
h = at[4] if h and h + 12000 - now > wait then wait = h + 12000 - now end
h = at[5] if h and h + 18000 - now > wait then wait = h + 18000 - now end
h = at[6] if h and h + 24000 - now > wait then wait = h + 24000 - now end
h = at[7] if h and h + 30000 - now > wait then wait = h + 30000 - now end
h = at[8] if h and h + 36000 - now > wait then wait = h + 36000 - now end
h = at[9] if h and h + 42000 - now > wait then wait = h + 42000 - now end
h = at[10] if h and h + 60000 - now > wait then wait = h + 60000 - now end
if wait > 0 then return {'limited', wait} end
redis.call('SET', KEYS[1], struct.pack('>I8', now) .. string.sub(s, 1, 72), 'PX', '3600000')
return {'admitted', 0}
