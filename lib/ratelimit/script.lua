--- The decision as Redis scripts: claim, fence, two clocks, ring of times. The same verdicts as modules/bucket.c.
-- A policy's numbers are written into the text, so that a decision parses none: one set of scripts a policy.
local script = {}

-- The one line that a spec replaces: its clock is a key that it sets.
script.CLOCK = [[local t = redis.call('TIME')
local server = t[1] * 1000 + math.floor(t[2] / 1000)]]

-- lo decides and hi is recorded, so that one wrong clock of the two admits nothing early. lo is never moved up.
local CLOCKS <const> = [[
local caller = tonumber(ARGV[1])
$CLOCK
local lo, hi = server, caller
if hi < lo then lo, hi = hi, lo end
]]

-- A ring: a version byte, the time until which the account is blocked, and times, newest first, 6 bytes each.
local READ <const> = [[
local function read(s)
  local n = (#s - 7) / 6
  if string.byte(s) ~= 1 or n < 0 or n ~= math.floor(n) then return nil end
  local at = {struct.unpack('>' .. string.rep('I6', n + 1), s, 2)}
  at[n + 2] = nil
  return at
end
]]
local PUT <const> = [[
local function put(at, time)
  local n = #at
  while n > 1 and at[n] < time do at[n + 1] = at[n]; n = n - 1 end
  at[n + 1] = time
  for i = #at, $KEEP + 2, -1 do at[i] = nil end
end
local function write(key, at, now)
  local ttl = $RINGTTL
  if at[1] - now > ttl then ttl = at[1] - now end
  local packed = '\1' .. struct.pack('>' .. string.rep('I6', #at), unpack(at))
  redis.call('SET', key, packed, 'PX', string.format('%.0f', ttl))
end
]]

-- `most` is the time from which on one more is admitted: the latest of the block, at[1], and of what each age asks of
-- the k-th most recent time, at[k + 1].
local function latest(p)
  local lines = {"local most, h = at[1]"}
  for _, step in ipairs(p.steps) do
    lines[#lines + 1] = ("h = at[%d] if h and h + %d > most then most = h + %d end"):format(step.k + 1, step.age,
      step.age)
  end
  return table.concat(lines, "\n") .. "\n"
end

local NAMED <const> = 100         -- times of a ring that may be locals: Lua has 200 in a function

-- The same of a full ring, each of its times a local: making the table costs more than all else of a refusal.
local function whole_ring(p)
  if p.log > NAMED then return "" end
  local names = {}
  for i = 1, p.log + 1 do names[i] = "at" .. i end
  local lines = {"local version, " .. table.concat(names, ", ") .. " = struct.unpack('$FORMAT', ring)", "latest = at1"}
  for _, step in ipairs(p.steps) do
    lines[#lines + 1] = ("if at%d + %d > latest then latest = at%d + %d end"):format(step.k + 1, step.age, step.k + 1,
      step.age)
  end
  lines[#lines + 1] = "block, newest = version == 1 and at1, at2"
  return table.concat(lines, "\n")
end

-- KEYS: 1 the account's ring, 2 the message's claim, 3 the lineage. ARGV: 1 caller's clock in ms, 2 nonce.
-- Returns {code, wait ms or ms left of a grant, stamp, server ms, detail, attempt, nonce of the claim}. What is unknown
-- has ms left as long as the request itself may still arrive.
--
-- What only a ring that isn't full needs is made there: three functions made for nothing are a tenth of a refusal.
-- A refusal for the rate is safe whatever became of the server's past, so the ring is asked before the fence, whose
-- INFO costs more than all the rest: only what is about to be admitted pays for it. A refusal writes nothing.
-- The same nonce gets its grant again, so that a command whose answer was lost can be sent once more.
local TAKE <const> = CLOCKS .. [[
if hi - lo > $SKEW then return {'clock', hi - lo, 0, server, '', 0, ''} end
local attempt = 1
$CLAIM
local ring = redis.call('GET', KEYS[1])
local full, latest, block, newest, at = ring and #ring == $FULL, 0, 0
if $NAMED then
$WHOLE
elseif ring then
$READ
  at = read(ring)
  if at then
$LATEST
    latest, newest = most, at[2]
  end
  block = at and at[1]
end
if not block then return redis.error_reply('RING the value of ' .. KEYS[1] .. ' is not one of ours') end
if latest > lo then
  return {'limited', latest - lo, 0, server, block >= latest and 'blocked' or '', attempt - 1}
end
$FENCE
local stamp = hi + $HOLD
if full and newest <= stamp and block <= hi then                       -- the usual: a full ring, and the newest of all
  local times = '\1\0\0\0\0\0\0' .. struct.pack('>I6', stamp) .. string.sub(ring, 8, $FULL - 6)
  redis.call('PSETEX', KEYS[1], '$RINGTTL', times)
else
$READ
$PUT
  at = at or ring and read(ring) or {0}
  put(at, stamp)
  write(KEYS[1], at, hi)
end
$GRANT
return {'admitted', $HOLD, stamp, server, '', attempt, ARGV[2]}
]]

-- The message's claim: what became of it, and whether this attempt may go on to ask for its account.
local CLAIM <const> = [[
local claim = redis.call('GET', KEYS[2])
if claim then
  local state, nonce, tries, till, stamp, detail = string.match(claim, '^(%a):([^:]*):(%d+):(%d+):(%d+):(.*)$')
  stamp, till, tries = tonumber(stamp), tonumber(till), tonumber(tries)
  if state == 'L' then
    if lo < till then
      if nonce ~= ARGV[2] then return {'inflight', till - lo, stamp, server, '', tries, nonce} end
      if stamp > hi then return {'admitted', stamp - hi, stamp, server, 'repeated', tries, nonce} end
    end
    redis.call('SET', KEYS[2], string.format('U:%s:%d:%.0f:%.0f:lease over', nonce, tries, till, stamp), 'KEEPTTL')
    return {'unknown', 0, stamp, server, 'lease over', tries, nonce}
  end
  if state == 'U' then return {'unknown', math.max(0, stamp - lo), stamp, server, detail, tries, nonce} end
  if state == 'S' or state == 'F' then return {'done', 0, stamp, server, state .. ':' .. detail, tries, nonce} end
  if state ~= 'R' then return redis.error_reply('CLAIM the claim ' .. KEYS[2] .. ' is not one of ours') end
  attempt = tries + 1
end
]]

-- The claim of what was admitted. SETEX and PSETEX take a third less time than SET with EX or PX, which looks up words.
local GRANT <const> = [[
-- %d takes half the time of %.0f; a time in ms needs its 64 bits, which every Redis of today has.
local lease = string.format('L:%s:%d:%d:%d:', ARGV[2], attempt, hi + $LEASE, stamp)
redis.call('SETEX', KEYS[2], '$CLAIMTTL', lease)
]]

-- The replication id changes with every promotion and restart: then writes may have been lost, and nothing is sent
-- until all of them are too old to matter. A policy that looks further back than the lineage knows closes as well.
local FENCE <const> = [[
local text = redis.call('INFO', 'replication')
local _, from = string.find(text, 'master_replid:', 1, true)
local id = from and string.sub(text, from + 1, from + 40) or 'none'
local lineage = redis.call('GET', KEYS[3]) or ''
local open, span = string.match(lineage, '^ (%d+) (%d+)$', #id + 1)
open = tonumber(open)
if not open or string.sub(lineage, 1, #id) ~= id or tonumber(span) < $COOLDOWN then
  open = hi + $COOLDOWN
  redis.call('SET', KEYS[3], string.format('%s %.0f %d', id, open, $COOLDOWN))
end
if lo < open then return {'cooldown', open - lo, 0, server, '', attempt - 1, ''} end
]]

-- KEYS: 1 ring, 2 claim. ARGV: 1 caller's clock, 2 nonce, 3 outcome (S sent, F failed for good, R proved not sent or
-- refused, to be tried again, U unknown), 4 detail, 5 ms by which to block the account, or 0.
-- Ends the claim of that nonce, by its owner or by one who found it unknown and looked: of two who looked, the slower
-- says nothing of the try that the faster made room for. The stamp is lowered to now, but not for U: that request may
-- still arrive. Nothing is ever given back: bytes left. A block holds whoever tells it, and whether or not the claim
-- and the ring are still there: it is the account's.
local FINISH <const> = CLOCKS .. [[
local claim = redis.call('GET', KEYS[2]) or ''
local state, nonce, tries, till, stamp = string.match(claim, '^(%a):([^:]*):(%d+):(%d+):(%d+):')
local ours = (state == 'L' or state == 'U') and nonce == ARGV[2]
local block, lower = tonumber(ARGV[5]), false
if ours then
  stamp = tonumber(stamp)
  lower = ARGV[3] ~= 'U' and hi < stamp
  local ended = string.format('%s:%s:%s:%s:%.0f:%s', ARGV[3], nonce, tries, till, lower and hi or stamp, ARGV[4])
  redis.call('SET', KEYS[2], ended, 'EX', $CLAIMTTL)
end
local at = (lower or block > 0) and read(redis.call('GET', KEYS[1]) or '\1\0\0\0\0\0\0')
if at then
  if block > 0 and hi + block > at[1] then at[1] = hi + block end
  if lower then
    for i = 2, #at do
      if at[i] == stamp then
        table.remove(at, i)
        put(at, hi)
        break
      end
    end
  end
  write(KEYS[1], at, hi)
end
return {ours and 'ok' or 'not yours', state or ''}
]]

-- KEYS: 1 ring, 2 lineage. ARGV: 1 caller's clock. Returns {code, wait ms, server ms, blocked until, time, time...}.
-- Takes nothing and writes nothing; a cool-down that the next take would begin is told.
local PEEK <const> = CLOCKS .. [[
if hi - lo > $SKEW then return {'clock', hi - lo, server, 0} end
local at = read(redis.call('GET', KEYS[1]) or '\1\0\0\0\0\0\0')
if not at then return redis.error_reply('RING the value of ' .. KEYS[1] .. ' is not one of ours') end
$LATEST
local wait = most > lo and most - lo or 0
local code, open = wait > 0 and 'limited' or 'open', 0
if $FENCED then
  local id = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or 'none'
  local known, till, span = string.match(redis.call('GET', KEYS[2]) or '', '^(%w+) (%d+) (%d+)$')
  open = known == id and tonumber(span) >= $COOLDOWN and tonumber(till) or hi + $COOLDOWN
end
if open - lo > wait then code, wait = 'cooldown', open - lo end
local out = {code, wait, server, at[1]}
for i = 2, #at do out[i + 3] = at[i] end
return out
]]

-- KEYS: 3 the lineage (1 and 2 are not used). ARGV: 1 caller's clock. Could anything be sent now? Begins a cool-down
-- that is due, so that one who waits for it before he receives doesn't wait for ever. Returns {code, wait ms}.
local READY <const> = CLOCKS .. [[
if hi - lo > $SKEW then return {'clock', hi - lo} end
local attempt = 1
$FENCE
return {'open', 0}
]]

-- KEYS: 1 ring, 2 slots. ARGV: 1 caller's clock. Gives each message that is put off a time of its own: the rule over
-- the ring and the times given out already, so that a crowd doesn't come back all at once. Decides nothing, so what is
-- being sent is taken to end now: its stamp is a time-out away, and slots after that would leave tokens unused.
local SLOT <const> = CLOCKS .. [[
local at = read(redis.call('GET', KEYS[1]) or '\1\0\0\0\0\0\0')
if not at then return redis.error_reply('RING the value of ' .. KEYS[1] .. ' is not one of ours') end
local given, slots = read(redis.call('GET', KEYS[2]) or '\1\0\0\0\0\0\0') or {0}, {0}
for i = 2, #at do if at[i] > lo then at[i] = lo end end
for i = #given, 2, -1 do
  if given[i] > lo then put(at, given[i]) put(slots, given[i]) end
end
$LATEST
local wait = most > lo and most - lo or 0
put(slots, lo + wait)
slots[1] = lo + wait
write(KEYS[2], slots, lo)
return wait
]]

-- KEYS: 1 lineage, 2 evicted. A server that evicted keys may have evicted times: the lineage is forgotten.
-- Returns {maxmemory, its policy, keys evicted}.
local GUARD <const> = [[
local evicted = string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)') or '?'
if redis.call('GET', KEYS[2]) ~= evicted then
  redis.call('DEL', KEYS[1])
  redis.call('SET', KEYS[2], evicted)
end
local memory = redis.call('INFO', 'memory')
local most, how = string.match(memory, 'maxmemory:(%d+)'), string.match(memory, 'maxmemory_policy:([%w-]+)')
return {most or '0', how or '?', evicted}
]]

-- KEYS: 1 claim. ARGV: 1 '1' where what may have been sent shall be sent again too. Forgets what failed for good, and
-- never what was sent or is being sent: the letter of such a message is a copy. Returns {'forgotten' or 'kept', state}.
local FORGET <const> = [[
local state = string.sub(redis.call('GET', KEYS[1]) or '', 1, 1)
if state == 'F' or state == 'R' or (state == 'U' and ARGV[1] == '1') then
  redis.call('DEL', KEYS[1])
  return {'forgotten', state}
end
return {'kept', state}
]]

-- A function that writes a policy's numbers, and the sections it is given, into a text.
local function filler(policy, clock, sections)
  local values = {
    CLOCK = clock or script.CLOCK, SKEW = policy.skew_ms, HOLD = policy.hold_ms, LEASE = policy.lease_ms,
    KEEP = policy.log, RINGTTL = policy.ring_ms, CLAIMTTL = policy.claim_seconds, COOLDOWN = policy:cooldown_ms(),
    LATEST = latest(policy), NAMED = policy.log > NAMED and "false" or "full", FULL = 7 + 6 * policy.log,
    FORMAT = ">B" .. ("I6"):rep(policy.log + 1), FENCED = tostring(policy.fence == "replid"),
  }
  return function(text)
    text = text:gsub("%$(%u+)", sections)
    return (text:gsub("%$(%u+)", function(name)
      local value = assert(values[name], name)
      return math.type(value) == "integer" and ("%d"):format(value) or value
    end))
  end
end

--- The scripts of a policy: {take=, finish=, peek=, slot=, ready=, guard=, forget=}, texts.
-- @param policy the limiter's
-- @param clock the lines that set `server`; default: Redis's own clock
function script.build(policy, clock)
  local fill = filler(policy, clock, {CLAIM = CLAIM, GRANT = GRANT, READ = READ, PUT = PUT, WHOLE = whole_ring(policy),
    FENCE = policy.fence == "replid" and FENCE or ""})
  local function whole(text) return fill(READ .. PUT .. text) end
  return {take = fill(TAKE), finish = whole(FINISH), peek = whole(PEEK), slot = whole(SLOT), ready = whole(READY),
    guard = GUARD, forget = FORGET}
end

--- `take` with neither claim nor fence, of KEYS[1] alone: what the rule itself costs. For those who measure it.
function script.rule(policy)
  local sections = {CLAIM = "", GRANT = "", FENCE = "", READ = READ, PUT = PUT, WHOLE = whole_ring(policy)}
  return filler(policy, nil, sections)(TAKE)
end

return script
