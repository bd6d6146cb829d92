--- A step as a run meets it: done already, in flight when the run was stopped, confirmed, tried, undone on failure.
local attempt = require "playbook.attempt"
local guard = require "playbook.guard"
local halt = require "playbook.halt"
local journal = require "playbook.journal"
local vars = require "playbook.vars"

local step = {}

local function token_of(flow, name)
  local digest = require "tidelock.digest"
  return digest.hex(digest.sha256(flow.run .. "/" .. name)):sub(1, 32)
end

local function run_step(flow, engine, entry, token)
  local tries = (entry.spec.retry or 0) + 1
  for n = 1, tries do
    local ok, value = attempt.run(engine, entry, entry.spec.run, token)
    if ok then return value end
    if value == require "tidelock.loop".CANCELLED then error(value, 0) end
    halt.if_cut_short(engine, value)
    flow.journal:write {kind = "step.error", name = entry.name, try = n, message = halt.reason(value)}
    if n == tries then
      flow.journal:write {kind = "step.failed", name = entry.name, message = halt.reason(value)}
      engine.emit {kind = "step.fail", name = entry.name, error = value}
      halt.failed("step %q failed%s: %s", entry.name, tries > 1 and (" after %d tries"):format(tries) or "",
        halt.reason(value))
    end
    engine.emit {kind = "step.retry", name = entry.name, error = value,
      line = (">   step %q failed (%s); trying again"):format(entry.name, halt.reason(value))}
    attempt.nap(flow, engine, math.min(60, 2 ^ (n - 1)))
  end
end

-- What became of a step that was in flight when the run was stopped: true and its value, or false to run it again.
local function in_flight(flow, engine, entry, token)
  local assumed = flow.assume[entry.name]
  if assumed == "done" then return true, nil end
  if assumed == "again" then return false end
  if entry.spec.probe then
    local ok, value = attempt.run(engine, entry, entry.spec.probe, token)
    if not ok then
      halt.failed("step %q was in flight when the run stopped, and its probe failed: %s", entry.name,
        halt.reason(value))
    end
    if value == false then return false end
    if value ~= nil then return true, value end
  end
  local answer = attempt.ask(flow, engine, ("Step %q was in flight when the run stopped, and whether it was done cannot"
    .. " be known. Look, then type done, again or stop: "):format(entry.name))
  if answer == "done" then return true, nil end
  if answer == "again" then return false end
  halt.parked("Step %q was in flight when the run stopped. Find out whether it was done, then: %s"
    .. " --assume '%s=done' (or =again)", entry.name, flow.resume, entry.name)
end

local function wanted(entry)
  local when = entry.spec.when
  if type(when) ~= "function" then return when == nil or when end
  local ok, value = pcall(when)
  if not ok and guard.sentence(value) then error(value, 0) end
  if not ok then halt.failed("step %q: its when function failed: %s", entry.name, halt.reason(value)) end
  return value
end

-- A step that may wait is left out, and told at the end of the run.
local function leave(flow, engine, entry)
  table.insert(flow.left, entry.name)
  flow.journal:write {kind = "step.left", name = entry.name}
  engine.emit {kind = "step.skip", name = entry.name, why = "it waits for a confirmation",
    line = (">   step %q waits for a confirmation, and is left out"):format(entry.name)}
  return false
end

-- Whether somebody lets the step go on: once said, it holds for the run.
local function confirmed(flow, engine, entry)
  local word = entry.spec.confirm
  if word == nil or flow.journal:find("approve", entry.name) then return true end
  local answer = flow.approved[entry.name] and word
    or attempt.ask(flow, engine, ("Step %q: type %s to go on: "):format(entry.name, word))
  if answer == word then
    flow.journal:write {kind = "approve", name = entry.name, by = require "playbook.record".user()}
    return true
  end
  if entry.spec.later then return leave(flow, engine, entry) end
  if answer then
    halt.parked("Step %q was not confirmed. Go on with: %s", entry.name, flow.resume)
  end
  halt.parked("Step %q needs a confirmation. Give it with: %s --approve %q", entry.name, flow.resume,
    entry.name)
end

--- Journals that a step or a wait is done, with its value.
function step.finish(flow, engine, entry, value, began)
  local why = journal.refusal(value, "the value of step " .. entry.name)
  if why then halt.failed("%s", why) end
  flow.journal:write {kind = "step.done", name = entry.name, value = value, seconds = flow.clock() - began}
  engine.emit {kind = "step.done", name = entry.name, seconds = flow.clock() - began,
    line = (">   %s %q done in %s"):format(entry.kind == "wait_until" and "wait until" or "step", entry.name,
      vars.span(flow.clock() - began))}
end

local function register_undo(flow, entry, value)
  if entry.spec.undo then table.insert(flow.undos, {entry = entry, value = value}) end
end

--- Runs a step in a workflow, unless its journal has it done; returns the step's value.
function step.run(flow, engine, entry)
  local done = flow.journal:find("step.done", entry.name)
  if done then
    register_undo(flow, entry, done.value)
    return done.value
  end
  if flow.journal:find("step.skipped", entry.name) then return nil end
  if not wanted(entry) then
    flow.journal:write {kind = "step.skipped", name = entry.name}
    engine.emit {kind = "step.skip", name = entry.name, line = (">   step %q is not needed (when)"):format(entry.name)}
    return nil
  end
  local token, began, value = token_of(flow, entry.name), flow.clock(), nil
  local started, failed = flow.journal:find("step.start", entry.name), flow.journal:find("step.failed", entry.name)
  local was_done = false
  if started and not (failed and failed.n > started.n) then
    was_done, value = in_flight(flow, engine, entry, token)
  end
  if not was_done then
    if not confirmed(flow, engine, entry) then return nil end
    flow.journal:write {kind = "step.start", name = entry.name, token = token}
    engine.emit {kind = "step.start", name = entry.name, line = (">   step %q"):format(entry.name)}
    value = run_step(flow, engine, entry, token)
    flow.ran = flow.ran + 1
  end
  step.finish(flow, engine, entry, value, began)
  register_undo(flow, entry, value)
  return value
end

return step
