--- A run that writes: its lock and its journal, the plan carried out as it stands or step by step, and resume.
local applier = require "playbook.applier"
local fault = require "playbook.fault"
local landing = require "playbook.landing"
local narrow = require "playbook.narrow"
local outcome = require "playbook.outcome"
local planner = require "playbook.planner"
local playbook = require "playbook"
local record = require "playbook.record"
local stepwise = require "playbook.stepwise"
local store_of = require "playbook.store"

local run = {}

local function now_text() return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(require "tidelock.loop".time())) end

-- What is said of a run whose journal has no end: where nobody holds its lock, that is all there is to say.
local STOPPED <const> = "it was stopped"

local function take_lock(engine, options, id)
  return options.store:lock(record.lock_key(engine), {run = id, host = require "tidelock.fs".hostname(),
    pid = require "tidelock.fs".pid(), start = now_text()})
end

-- ## Without steps: the plan as it stands

local function plain(engine, journal)
  record.watch(engine, journal)
  record.tell(engine, journal)
  for _, node in ipairs(engine.nodes) do node.replace_agreed = node.action == "replace" end
  applier.apply(engine, playbook.all_nodes(engine))
  local result, exit, message = outcome.of(engine, journal.run)
  record.finish(engine, journal, result, exit, message)
  return {engine = engine, exit = exit, result = result, message = message}
end

--- This playbook's run that has begun and not ended, and how its journal says that it stands, {run=, result=}, or nil.
-- The account is known by now.
function run.unfinished(engine, store)
  local open = store:open_run(record.open_key(engine))
  if not open then return nil end
  local state = require "playbook.journal".state(store:records(open.run) or {})
  if state == "done" or state == "undone" then return nil end    -- killed between its last record and this mark
  return {run = open.run, result = (state == "open" or state == "empty") and STOPPED or state}
end

--- The run that writes to this account and region now, by the store's lock, or nil; a store of files refuses by itself.
function run.busy(engine, store) return store.holder and store:holder(record.lock_key(engine)) or nil end

local function open_of(engine, options)
  return not options.new and playbook.has_barriers(engine) and run.unfinished(engine, options.store) or nil
end

-- A parked run waits as it should: that is 75. One that failed or was stopped is a failure until somebody goes on.
local function refuse(open, options)
  fault.fail(open.result == "parked" and 75 or 1, "Run %s of this playbook has not ended (%s). Go on with: %s;"
    .. " or start over, repeating its steps, with --new.", open.run, open.result,
    outcome.resume(open.run, options.store))
end

--- Refuses a playbook with steps while a run of it has not ended; one that is at work by its lock. options: store, new.
function run.refuse_open(engine, options)
  local open = open_of(engine, options)
  if not open then return end
  if open.result == STOPPED then
    local free <close> = take_lock(engine, options, store_of.new_id())  -- luacheck: ignore
  end
  refuse(open, options)
end

-- A word that nobody asked for was meant for something: it is told, whatever became of the run.
local function with_misspelt(out, engine, options)
  local told = outcome.not_asked(engine, options)
  if told then out.message = out.message and told .. "\n" .. out.message or told end
  return out
end

--- Carries out a plan that was agreed to. options: store, ask, approved, on_failure "undo" | "stop", new,
-- started(engine). Returns {engine=, exit=, result=, message=, run=}.
function run.execute(engine, options)
  local began = require "tidelock.loop".now()
  local steps = playbook.has_barriers(engine)
  local id = store_of.new_id()
  local held <close> = take_lock(engine, options, id)  -- luacheck: ignore
  local open = open_of(engine, options)                -- a run may have come and gone while a person read the plan
  if open then refuse(open, options) end
  engine.run_id, engine.resume = id, outcome.resume(id, options.store)
  if options.started then options.started(engine) end  -- from its first record on there is a run to go on with
  local journal = record.begin(engine, options, id)
  local out
  if steps then
    options.store:mark_open(record.open_key(engine), {run = id})
    out = stepwise.run(engine, id, journal, options, record.agreed(engine), true)
  else
    out = plain(engine, journal)
  end
  out.run, out.engine.run_id = id, id
  out.engine.seconds = (out.engine.seconds or 0) + require "tidelock.loop".now() - began
  return with_misspelt(out, engine, options)
end

-- ## Resume

local function refuse_changed(changed, head, options)
  if #changed > 0 and not options.changed then
    fault.fail(65, "Run %s began with another text of %s. Put the old one back, or accept the new one with --changed.",
      head.run, table.concat(changed, " and "))
  end
end

local function check_unchanged(loaded, head, options)
  local changed = {}
  if record.hash(loaded.program.text) ~= head.source then changed[#changed + 1] = loaded.path end
  if head.account_source and record.hash(loaded.account_text) ~= head.account_source then
    changed[#changed + 1] = loaded.account_path
  end
  refuse_changed(changed, head, options)
end

-- What is undone is no longer done: forward from there a step would build on what is gone.
local function refuse_undone(journal, options)
  for _, r in ipairs(options.undo and {} or journal.records) do
    if r.kind == "undo.start" then
      fault.fail(1, "Run %s is half undone: the undo of step %q has begun. Go on with: %s --undo; or apply the playbook"
        .. " with --new, which starts over and repeats its steps.", journal.run, r.name,
        outcome.resume(journal.run, options.store))
    end
  end
end

-- The journal of a run that can be gone on with, and its first record.
local function reopened(id, options)
  local journal = options.store:reopen(id)
  if not journal then fault.fail(64, "There is no run %q. The runs are listed by: tidelock runs", id) end
  local head = journal.records[1]
  if not head or head.kind ~= "run" then
    fault.fail(65, "The journal of run %s has no beginning; it was cut before anything was done. Start anew.", id)
  end
  local state = require "playbook.journal".state(journal.records)
  if state == "done" or state == "undone" then
    fault.fail(64, "Run %s has ended (%s); there is nothing to resume.", id, state)
  end
  if head.again then                                   -- to resume is to make things as the playbook says
    fault.fail(64, "Run %s deleted, and is not resumed. Go on with: %s", id, head.again)
  end
  refuse_undone(journal, options)
  return journal, head
end

-- What --prune was to delete and is still there; nothing that the plan did not show.
local function prune_again(engine, head)
  if not (head.scope or {}).prune then return end
  planner.read(engine, engine.nodes)
  engine.orphans = {}
  for _, node in ipairs(require "playbook.prune".find(engine)) do
    if head.agreed[node.address] == "delete" then table.insert(engine.orphans, node) end
  end
end

-- A run without steps goes on by a plan of what is live now; what would be replaced must have been agreed to.
local function plain_again(engine, journal, options, agreed)
  narrow.look(engine)
  planner.plan(engine, engine.nodes)
  for _, node in ipairs(engine.nodes) do
    if node.action == "replace" and agreed[node.address] ~= "replace" then
      fault.fail(1, "%s would now have to be replaced (%s), which was not agreed to. Apply the playbook anew.",
        node.address, node.why)
    end
  end
  if options.started then options.started(engine) end
  return plain(engine, journal)
end

-- The journal was read before the lock was held: another process may have gone on with the run until then.
local function refuse_grown(journal, options)
  if #(options.store:records(journal.run) or {}) == #journal.records then return end
  fault.fail(69, "Another process has gone on with run %s meanwhile. Nothing more was done. See how it stands with:"
    .. " tidelock runs %s%s", journal.run, journal.run, options.store.words or "")
end

local function go_on(engine, id, journal, head, options)
  local agreed = head.agreed or {}
  prune_again(engine, head)
  if not head.steps then return plain_again(engine, journal, options, agreed) end
  if options.undo then return stepwise.undo_all(engine, id, journal, options) end
  if options.started then options.started(engine) end
  return stepwise.run(engine, id, journal, options, agreed)
end

--- Goes on with a run from its last durable record: steps that are done are not repeated. options: as for execute, and
-- assume {step = "done" | "again"}, undo (the done steps, instead), changed (another text of the playbook is taken).
-- `context_of(loaded, record)` makes the session for it. Returns what execute returns.
function run.resume(id, options, context_of)
  local journal, head = reopened(id, options)
  local loaded = playbook.load(head.file, {account = head.account_file, vars = head.vars})
  loaded.given_vars = head.vars
  check_unchanged(loaded, head, options)
  local began = require "tidelock.loop".now()
  local context = context_of(loaded, head)
  local engine = playbook.declare(loaded, context, "plan")
  refuse_changed(record.other_parts(head.parts, engine), head, options)
  engine.options = head.scope or {}
  narrow.plan(engine, engine.options)
  landing.wait(journal, options, context.emit)
  playbook.identify(engine, head.account, "run " .. id)
  if head.region ~= engine.region then
    fault.fail(64, "Run %s is in %s, not in %s. Nothing was changed. Leave --region out.", id, head.region,
      engine.region)
  end
  local held <close> = take_lock(engine, options, id)  -- luacheck: ignore
  refuse_grown(journal, options)
  journal:write {kind = "resume", run = id, user = record.user(), host = require "tidelock.fs".hostname()}
  engine.run_id, engine.resume = id, outcome.resume(id, options.store)
  landing.look(engine, journal, options, context.emit)
  local out = go_on(engine, id, journal, head, options)
  out.run, out.engine.run_id = id, id
  out.engine.seconds = require "tidelock.loop".now() - began
  return with_misspelt(out, engine, options)
end

return run
