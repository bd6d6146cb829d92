--- Steps, approvals, parks, waits and checks as a run meets them: journalled, replayed on resume, undone on failure.
local applier = require "playbook.applier"
local bytes = require "playbook.bytes"
local guard = require "playbook.guard"
local planner = require "playbook.planner"
local seen = require "playbook.seen"
local vars = require "playbook.vars"

local workflow = {}
workflow.__index = workflow

--- What stops a run at a barrier: {result = "failed" | "parked" | "interrupted", exit =, message =}.
local Halt <const> = {__tostring = function(h) return h.message end, __name = "playbook.halt"}

local function halt(result, exit, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  error(setmetatable({result = result, exit = exit, message = message}, Halt), 0)
end

--- Whether a raised value is such a stop.
function workflow.is_halt(value) return getmetatable(value) == Halt end

--- A workflow; `ran` counts the steps that it has run to their end. options: journal, run (id), agreed {address =
-- action}, approved {name = true}, assume {step = "done" | "again"}, ask(question) -> line or nil where nobody can be
-- asked, say(text), clock, sleep.
function workflow.new(options)
  local self = setmetatable({undos = {}, checks = {}, left = {}, ran = 0}, workflow)
  for name, value in pairs(options) do self[name] = value end
  self.approved, self.assume = options.approved or {}, options.assume or {}
  self.clock = options.clock or function() return require "tidelock.loop".time() end
  self.sleep = options.sleep or function(s) require "tidelock.loop".sleep(s) end
  return self
end

-- Asks, if anybody is there; a run that is interrupted while it asks ends as interrupted, not as refused.
local function ask(self, engine, question)
  seen.over(engine)
  local answer = self.ask and self.ask(question)
  if engine.halted then halt("interrupted", 130, "The run was interrupted.") end
  return answer
end

local function reason(err)
  if type(err) == "table" and not getmetatable(err) then return err.message or err.code or "?" end
  return tostring(err)
end

-- ## Resources above a barrier

local function check_agreed(self, nodes)
  for _, node in ipairs(nodes) do
    local agreed = self.agreed[node.address]
    node.replace_agreed = agreed == "replace"
    if node.action == "replace" and not node.replace_agreed then
      halt("failed", 1, "%s would now have to be replaced (%s), which the plan did not show. Plan again, and apply"
        .. " that.", node.address, node.why)
    end
  end
end

--- Applies what was declared since the last barrier; stops the run if any of it failed.
function workflow:flush(engine)
  local entry = engine:segment()
  if not entry then return end
  guard.disarm()
  planner.plan(engine, entry.nodes)
  check_agreed(self, entry.nodes)
  applier.apply(engine, entry.nodes)
  guard.arm(engine.context.instructions)
  local failed
  for _, node in ipairs(entry.nodes) do failed = failed or (node.failed and node) end
  if engine.halted then halt("interrupted", 130, "The run was interrupted.") end
  if failed then halt("failed", 1, "%s failed: %s", failed.address, reason(failed.failed)) end
end

-- ## Values

-- Why a table's own form cannot be kept as it is, or nil.
local function unfit(value, path)
  if not bytes.fits(value) then
    return ("%s is a table whose keys are neither all text nor 1 to n without a gap, which the journal cannot keep")
      :format(path)
  end
  if bytes.is_packed(value) then
    return ("%s has a member $base64, by which the journal marks bytes; call it something else"):format(path)
  end
end

--- Nil, or why the journal cannot keep a value.
function workflow.check_value(value, path, depth)
  local kind = type(value)
  if kind == "number" and (value ~= value or math.abs(value) == math.huge) then
    return ("%s is %s, which the journal cannot keep"):format(path, tostring(value))
  end
  if kind == "nil" or kind == "string" or kind == "boolean" or kind == "number" then return end
  if kind == "userdata" then
    if value == require "tidelock.json".null then return end
    return ("%s is a secret; a step returns its ARN and version instead, because the journal keeps step values")
      :format(path)
  end
  if kind ~= "table" or depth > 32 then return ("%s is a %s, which the journal cannot keep"):format(path, kind) end
  local why = unfit(value, path)
  if why then return why end
  for k, v in next, value do
    why = workflow.check_value(v, path .. "." .. tostring(k), depth + 1)
    if why then return why end
  end
end

--- The value of `make()` the first time, and the same again on resume.
function workflow:remember(name, make)
  local known = self.journal:find("value", name)
  if known then return known.value end
  local value = make()
  self.journal:write {kind = "value", name = name, value = value}
  return value
end

-- A wait that the interruption of the run has ended is no failure: what it waited for stays in flight.
local function stop_if_interrupted(engine, err)
  if engine.halted and type(err) == "table" and err.code == "Interrupted" then
    halt("interrupted", 130, "The run was interrupted.")
  end
end

--- Stops the run because what a find was to look at could not be seen.
function workflow:failed_look(engine, name, err)
  stop_if_interrupted(engine, err)
  self.journal:write {kind = "find.failed", name = name, message = reason(err)}
  halt("failed", 1, "find %q failed: %s", name, reason(err))
end

-- ## Steps

local function token_of(self, name)
  local digest = require "tidelock.digest"
  return digest.hex(digest.sha256(self.run .. "/" .. name)):sub(1, 32)
end

-- One attempt, held to its time limit and to so many instructions between two requests; the first result, or nil and
-- the error.
local function attempt(engine, entry, fn, ...)
  local allowed = engine.context.instructions
  local function body(...)
    engine.in_step = {address = "step " .. entry.name, in_playbook = true}
    return fn(...)
  end
  local seconds = entry.spec.timeout and vars.seconds(entry.spec.timeout)
  local ok, value, err
  if seconds then
    local args = table.pack(...)
    ok, value, err = pcall(require "task".timeout, seconds, function()
      local out = table.pack(guard.call(allowed, body, table.unpack(args, 1, args.n)))
      if not out[1] then error(out[2], 0) end
      return out[2]
    end)
    if ok and value == nil and type(err) == "table" and err.code == "timeout" then ok, value = false, err end
  else
    ok, value = guard.call(allowed, body, ...)
  end
  engine.in_step = nil
  guard.arm(allowed)
  if ok then return true, value end
  return false, value
end

local function nap(self, engine, seconds)
  seen.over(engine)
  local stop = self.clock() + seconds
  while self.clock() < stop do
    if engine.halted then halt("interrupted", 130, "The run was interrupted.") end
    self.sleep(math.min(1, stop - self.clock()))
  end
end

local function run_step(self, engine, entry, token)
  local tries = (entry.spec.retry or 0) + 1
  for n = 1, tries do
    local ok, value = attempt(engine, entry, entry.spec.run, token)
    if ok then return value end
    if value == require "tidelock.loop".CANCELLED then error(value, 0) end
    stop_if_interrupted(engine, value)
    self.journal:write {kind = "step.error", name = entry.name, try = n, message = reason(value)}
    if n == tries then
      self.journal:write {kind = "step.failed", name = entry.name, message = reason(value)}
      engine.emit {kind = "step.fail", name = entry.name, error = value}
      halt("failed", 1, "step %q failed%s: %s", entry.name, tries > 1 and (" after %d tries"):format(tries) or "",
        reason(value))
    end
    engine.emit {kind = "step.retry", name = entry.name, error = value,
      line = (">   step %q failed (%s); trying again"):format(entry.name, reason(value))}
    nap(self, engine, math.min(60, 2 ^ (n - 1)))
  end
end

-- What became of a step that was in flight when the run was stopped: true and its value, or false to run it again.
local function in_flight(self, engine, entry, token)
  local assumed = self.assume[entry.name]
  if assumed == "done" then return true, nil end
  if assumed == "again" then return false end
  if entry.spec.probe then
    local ok, value = attempt(engine, entry, entry.spec.probe, token)
    if not ok then
      halt("failed", 1, "step %q was in flight when the run stopped, and its probe failed: %s", entry.name,
        reason(value))
    end
    if value == false then return false end
    if value ~= nil then return true, value end
  end
  local answer = ask(self, engine, ("Step %q was in flight when the run stopped, and whether it was done cannot be"
    .. " known. Look, then type done, again or stop: "):format(entry.name))
  if answer == "done" then return true, nil end
  if answer == "again" then return false end
  halt("parked", 75, "Step %q was in flight when the run stopped. Find out whether it was done, then: tidelock resume"
    .. " %s --assume '%s=done' (or =again)", entry.name, self.run, entry.name)
end

local function wanted(entry)
  local when = entry.spec.when
  if type(when) ~= "function" then return when == nil or when end
  local ok, value = pcall(when)
  if not ok and guard.sentence(value) then error(value, 0) end
  if not ok then halt("failed", 1, "step %q: its when function failed: %s", entry.name, reason(value)) end
  return value
end

-- A step that may wait is left out, and told at the end of the run.
local function leave(self, engine, entry)
  table.insert(self.left, entry.name)
  self.journal:write {kind = "step.left", name = entry.name}
  engine.emit {kind = "step.skip", name = entry.name, why = "it waits for a confirmation",
    line = (">   step %q waits for a confirmation, and is left out"):format(entry.name)}
  return false
end

-- Whether somebody lets the step go on.
local function confirmed(self, engine, entry)
  local word = entry.spec.confirm
  if word == nil or self.approved[entry.name] or self.journal:find("approve", entry.name) then return true end
  local answer = ask(self, engine, ("Step %q: type %s to go on: "):format(entry.name, word))
  if answer == word then
    self.journal:write {kind = "approve", name = entry.name, by = os.getenv "USER"}
    return true
  end
  if entry.spec.later then return leave(self, engine, entry) end
  if answer then
    halt("parked", 75, "Step %q was not confirmed. Go on with: tidelock resume %s", entry.name, self.run)
  end
  halt("parked", 75, "Step %q needs a confirmation. Give it with: tidelock resume %s --approve %q", entry.name,
    self.run, entry.name)
end

local function finish(self, engine, entry, value, began)
  local why = workflow.check_value(value, "the value of step " .. entry.name, 1)
  if why then halt("failed", 1, "%s", why) end
  self.journal:write {kind = "step.done", name = entry.name, value = value, seconds = self.clock() - began}
  engine.emit {kind = "step.done", name = entry.name, seconds = self.clock() - began,
    line = (">   step %q done in %s"):format(entry.name, vars.span(self.clock() - began))}
end

local function register_undo(self, entry, value)
  if entry.spec.undo then table.insert(self.undos, {entry = entry, value = value}) end
end

local act = {}

function act.step(self, engine, entry)
  local done = self.journal:find("step.done", entry.name)
  if done then
    register_undo(self, entry, done.value)
    return done.value
  end
  if self.journal:find("step.skipped", entry.name) then return nil end
  if not wanted(entry) then
    self.journal:write {kind = "step.skipped", name = entry.name}
    engine.emit {kind = "step.skip", name = entry.name, line = (">   step %q is not needed (when)"):format(entry.name)}
    return nil
  end
  local token, began, value = token_of(self, entry.name), self.clock(), nil
  local started, failed = self.journal:find("step.start", entry.name), self.journal:find("step.failed", entry.name)
  local was_done = false
  if started and not (failed and failed.n > started.n) then
    was_done, value = in_flight(self, engine, entry, token)
  end
  if not was_done then
    if not confirmed(self, engine, entry) then return nil end
    self.journal:write {kind = "step.start", name = entry.name, token = token}
    engine.emit {kind = "step.start", name = entry.name, line = (">   step %q"):format(entry.name)}
    value = run_step(self, engine, entry, token)
    self.ran = self.ran + 1
  end
  finish(self, engine, entry, value, began)
  register_undo(self, entry, value)
  return value
end

function act.wait_until(self, engine, entry)
  local done = self.journal:find("step.done", entry.name)
  if done then return done.value end
  local began = self.clock()
  local limit, every = vars.seconds(entry.spec.timeout or "30m"), vars.seconds(entry.spec.every or 5)
  engine.emit {kind = "step.start", name = entry.name, line = (">   wait until %q"):format(entry.name)}
  while true do
    local ok, value = attempt(engine, {name = entry.name, spec = {}}, entry.spec.test)
    if not ok then stop_if_interrupted(engine, value) end
    if not ok then halt("failed", 1, "wait until %q failed: %s", entry.name, reason(value)) end
    if value then
      finish(self, engine, entry, value, began)
      return value
    end
    if self.clock() - began >= limit then
      halt("failed", 1, "%q did not come true within %s", entry.name, vars.span(limit))
    end
    nap(self, engine, every)
  end
end

function act.approve(self, engine, entry)
  if self.journal:find("approve", entry.name) then return end
  if not self.approved[entry.name] then
    local answer = ask(self, engine, ("Approve %q? Only yes is taken as yes: "):format(entry.name))
    if answer ~= "yes" then
      halt("parked", 75, "%q is not approved. Go on with: tidelock resume %s --approve %q", entry.name, self.run,
        entry.name)
    end
  end
  self.journal:write {kind = "approve", name = entry.name, by = os.getenv "USER"}
end

function act.park(self, engine, entry)
  if self.journal:find("park.done", entry.name) then return end
  local parked = self.journal:find("park", entry.name)
  if not parked then
    parked = self.journal:write {kind = "park", name = entry.name, seconds = entry.seconds,
      ["until"] = self.clock() + entry.seconds}
  end
  local left = parked["until"] - self.clock()
  if left > 0 then
    halt("parked", 75, "Parked (%s) for %s more, until %s. Then: tidelock resume %s", entry.name, vars.span(left),
      os.date("!%Y-%m-%d %H:%M:%S UTC", math.ceil(parked["until"])), self.run)
  end
  self.journal:write {kind = "park.done", name = entry.name}
  engine.emit {kind = "park.done", name = entry.name, line = (">   parked long enough (%s)"):format(entry.name)}
end

local MARK <const> = {pass = "ok ", skip = "-  "}

-- The test says true, false or "skip" (it was not made), and the evidence; what it raises is an error, never a pass.
function act.check(self, engine, entry)
  local ok, value, evidence = pcall(function()
    local fine, v, e = attempt(engine, entry, function() return {entry.spec.test()} end)
    if not fine then error(v, 0) end
    return v[1], v[2] or e
  end)
  if not ok then stop_if_interrupted(engine, value) end
  local result = {name = entry.name,
    result = not ok and "error" or value == "skip" and "skip" or value and "pass" or "fail",
    severity = entry.spec.severity or "critical",
    evidence = not ok and reason(value) or evidence}
  self.checks[#self.checks + 1] = result
  self.journal:write {kind = "check", name = entry.name, result = result.result, evidence = result.evidence}
  engine.emit {kind = "check", name = entry.name, result = result, findings = entry.spec.findings,
    line = ("%s check %q%s"):format(MARK[result.result] or "x  ", entry.name,
      result.evidence and ": " .. tostring(result.evidence) or "")}
  return result.result == "pass"
end

--- Does a barrier: applies what is above it, then the step itself. Returns the step's value.
function workflow:perform(engine, entry)
  self:flush(engine)
  if engine.halted then halt("interrupted", 130, "The run was interrupted.") end
  return act[entry.kind](self, engine, entry)
end

-- ## Undo

--- The names of what can be undone, the last first.
function workflow:undoable()
  local out = {}
  for i = #self.undos, 1, -1 do out[#out + 1] = self.undos[i].entry.name end
  return out
end

--- Undoes the done steps in reverse; stops at the first undo that fails. Returns true, or nil and why.
function workflow:undo(engine)
  for i = #self.undos, 1, -1 do
    local entry, value = self.undos[i].entry, self.undos[i].value
    if not self.journal:find("undo.done", entry.name) then
      self.journal:write {kind = "undo.start", name = entry.name}
      engine.emit {kind = "undo.start", name = entry.name, line = ("<   undo step %q"):format(entry.name)}
      local ok, err = attempt(engine, {name = entry.name, spec = {}}, entry.spec.undo, value)
      if not ok then
        self.journal:write {kind = "undo.failed", name = entry.name, message = reason(err)}
        return nil, ("undoing step %q failed: %s"):format(entry.name, reason(err))
      end
      self.journal:write {kind = "undo.done", name = entry.name}
    end
  end
  return true
end

return workflow
