--- A plan, a run and its summary as data: what --output json prints and plan files hold (docs/reference/json.md).
local planner = require "playbook.planner"
local playbook = require "playbook"
local redact = require "playbook.redact"
local show = require "playbook.show"
local unknown = require "playbook.unknown"

local data = {}

data.UNKNOWN, data.show = show.UNKNOWN, show.value

--- The error of a node as data.
local function error_of(err)
  if type(err) ~= "table" then return {message = tostring(err)} end
  return {code = err.code, message = tostring(err), service = err.service, operation = err.operation,
    request_id = err.request_id}
end

local function message_of(err)
  local t = error_of(err)
  if type(err) == "table" and not getmetatable(err) then t.message = err.message end
  return t
end
data.error = message_of

--- One node: address, action, why, changes; after an apply its result too. What the model calls sensitive is hidden.
function data.node(node, models)
  local out = {address = node.address, type = node.type.type, name = node.name, action = node.action, why = node.why,
    playbook = node.owner, changes = redact.changes(node.type, models, show.changes(node)), result = node.result,
    seconds = node.seconds, file = node.file, line = node.line}
  if node.action == "create" then
    out.properties = data.show(redact.properties(node.type, models, (unknown.resolve(node.want))))
  end
  if node.failed then out.error = message_of(node.failed) end
  out.changed_by, out.changed_why = node.changed_by, node.changed_why
  if node.skipped then out.skipped_for = node.skipped.address end
  return out
end

local function head(engine, format)
  return {format = format, playbook = engine.program.header.name, file = engine.program.path,
    account = engine.identity.known and engine.identity.known.id, region = engine.region}
end

--- The plan.
function data.plan(engine)
  local json = require "tidelock.json"
  local out = head(engine, "tidelock.plan/1")
  out.resources, out.sequence = json.array {}, json.array {}
  for i, node in ipairs(playbook.all_nodes(engine)) do out.resources[i] = data.node(node, engine.models) end
  for _, entry in ipairs(engine.sequence) do
    if entry.kind ~= "resources" and not engine.without_steps then
      out.sequence[#out.sequence + 1] = {kind = entry.kind, name = entry.name, line = entry.line}
    end
  end
  if engine.notes then out.notes = json.array(engine.notes) end
  local counts = planner.counts(playbook.all_nodes(engine))
  out.summary = {create = counts.create, update = counts.update, replace = counts.replace, delete = counts.delete,
    unchanged = counts.none, reads = engine.recorder.reads, writes = engine.recorder.writes, seconds = engine.seconds,
    requests = engine.recorder.requests}
  return out
end

--- What an apply did.
function data.apply(engine)
  local json = require "tidelock.json"
  local out = head(engine, "tidelock.apply/1")
  out.resources = json.array {}
  for i, node in ipairs(playbook.all_nodes(engine)) do out.resources[i] = data.node(node, engine.models) end
  if engine.workflow and #engine.workflow.checks > 0 then out.checks = json.array(engine.workflow.checks) end
  out.outputs, out.summary, out.run = playbook.outputs(engine), playbook.summary(engine), engine.run_id
  return out
end

return data
