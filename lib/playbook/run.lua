--- A run that writes: journal, lock, the plan carried out or the chunk run again step by step, undo, resume.
local applier = require "playbook.applier"
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local playbook = require "playbook"
local halt_of = require "playbook.halt"
local planner = require "playbook.planner"
local redact = require "playbook.redact"
local show = require "playbook.show"
local store_of = require "playbook.store"
local workflow_of = require "playbook.workflow"

local run = {}

local function hash(text)
  local digest = require "tidelock.digest"
  return digest.hex(digest.sha256(text or ""))
end

local function absolute(path)
  return path and (require "tidelock.fs".realpath(path) or path)
end

local function now_text() return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(require "tidelock.loop".time())) end

local function lock_key(engine)
  local known = engine.identity.known
  return (known and known.id or "account") .. "/" .. (engine.region or "region")
end

local function open_key(engine) return lock_key(engine) .. "/" .. engine.program.header.name end

local function agreed_of(engine)
  local out = {}
  for _, node in ipairs(playbook.all_nodes(engine)) do out[node.address] = node.action end
  return out
end

-- ## Journal of calls

local function watch(engine, journal)
  engine.recorder.before = function(call, input)
    local record = journal:write {kind = "call", service = call.service, operation = call.operation,
      address = call.node and call.node.address,
      input = redact.input(engine.models, call.service, call.operation, input)}
    call.record = record.n
  end
  engine.recorder.after = function(call, err)
    journal:write {kind = "answer", call = call.record, service = call.service, operation = call.operation,
      request_id = call.request_id or (type(err) == "table" and err.request_id or nil), requests = call.requests,
      error = err and (type(err) == "table" and (err.code or err.message) or tostring(err)) or nil}
  end
end

-- The journal hears of everything first: nothing is shown that it does not know.
local function tell(engine, journal)
  local function note(event)
    local node = event.node
    if event.kind == "resource.start" then
      local t, models = node.type, engine.models
      journal:write {kind = "resource.start", name = node.address, action = event.action,
        before = redact.properties(t, models, node.live), changes = redact.changes(t, models, show.changes(node))}
    elseif event.kind == "resource.done" then
      journal:write {kind = "resource.done", name = node.address, action = event.action, seconds = event.seconds}
    elseif event.kind == "resource.fail" then
      journal:write {kind = "resource.fail", name = node.address, action = event.action,
        message = type(event.error) == "table" and event.error.message or tostring(event.error)}
    end
  end
  local emit = engine.emit
  engine.emit = require "playbook.events".stream {note, emit}
  emit {kind = "run.start", run = journal.run, playbook = engine.program.header.name, region = engine.region,
    account = engine.identity.known and engine.identity.known.id}
end

local function begin(engine, options, id)
  local journal = options.store:create(id)
  local loaded = engine.loaded
  local known = engine.identity.known or {}
  journal:write {kind = "run", run = id, format = "tidelock.journal/1", playbook = engine.program.header.name,
    file = absolute(loaded.path), source = hash(engine.program.text), vars = loaded.given_vars or {},
    account_file = absolute(loaded.account_path), account_source = loaded.account_text and hash(loaded.account_text),
    account = known.id, who = known.arn, user = os.getenv "USER", host = require "tidelock.fs".hostname(),
    region = engine.region, again = engine.again, steps = playbook.has_barriers(engine), agreed = agreed_of(engine)}
  return journal
end

local function take_lock(engine, options, id)
  return options.store:lock(lock_key(engine), {run = id, host = require "tidelock.fs".hostname(),
    pid = require "tidelock.fs".pid(), start = now_text()})
end

local function finish(engine, journal, result, exit, message)
  journal:write {kind = "end", result = result, exit = exit, message = message}
  engine.emit {kind = "run.end", result = result, exit = exit, message = message}
end

-- ## Without steps: the plan as it stands

local function result_of(engine, id)
  local again = engine.again or "tidelock resume " .. id
  local failed, left = false, false
  for _, node in ipairs(playbook.all_nodes(engine)) do
    failed, left = failed or node.failed ~= nil, left or node.skipped ~= nil
  end
  if engine.halted and (failed or left) then
    return "interrupted", 130, ("The run was interrupted; what was in flight has ended. Go on with: %s"):format(again)
  end
  if failed then return "failed", 1, ("When the cause is gone, go on with: %s"):format(again) end
  return "done", 0
end

local function plain(engine, journal)
  for _, node in ipairs(engine.nodes) do node.replace_agreed = node.action == "replace" end
  applier.apply(engine, playbook.all_nodes(engine))
  local result, exit, message = result_of(engine, journal.run)
  finish(engine, journal, result, exit, message)
  return {engine = engine, exit = exit, result = result, message = message}
end

-- ## With steps: the chunk again, for real

local function undo(flow, engine, options, why)
  local names = flow:undoable()
  if #names == 0 then return nil end
  local choice = options.on_failure
  if not choice then
    local answer = options.ask and options.ask(("%s\nUndo, in this order: %s? Only yes is taken as yes: "):format(why,
      table.concat(names, ", ")))
    choice = answer == "yes" and "undo" or "stop"
  end
  if choice ~= "undo" then
    return ("What was done stays: %s. Undo it with: tidelock resume %s --undo"):format(table.concat(names, ", "),
      flow.run)
  end
  local ok, err = flow:undo(engine)
  return ok and "All done steps were undone." or err, ok and "undone" or nil
end

local function checked(flow)
  local exit = 0
  for _, check in ipairs(flow.checks) do
    if check.result ~= "pass" and check.result ~= "skip" then
      if check.severity == "critical" then return 1 end
      exit = 2
    end
  end
  return exit
end

-- What was left to a person, and the words that do it; nil where nothing was.
local function left_out(flow, engine)
  local n, words = #flow.left, {}
  if n == 0 then return nil end
  for i, name in ipairs(flow.left) do words[i] = ("--approve %q"):format(name) end
  return ("%d step%s left out, waiting for a confirmation. Do %s with: tidelock apply %s %s"):format(n,
    n == 1 and " was" or "s were", n == 1 and "it" or "them", engine.loaded.path, table.concat(words, " "))
end

local function settle(flow, engine, options, halt)
  local out = {engine = engine, exit = halt.exit, result = halt.result, message = halt.message}
  if halt.result == "failed" then
    local more, result = undo(flow, engine, options, halt.message)
    out.result = result or "failed"
    if more then out.message = out.message .. "\n" .. more end
    if out.result == "failed" then
      out.message = out.message .. ("\nWhen the cause is gone, go on with: tidelock resume %s"):format(flow.run)
    end
  elseif halt.result == "interrupted" then
    out.message = ("%s Go on with: tidelock resume %s"):format(halt.message, flow.run)
  end
  return out
end

-- What --prune deletes goes last: only when the chunk has ended is it known what all of it declares.
local function prune_left(engine, id)
  local left = {}
  for _, node in ipairs(engine.orphans or {}) do
    if not engine.by_address[node.address] then left[#left + 1] = node end
  end
  engine.orphans = left
  if #left == 0 then return "done", 0 end
  applier.apply(engine, left)
  return result_of(engine, id)
end

-- The end of a run that came to its end.
local function complete(flow, engine, id)
  local result, exit, message = prune_left(engine, id)
  local left = left_out(flow, engine)
  if exit == 0 then exit = checked(flow) end
  if exit == 0 and left then exit = 75 end
  return {engine = engine, exit = exit, result = result,
    message = message and left and message .. "\n" .. left or message or left}
end

-- What ended a run outside of its steps (a resource that could not be read) stops it as a failed step does; not what is
-- wrong with the text, with the journal or the lock (exit 69), or with this program.
local function stopped(err)
  if type(err) ~= "table" or not err.exit or err.exit == 69 or fault.is(err) then return nil end
  return {result = "failed", exit = err.exit, message = tostring(err)}
end

local function stepwise(engine, journal, options, flow)
  local ok, err = pcall(guard.chunk, engine, function()
    engine:run(require "playbook.vocabulary".environment(engine, engine.loaded.vars, engine.outputs))
  end)
  local out
  if ok then
    out = complete(flow, engine, journal.run)
  else
    local halt = halt_of.is(err) and err or stopped(err)
    if not halt then
      finish(engine, journal, "failed", type(err) == "table" and err.exit or 70, tostring(err))
      error(err, 0)
    end
    out = settle(flow, engine, options, halt)
  end
  finish(engine, journal, out.result, out.exit, out.message)
  options.store:mark_open(open_key(engine), (out.result == "parked" or out.result == "interrupted"
    or out.result == "failed") and {run = flow.run, result = out.result} or nil)
  return out
end

-- The engine of the second pass: same program, for real; `run` is called by stepwise, not here.
local function live_engine(engine, flow)
  local context = engine.context
  local recorder = engine.recorder
  local fresh = require "playbook.engine".new {program = engine.program, account = engine.account,
    account_path = engine.account_path, vars = engine.vars, models = engine.models, region = engine.region,
    emit = context.emit, mode = "apply", identity = engine.identity, recorder = recorder, workflow = flow,
    concurrency = engine.concurrency, unsafe = engine.unsafe, words = engine.words, is_secret = engine.is.secret}
  fresh.loaded, fresh.context, fresh.seconds = engine.loaded, context, engine.seconds
  fresh.orphans = engine.orphans
  return fresh
end

local function flow_of(id, journal, agreed, options)
  return workflow_of.new {journal = journal, run = id, store = options.store, agreed = agreed,
    approved = options.approved, assume = options.assume, ask = options.ask, clock = options.clock,
    sleep = options.sleep}
end

local function with_steps(engine, id, journal, options, agreed, planned)
  local flow = flow_of(id, journal, agreed, options)
  local live = live_engine(engine, flow)
  if planned then require "playbook.seen".lend(live, engine) end     -- what a resume has seen is from before it waited
  if options.started then options.started(live) end
  watch(live, journal)
  tell(live, journal)
  return stepwise(live, journal, options, flow)
end

--- The mark {run=, result=} of this playbook's run that has begun and not ended, or nil. The account is known by now.
function run.unfinished(engine, store)
  local open = store:open_run(open_key(engine))
  if not open then return nil end
  local state = require "playbook.journal".state(store:records(open.run) or {})
  if state == "done" or state == "undone" then return nil end    -- killed between its last record and this mark
  return open
end

--- The run that writes to this account and region now, by the store's lock, or nil; a store of files refuses by itself.
function run.busy(engine, store) return store.holder and store:holder(lock_key(engine)) or nil end

local function refuse_open(engine, options)
  local open = not options.new and run.unfinished(engine, options.store)
  if not open then return end
  fault.fail(75, "Run %s of this playbook has not ended (%s). Go on with: tidelock resume %s; or start over, repeating"
    .. " its steps, with --new.", open.run, open.result or "it was stopped", open.run)
end

--- Carries out a plan that was agreed to. options: store, ask, approved, on_failure "undo" | "stop", new,
-- started(engine). Returns {engine=, exit=, result=, message=, run=}.
function run.execute(engine, options)
  local began = require "tidelock.loop".now()
  local steps = playbook.has_barriers(engine)
  if steps then refuse_open(engine, options) end
  local id = store_of.new_id()
  local held <close> = take_lock(engine, options, id)  -- luacheck: ignore
  local journal = begin(engine, options, id)
  local out
  if steps then
    options.store:mark_open(open_key(engine), {run = id, result = "it was stopped"})
    out = with_steps(engine, id, journal, options, agreed_of(engine), true)
  else
    if options.started then options.started(engine) end
    watch(engine, journal)
    tell(engine, journal)
    out = plain(engine, journal)
  end
  out.run, out.engine.run_id = id, id
  out.engine.seconds = (out.engine.seconds or 0) + require "tidelock.loop".now() - began
  return out
end

-- ## Resume

local function check_unchanged(loaded, record, options)
  local changed = {}
  if hash(loaded.program.text) ~= record.source then changed[#changed + 1] = loaded.path end
  if record.account_source and hash(loaded.account_text) ~= record.account_source then
    changed[#changed + 1] = loaded.account_path
  end
  if #changed > 0 and not options.changed then
    fault.fail(65, "Run %s began with another text of %s. Put the old one back, or accept the new one with --changed.",
      record.run, table.concat(changed, " and "))
  end
end

--- Seconds in which a request that was on its way when the run was stopped has landed.
run.SETTLE = 2

-- A request whose answer never came may still be carried out: looking too early would not see what it made.
local function let_land(journal, options, emit)
  local open, n = {}, 0
  for _, record in ipairs(journal.records) do
    if record.kind == "call" then
      open[record.n] = true
      n = n + 1
    elseif record.kind == "answer" and open[record.call] then
      open[record.call] = nil
      n = n - 1
    end
  end
  local left = (journal.modified or 0) + run.SETTLE - require "tidelock.loop".time()
  if n == 0 or left <= 0 then return end
  emit {kind = "note", line = ("%d request%s in flight when the run was stopped; looking in %.1f s, when %s landed")
    :format(n, n == 1 and " was" or "s were", left, n == 1 and "it has" or "they have")}
  local sleep = options.sleep or require "tidelock.loop".sleep
  sleep(left)
end

--- Goes on with a run from its last durable record: steps that are done are not repeated.
-- `context_of(loaded, record)` makes the session for it.
function run.resume(id, options, context_of)
  local journal = options.store:reopen(id)
  if not journal then fault.fail(64, "There is no run %q. The runs are listed by: tidelock runs", id) end
  local record = journal.records[1]
  if not record or record.kind ~= "run" then
    fault.fail(65, "The journal of run %s has no beginning; it was cut before anything was done. Start anew.", id)
  end
  local state = require "playbook.journal".state(journal.records)
  if state == "done" or state == "undone" then
    fault.fail(64, "Run %s has ended (%s); there is nothing to resume.", id, state)
  end
  if record.again then                                   -- to resume is to make things as the playbook says
    fault.fail(64, "Run %s deleted, and is not resumed. Go on with: %s", id, record.again)
  end
  local loaded = playbook.load(record.file, {account = record.account_file, vars = record.vars})
  loaded.given_vars = record.vars
  check_unchanged(loaded, record, options)
  local began = require "tidelock.loop".now()
  local context = context_of(loaded, record)
  local engine = playbook.declare(loaded, context, "plan")
  let_land(journal, options, context.emit)
  playbook.identify(engine)
  local held <close> = take_lock(engine, options, id)  -- luacheck: ignore
  journal:write {kind = "resume", run = id, user = os.getenv "USER", host = require "tidelock.fs".hostname()}
  local out
  if record.steps then
    out = options.undo and run.undo_all(engine, id, journal, options)
      or with_steps(engine, id, journal, options, record.agreed or {})
  else
    planner.plan(engine, engine.nodes)
    for _, node in ipairs(engine.nodes) do
      if node.action == "replace" and (record.agreed or {})[node.address] ~= "replace" then
        fault.fail(1, "%s would now have to be replaced (%s), which was not agreed to. Apply the playbook anew.",
          node.address, node.why)
      end
    end
    if options.started then options.started(engine) end
    watch(engine, journal)
    tell(engine, journal)
    out = plain(engine, journal)
  end
  out.run, out.engine.run_id = id, id
  out.engine.seconds = require "tidelock.loop".now() - began
  return out
end

--- Undoes the done steps of a run that failed earlier: `resume RUN --undo`. The chunk runs only to register them.
function run.undo_all(engine, id, journal, options)
  local flow = flow_of(id, journal, {}, options)
  local live = live_engine(engine, flow)
  local stop = {}
  function flow.flush() end
  -- up to the first step that is not done: what lies above it is what can be undone
  function flow:perform(_, entry)
    local done = self.journal:find("step.done", entry.name)
    if entry.kind == "step" and not done then error(stop, 0) end
    if done and entry.spec and entry.spec.undo then
      table.insert(self.undos, {entry = entry, value = done.value})
    end
    return done and done.value
  end
  local ok, err = pcall(guard.chunk, live, function()
    live:run(require "playbook.vocabulary".environment(live, engine.loaded.vars, live.outputs))
  end)
  if not ok and err ~= stop then error(err, 0) end
  watch(live, journal)
  planner.read(live, live.nodes)
  for _, node in ipairs(live.nodes) do node.done = node.live ~= nil end
  local fine, why = flow:undo(live)
  local out = {engine = live, exit = fine and 0 or 1, result = fine and "undone" or "failed",
    message = fine and "All done steps were undone." or why}
  finish(live, journal, out.result, out.exit, out.message)
  if fine then options.store:mark_open(open_key(engine), nil) end
  return out
end

return run
