--- What a scheduled task writes to its log: a JSON object a line, and at the end one that sums the run up.
local journal = require "playbook.journal"
local playbook = require "playbook"

local lines = {}

local LEVEL <const> = {["resource.fail"] = "error", ["step.fail"] = "error", ["step.retry"] = "warning",
  ["resource.skip"] = "warning", ["lost"] = "error"}
local CHECK_LEVEL <const> = {pass = "info", skip = "info", warn = "warning", fail = "error", error = "error"}

local function reason(err)
  if type(err) ~= "table" then return err and tostring(err) end
  return {code = err.code, message = getmetatable(err) and tostring(err) or err.message, request_id = err.request_id}
end

local function check_line(event)
  local result = event.result
  return {kind = "check", name = event.name, result = result.result, severity = result.severity,
    evidence = result.evidence and tostring(result.evidence), level = CHECK_LEVEL[result.result]}
end

--- The line of an event of the engine, as a table; nil where nothing is to be told.
function lines.event(event)
  if event.kind == "call" then return nil end            -- the journal has them
  if event.kind == "check" then return check_line(event) end
  local node = event.node
  return {kind = event.kind, level = LEVEL[event.kind] or "info", name = node and node.address or event.name,
    action = event.action, seconds = event.seconds, run = event.run, playbook = event.playbook, account = event.account,
    region = event.region, result = type(event.result) == "string" and event.result or nil, exit = event.exit,
    message = event.message or event.text or event.line or event.why, error = reason(event.error)}
end

local function count(engine)
  local flow = engine.workflow
  if not flow or #flow.checks == 0 then return nil end
  local n = {}
  for _, check in ipairs(flow.checks) do n[check.result] = (n[check.result] or 0) + 1 end
  return n
end

--- The summary of a run: `out` is what playbook.run gave.
function lines.summary(out)
  local s = playbook.summary(out.engine)
  return {kind = "summary", level = (out.exit == 0 or out.exit == 75) and "info" or "error", run = out.run,
    playbook = out.engine.program.header.name, result = out.result, exit = out.exit, message = out.message,
    created = s.created, updated = s.updated, replaced = s.replaced, deleted = s.deleted, failed = s.failed,
    unchanged = s.unchanged, reads = s.reads, writes = s.writes, seconds = s.seconds, checks = count(out.engine)}
end

--- A line as text: when, then what; no secret, keys in order.
function lines.text(line, time)
  local out = journal.clean(line)
  local whole = math.floor(time)
  out.at = os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(math.floor((time - whole) * 1000))
  return require "tidelock.json".encode(out, {sort = true}) .. "\n"
end

--- A line for people, from such a text; what is no JSON stays as it is.
function lines.human(text)
  local line = require "tidelock.json".decode(text)
  if type(line) ~= "table" or type(line.kind) ~= "string" then return text end
  local out = {line.at or "", line.kind}
  for _, name in ipairs {"name", "action", "result"} do
    if line[name] ~= nil then out[#out + 1] = tostring(line[name]) end
  end
  if line.kind == "summary" then out[#out + 1] = ("exit %s"):format(tostring(line.exit)) end
  local said = line.message or line.evidence or (type(line.error) == "table" and line.error.message) or line.error
  return table.concat(out, "  ") .. (said and ": " .. tostring(said):gsub("\n", " ") or "")
end

return lines
