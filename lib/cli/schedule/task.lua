--- tidelock schedule task: what runs inside the task. Goes on with the run that has not ended, or begins one; writes
-- JSON lines; its exit code is the task's.
local apply = require "cli.apply"
local bundle = require "schedule.bundle"
local fault = require "playbook.fault"
local lines = require "schedule.lines"
local options = require "cli.options"
local playbook = require "playbook"
local playing = require "cli.playing"
local run = require "playbook.run"

local PARKED <const> = 75
local WAIT <const>, POLL <const> = 900, 5                 -- seconds for which another playbook's run is waited for

local function traced(err) return type(err) == "string" and debug.traceback(err, 2) or err end

local function folder()
  local own = os.getenv "TIDELOCK_WORK"
  return (own and own ~= "" and own or "/work"):gsub("/$", "") .. "/bundles"
end

-- ## What is said: lines of JSON, also what was written for people

local function writer(ctx)
  local out = {}
  function out.line(line)
    ctx.out:write(lines.text(line, require "tidelock.loop".time()))
    ctx.out:flush()
  end
  function out.write(_, ...)
    local text = table.concat {...}
    if text:find "%S" then out.line {kind = "note", level = "info", message = (text:gsub("%s+$", ""))} end
    return out
  end
  function out.flush() end
  return out
end

local function listened(context, log)
  local emit = context.emit
  function context.emit(event)
    local line = lines.event(event)
    if line then log.line(line) end
    emit(event)
  end
  return context
end

-- ## What is run

local function fetch(store, key)
  local name, hash = key:match "^schedules/([^/]+)/(%x+)%.json$"
  if not name then options.usage(("what does the task run? schedules/NAME/HASH.json, not %q"):format(key)) end
  local text = store:get(store:key(key))
  if not text then
    fault.fail(66, "There is no %s in the store %s. Add the schedule again: tidelock schedule add.", key,
      store:journal_path "")
  end
  return bundle.unpack(text, hash, folder()), name
end

-- A run begins with one text of its playbook and ends with it, whatever the schedule runs by now.
local function fetch_again(store, record, name)
  local hash = bundle.hash_of(record.file, folder())
  if hash then fetch(store, bundle.key(name, hash)) end
end

-- ## Beside others: one run at a time writes to an account and region

local function another_is_at_it(err)
  return type(err) == "table" and err.exit == 69 and tostring(err.message):find "^Another run is writing" ~= nil
end

-- A run of the same playbook is not waited for: it does what this one would do.
local function refuse_twin(engine, store)
  local busy = run.busy(engine, store)
  local record = busy and (store:records(busy) or {})[1]
  if not record then return end
  local twin = record.playbook == engine.program.header.name
  error({exit = 69, twin = twin, message = ("Another run is writing to this account and region: run %s of %s on %s.")
    :format(busy, record.playbook or "?", record.host or "?")}, 0)
end

local function patiently(attempt, seconds, log)
  local loop = require "tidelock.loop"
  local deadline, told = loop.now() + seconds, false
  while true do
    local ok, out = xpcall(attempt, traced)
    if ok then return out end
    if not another_is_at_it(out) or out.twin or loop.now() >= deadline then error(out, 0) end
    if not told then log.line {kind = "note", level = "info", message = out.message .. " Waiting for its end."} end
    told = true
    loop.sleep(math.min(POLL, math.max(deadline - loop.now(), 0)))
  end
end

-- ## The run

local function go(args, ctx, log)
  local how, ended <close> = apply.run_options(args, ctx)  -- luacheck: ignore
  local store = how.store
  local told, name = fetch(store, args[1])
  local loaded = playbook.load(told.playbook, {vars = told.vars, account = told.account})
  for _, option in ipairs {"notify", "unsafe", "concurrency"} do args[option] = told.options[option] end
  local context = listened(playing.context(loaded, args, ctx), log)
  return patiently(function()
    local engine = playbook.declare(loaded, context, "plan")
    playbook.identify(engine)
    refuse_twin(engine, store)
    local open = run.unfinished(engine, store)
    if not open then return run.execute(playbook.plan(loaded, context), how) end
    log.line {kind = "resume", level = "info", run = open.run, message = "Going on with run " .. open.run}
    fetch_again(store, (store:records(open.run) or {})[1] or {}, name)
    return run.resume(open.run, how, function() return context end)
  end, tonumber(os.getenv "TIDELOCK_WAIT") or WAIT, log)
end

-- What was raised, as the two lines that end a log.
local function failed(err, log)
  local exit, result = 70, "failed"
  if type(err) == "table" then exit = err.exit or 1 end
  if type(err) == "table" and err.twin then exit, result = PARKED, "overlap" end
  local message = type(err) == "table" and err.message or tostring(err)
  if result ~= "overlap" then log.line {kind = "error", level = "error", message = message, exit = exit} end
  log.line {kind = "summary", level = result == "overlap" and "info" or "error", result = result, exit = exit,
    message = message}
  return exit
end

--- Runs it: args[1] is the bundle's key in the store.
return {run = playing.heard(function(args, ctx)
  if not args[1] or #args > 1 then
    options.usage "this is started by ECS: tidelock schedule task schedules/NAME/HASH.json"
  end
  local url = args.store or os.getenv "TIDELOCK_STORE"
  if not url or url == "" then
    options.usage "TIDELOCK_STORE=s3://BUCKET/PREFIX is not set: a task keeps its runs there"
  end
  local log = writer(ctx)
  ctx.err, args.output = log, "json"
  local ok, out = xpcall(go, traced, args, ctx, log)
  if not ok then return failed(out, log) end
  local exit = out.exit
  if not require "cli.telling".tell_run(out, args, ctx) and exit == 0 then exit = 69 end
  local line = lines.summary(out)
  line.exit = exit
  log.line(line)
  return exit
end)}
