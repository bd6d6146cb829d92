--- tidelock limit: a limit for people: what it would do, how an account stands, and its dead letters.
local options = require "cli.options"

local NAME <const> = "onlyfans"
local MOST <const> = 1000000                             -- messages of a simulation: a second or less

-- ## What all share

local function policy_of(args)
  local simulate = require "ratelimit.simulate"
  local spec, why = simulate.words(args.policy or "10/min burst 3", args.name or NAME)
  if not spec then options.usage("--policy: " .. why) end
  return spec
end

local function with_limiter(args, ctx, fn)
  local url = args.redis or os.getenv "TIDELOCK_REDIS_URL"
  if not url then options.usage("which Redis? --redis rediss://HOST:6379, or TIDELOCK_REDIS_URL") end
  local setup = require "ratelimit.setup"
  local link = setup.redis({url = url, ca = args.redis_ca, secret = args.redis_secret},
    args.redis_secret and ctx:session())
  local limiter = require "ratelimit".new(policy_of(args), link, {shadow = false})
  local ok, code = pcall(fn, limiter)
  limiter:close()
  link:close()
  if not ok then error(code, 0) end
  return code
end

local function sure(args, ctx, question)
  if args.yes then return true end
  if not ctx:can_ask() then options.usage(question .. " There is no terminal to ask at: give --yes") end
  return (ctx:ask(question .. " Type yes: ") or ""):match "^%s*yes%s*$" ~= nil
end

local function iso(ms) return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000) end

-- ## simulate

local function chart(ctx, result, limit, window, minutes)
  local simulate = require "ratelimit.simulate"
  local step = math.max(1000, minutes * 60000 // 40)
  ctx:print {"", ("sends in the %g s before each moment (at most %d)"):format(window, limit)}
  for _, point in ipairs(simulate.series(result.sends, window * 1000, step, minutes * 60000)) do
    local bar = ("#"):rep(point.n) .. ("."):rep(math.max(0, limit - point.n))
    ctx:print(("%7.1f s  %s %d"):format(point.at / 1000, bar, point.n))
  end
end

local function simulate_command(args, ctx)
  local simulate = require "ratelimit.simulate"
  if args[2] then options.usage(("%q is a word too many"):format(args[2])) end
  if not args.rate then options.usage "how many messages? --rate 25/min" end
  local n, seconds = simulate.rate(args.rate)
  if not n or seconds <= 0 then
    options.usage(("--rate takes messages a time, such as 25/min or 3/10s, not %q"):format(args.rate))
  end
  local minutes = args.minutes or 10
  if not (minutes > 0 and minutes <= 1440) then options.usage("--minutes takes a number from 1 to 1440") end
  local spec = policy_of(args)
  if n / seconds * minutes * 60 > MOST then
    options.usage(("--rate %s for %g minutes are more than %d messages: offer fewer, or for a shorter time (--minutes)")
      :format(args.rate, minutes, MOST))
  end
  local result, why = simulate.run {policy = spec, rate = {n, seconds}, minutes = minutes, seed = args.seed or 1}
  if not result then options.usage("--policy: " .. why) end
  if ctx:wants_json() then
    ctx:print(require "tidelock.json".encode({sends_ms = require "tidelock.json".array(result.sends), offered =
      #result.arrivals, sent = #result.sends, waiting = result.left, longest_wait_ms = result.waited,
      worst_in_window = result.worst, seed = args.seed or 1}, {sort = true}))
    return 0
  end
  local limit, window = spec.windows[1].limit, spec.windows[1].seconds
  ctx:print {("offered  %d messages in %g minutes (%s, by chance, seed %d)"):format(#result.arrivals, minutes,
    args.rate,
    args.seed or 1), ("sent     %d; %d still wait at the end; the longest wait was %.1f s"):format(#result.sends,
    result.left, result.waited / 1000), ("worst    %d in any %g s, at most %d allowed"):format(result.worst, window,
      limit),
    "", "the first sends"}
  for i = 1, math.min(20, #result.sends) do ctx:print(("%9.3f s  #%d"):format(result.sends[i] / 1000, i)) end
  chart(ctx, result, limit, window, minutes)
  return result.worst <= limit and 0 or 70
end

-- ## status, reset

local function user_of(args, what)
  if not args[2] then options.usage(("which user? tidelock limit %s USER"):format(what)) end
  return args[2]
end

local function status_command(args, ctx)
  local user = user_of(args, "status")
  return with_limiter(args, ctx, function(limiter)
    local _, info = limiter:peek(user)
    if ctx:wants_json() then
      ctx:print(require "tidelock.json".encode({user = user, code = info.code, wait_ms = info.wait_ms, left = info.left,
        times_ms = info.times and require "tidelock.json".array(info.times), blocked_until_ms = info.blocked_until,
        detail = info.detail}, {sort = true}))
    else
      ctx:print(("%s: %s%s"):format(user, info.code, info.wait_ms > 0 and (", for %.3f s"):format(info.wait) or
        (", %d could be sent at once"):format(info.left or 0)))
      if info.detail then ctx:print("  " .. info.detail) end
      if info.blocked_until and info.blocked_until > limiter.clock() then
        ctx:print("  stopped by the platform until " .. iso(info.blocked_until))
      end
      for i, at in ipairs(info.times or {}) do
        ctx:print(("  %2d  %s%s"):format(i, iso(at), at > limiter.clock() and "  (being sent, or lost)" or ""))
      end
    end
    return info.code == "unavailable" and 69 or 0
  end)
end

local function reset_command(args, ctx)
  local user = user_of(args, "reset")
  return with_limiter(args, ctx, function(limiter)
    if not sure(args, ctx, ("This forgets what %s has sent: the next sends may break the platform's limit.")
      :format(user)) then
      ctx:say "Nothing was changed."
      return 0
    end
    local n, why = limiter:reset(user)
    if not n then error({exit = 69, message = why}, 0) end
    ctx:say("%s: %s", user, n > 0 and "forgotten" or "there was nothing to forget")
    return 0
  end)
end

-- ## dlq

local function line_of(one)
  return ("%s  %-8s %s  %s  %s"):format(one.id, one.kind, one.user or "-", one.message_id or "-", one.reason)
end

local function chosen(args, list)
  if args.all then return list end
  if not args[3] then options.usage("which letter? its id, as `limit dlq list` shows it, or --all") end
  for _, one in ipairs(list) do
    if one.id == args[3] or one.message_id == args[3] then return {one} end
  end
  error({exit = 1, message = ("There is no dead letter %s now. Another consumer may hold it: try again in 30 seconds.")
    :format(args[3])}, 0)
end

local dlq = {}

function dlq.list(args, ctx, _, list)
  if ctx:wants_json() then
    local out = {}
    for i, one in ipairs(list) do
      out[i] = {id = one.id, user = one.user, messageId = one.message_id, reason = one.reason, kind = one.kind}
    end
    ctx:print(require "tidelock.json".encode(require "tidelock.json".array(out), {sort = true, indent = 2}))
    return 0
  end
  for _, one in ipairs(list) do ctx:print(line_of(one)) end
  if not args.quiet then ctx:say("%d dead letter%s", #list, #list == 1 and "" or "s") end
  return 0
end

function dlq.show(args, ctx, _, list)
  for _, one in ipairs(chosen(args, list)) do ctx:print {line_of(one), one.body} end
  return 0
end

function dlq.drop(args, ctx, queue, list)
  local letters = chosen(args, list)
  if not sure(args, ctx, ("This deletes %d message%s for good."):format(#letters, #letters == 1 and "" or "s")) then
    return 0
  end
  for _, one in ipairs(letters) do require "ratelimit.deadletters".drop(queue, one) end
  ctx:say("%d deleted", #letters)
  return 0
end

function dlq.redrive(args, ctx, queue, list)
  local deadletters = require "ratelimit.deadletters"
  local letters, moved, kept = chosen(args, list), 0, 0
  return with_limiter(args, ctx, function(limiter)
    for _, one in ipairs(letters) do
      if one.kind == "unknown" and not args.resend_unknown then
        kept = kept + 1
        ctx:say("%s stays: it may have been sent already. Look it up; --resend-unknown sends it all the same.", one.id)
      else
        local ok, why = deadletters.redrive(queue, limiter, one, args.resend_unknown)
        if not ok then error({exit = 69, message = why}, 0) end
        moved = moved + 1
      end
    end
    ctx:say("%d back on the queue", moved)
    return kept > 0 and 2 or 0
  end)
end

local function dlq_command(args, ctx)
  local fn = dlq[args[2] or ""]
  if not fn then options.usage("what about the dead letters? tidelock limit dlq list|show|redrive|drop") end
  if not args.queue then options.usage("which queue? --queue NAME (its dead letters are NAME-dlq, or --dlq)") end
  local deadletters = require "ratelimit.deadletters"
  local queue = require "ratelimit.queue".open(ctx:session(), {queue = args.queue, dlq = args.dlq})
  local list = deadletters.read(queue, 1000)
  local ok, code = pcall(fn, args, ctx, queue, list)
  deadletters.show(queue, list)
  if not ok then error(code, 0) end
  return code
end

local COMMANDS <const> = {simulate = simulate_command, status = status_command, reset = reset_command,
  dlq = dlq_command}

local function run(args, ctx)
  local command = COMMANDS[args[1] or ""]
  if not command then
    options.usage(("limit does not know %q; it knows simulate, status, reset and dlq"):format(args[1] or ""))
  end
  return command(args, ctx)
end

return {
  name = "limit",
  about = "What a rate limit does, how an account stands, and what was given up",
  usage = "tidelock limit simulate --rate 25/min | status USER | reset USER | dlq list|show|redrive|drop [ID]",
  options = {
    {name = "policy", value = "LIMIT", about = 'the limit in words (default "10/min burst 3")'},
    {name = "name", value = "NAME", about = "the limit's name in Redis (default onlyfans)"},
    {name = "rate", value = "N/UNIT", about = "simulate: messages offered, for example 25/min"},
    {name = "minutes", value = "N", number = true, about = "simulate: how long (default 10)"},
    {name = "seed", value = "N", number = true, least = 0, about = "simulate: another run of chance (default 1)"},
    {name = "redis", value = "URL", about = "status, reset, dlq redrive: the Redis; else TIDELOCK_REDIS_URL"},
    {name = "redis-ca", value = "FILE", about = "certificates to trust for it"},
    {name = "redis-secret", value = "NAME", about = "the secret in Secrets Manager whose text is its password"},
    {name = "queue", value = "NAME", about = "dlq: the queue whose dead letters are meant"},
    {name = "dlq", value = "NAME", about = "dlq: where they are, if not in NAME-dlq"},
    {name = "all", about = "dlq: all of them"},
    {name = "resend-unknown", about = "dlq redrive: also what may have been sent already"},
    {name = "yes", short = "y", about = "do not ask"},
  },
  run = run,
}
