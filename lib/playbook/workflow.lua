--- Steps, approvals, parks, waits and checks as a run meets them: journalled, replayed on resume, undone on failure.
local applier = require "playbook.applier"
local attempt = require "playbook.attempt"
local guard = require "playbook.guard"
local halt = require "playbook.halt"
local narrow = require "playbook.narrow"
local planner = require "playbook.planner"
local saying = require "playbook.saying"
local step = require "playbook.step"
local vars = require "playbook.vars"

local workflow = {}
workflow.__index = workflow

--- A workflow; `ran` counts the steps that it has run to their end. options: journal, run (id), agreed {address =
-- action}, approved {name = true}, assume {step = "done" | "again"}, ask(question) -> line or nil where nobody can be
-- asked, say(text), clock, sleep.
function workflow.new(options)
  local self = setmetatable({undos = {}, checks = {}, left = {}, ran = 0}, workflow)
  for name, value in pairs(options) do self[name] = value end
  self.approved, self.assume = options.approved or {}, options.assume or {}
  self.resume = require "playbook.outcome".resume(options.run, options.store)
  self.clock = options.clock or function() return require "tidelock.loop".time() end
  self.sleep = options.sleep or function(s) require "tidelock.loop".sleep(s) end
  return self
end

-- ## Resources above a barrier

local function check_agreed(self, nodes)
  for _, node in ipairs(nodes) do
    local agreed = self.agreed[node.address]
    node.replace_agreed = agreed == "replace"
    if node.action == "replace" and not node.replace_agreed then
      halt.failed("%s would now have to be replaced (%s), which the plan did not show. Plan again, and apply"
        .. " that.", node.address, node.why)
    end
  end
end

--- Applies what was declared since the last barrier; stops the run if any of it failed.
function workflow:flush(engine)
  local entry = engine:segment()
  if not entry then return end
  guard.disarm()
  entry.nodes = narrow.kept(engine, entry.nodes)
  planner.plan(engine, entry.nodes)
  check_agreed(self, entry.nodes)
  applier.apply(engine, entry.nodes)
  guard.arm(engine.context.instructions)
  local failed
  for _, node in ipairs(entry.nodes) do failed = failed or (node.failed and node) end
  halt.if_interrupted(engine)
  if failed then halt.failed("%s failed: %s", failed.address, halt.reason(failed.failed)) end
end

-- ## Values

--- The value of `make()` the first time, and the same again on resume.
function workflow:remember(name, make)
  local known = self.journal:find("value", name)
  if known then return known.value end
  local value = make()
  self.journal:write {kind = "value", name = name, value = value}
  return value
end

--- Stops the run because what a find was to look at could not be seen.
function workflow:failed_look(engine, name, err)
  halt.if_cut_short(engine, err)
  self.journal:write {kind = "find.failed", name = name, message = halt.reason(err)}
  halt.failed("find %q failed: %s", name, halt.reason(err))
end

local act = {step = step.run}

function act.wait_until(self, engine, entry)
  local done = self.journal:find("step.done", entry.name)
  if done then return done.value end
  local began = self.clock()
  local limit, every = vars.seconds(entry.spec.timeout or "30m"), vars.seconds(entry.spec.every or 5)
  engine.emit {kind = "step.start", name = entry.name, line = (">   wait until %q"):format(entry.name)}
  while true do
    local ok, value = attempt.run(engine, {name = entry.name, spec = {}}, entry.spec.test)
    if not ok then halt.if_cut_short(engine, value) end
    if not ok then halt.failed("wait until %q failed: %s", entry.name, halt.reason(value)) end
    if value then
      step.finish(self, engine, entry, value, began)
      return value
    end
    if self.clock() - began >= limit then
      halt.failed("%q did not come true within %s", entry.name, vars.span(limit))
    end
    attempt.nap(self, engine, every)
  end
end

function act.approve(self, engine, entry)
  if self.journal:find("approve", entry.name) then return end
  if not self.approved[entry.name] then
    local answer = attempt.ask(self, engine, ("Approve %q? Only yes is taken as yes: "):format(entry.name))
    if answer ~= "yes" then
      halt.parked("%q is not approved. Go on with: %s --approve %q", entry.name, self.resume,
        entry.name)
    end
  end
  self.journal:write {kind = "approve", name = entry.name, by = require "playbook.record".user()}
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
    halt.parked("Parked (%s) for %s more, until %s. Then: %s", entry.name, vars.span(left),
      os.date("!%Y-%m-%d %H:%M:%S UTC", math.ceil(parked["until"])), self.resume)
  end
  self.journal:write {kind = "park.done", name = entry.name}
  engine.emit {kind = "park.done", name = entry.name, line = (">   parked long enough (%s)"):format(entry.name)}
end

local MARK <const> = {pass = "ok ", skip = "-  "}

-- What a refusal means where the check says that it means "there is none": that has failed, and is no error.
local function absence(entry, err)
  local absent = entry.spec.absent
  return absent and type(err) == "table" and absent[err.code]
end

-- `return "fail", why` was meant for false: text is true to Lua, and would pass.
local function refuse_text(result)
  if type(result) == "string" and result ~= "skip" then
    error(('its test returned the text %q; it returns true or false and the evidence, or "skip" and why')
      :format(result), 0)
  end
end

-- The test says true, false or "skip" (it was not made), and the evidence; what it raises is an error, never a pass.
function act.check(self, engine, entry)
  local ok, value, evidence = pcall(function()
    local fine, v, e = attempt.run(engine, entry, function()
      local result, found = entry.spec.test()
      refuse_text(result)
      return {result, found ~= nil and saying.text(found) or nil}
    end)
    if not fine then error(v, 0) end
    return v[1], v[2] or e
  end)
  if not ok then halt.if_cut_short(engine, value) end
  local none = not ok and absence(entry, value)
  if none then ok, value, evidence = true, false, none end
  local result = {name = entry.name,
    result = not ok and "error" or value == "skip" and "skip" or value and "pass" or "fail",
    severity = entry.spec.severity or "critical",
    evidence = not ok and halt.reason(value) or evidence}
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
  halt.if_interrupted(engine)
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
      local ok, err = attempt.run(engine, {name = entry.name, spec = {}}, entry.spec.undo, value)
      if not ok then
        self.journal:write {kind = "undo.failed", name = entry.name, message = halt.reason(err)}
        return nil, ("undoing step %q failed: %s"):format(entry.name, halt.reason(err))
      end
      self.journal:write {kind = "undo.done", name = entry.name}
    end
  end
  return true
end

return workflow
