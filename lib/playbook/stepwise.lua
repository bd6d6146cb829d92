--- A run with steps: the chunk again, for real, barrier by barrier; what was done is undone where it fails.
local applier = require "playbook.applier"
local fault = require "playbook.fault"
local guard = require "playbook.guard"
local halt_of = require "playbook.halt"
local outcome = require "playbook.outcome"
local planner = require "playbook.planner"
local record = require "playbook.record"
local workflow_of = require "playbook.workflow"

local stepwise = {}

-- What went wrong in an undo, and what goes on with it: a run that is half undone has no way but back.
local function half_undone(flow, why)
  return ("%s\nWhen the cause is gone, go on with: %s --undo"):format(why, flow.resume)
end

-- A sentence on what became of the done steps, and "undone", "failed", or nil where nothing was undone.
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
    return ("What was done stays: %s. Undo it with: %s --undo"):format(table.concat(names, ", "), flow.resume)
  end
  local ok, err = flow:undo(engine)
  return ok and "All done steps were undone." or half_undone(flow, err), ok and "undone" or "failed"
end

local function settle(flow, engine, options, halt)
  local out = {engine = engine, exit = halt.exit, result = halt.result, message = halt.message}
  if halt.result == "failed" then
    local more, result = undo(flow, engine, options, halt.message)
    out.result = result or "failed"
    if more then out.message = out.message .. "\n" .. more end
    if not result then
      out.message = out.message .. ("\nWhen the cause is gone, go on with: %s"):format(flow.resume)
    end
  elseif halt.result == "interrupted" then
    out.message = ("%s Go on with: %s"):format(halt.message, flow.resume)
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
  return outcome.of(engine, id)
end

-- The end of a run that came to its end.
local function complete(flow, engine, id)
  local result, exit, message = prune_left(engine, id)
  local left = outcome.left_out(flow, engine)
  if exit == 0 then exit = outcome.checked(flow) end
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

local function carry_out(engine, journal, options, flow)
  local ok, err = pcall(guard.chunk, engine, function()
    engine:run(require "playbook.vocabulary".environment(engine, engine.loaded.vars, engine.outputs))
  end)
  local out
  if ok then
    out = complete(flow, engine, journal.run)
  else
    local halt = halt_of.is(err) and err or stopped(err)
    if not halt then
      fault.of_run(err, flow.resume)
      record.finish(engine, journal, "failed", type(err) == "table" and err.exit or 70, tostring(err))
      error(err, 0)
    end
    out = settle(flow, engine, options, halt)
  end
  record.finish(engine, journal, out.result, out.exit, out.message)
  if out.result == "done" or out.result == "undone" then record.close(engine, options.store, flow.run) end
  return out
end

-- The engine of the second pass: same program, for real; `run` is called by carry_out, not here.
local function live_engine(engine, flow)
  local context = engine.context
  local recorder = engine.recorder
  local fresh = require "playbook.engine".new {program = engine.program, account = engine.account,
    account_path = engine.account_path, vars = engine.vars, models = engine.models, region = engine.region,
    emit = context.emit, mode = "apply", identity = engine.identity, recorder = recorder, workflow = flow,
    concurrency = engine.concurrency, unsafe = engine.unsafe, words = engine.words, is_secret = engine.is.secret}
  fresh.loaded, fresh.context, fresh.seconds = engine.loaded, context, engine.seconds
  fresh.narrowed = engine.narrowed
  fresh.orphans, fresh.run_id, fresh.resume = engine.orphans, engine.run_id, flow.resume
  return fresh
end

local function flow_of(id, journal, agreed, options)
  return workflow_of.new {journal = journal, run = id, store = options.store, agreed = agreed,
    approved = options.approved, assume = options.assume, ask = options.ask, clock = options.clock,
    sleep = options.sleep}
end

--- Runs the chunk again, for real, and does each barrier as it is reached: a run's outcome. `agreed` is what the plan
-- showed; `planned` says that it has just been read.
function stepwise.run(engine, id, journal, options, agreed, planned)
  local flow = flow_of(id, journal, agreed, options)
  local live = live_engine(engine, flow)
  if planned then                                    -- what a resume has seen is from before it waited
    require "playbook.seen".lend(live, engine)
    live.heard = engine.said
  end
  record.watch(live, journal)
  record.tell(live, journal)
  return carry_out(live, journal, options, flow)
end

--- Undoes the done steps of a run that failed earlier: `resume RUN --undo`. The chunk runs only to register them.
function stepwise.undo_all(engine, id, journal, options)
  local flow = flow_of(id, journal, {}, options)
  local live = live_engine(engine, flow)
  local stop = setmetatable({}, {__name = "the first step that is not done"})
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
  if options.started then options.started(live) end
  record.watch(live, journal)
  planner.read(live, live.nodes)
  for _, node in ipairs(live.nodes) do node.done = node.live ~= nil end
  local fine, why = flow:undo(live)
  local out = {engine = live, exit = fine and 0 or 1, result = fine and "undone" or "failed",
    message = fine and "All done steps were undone." or half_undone(flow, why)}
  record.finish(live, journal, out.result, out.exit, out.message)
  if fine then record.close(engine, options.store, id) end
  return out
end

return stepwise
